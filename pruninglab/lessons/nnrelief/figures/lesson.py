"""Figures of lesson 04: wires to pixels, one neuron's signal, and what the student wrote."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ....checks import Number, Whole, checked
from ....engine.results import Runs
from ....ideas.nnrelief import connection_importance, share_cut
from ....kit.exercise import attempt
from ....kit.page import Page, apart, figure
from ...curves import density_axis
from ...palette import amounts, color_of

NNRELIEF, MAGNITUDE, BLACK = color_of("NNrelief"), color_of("magnitude"), color_of("yours")
FAINT = "#C8C8C8"
DENSITIES = (0.25, 0.15, 0.08)
# What the lesson compares, with its line's style; a record may hold more.
LINES = {
    "magnitude, global": ("magnitude, whole network", "-"),
    "magnitude, by neuron": ("magnitude, by neuron", ":"),
    "NNrelief": ("NNrelief", "-"),
    "random": ("random", "-"),
}

Weight: TypeAlias = Float[Tensor, "out 784"]
Bias: TypeAlias = Float[Tensor, " out"]
Images: TypeAlias = Float[Tensor, "images 1 28 28"]


@checked
def kept_wires(weight: Weight, bias: Bias, images: Images, alpha: Number) -> tuple[Tensor, Tensor]:
    """Return which wires NNrelief keeps at α, and as many of each neuron by size, (out, in)."""
    shares = connection_importance(weight.detach(), bias.detach(), images.flatten(1))
    kept = share_cut(shares, alpha)[:, :-1]
    ranks = weight.detach().abs().argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return kept, ranks < kept.sum(dim=1, keepdim=True)


@figure("04_nnrelief_heatmaps/wires_to_pixels")
def wires_to_pixels(
    page: Page, weight: Weight, bias: Bias, images: Images, *, alpha: Number = 0.95
) -> str:
    """Draw how many neurons keep a wire to each pixel: by size of the weight, and by signal.

    Each neuron keeps equally many wires in both maps. `images` are the pruning set; the line
    encloses the pixels that are black in all of them.
    """
    axes = page(8, 4, columns=2, edges=(0.02, 0.86, 0.1, 0.83), wspace=0.06)
    kept, largest = kept_wires(weight, bias, images, alpha)
    silent = _silent(images)
    told = []
    for panel, name, wires in zip(axes, ("magnitude", "NNrelief"), (largest, kept), strict=True):
        image = _draw_map(panel, wires.sum(dim=0), len(weight), silent)
        wasted = int(wires[:, silent].sum())
        panel.set_title(name, color=color_of(name), fontweight="bold")
        panel.set_xlabel(f"{wasted:,} wires to black pixels", fontsize=12)
        told.append(f"{name} {wasted:,}")
    _scale(page, image, "neurons that keep a wire")
    density = float(kept.float().mean())
    # Over the left panel only: on a phone the two stand one below the other.
    page.figure.suptitle(f"α = {alpha:.2f}: {density:.1%} stay", x=0.23, y=0.97)
    return (
        f"Two maps of 28 by 28 pixels, dark where many of {len(weight)} neurons keep a wire, at "
        f"α = {alpha:g}, where {density:.1%} of the wires stay. Wires to the {int(silent.sum())} "
        f"pixels that are always black: {', '.join(told)}."
    )


def _silent(images: Tensor) -> Tensor:
    return images.flatten(1).abs().amax(dim=0) == 0


def _draw_map(axes: Axes, counts: Tensor, most: int, silent: Tensor, alpha: float = 1) -> Any:
    shown = counts.cpu().double().reshape(28, 28).numpy()
    shown[shown == 0] = np.nan  # paper
    image = axes.imshow(shown, cmap=amounts(), vmin=0, vmax=most, alpha=alpha)
    border = np.pad(silent.cpu().reshape(28, 28).numpy(), 1, constant_values=True)
    places = np.arange(-1, 29)
    axes.contour(places, places, border, levels=[0.5], colors="#9A9A9A", linewidths=0.8)
    axes.set(xticks=(), yticks=(), xlim=(-0.5, 27.5), ylim=(27.5, -0.5))
    axes.spines[:].set(visible=True, color=FAINT)
    return image


def _scale(page: Page, image: Any, label: str) -> None:
    bar = page.figure.colorbar(image, cax=page.figure.add_axes((0.88, 0.15, 0.02, 0.62)))
    bar.set_label(label, fontsize=10)
    bar.outline.set_visible(False)


@figure("04_nnrelief_heatmaps/five_wires")
def five_wires(
    page: Page,
    w: Float[Tensor, " in"],
    b: Float[Tensor, " 1"],
    x: Float[Tensor, "images in"],
    *,
    yours: Any = None,
) -> str:
    """Draw the wires into one neuron, thick by weight and thick by share of the signal.

    `yours` is a student's shares(w, b, x): black over what the package finds, nothing without it.
    """
    left, right = page(8, 3.1, columns=2, edges=(0.02, 0.98, 0.03, 0.88), wspace=0.1)
    sizes = torch.cat([w.abs(), b.abs()])
    _draw_wires(left, sizes / sizes.max(), [f"{value:g}" for value in (*w.tolist(), float(b))])
    left.set_title("thick by weight", color=MAGNITUDE)
    truth, given = connection_importance(w[None], b, x)[0], _shares_of(yours, w, b, x)
    if given is None:
        _draw_wires(right, torch.full_like(sizes, 0.06), ["?"] * len(sizes), FAINT)
        right.set_title("thick by your shares: not yet", color="#6A6A6A")
        return (
            f"Five wires into one neuron, thick by weight, which are {w.tolist()} and the bias "
            f"{float(b):g}; beside them five thin ones that wait for your shares."
        )
    most = max(float(truth.max()), float(given.max()), 1e-9)
    _draw_wires(right, truth / most, [], NNRELIEF)
    _draw_wires(right, given / most, [f"{value:.2f}" for value in given.tolist()], BLACK)
    wrong = int((given - truth).abs().gt(1e-4).sum())
    right.set_title("thick by share of the signal (black: yours)", color=NNRELIEF)
    return (
        "Five wires into one neuron, thick by weight and thick by share of the signal; "
        f"{wrong} of your {len(truth)} shares differ from the package's."
    )


def _shares_of(yours: Any, w: Tensor, b: Tensor, x: Tensor) -> Tensor | None:
    found = attempt(yours, w, b, x)
    try:
        shares = torch.as_tensor(found).detach().double().flatten()
    except (TypeError, ValueError, RuntimeError):
        return None
    shares = torch.cat([shares, torch.zeros(max(0, len(w) + 1 - len(shares)))])[: len(w) + 1]
    return shares.nan_to_num(0, 0, 0).abs().float()


def _draw_wires(axes: Axes, strength: Tensor, words: list[str], color: str = MAGNITUDE) -> None:
    count = len(strength)
    heights = np.linspace(0.92, 0.08, count)
    for place, (height, value) in enumerate(zip(heights, strength.tolist(), strict=True)):
        if value > 0:
            axes.plot([0.27, 0.85], [height, 0.5], color=color, lw=16 * value,
                      solid_capstyle="butt", zorder=1)  # fmt: skip
        if words:
            name = "bias" if place == count - 1 else f"input {place + 1}"
            axes.text(0.13, height, name, ha="right", va="center", fontsize=10)
            axes.text(0.2, height, words[place], ha="center", va="center", fontsize=10,
                      fontweight="bold")  # fmt: skip
    axes.plot([0.87], [0.5], "o", ms=22, color="white", markeredgecolor="black", zorder=3)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()


@figure("04_nnrelief_heatmaps/your_cut")
def your_cut(
    page: Page,
    weight: Weight,
    bias: Bias,
    images: Images,
    *,
    alpha: Number = 0.95,
    shares: Any = None,
    cut: Any = None,
) -> str:
    """Draw what a student's shares(w, b, x) and cut(signal, alpha) keep, against the package.

    Left: five signals, cut at 0.7: what the package keeps in its colour, the student's choice
    framed in black. Right: the map of wires; pixels where the student's count differs are black.
    """
    axes = page(8, 3.7, columns=2, edges=(0.09, 0.97, 0.15, 0.87), wspace=0.12)
    signal = torch.tensor([1.0, 2.0, 2.0, 0.0, 0.5])
    mine = _mask_of(attempt(cut, signal, 0.7), len(signal))
    _draw_signals(axes[0], signal, mine)
    silent = _silent(images)
    w, b, x = (part.detach().cpu().double() for part in (weight, bias, images.flatten(1)))
    given = None
    if mine is not None:
        given = attempt(lambda *parts: _cut_all(shares, cut, parts, alpha), w, b, x)
    if given is None:
        _draw_map(axes[1], torch.full((784,), len(weight)), len(weight), silent, 0.5)
        axes[1].set_title("no cut yet: all wires are there", fontsize=11)
        told = "The right map waits for your functions: every pixel still has all its wires."
    else:
        kept = share_cut(connection_importance(w, b, x), alpha)[:, :-1].sum(dim=0).cpu()
        _draw_map(axes[1], kept, len(weight), silent, 0.5)
        wrong = (given != kept).reshape(28, 28).numpy()
        axes[1].imshow(np.where(wrong, 1.0, np.nan), cmap="gray", vmin=1, vmax=2)
        axes[1].set_title(f"α = {alpha:g}: your map differs at {wrong.sum()} pixels",
                          fontsize=11)  # fmt: skip
        told = f"In your map {wrong.sum()} of 784 pixels differ from NNrelief's, drawn black."
    return f"Five signals from the loudest, with the share that they carry together. {told}"


def _cut_all(shares: Any, cut: Any, parts: tuple[Tensor, ...], alpha: float) -> Tensor:
    w, b, x = parts
    keeps = [torch.as_tensor(cut(shares(w[j], b[j : j + 1], x), alpha)) for j in range(len(w))]
    return torch.stack(keeps)[:, : w.shape[1]].bool().sum(dim=0).cpu()


def _mask_of(found: Any, length: int) -> Tensor | None:
    try:
        mask = torch.as_tensor(found).detach().bool().flatten()
    except (TypeError, ValueError, RuntimeError):
        return None
    return mask if len(mask) == length else None


def _draw_signals(axes: Axes, signal: Tensor, mine: Tensor | None) -> None:
    order = signal.argsort(descending=True, stable=True)
    running = signal[order].cumsum(dim=0) / signal.sum()
    truth = share_cut(signal[None] / signal.sum(), 0.7)[0][order]
    for place, (which, height) in enumerate(zip(order.tolist(), running.tolist(), strict=True)):
        stays = mine is not None and bool(truth[place])
        gone = {"color": "white", "edgecolor": "#9A9A9A", "hatch": "" if mine is None else "///"}
        looks: dict[str, Any] = {"color": NNRELIEF} if stays else gone
        axes.bar(place, height, width=0.7, **looks)
        if mine is not None and bool(mine[which]):
            axes.bar(place, height, width=0.82, fill=False, edgecolor=BLACK, linewidth=3)
    axes.axhline(0.7, color="#6A6A6A", linestyle="--", linewidth=1)
    axes.text(-0.55, 0.715, "α = 0.7", fontsize=10, va="bottom")
    names = ["bias" if which == len(signal) - 1 else f"{which + 1}" for which in order.tolist()]
    axes.set_xticks(range(len(signal)), names)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    title = "signal carried together" if mine is None else "black frames: kept by your cut"
    axes.set_title(title, fontsize=11)
    axes.set(ylim=(0, 1.06), xlabel="wires, from the loudest")


@figure("04_nnrelief_heatmaps/one_neuron")
def one_neuron(
    page: Page,
    weight: Weight,
    bias: Bias,
    images: Images,
    *,
    neuron: Whole = 0,
    alpha: Number = 0.5,
) -> str:
    """Draw one neuron's wires, added up from the loudest, and where those that stay come from."""
    left, right = page(
        8, 3.6, columns=2, width_ratios=(1.5, 1), edges=(0.09, 0.97, 0.16, 0.86), wspace=0.12
    )
    one = slice(neuron, neuron + 1)
    shares = connection_importance(weight[one].detach(), bias[one].detach(), images.flatten(1))
    running = shares[0].sort(descending=True).values.cumsum(dim=0).cpu().numpy()
    kept = share_cut(shares, alpha)[0].cpu()
    count, wires = int(kept.sum()), len(kept)
    left.plot(range(1, wires + 1), running, color=FAINT, lw=2)
    left.plot(range(1, count + 1), running[:count], color=NNRELIEF, lw=3)
    left.plot([count], [running[count - 1]], "o", color=NNRELIEF, ms=9)
    left.axhline(alpha, color="#6A6A6A", linestyle="--", linewidth=1)
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set(xlim=(0, wires + 5), ylim=(0, 1.04), xlabel="wires, the loudest first",
             ylabel="signal they carry")  # fmt: skip
    left.set_title(f"α = {alpha:.2f}: {count} of {wires} wires", fontsize=11)
    pixels = np.where(kept[:-1], shares[0, :-1].cpu(), np.nan).reshape(28, 28)
    right.imshow(pixels, cmap=amounts(), vmin=0, vmax=float(shares[0, :-1].max()) or 1.0)
    right.spines[:].set(visible=True, color=FAINT)
    right.set(xticks=(), yticks=())
    right.set_title(f"pixels that neuron {neuron} still hears", fontsize=11)
    return (
        f"The {wires} wires of neuron {neuron}, added up from the loudest: {count} of them carry "
        f"the share α = {alpha:g} of its signal; beside it the pixels that they come from."
    )


@figure("04_nnrelief_heatmaps/fooled")
def fooled(page: Page, weights: Any = None) -> str:
    """Draw the outputs of one neuron for two images, before and after a cut at α = 0.9.

    The inputs are (1, 0) and (1, ½). `weights` are a student's two numbers; without them the
    example (1, 1) is shown, in gray.
    """
    (axes,) = page(8, 2.7, edges=(0.16, 0.92, 0.2, 0.86))
    images, given = torch.tensor([[1.0, 0.0], [1.0, 0.5]]), _pair(weights)
    pair = torch.tensor([1.0, 1.0]) if given is None else given
    shares = connection_importance(pair[None], torch.zeros(1), images)
    kept = share_cut(shares, 0.9)[0, :2]
    color = FAINT if given is None else BLACK
    outputs = images @ pair, images @ (pair * kept)
    low, high = min(float(part.min()) for part in outputs), max(float(p.max()) for p in outputs)
    for row, values in zip((1, 0), outputs, strict=True):
        a, b = values.tolist()
        axes.plot([low, high], [row, row], color=FAINT, linewidth=1, zorder=0)
        axes.plot([a], [row], "o", ms=17, color="white", markeredgecolor=color, mew=3)
        axes.plot([b], [row], "s", ms=8, color=color)
        axes.text(a, row + 0.27, f"{a:.3g}", ha="right" if a <= b else "left", fontsize=10)
        if a != b:
            axes.text(b, row + 0.27, f"{b:.3g}", ha="left" if a <= b else "right", fontsize=10)
    room = max(0.12 * (high - low), 0.1)
    axes.set(xlim=(low - room, high + room), ylim=(-0.5, 1.6), xlabel="output of the neuron")
    axes.locator_params(axis="x", nbins=5)
    axes.set_yticks((1, 0), ["before the cut", "after"])
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    stay = " and ".join(str(i + 1) for i in range(2) if kept[i]) or "none"
    whose = "example: weights 1 and 1" if given is None else "your weights"
    axes.set_title(
        f"○ inputs (1, 0)   ■ inputs (1, ½)      {whose}; wires that stay: {stay}", fontsize=11
    )
    return (
        f"Outputs of one neuron for two images, {whose}: {outputs[0].tolist()} before the cut, "
        f"{outputs[1].tolist()} after it; wires that stay: {stay}."
    )


def _pair(weights: Any) -> Tensor | None:
    try:
        pair = torch.as_tensor(weights).detach().float().flatten()
    except (TypeError, ValueError, RuntimeError):
        return None
    sound = len(pair) == 2 and bool(pair.isfinite().all()) and bool(pair.abs().max() < 1e6)
    return pair if sound and bool(pair.any()) else None


@figure("04_nnrelief_heatmaps/rivals")
def rivals(page: Page, records: dict[str, Runs], *, images: str) -> str:
    """Draw accuracy over density, and how far magnitude is ahead at three densities.

    `records` maps a name, as "9,000 images", to runs with NNrelief, magnitude by neuron and over
    the whole network, and random. Right: paired differences, mean and standard deviation over the
    seeds, in points.
    """
    left, right = page(
        9, 3.7, columns=2, width_ratios=(1.7, 1), edges=(0.08, 0.98, 0.15, 0.88), wspace=0.75
    )
    runs = records[images]
    kept, right_share = runs.over_rounds("density"), runs.over_rounds("test_accuracy")
    ends = {label: float(right_share[label][:, -1].mean()) for label in LINES}
    heights = dict(zip(ends, apart(list(ends.values()), 0.022), strict=True))
    smallest = min(float(kept[label].mean(axis=0).min()) for label in LINES)
    density_axis(left, [1, smallest])
    for label, (name, style) in LINES.items():
        x, mean = kept[label].mean(axis=0), right_share[label].mean(axis=0)
        std = right_share[label].std(axis=0, ddof=1)
        left.plot(x, mean, style, color=color_of(label), lw=2)
        left.fill_between(x, mean - std, mean + std, color=color_of(label), alpha=0.15, lw=0)
        left.text(smallest * 0.82, heights[label], name, color=color_of(label), va="center",
                  fontsize=10, clip_on=False)  # fmt: skip
    seeds = len(runs["NNrelief"])
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set(ylim=(0.7, 1), xlabel="weights that stay", title=f"{images}: test accuracy")
    told = []
    for label, shift, shape in (
        ("magnitude, global", -0.08, "o"), ("magnitude, by neuron", 0.08, "s")
    ):  # fmt: skip
        gaps = [runs.paired(label, "NNrelief", "test_accuracy", density=d) for d in DENSITIES]
        means = [100 * gap.mean for gap in gaps]
        right.errorbar(
            [place + shift for place in range(3)], means, [100 * gap.std for gap in gaps],
            fmt=shape, ms=7, capsize=3, color=MAGNITUDE,
            mfc=MAGNITUDE if shape == "o" else "white",
        )  # fmt: skip
        told.append(f"{LINES[label][0]} {', '.join(f'{mean:+.1f}' for mean in means)}")
    right.axhline(0, color=NNRELIEF, lw=2)
    right.text(-0.35, -0.42, "NNrelief", color=NNRELIEF, fontsize=10)
    right.set_xticks(range(3), [f"{100 * d:g}%" for d in DENSITIES])
    right.set(xlim=(-0.4, 2.5), ylim=(-0.6, 4.6), xlabel="weights that stay")
    right.set_title("magnitude ahead by, points\n● whole network  □ by neuron", fontsize=10)
    return (
        f"Test accuracy over density, {images}, {seeds} seeds. Magnitude minus NNrelief in points "
        f"where 25, 15 and 8% of the weights stay: {'; '.join(told)}."
    )
