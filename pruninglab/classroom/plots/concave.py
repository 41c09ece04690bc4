"""Figures of notebook 05."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ...engine.results import Runs, Values, spread
from ...ideas.checks import Finite, Positive, Share, check_choice, checked
from ...ideas.concave import (
    Regularizer,
    TwoDigits,
    accuracy_of,
    l1,
    log,
    lone_entry,
    lq,
    masked_logistic,
    mcp,
    theorem1_bound,
    theorem2_bound,
    theorem2_printed,
)
from ...ideas.concave.digits import SIDE
from ...ideas.devices import accurate
from ..pictures import describe, picture
from .curves import check_filled, check_numbers, density_axis, table_of
from .style import BLUE, GRAY, GREEN, ORANGE, RED, blank, colors

KINDS = ("l1", "log", "lq", "mcp")
# Where a distance of 0 stands on a logarithmic axis.
ZERO = 0.02
# A method's accuracies and living pixels, each (runs, λ).
Measured = Mapping[str, tuple[Tensor, Tensor]]


@checked
def regularizer_of(kind: str, shape: Positive) -> Regularizer:
    """Return the penalty that a drop-down list names; `shape` is ε, q or b (l1 has none).

    lq needs q < 1 and takes min(shape, 0.95). Raises ValueError for an unknown kind, or a shape
    that it cannot have.
    """
    check_choice("kind", kind, KINDS)
    make: dict[str, Callable[[], Regularizer]] = {
        "l1": l1,
        "log": lambda: log(shape),
        "lq": lambda: lq(min(shape, 0.95)),
        "mcp": lambda: mcp(shape),
    }
    try:
        return make[kind]()
    except ValueError as error:
        raise ValueError(f"shape={shape} of {kind}: {error}") from error


@picture("05_concave_masks/penalties")
@checked
def penalties(*, eps: Positive = 0.1, figure: Figure | None = None) -> Figure:
    """Draw ℓ1, log(ε), ℓ_½ and mcp(½) over [0, 1], and their slopes: the pull towards zero."""
    figure, axes = blank(figure, 9, 3.4, columns=2)
    m = torch.linspace(0, 1, 401, dtype=torch.float64)
    shown: dict[str, Regularizer] = {
        "ℓ1": l1(),
        f"log, ε = {eps:g}": log(eps),
        "ℓq, q = ½": lq(0.5),
        "mcp, b = ½": mcp(0.5),
    }
    for (label, regularizer), color in zip(shown.items(), colors(4), strict=True):
        thick = 3.0 if label.startswith("log") else 1.5
        axes[0].plot(m, regularizer.value(m), color=color, lw=thick, label=label)
        axes[1].plot(m, regularizer.derivative(m), color=color, lw=thick)
    axes[0].plot([0, 0, 1], [0, 1, 1], ":", color=GRAY, label="ℓ0")
    axes[0].set(title="what a mask entry pays, r(m)", xlabel="m", ylim=(-0.02, 1.04))
    axes[1].set(title="how hard it is pulled down, r′(m)", xlabel="m", ylim=(0, 6))
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.15, top=0.9, wspace=0.13)
    ends = log(eps).derivative(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
    return describe(
        figure,
        "Four penalties from 0 to 1, and their slopes: ℓ1 is straight, log, ℓq and mcp bend down. "
        f"With ε = {eps:g}, log pulls with {ends[0]:.3g} at a mask entry of 0 and with "
        f"{ends[1]:.3g} at one of 1; ℓ1 pulls with 1 everywhere.",
    )


@picture("05_concave_masks/oscillation")
@checked
def oscillation(
    weights: Real[Tensor, "steps some"],
    masks: Real[Tensor, "mask_steps mask_some"],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw the last iterates of some weights under subgradient steps, and of mask entries.

    `weights` (steps, some) hop over zero, drawn times 1000; `masks` (steps, some), projected,
    come to rest on it. Raises ValueError where one of them is empty.
    """
    for name, values in (("weights", weights), ("masks", masks)):
        if not values.numel():
            raise ValueError(f"{name} has shape {tuple(values.shape)}: there is nothing to draw")
    figure, axes = blank(figure, 9, 3.3, columns=2)
    weights, masks = _drawable(weights), _drawable(masks)
    for panel, values, scale in zip(axes, (weights, masks), (1000, 1), strict=True):
        for column, color in zip(values.T, colors(values.shape[1]), strict=True):
            panel.plot(scale * column.numpy(), ".-", ms=4, lw=1, color=color)
        panel.axhline(0, color=GRAY, lw=0.8)
        panel.set_xlabel("step")
    axes[0].set_title("weights × 1000, subgradient of λ‖θ‖₁")
    axes[1].set_title("mask entries, projected gradient")
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.9, wspace=0.16)
    hops = int((weights.sign().diff(dim=0) != 0).sum())
    return describe(
        figure,
        f"Left: {weights.shape[1]} weights cross zero {hops} times in {len(weights)} subgradient "
        f"steps. Right: of {masks.shape[1]} mask entries {int((masks[-1] == 0).sum())} lie at "
        f"zero after {len(masks)} projected steps.",
    )


def _drawable(values: Tensor) -> Tensor:
    """Return values as numpy can take them: on the CPU, and not in half precision."""
    return values.detach().cpu().to(torch.promote_types(values.dtype, torch.float32))


@picture("05_concave_masks/one_mask")
@checked
def one_mask(
    digits: TwoDigits,
    weights: Float[Tensor, "1 401"],
    images: Float[Tensor, "eight 401"],
    *,
    kind: str = "log",
    log_lam: Finite = 0.0,
    shape: Positive = 0.1,
    figure: Figure | None = None,
) -> Figure:
    """Solve one masked logistic regression now, and show its mask and what it sees.

    `digits` of one run, `weights` θ̂ (1, 401), `images` (8, 401); λ = 10^`log_lam`, `shape` is ε, q
    or b of the penalty `kind`. Left: the mask. Middle: θ̂ ⊙ m. Right: eight digits through the
    mask, all other pixels gray. Title: pixels that live and accuracy on the held-out images.
    Raises ValueError for a `log_lam` outside -30 to 30, and what `regularizer_of` refuses.
    """
    if abs(log_lam) > 30:
        raise ValueError(f"log_lam={log_lam} must lie between -30 and 30")
    weights = weights.detach().to(digits.inputs)
    figure, axes = blank(figure, 9.5, 3.2, columns=3, width_ratios=(1, 1, 2))
    penalty, lam = regularizer_of(kind, shape), 10.0**log_lam
    mask = masked_logistic(
        digits.inputs, digits.targets, weights, [penalty], [lam], tolerance=1e-2
    ).masks[0, 0, 0]
    right = float(accuracy_of(digits.held_inputs, digits.held_targets, (mask * weights[0])[None]))
    draw_mask(axes[0], mask)
    axes[0].set_title(f"mask: {pixels_of(mask)} pixels live", fontsize=10)
    product = (mask * weights[0])[:-1].reshape(SIDE, SIDE).cpu().numpy()
    limit = max(float(np.abs(product).max()), 1e-6)
    axes[1].imshow(product, cmap="RdBu", vmin=-limit, vmax=limit)
    axes[1].set_title(f"m ⊙ θ̂: {right:.1%} right", fontsize=10)
    axes[2].imshow(_through(mask, images), cmap="gray", vmin=0, vmax=1)
    axes[2].set_title("what it sees of eight digits", fontsize=10)
    for panel in axes:
        panel.axis("off")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.9, wspace=0.05)
    return describe(
        figure,
        f"With the penalty {penalty} and λ = {lam:.3g}, "
        f"{pixels_of(mask)} of {SIDE * SIDE} pixels live, and {right:.1%} of the held-out digits "
        "are told apart. The mask, the masked weights, and eight digits of which only the living "
        "pixels are seen.",
    )


@checked
def pixels_of(mask: Float[Tensor, " 401"]) -> int:
    """Count the pixels that live under a mask (401,); the intercept is left out."""
    return int((mask[:-1] > 0).sum())


@checked
def draw_mask(axes: Axes, mask: Float[Tensor, " 401"]) -> None:
    """Draw a mask (401,) as 20×20 pixels, dead ones white; the intercept is left out."""
    pixels = _drawable(mask)[:-1].reshape(SIDE, SIDE).numpy()
    axes.imshow(np.where(pixels > 0, pixels, np.nan), cmap="viridis", vmin=0, vmax=1)
    axes.add_patch(Rectangle((-0.5, -0.5), SIDE, SIDE, fill=False, color=GRAY, lw=1))


def _through(mask: Tensor, images: Tensor) -> np.ndarray:
    """Lay eight images out in two rows, with what the mask hides in one shade of gray."""
    gap = 2
    tiles = np.ones((2 * SIDE + gap, 4 * (SIDE + gap) - gap))
    alive = _drawable(mask)[:-1].reshape(SIDE, SIDE).numpy() > 0
    shown = _drawable(images)[:8, :-1].reshape(-1, SIDE, SIDE).numpy()
    for number, image in enumerate(shown):
        top, left = (number // 4) * (SIDE + gap), (number % 4) * (SIDE + gap)
        tiles[top : top + SIDE, left : left + SIDE] = np.where(alive, image, 0.45)
    return tiles


@picture("05_concave_masks/eight_pixels")
@checked
def eight_pixels(
    mask: Float[Tensor, " 401"],
    images: Float[Tensor, "eight 401"],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw Figure 4 of the paper: a mask (401,), eight `images` (8, 401), and these through it."""
    figure, axes = blank(figure, 9.5, 2.5, columns=3, width_ratios=(1, 2.1, 2.1))
    draw_mask(axes[0], mask)
    axes[0].set_title(f"{pixels_of(mask)} pixels", fontsize=10)
    axes[1].imshow(_through(torch.ones_like(mask), images), cmap="gray", vmin=0, vmax=1)
    axes[1].set_title("eight digits", fontsize=10)
    axes[2].imshow(_through(mask, images), cmap="gray", vmin=0, vmax=1)
    axes[2].set_title("all that the classifier sees of them", fontsize=10)
    for panel in axes:
        panel.axis("off")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.88, wspace=0.05)
    return describe(
        figure,
        f"A mask of {pixels_of(mask)} pixels, eight digits, and what is left of them through the "
        "mask.",
    )


@picture("05_concave_masks/masks_over_lambda")
@checked
def masks_over_lambda(
    masks: Float[Tensor, "regularizers lambdas 401"],
    lambdas: Sequence[float],
    accuracy: Float[Tensor, "regularizers lambdas"],
    labels: Sequence[str],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw masks (regularisers, λ, 401) as a grid of pictures, a row per regulariser.

    `accuracy` (regularisers, λ) stands below each, with its number of living pixels. Raises
    ValueError unless there are as many `lambdas` and `labels`.
    """
    rows, columns = masks.shape[:2]
    check_numbers("lambdas", lambdas, 0, np.inf)
    check_filled(labels=labels)
    for name, given, size in (("lambdas", lambdas, columns), ("labels", labels, rows)):
        if len(given) != size:
            raise ValueError(f"{name} has {len(given)} entries, masks {size} of them")
    figure, axes = blank(figure, 1.35 * columns + 0.6, 1.75 * rows + 0.2, columns=columns * rows)
    grid = GridSpec(rows, columns, figure=figure)
    pixels = [[pixels_of(mask) for mask in path] for path in masks]
    for number, panel in enumerate(axes):
        row, column = divmod(number, columns)
        panel.set_subplotspec(grid[row, column])
        _labelled_mask(panel, masks[row, column], float(accuracy[row, column]))
        if row == 0:
            panel.set_title(f"λ = {lambdas[column]:.2g}", fontsize=9)
        if column == 0:
            panel.set_ylabel(labels[row], fontsize=11)
    figure.subplots_adjust(left=0.04, right=0.995, bottom=0.11, top=0.93, wspace=0.06, hspace=0.28)
    between = ((masks > 0) & (masks < 1))[..., :-1].sum(dim=(1, 2)).tolist()
    left = "; ".join(
        f"{label} from {counts[0]} to {counts[-1]} pixels, {number} entries between 0 and 1"
        for label, counts, number in zip(labels, pixels, between, strict=True)
    )
    return describe(
        figure,
        f"Masks of {SIDE} by {SIDE} pixels, from λ = {lambdas[0]:.2g} to {lambdas[-1]:.2g}: "
        f"{left}, all masks together.",
    )


def _labelled_mask(axes: Axes, mask: Tensor, right: float) -> None:
    draw_mask(axes, mask)
    axes.set(xticks=(), yticks=())
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"{pixels_of(mask)} pixels\n{right:.1%}", fontsize=9)


@picture("05_concave_masks/figure_3")
@checked
def accuracy_and_pixels(
    lambdas: Sequence[float], results: Measured, *, figure: Figure | None = None
) -> Figure:
    """Draw Figure 3 of the paper: accuracy and living pixels against λ, and one against the other.

    `results` maps a method to (accuracy (runs, λ), pixels (runs, λ)). Mean over runs; bands are ±
    one standard deviation. Raises ValueError for tensors of another shape.
    """
    check_numbers("lambdas", lambdas, 0, np.inf)
    check_filled(results=results)
    for label, pair in results.items():
        if any(part.dim() != 2 or part.shape[1] != len(lambdas) or not len(part) for part in pair):
            shapes = [tuple(part.shape) for part in pair]
            raise ValueError(f"results[{label!r}] has {shapes}, not (runs, {len(lambdas)} lambdas)")
    figure, axes = blank(figure, 11, 3.6, columns=3)
    ends = []
    for (label, pair), color in zip(results.items(), colors(len(results)), strict=True):
        accuracy, pixels = (
            _mean_over_runs(panel, lambdas, part, color, label)
            for panel, part in zip(axes[:2], pair, strict=True)
        )
        axes[2].plot(pixels, accuracy, "o-", ms=4, color=color)
        ends.append(f"{label} {pixels[-1]:.0f} pixels and {accuracy[-1]:.1%}")
    axes[0].set(title="held-out accuracy", xlabel="λ", xscale="log")
    axes[1].set(title="pixels that live, of 400", xlabel="λ", xscale="log", ylim=(0, None))
    axes[2].set(title="accuracy against pixels", xlabel="pixels that live", xscale="log")
    for panel in (axes[0], axes[2]):
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].legend(frameon=False, fontsize=9, loc="lower left")
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.15, top=0.9, wspace=0.18)
    return describe(
        figure,
        "Held-out accuracy and living pixels against λ, and one against the other, mean and "
        f"standard deviation over runs. At λ = {lambdas[-1]:.3g}: {'; '.join(ends)}.",
    )


def _mean_over_runs(
    axes: Axes, lambdas: Sequence[float], values: Tensor, color: str, label: str
) -> Values:
    """Draw mean and standard deviation of values (runs, λ); return the mean."""
    table = accurate(values.detach()).cpu().numpy()
    mean: Values = table.mean(axis=0)
    std = spread(table)
    axes.plot(lambdas, mean, ".-", color=color, label=label)
    axes.fill_between(lambdas, mean - std, mean + std, color=color, alpha=0.2, lw=0)
    return mean


@picture("05_concave_masks/bounds")
@checked
def bounds_against_truth(
    rows: Sequence[Mapping[str, Any]], *, figure: Figure | None = None
) -> Figure:
    """Draw measured ‖m* − m̃‖ and its bounds against γ, one panel per regulariser.

    `rows` have "gamma", "distance", "theorem 1" and "theorem 2, corrected", and a "regularizer",
    else ValueError.
    """
    keys = ("gamma", "distance", "theorem 1", "theorem 2, corrected")
    _, distance, first, second = (table_of("rows", [rows], key)[0] for key in keys)
    if not all("regularizer" in row for row in rows):
        raise ValueError("rows must each have a 'regularizer'")
    names = list(dict.fromkeys(str(row["regularizer"]) for row in rows))
    figure, axes = blank(figure, 9, 3.5, columns=len(names), sharey=True)
    for panel, name in zip(axes, names, strict=True):
        _draw_bounds(panel, [row for row in rows if row["regularizer"] == name])
        panel.set_title(name)
    words = " below 1: Lemma 1 holds"
    axes[0].text(axes[0].get_xlim()[0], 0.9, words, color=GREEN, fontsize=9, va="top")
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.9, wspace=0.06)
    held, applies = int((distance <= second).sum()), int((first < 1).sum())
    return describe(
        figure,
        f"Distance between found and sought mask, Theorem 1 and the corrected Theorem 2 against "
        f"the forced strong convexity γ, for {' and '.join(names)}. The distance lies under the "
        f"corrected bound at {held} of {len(rows)} points; Lemma 1 applies at {applies}.",
    )


def _draw_bounds(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw distance and bounds against γ; what is found exactly stands below, as a ring."""
    gamma = [row["gamma"] for row in rows]
    for key, style, color in (
        ("theorem 1", "--", GRAY),
        ("theorem 2, corrected", "-", BLUE),
        ("distance", "o-", ORANGE),
    ):
        label = "measured ‖m* − m̃‖" if key == "distance" else key
        values = [row[key] or float("nan") for row in rows]
        axes.plot(gamma, values, style, ms=4, color=color, label=label)
    exact = [row["gamma"] for row in rows if row["distance"] == 0]
    axes.plot(exact, [ZERO] * len(exact), "o", ms=5, mfc="white", color=ORANGE,
              label="measured: 0, m̃ itself" if exact else None)  # fmt: skip
    axes.axhline(1, color=GREEN, lw=0.8)
    axes.set(xscale="log", yscale="log", xlabel="γ, forced by a ridge")
    axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 0.02))


@picture("05_concave_masks/counter_example")
@checked
def counter_example(
    *,
    lam: Positive = 0.5,
    eps: Positive = 0.1,
    gamma: Positive = 10.0,
    figure: Figure | None = None,
) -> Figure:
    """Draw Eq. (14) against the truth where every entry solves the same problem alone.

    L(m) = γ/2 ‖m − 1‖², m̃ = (1, …, 1) with k entries: ‖m* − m̃‖ grows as √k, φ as k, so the
    printed bound must cross below it.
    """
    figure, (axes,) = blank(figure, 7, 3.6)
    distance, extra = lone_entry(lam, log(eps), gamma)
    ks = np.unique(np.geomspace(1, 1000, 60).round()).astype(int)
    lines: dict[str, tuple[list[float], str, str]] = {
        "Theorem 1": ([theorem1_bound(lam, int(k), gamma) for k in ks], "--", GRAY),
        "Theorem 2, corrected": (
            [theorem2_bound(lam, int(k), gamma, k * extra) for k in ks],
            "-",
            BLUE,
        ),
        "measured ‖m* − m̃‖": ([float(np.sqrt(k)) * distance for k in ks], "-", ORANGE),
        "Theorem 2 as printed, Eq. (14)": (
            [theorem2_printed(lam, int(k), gamma, k * extra) for k in ks],
            "-",
            RED,
        ),
    }
    for label, (values, style, color) in lines.items():
        axes.plot(ks, values, style, color=color, lw=2, label=label)
    axes.axhline(0, color=GRAY, lw=0.8)
    top = lines["Theorem 1"][0][-1]
    axes.set(xlabel="k, ones in m̃", ylim=(-0.5 * top, 1.1 * top))
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.15, top=0.97)
    ends = {label: values[-1] for label, (values, _, _) in lines.items()}
    return describe(
        figure,
        f"Bounds and distance against k, with λ = {lam:g}, ε = {eps:g} and γ = {gamma:g}. At "
        f"k = {ks[-1]}: " + "; ".join(f"{label}: {end:.3g}" for label, end in ends.items()) + ".",
    )


@picture("05_concave_masks/mask_values")
@checked
def mask_values(
    masks: Mapping[str, Sequence[Tensor]], alpha: Share, *, figure: Figure | None = None
) -> Figure:
    """Draw how the entries of learned masks are spread after each round, a panel per method.

    `masks` maps a label to the living entries (any,) of each round; the line is the threshold.
    """
    check_filled(masks=masks)
    figure, axes = blank(figure, 3.6 * len(masks) + 0.5, 3.2, columns=len(masks), sharey=True)
    edges = np.linspace(0, 1, 51)
    cut = []
    for panel, (label, rounds) in zip(axes, masks.items(), strict=True):
        for number, (m, color) in enumerate(zip(rounds, colors(len(rounds)), strict=True)):
            entries = accurate(m.detach()).cpu().flatten().numpy()
            share = np.histogram(entries, edges)[0] / max(len(entries), 1)
            panel.stairs(share, edges, color=color, lw=1.5, label=f"after round {number}")
            below = (entries < alpha).sum() / max(len(entries), 1)
            cut.append(f"{below:.0%} ({label}, round {number})")
        panel.axvline(alpha, color=RED, lw=1, ls="--")
        panel.set(title=label, xlabel="mask entry m", yscale="log", ylim=(1e-4, 1.2))
    axes[0].set_ylabel("share of the entries")
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.16, top=0.9, wspace=0.08)
    return describe(
        figure,
        f"Histograms of the living mask entries after each round. Below the threshold {alpha:g} "
        f"lie {', '.join(cut) or 'none'}.",
    )


@picture("05_concave_masks/tickets")
@checked
def tickets(
    results: Runs,
    others: Runs | None = None,
    *,
    smallest: Share = 1e-3,
    figure: Figure | None = None,
) -> Figure:
    """Draw the accuracy of trained tickets against their density, mean and std in both directions.

    `results` has a row for each setting of a method (`papers.concave.by_method`), with "density"
    and "test_accuracy"; so have `others`, drawn beside it on the same scale. Tickets of a density
    below `smallest` are dead, and left out. Raises KeyError for rows without these, ValueError for
    seeds with different numbers of settings, and if every ticket is dead.
    """
    panels = {"results": results} | ({} if others is None else {"others": others})
    check_filled(**panels)
    figure, axes = blank(figure, 5.5 * len(panels) + 1, 4, columns=len(panels), sharey=True)
    shades = _shades(*panels.values())
    sparsest = [_draw_tickets(panel, runs, smallest, shades)
                for panel, runs in zip(axes, panels.values(), strict=True)]  # fmt: skip
    axes[0].set_ylabel("test accuracy of the ticket")
    left = 0.13 / len(panels)
    figure.subplots_adjust(left=left, right=0.98, bottom=0.14, top=0.97, wspace=0.05)
    return describe(
        figure,
        "Test accuracy of trained tickets against their density, mean and standard deviation over "
        f"seeds. The sparsest of each method: {'; beside it: '.join(sparsest)}.",
    )


def _shades(*panels: Runs) -> dict[str, str]:
    """Give each method a colour, the same in all panels."""
    labels = dict.fromkeys(label for runs in panels for label in runs)
    return dict(zip(labels, colors(len(labels)), strict=True))


def _draw_tickets(axes: Axes, results: Runs, smallest: float, shades: Mapping[str, str]) -> str:
    """Draw a curve for each method, densest ticket first; say where each one ends."""
    reached, measured = (results.over_rounds(key) for key in ("density", "test_accuracy"))
    densities: list[float] = []
    sparsest = []
    for label in results:
        mean = reached[label].mean(axis=0)
        order = [i for i in mean.argsort()[::-1] if mean[i] >= smallest]
        density, accuracy = reached[label][:, order], measured[label][:, order]
        axes.errorbar(
            density.mean(axis=0), accuracy.mean(axis=0), yerr=spread(accuracy),
            xerr=spread(density), fmt="o-", ms=4, color=shades[label], label=label, capsize=2,
        )  # fmt: skip
        densities += list(mean[order])
        if order:
            ends = f"{accuracy[:, -1].mean():.1%} at {density[:, -1].mean():.2%}"
            sparsest.append(f"{label} {ends}")
    if not densities:
        raise ValueError(f"results has no ticket of a density from smallest={smallest} on")
    density_axis(axes, [min(1.0, 1.2 * max(densities)), min(densities)])
    axes.set(xlabel="weights that stay")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.legend(frameon=False, fontsize=9, loc="lower left")
    return ", ".join(sparsest)


@picture("05_concave_masks/optimizers")
@checked
def optimizers(
    results: Runs,
    *,
    reference: str = "lottery ticket",
    smallest: Share = 1e-3,
    figure: Figure | None = None,
) -> Figure:
    """Draw tickets by what moved their mask: accuracy and density, and density against λ.

    `results` as for `tickets`, whose rows also have "setting": λ, or for the `reference`, which has
    no λ and so stands in the left panel only, a density. Bands are ± one standard deviation over
    seeds. Raises what `tickets` raises, and ValueError where there is nothing but the reference.
    """
    moved = [label for label in results if label != reference]
    check_filled(results=moved)
    figure, axes = blank(figure, 11, 4.2, columns=2, width_ratios=(3, 2))
    shades = _shades(results)
    sparsest = _draw_tickets(axes[0], results, smallest, shades)
    chosen, reached = results.over_rounds("setting"), results.over_rounds("density")
    for label in moved:
        lam, density = chosen[label].mean(axis=0), reached[label]
        axes[1].errorbar(lam, density.mean(axis=0), yerr=spread(density), fmt="o-", ms=4,
                         color=shades[label], label=label, capsize=2)  # fmt: skip
    axes[1].set(xscale="log", xlabel="λ", title="what λ leads to", ylim=(0, None))
    axes[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].set(title="tickets, trained alike", ylabel="test accuracy of the ticket")
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.13, top=0.92, wspace=0.16)
    ranges = ", ".join(
        f"{label} from {reached[label].mean(axis=0).max():.1%} to "
        f"{reached[label].mean(axis=0).min():.2%}"
        for label in moved
    )
    return describe(
        figure,
        "Left: test accuracy of tickets against density, by what moved their mask; mean and "
        f"standard deviation over seeds, the sparsest of each: {sparsest}. Right: the density that "
        f"λ leads to: {ranges}.",
    )
