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

from ...ideas.checks import Finite, NonNegative, Positive, Share, check_choice, checked
from ...ideas.concave import (
    Regularizer,
    TwoDigits,
    accuracy_of,
    l1,
    log,
    lq,
    masked_logistic,
    mcp,
    phi,
    theorem1_bound,
    theorem2_bound,
    theorem2_printed,
)
from ...ideas.concave.digits import SIDE
from ...ideas.devices import accurate
from .curves import check_filled, check_numbers, density_axis, table_of
from .style import BLUE, GRAY, GREEN, ORANGE, RED, blank, colors

KINDS = ("l1", "log", "lq", "mcp")
Runs = Mapping[str, tuple[Tensor, Tensor]]


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
    return figure


@checked
def oscillation(
    weights: Real[Tensor, "steps some"],
    masks: Real[Tensor, "mask_steps mask_some"],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw the last iterates of some weights under subgradient steps, and of mask entries.

    `weights` (steps, some) hop over zero, drawn times 1000; `masks` (steps, some), projected,
    come to rest on it.
    """
    figure, axes = blank(figure, 9, 3.3, columns=2)
    for one, values in zip(axes, (weights, masks), strict=True):
        columns = _drawable(values).T
        for column, color in zip(columns, colors(len(columns)), strict=True):
            scale = 1000 if one is axes[0] else 1
            one.plot(scale * column.numpy(), ".-", ms=4, lw=1, color=color)
        one.axhline(0, color=GRAY, lw=0.8)
        one.set_xlabel("step")
    axes[0].set_title("weights × 1000, subgradient of λ‖θ‖₁")
    axes[1].set_title("mask entries, projected gradient")
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.9, wspace=0.16)
    return figure


def _drawable(values: Tensor) -> Tensor:
    """Return values as numpy can take them: on the CPU, and not in half precision."""
    return values.detach().cpu().to(torch.promote_types(values.dtype, torch.float32))


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
    found = masked_logistic(
        digits.inputs,
        digits.targets,
        weights,
        [regularizer_of(kind, shape)],
        [10.0**log_lam],
        tolerance=1e-2,
    ).masks[0, 0, 0]
    share = accuracy_of(digits.held_inputs, digits.held_targets, (found * weights[0])[None])
    draw_mask(axes[0], found)
    axes[0].set_title(f"mask: {int((found[:-1] > 0).sum())} pixels live", fontsize=10)
    product = (found * weights[0])[:-1].reshape(SIDE, SIDE).cpu().numpy()
    limit = max(float(np.abs(product).max()), 1e-6)
    axes[1].imshow(product, cmap="RdBu", vmin=-limit, vmax=limit)
    axes[1].set_title(f"m ⊙ θ̂: {float(share):.1%} right", fontsize=10)
    axes[2].imshow(_through(found, images), cmap="gray", vmin=0, vmax=1)
    axes[2].set_title("what it sees of eight digits", fontsize=10)
    for one in axes:
        one.axis("off")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.9, wspace=0.05)
    return figure


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
    axes[0].set_title(f"{int((mask[:-1] > 0).sum())} pixels", fontsize=10)
    axes[1].imshow(_through(torch.ones_like(mask), images), cmap="gray", vmin=0, vmax=1)
    axes[1].set_title("eight digits", fontsize=10)
    axes[2].imshow(_through(mask, images), cmap="gray", vmin=0, vmax=1)
    axes[2].set_title("all that the classifier sees of them", fontsize=10)
    for one in axes:
        one.axis("off")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.88, wspace=0.05)
    return figure


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
    if len(lambdas) != columns:
        raise ValueError(f"lambdas has {len(lambdas)} values, masks {columns} columns")
    if len(labels) != rows:
        raise ValueError(f"labels has {len(labels)} names, masks {rows} rows")
    figure, axes = blank(figure, 1.35 * columns + 0.6, 1.75 * rows + 0.2, columns=columns * rows)
    grid = GridSpec(rows, columns, figure=figure)
    for number, one in enumerate(axes):
        row, column = divmod(number, columns)
        one.set_subplotspec(grid[row, column])
        draw_mask(one, masks[row, column])
        one.set_xticks(())
        one.set_yticks(())
        one.spines[:].set_visible(False)
        pixels = int((masks[row, column, :-1] > 0).sum())
        one.set_xlabel(f"{pixels} pixels\n{float(accuracy[row, column]):.1%}", fontsize=9)
        if row == 0:
            one.set_title(f"λ = {lambdas[column]:.2g}", fontsize=9)
        if column == 0:
            one.set_ylabel(labels[row], fontsize=11)
    figure.subplots_adjust(left=0.04, right=0.995, bottom=0.11, top=0.93, wspace=0.06, hspace=0.28)
    return figure


@checked
def accuracy_and_pixels(
    lambdas: Sequence[float], runs: Runs, *, figure: Figure | None = None
) -> Figure:
    """Draw Figure 3 of the paper: accuracy and living pixels against λ, and one against the other.

    `runs` maps a method to (accuracy (runs, λ), pixels (runs, λ)). Mean over runs; bands are ± one
    standard deviation. Raises ValueError for tensors of another shape.
    """
    check_numbers("lambdas", lambdas, 0, np.inf)
    check_filled(runs=runs)
    for label, pair in runs.items():
        if any(part.dim() != 2 or part.shape[1] != len(lambdas) or not len(part) for part in pair):
            shapes = [tuple(part.shape) for part in pair]
            raise ValueError(f"runs[{label!r}] has {shapes}, not (runs, {len(lambdas)} lambdas)")
    figure, axes = blank(figure, 11, 3.6, columns=3)
    for (label, (accuracy, pixels)), color in zip(runs.items(), colors(len(runs)), strict=True):
        accuracy, pixels = _drawable(accuracy), _drawable(pixels)
        for one, values in zip(axes, (accuracy, pixels), strict=False):
            spread, mean = torch.std_mean(values.double(), dim=0)
            one.plot(lambdas, mean, ".-", color=color, label=label)
            one.fill_between(lambdas, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        axes[2].plot(pixels.double().mean(0), accuracy.mean(0), "o-", ms=4, color=color)
    axes[0].set(title="held-out accuracy", xlabel="λ", xscale="log")
    axes[1].set(title="pixels that live, of 400", xlabel="λ", xscale="log", ylim=(0, None))
    axes[2].set(title="accuracy against pixels", xlabel="pixels that live", xscale="log")
    for one in (axes[0], axes[2]):
        one.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].legend(frameon=False, fontsize=9, loc="lower left")
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.15, top=0.9, wspace=0.18)
    return figure


@checked
def bounds_against_truth(
    rows: Sequence[Mapping[str, Any]], *, figure: Figure | None = None
) -> Figure:
    """Draw measured ‖m* − m̃‖ and its bounds against γ, one panel per regulariser.

    `rows` have "gamma", "distance", "theorem 1" and "theorem 2, corrected", and a "regularizer",
    else ValueError.
    """
    for key in ("gamma", "distance", "theorem 1", "theorem 2, corrected"):
        table_of("rows", [rows], key)
    if not all("regularizer" in row for row in rows):
        raise ValueError("rows must each have a 'regularizer'")
    names = list(dict.fromkeys(str(row["regularizer"]) for row in rows))
    figure, axes = blank(figure, 9, 3.5, columns=len(names), sharey=True)
    for one, name in zip(axes, names, strict=True):
        mine = [row for row in rows if row["regularizer"] == name]
        gamma = [row["gamma"] for row in mine]
        for key, style, color in (
            ("theorem 1", "--", GRAY),
            ("theorem 2, corrected", "-", BLUE),
            ("distance", "o-", ORANGE),
        ):
            label = "measured ‖m* − m̃‖" if key == "distance" else key
            one.plot(gamma, [row[key] for row in mine], style, ms=4, color=color, label=label)
        one.axhline(1, color=GREEN, lw=0.8)
        one.set(xscale="log", yscale="log", title=name, xlabel="γ, forced by a ridge")
    axes[0].text(axes[0].get_xlim()[0], 1.05, " below 1: Lemma 1 holds", color=GREEN, fontsize=9)
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.9, wspace=0.06)
    return figure


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
    return figure


@checked
def lone_entry(lam: NonNegative, regularizer: Regularizer, gamma: Positive) -> tuple[float, float]:
    """Return |m* − 1| and φ of one entry with L = γ/2 (m − 1)², minimised on a fine grid."""
    m = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    best = m[(gamma / 2 * (m - 1).square() + lam * regularizer.value(m)).argmin()]
    return 1 - float(best), phi(best[None], regularizer)


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
    for one, (label, rounds) in zip(axes, masks.items(), strict=True):
        for number, (m, color) in enumerate(zip(rounds, colors(len(rounds)), strict=True)):
            m = accurate(m.detach()).cpu().flatten()
            share = np.histogram(m.numpy(), edges)[0] / max(len(m), 1)
            one.stairs(share, edges, color=color, lw=1.5, label=f"after round {number}")
        one.axvline(alpha, color=RED, lw=1, ls="--")
        one.set(title=label, xlabel="mask entry m", yscale="log", ylim=(1e-4, 1.2))
    axes[0].set_ylabel("share of the entries")
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.16, top=0.9, wspace=0.08)
    return figure


@checked
def tickets(
    results: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]],
    *,
    smallest: Share = 1e-3,
    figure: Figure | None = None,
) -> Figure:
    """Draw the accuracy of trained tickets against their density, mean and std in both directions.

    `results` maps a method to settings, each a list with {"density", "accuracy"} of every seed.
    Tickets of a density below `smallest` are dead, and left out. Raises ValueError for entries
    without these numbers, settings of different numbers of seeds, and if every ticket is dead.
    """
    check_filled(results=results)
    figure, (axes,) = blank(figure, 7.5, 4)
    densities = []
    for (label, settings), color in zip(results.items(), colors(len(results)), strict=True):
        keys = ("density", "accuracy")
        values = np.stack([table_of("results", settings, key) for key in keys], axis=2)
        mean = values.mean(axis=1)
        order = [i for i in mean[:, 0].argsort()[::-1] if mean[i, 0] >= smallest]
        values, mean = values[order], mean[order]
        spread = values.std(axis=1, ddof=min(1, values.shape[1] - 1))
        densities += list(mean[:, 0])
        bars = {"xerr": spread[:, 0], "yerr": spread[:, 1], "capsize": 2}
        axes.errorbar(mean[:, 0], mean[:, 1], fmt="o-", ms=4, color=color, label=label, **bars)
    if not densities:
        raise ValueError(f"results has no ticket of a density from smallest={smallest} on")
    density_axis(axes, [1.0, min(densities)])
    axes.set(xlabel="weights that stay", ylabel="test accuracy of the ticket")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=9, loc="lower left")
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.14, top=0.97)
    return figure
