"""Figures of notebook 00."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn

from ...checks import Share, Whole, checked
from ...choices import budgets, scopes, scores
from ...choices.prunable import prunable
from ...choices.scores import Score
from ...data import Split
from ...engine.masks import cut_once
from ...engine.results import Runs, Values, spread
from ...engine.training import accuracy
from ...kit.exercise import attempt
from ...kit.page import BLUE, GRAY, ORANGE, Page, figure
from ...modes import copied
from ...nets import seeded
from ..answers import mask
from ..curves import band, density_axis, ends, methods
from ..palette import SIGNS
from .exercises import WEIGHT


def _upside_down(net: nn.Module, images: Split) -> dict[str, Tensor]:
    sizes = scores.magnitude(net, images)
    return {name: size.max() - size for name, size in sizes.items()}


# By what a cut lets stay: three scores.
ORDERS: dict[str, Score] = {
    "the largest stay": scores.magnitude,
    "chance": scores.random,
    "the smallest stay": _upside_down,
}
TILES = (4, 6)
MOSAIC = TILES[0] * TILES[1]
READ = "digits read correctly"
# A function that takes longer for 4,000 weights would take minutes for a network.
PATIENCE = 0.3


@checked
def keep_share(
    net: nn.Module, split: Split, density: Share, score: Score = scores.magnitude
) -> nn.Module:
    """Return a copy of `net` with the best `density` of its weights, all layers together.

    It lies where the images of `split` lie.
    """
    budget = budgets.fraction(round(1 - density, 6))
    with seeded(0):
        return cut_once(net, split, score, budget, scopes.global_)[0]


@checked
def accuracy_at(
    net: nn.Module, split: Split, densities: Sequence[float], score: Score = scores.magnitude
) -> list[float]:
    """Return the accuracy on `split` after keeping each share of the weights, nothing retrained."""
    return [accuracy(keep_share(net, split, density, score), split) for density in densities]


@figure("00_start_here/how_many_weights_stay")
def weights_that_stay(
    page: Page,
    net: nn.Module,
    split: Split,
    densities: Sequence[float] = (),
    curve: Sequence[float] = (),
    *,
    density: Share = 1.0,
) -> str:
    """Show the first layer of LeNet-300-100 and the accuracy, with a share `density` kept.

    `net` has a Linear layer `fc1` over 28×28 pixels of at least 24 neurons. Left: the weights of
    the first neurons, each as a 28×28 picture; removed weights are paper. Right: where this share
    stands on the `curve` of accuracies at `densities`; without them only this network and the dense
    one, and fog over what a guess asks.
    """
    pruned = keep_share(net, split, density)
    dense, weight = (_first_layer(part) for part in (net, pruned))
    left, right = page(
        8, 3.3, 2, width_ratios=(1.35, 1), edges=(0.01, 0.985, 0.16, 0.9), wspace=0.2
    )
    largest = float(dense.abs().max())
    left.imshow(_mosaic(weight), cmap=SIGNS, vmin=-largest / 2, vmax=largest / 2)
    left.set_title(f"{density:.0%} of all weights stay", fontsize=11)
    left.axis("off")
    now, was = accuracy(pruned, split), accuracy(net, split)
    _accuracy_axes(right, densities or (1, 0.01))
    if densities:
        right.plot(densities, curve, color=ORANGE, linewidth=2)
    else:
        right.axvspan(0.28, 0.005, facecolor="none", edgecolor=GRAY, alpha=0.5, hatch="//")
        right.text(0.055, 0.5, "?", fontsize=30, ha="center", va="center", color=GRAY,
                   bbox={"facecolor": "white", "edgecolor": "none"})  # fmt: skip
        right.plot([1], [was], "o", color=GRAY, markersize=9)
    right.plot([density], [now], "o", color=ORANGE, markersize=11, markeredgecolor="white")
    right.set_title(f"{now:.1%} of the digits are read", fontsize=11)
    living = float((weight != 0).float().mean())
    return (
        f"{density:.0%} of the weights stay, the largest, and nothing is retrained: {now:.1%} of "
        f"the test digits are read correctly, {was:.1%} with all weights. Of the first layer "
        f"{living:.1%} stay; beside the accuracy, {MOSAIC} of its neurons as small pictures."
    )


@figure("00_start_here/your_cut")
def your_cut(
    page: Page,
    keep: Callable[..., Any],
    net: nn.Module,
    split: Split,
    densities: Sequence[float],
    curve: Sequence[float],
) -> str:
    """Draw a student's `keep(weight, gone)` in black over the package's cut in its colour.

    Left: the eight weights with 1, 2 and 3 of them gone; boxes around those that stay, hatching
    over those that go. Right: the same function cuts all weights of `net`, on the package's `curve`
    of accuracies at `densities`. Wrong answers are drawn, too; of none, only the package's.
    """
    left, right = page(8, 3.3, 2, edges=(0.02, 0.985, 0.16, 0.9), wspace=0.25)
    words = []
    for row, gone in enumerate((1, 2, 3)):
        mine = _mask_of(keep, WEIGHT, gone)
        _draw_boxes(left, row, gone, mine)
        went = "nothing yet" if mine is None else f"{int((~mine).sum())} went"
        words.append(f"{gone} should go: {went}")
    left.set(xlim=(-0.1, 8.3), ylim=(7.3, -0.2))
    left.set_title("boxed: stays    hatched: goes", fontsize=11)
    left.axis("off")
    _accuracy_axes(right, densities)
    answered = all(_mask_of(keep, WEIGHT, gone) is not None for gone in (1, 2, 3))
    yours = _cut_by(keep, net, split, densities) if answered else []
    if answered:
        right.plot(densities, curve, color=ORANGE, linewidth=4)
    else:
        right.text(0.1, 0.5, "here your cut meets\na whole network", ha="center", color=GRAY)
    if yours:
        right.plot(densities, yours, color="black", linewidth=1.8)
    right.set_title("the package's cut, and yours in black", fontsize=11)
    told = "no curve of yours yet"
    if yours:
        alike = np.allclose(yours, curve, atol=0.01)
        told = "your curve lies on it" if alike else "yours leaves it"
    return (
        f"Eight weights: {'; '.join(words)}. Beside them the accuracy of the network over the "
        f"share of its weights that stays, cut by the package: {told}."
    )


@figure("00_start_here/your_scores")
def your_scores(
    page: Page,
    chance: Callable[..., Any],
    upside_down: Callable[..., Any],
    net: nn.Module,
    split: Split,
    curves: dict[str, Sequence[float]],
    densities: Sequence[float],
) -> str:
    """Draw what three orders of the weights leave of the accuracy, and a student's two in black.

    `curves` are the accuracies at `densities` by label: the largest stay, chance, the smallest
    stay. Nothing is retrained.
    """
    (axes,) = page(6.6, 3.5, edges=(0.15, 0.97, 0.15, 0.9))
    _accuracy_axes(axes, densities)
    styles = dict(zip(curves, ((ORANGE, "-"), (GRAY, "-"), (ORANGE, "--")), strict=False))
    for label, (color, style) in styles.items():
        axes.plot(densities, curves[label], style, color=color, linewidth=4)
    places = ((0.045, 0.86), (0.42, 0.62), (0.6, 0.02))
    for label, (x, y) in zip(curves, places, strict=False):
        axes.text(x, y, label, color=styles[label][0])
    drawn = []
    for label, score in (("chance", chance), ("upside down", upside_down)):
        yours = attempt(lambda s: accuracy_at(net, split, densities, _by_name(s)), score)
        if yours is not None:
            axes.plot(densities, yours, color="black", linewidth=1.8)
            drawn.append(label)
    axes.set_title("nothing is retrained; yours in black", fontsize=11)
    below = {label: next((d for d, a in zip(densities, curve, strict=True) if a < 0.5), None)
             for label, curve in curves.items()}  # fmt: skip
    falls = ", ".join(f"{label}: {d:.0%}" for label, d in below.items() if d is not None)
    return (
        "Accuracy over the share of the weights that stays, for three orders. First stop with "
        f"fewer than half of the digits right: {falls or 'none'}. Drawn in black: "
        f"{' and '.join(drawn) or 'nothing yet'}."
    )


@figure("00_start_here/wound_and_healing")
def healing(
    page: Page,
    runs: Runs,
    densities: Sequence[float],
    curve: Sequence[float],
    *,
    cuts: Whole = 5,
) -> str:
    """Draw cut and retraining of the ticket in turn, beside the cliff of what is never retrained.

    `runs` holds one method; means over its seeds, of the rounds up to `cuts`. Open dots are just
    cut, filled ones retrained, with ± one standard deviation. Left on the axes of the cliff, right
    the same from near.
    """
    values = _of_one_method(runs, "test_accuracy")
    after, places = (_of_one_method(runs, key) for key in ("pruned_test_accuracy", "density"))
    shown = min(cuts, len(places[0]) - 1)
    x, healed, cut = places.mean(0), values.mean(0), after.mean(0)
    left, right = page(8, 3.4, 2, edges=(0.1, 0.985, 0.15, 0.9), wspace=0.24)
    _accuracy_axes(left, densities)
    left.plot(densities, curve, color=ORANGE, linewidth=2)
    left.text(0.028, 0.53, "cut once,\nnot retrained", color=ORANGE, ha="right")
    left.text(0.9, 0.8, "cut and retrained in turn", color=BLUE)
    _accuracy_axes(right, x)
    for axes in (left, right):
        for i in range(shown):
            axes.annotate("", (x[i + 1], healed[i + 1]), (x[i + 1], cut[i]),
                          arrowprops={"arrowstyle": "->", "color": BLUE, "shrinkA": 4})  # fmt: skip
        axes.plot(x[1 : shown + 1], cut[:shown], "o", color=BLUE, markerfacecolor="white")
    left.plot(x[: shown + 1], healed[: shown + 1], "o", color=BLUE)
    right.errorbar(x[: shown + 1], healed[: shown + 1], spread(values)[: shown + 1], fmt="o",
                   color=BLUE, capsize=3)  # fmt: skip
    # The same axes at each stop of the slider.
    lowest, highest = min(cut[:-1].min(), healed.min()), (healed + spread(values)).max()
    right.set(ylim=(lowest - 0.006, highest + 0.004), ylabel="")
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    right.set_title("from near: open just cut, filled retrained", fontsize=10)
    if not shown:
        return f"All weights, trained: {healed[0]:.1%} of the digits are read correctly."
    wounds = 100 * (healed[:shown] - cut[:shown])
    left.set_title(
        f"{x[shown]:.1%} stay: just cut {cut[shown - 1]:.1%}, retrained {healed[shown]:.1%}",
        fontsize=10,
    )
    each = ", ".join(f"{wound:.2f}" for wound in wounds)
    return (
        f"{shown} cuts, each followed by training, means over {len(values)} seeds. What each cut "
        f"took, in points: {each}. In the end {x[shown]:.1%} of the weights stay: "
        f"{cut[shown - 1]:.1%} just cut, {healed[shown]:.1%} ± {spread(values)[shown]:.1%} "
        "retrained."
    )


@figure("00_start_here/your_row")
def your_row(page: Page, runs: Runs, yours: Sequence[tuple[float, float]] = ()) -> str:
    """Draw a student's (density, accuracy) of one seed in black over the ticket's three seeds."""
    values = _of_one_method(runs, "test_accuracy")
    (axes,) = page(6.6, 3.5, edges=(0.15, 0.97, 0.15, 0.9))
    band(axes, runs, "test_accuracy", colors=[BLUE])
    axes.set_ylabel(READ)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    ticket = (
        f"Test accuracy of the ticket after retraining: {ends(runs, 'test_accuracy')} in the "
        f"last round, ± {spread(values)[-1]:.1%} over {len(values)} seeds."
    )
    if not yours:
        axes.set_title("the ticket: mean and spread of its seeds", fontsize=11)
        return f"{ticket} No row of yours yet."
    x, y = zip(*yours, strict=True)
    axes.plot(x, y, "o", color="black")
    gap = 100 * (y[-1] - values[0][-1])
    axes.set_title(f"last round, seed 0: yours − ticket {gap:+.1f} points", fontsize=11)
    return f"{ticket} Your row in black, one seed: {y[-1]:.1%}, {gap:+.1f} points from its seed."


@figure("00_start_here/methods_compared")
def methods_compared(page: Page, runs: Runs) -> str:
    """Draw the test accuracy of each method after retraining against the weights that stay.

    Mean and ± one standard deviation over the seeds.
    """
    (axes,) = page(7, 4, edges=(0.1, 0.97, 0.15, 0.95))
    methods(axes, runs)
    axes.set_ylabel("test accuracy after retraining")
    axes.legend(frameon=False)
    return (
        "Test accuracy after retraining against the share of weights that stay, mean and standard "
        f"deviation over the seeds. In the last round: {ends(runs, 'test_accuracy')}."
    )


def _of_one_method(runs: Runs, key: str) -> Values:
    (values,) = runs.over_rounds(key).values()
    return values


def _accuracy_axes(axes: Axes, densities: Sequence[float]) -> None:
    axes.set(ylim=(0, 1.05), xlabel="weights that stay", ylabel=READ)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    density_axis(axes, [float(density) for density in densities])


def _by_name(score: Callable[[Tensor], Tensor]) -> Score:
    """Make a score of a network of a student's function of one tensor."""
    return lambda net, images: {name: score(w.detach()) for name, w in prunable(net).items()}


def _mask_of(keep: Callable[..., Any], weight: Tensor, gone: int) -> Tensor | None:
    result = attempt(keep, weight, gone)
    return None if result is None else attempt(lambda: mask(result, weight.shape))


def _cut_by(
    keep: Callable[..., Any], net: nn.Module, split: Split, densities: Sequence[float]
) -> list[float]:
    """Return the accuracies after a student's function cut all weights; [] where it cannot."""
    start = time.perf_counter()
    attempt(keep, torch.linspace(-1, 1, 4000), 2000)
    if time.perf_counter() - start > PATIENCE:
        return []
    found = []
    for density in densities:
        pruned = copied(net).eval()
        weights = list(prunable(pruned).values())
        flat = torch.cat([w.detach().flatten() for w in weights])
        stays = _mask_of(keep, flat.cpu(), len(flat) - round(density * len(flat)))
        if stays is None:
            return []
        parts = stays.split([w.numel() for w in weights])
        for weight, part in zip(weights, parts, strict=True):
            weight.data *= part.reshape(weight.shape).to(weight.device)
        found.append(accuracy(pruned, split))
    return found


def _draw_boxes(axes: Axes, row: int, gone: int, mine: Tensor | None) -> None:
    """Draw the eight weights as 2×4 boxes: the package's in colour, a student's in black over it.

    Of equals it does not matter which goes: where the student's cut is right, it is the package's.
    """
    sizes = WEIGHT.abs().flatten()
    ours = torch.ones(8, dtype=torch.bool)
    ours[sizes.argsort(stable=True)[:gone]] = False
    yours = None if mine is None else mine.flatten()
    if yours is not None and torch.equal(sizes[yours].sort().values, sizes[ours].sort().values):
        ours = yours
    top = 2.5 * row
    axes.text(1.8, top + 1, f"{gone} {'goes' if gone == 1 else 'go'}", ha="right", va="center")
    for place, value in enumerate(WEIGHT.flatten().tolist()):
        corner = (2.2 + 1.5 * (place % 4), top + place // 4)
        outlines = [(GRAY, 1.0)] if yours is None else []
        if yours is not None and not ours[place]:
            axes.add_patch(Rectangle(corner, 1.35, 0.85, facecolor="white", edgecolor=GRAY,
                                     hatch="////", linewidth=0))  # fmt: skip
        elif yours is not None:
            outlines.append((ORANGE, 4.5))
        if yours is not None and yours[place]:
            outlines.append(("black", 2))
        for color, width in outlines:
            axes.add_patch(
                Rectangle(corner, 1.35, 0.85, fill=False, edgecolor=color, linewidth=width)
            )
        number = f"{value:g}".replace("-", "−")
        middle = (corner[0] + 0.675, corner[1] + 0.425)
        axes.text(*middle, number, ha="center", va="center",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip


def _first_layer(net: nn.Module) -> Float[Tensor, "neurons 784"]:
    return dict(net.named_parameters())["fc1.weight"].detach().cpu()


def _mosaic(weight: Tensor) -> np.ndarray:
    """Lay the first rows out as pictures on a grid, with a gap between them."""
    rows, columns = TILES
    tiles = np.full((rows * 30 - 2, columns * 30 - 2), np.nan)
    for i in range(MOSAIC):
        top, left = 30 * (i // columns), 30 * (i % columns)
        tile = weight[i].reshape(28, 28).numpy()
        tiles[top : top + 28, left : left + 28] = np.where(tile == 0, np.nan, tile)
    return tiles
