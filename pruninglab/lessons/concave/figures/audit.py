"""Figures of 05's audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ....checks import Positive, Share
from ....devices import accurate
from ....engine.results import Runs, Values, spread
from ....ideas.concave import (
    Regularizer,
    l1,
    log,
    lone_entry,
    lq,
    mcp,
    theorem1_bound,
    theorem2_bound,
    theorem2_printed,
)
from ....kit.page import BLUE, GRAY, GREEN, ORANGE, RED, Page, colors, figure
from ...curves import density_axis
from .lesson import draw_mask, pixels_of, through

# Where a distance of 0 stands on a logarithmic axis.
ZERO = 0.02
# A method's accuracies and living pixels, each (runs, λ).
Measured = Mapping[str, tuple[Tensor, Tensor]]


@figure("05_concave_masks/penalties")
def penalties(page: Page, *, eps: Positive = 0.1) -> str:
    """Draw ℓ1, log(ε), ℓ_½ and mcp(½) over [0, 1], and their slopes: the pull towards zero."""
    axes = page(9, 3.4, columns=2, edges=(0.05, 0.99, 0.15, 0.9), wspace=0.13)
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
    ends = log(eps).derivative(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
    return (
        "Four penalties from 0 to 1, and their slopes: ℓ1 is straight, log, ℓq and mcp bend down. "
        f"With ε = {eps:g}, log pulls with {ends[0]:.3g} at a mask entry of 0 and with "
        f"{ends[1]:.3g} at one of 1; ℓ1 pulls with 1 everywhere."
    )


@figure("05_concave_masks/eight_pixels")
def eight_pixels(
    page: Page, mask: Float[Tensor, " 401"], images: Float[Tensor, "eight 401"]
) -> str:
    """Draw Figure 4 of the paper: a mask (401,), eight `images` (8, 401), and these through it."""
    axes = page(
        9.5, 2.5, columns=3, width_ratios=(1, 2.1, 2.1), edges=(0.01, 0.99, 0.02, 0.88), wspace=0.05
    )
    draw_mask(axes[0], mask)
    axes[0].set_title(f"{pixels_of(mask)} pixels", fontsize=10)
    axes[1].imshow(through(torch.ones_like(mask), images), cmap="gray", vmin=0, vmax=1)
    axes[1].set_title("eight digits", fontsize=10)
    axes[2].imshow(through(mask, images), cmap="gray", vmin=0, vmax=1)
    axes[2].set_title("all that the classifier sees of them", fontsize=10)
    for panel in axes:
        panel.axis("off")
    return (
        f"A mask of {pixels_of(mask)} pixels, eight digits, and what is left of them through the "
        "mask."
    )


@figure("05_concave_masks/figure_3")
def accuracy_and_pixels(page: Page, lambdas: Sequence[float], results: Measured) -> str:
    """Draw Figure 3 of the paper: accuracy and living pixels against λ, and one against the other.

    `results` maps a method to (accuracy (runs, λ), pixels (runs, λ)). Mean over runs; bands are ±
    one standard deviation.
    """
    axes = page(11, 3.6, columns=3, edges=(0.05, 0.99, 0.15, 0.9), wspace=0.18)
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
    return (
        "Held-out accuracy and living pixels against λ, and one against the other, mean and "
        f"standard deviation over runs. At λ = {lambdas[-1]:.3g}: {'; '.join(ends)}."
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


@figure("05_concave_masks/bounds")
def bounds_against_truth(page: Page, rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw measured ‖m* − m̃‖ and its bounds against γ, one panel per regulariser.

    `rows` have "regularizer", "gamma", "distance", "theorem 1" and "theorem 2, corrected".
    """
    names = list(dict.fromkeys(str(row["regularizer"]) for row in rows))
    axes = page(9, 3.5, columns=len(names), sharey=True, edges=(0.07, 0.99, 0.15, 0.9), wspace=0.06)
    for panel, name in zip(axes, names, strict=True):
        _draw_bounds(panel, [row for row in rows if row["regularizer"] == name])
        panel.set_title(name)
    words = " below 1: Lemma 1 holds"
    axes[0].text(axes[0].get_xlim()[0], 0.9, words, color=GREEN, fontsize=9, va="top")
    held = sum(row["distance"] <= row["theorem 2, corrected"] for row in rows)
    applies = sum(row["theorem 1"] < 1 for row in rows)
    return (
        f"Distance between found and sought mask, Theorem 1 and the corrected Theorem 2 against "
        f"the forced strong convexity γ, for {' and '.join(names)}. The distance lies under the "
        f"corrected bound at {held} of {len(rows)} points; Lemma 1 applies at {applies}."
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


@figure("05_concave_masks/counter_example")
def counter_example(
    page: Page, *, lam: Positive = 0.5, eps: Positive = 0.1, gamma: Positive = 10.0
) -> str:
    """Draw Eq. (14) against the truth where every entry solves the same problem alone.

    L(m) = γ/2 ‖m − 1‖², m̃ = (1, …, 1) with k entries: ‖m* − m̃‖ grows as √k, φ as k, so the
    printed bound must cross below it.
    """
    (axes,) = page(7, 3.6, edges=(0.09, 0.98, 0.15, 0.97))
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
    ends = {label: values[-1] for label, (values, _, _) in lines.items()}
    return (
        f"Bounds and distance against k, with λ = {lam:g}, ε = {eps:g} and γ = {gamma:g}. At "
        f"k = {ks[-1]}: " + "; ".join(f"{label}: {end:.3g}" for label, end in ends.items()) + "."
    )


@figure("05_concave_masks/mask_values")
def mask_values(page: Page, masks: Mapping[str, Sequence[Tensor]], alpha: Share) -> str:
    """Draw how the entries of learned masks are spread after each round, a panel per method.

    `masks` maps a label to the living entries (any,) of each round; the line is the threshold.
    """
    axes = page(3.6 * len(masks) + 0.5, 3.2, columns=len(masks), sharey=True,
                edges=(0.09, 0.99, 0.16, 0.9), wspace=0.08)  # fmt: skip
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
    return (
        f"Histograms of the living mask entries after each round. Below the threshold {alpha:g} "
        f"lie {', '.join(cut) or 'none'}."
    )


@figure("05_concave_masks/tickets")
def tickets(
    page: Page, results: Runs, others: Runs | None = None, *, smallest: Share = 1e-3
) -> str:
    """Draw the accuracy of trained tickets against their density, mean and std in both directions.

    `results` has a row for each setting of a method (`papers.concave.by_method`), with "density"
    and "test_accuracy"; so have `others`, drawn beside it on the same scale. Tickets of a density
    below `smallest` are dead, and left out.
    """
    panels = [results] if others is None else [results, others]
    axes = page(5.5 * len(panels) + 1, 4, columns=len(panels), sharey=True)
    shades = _shades(*panels)
    sparsest = [_draw_tickets(panel, runs, smallest, shades)
                for panel, runs in zip(axes, panels, strict=True)]  # fmt: skip
    axes[0].set_ylabel("test accuracy of the ticket")
    left = 0.13 / len(panels)
    page.figure.subplots_adjust(left, 0.14, 0.98, 0.97, wspace=0.05)
    return (
        "Test accuracy of trained tickets against their density, mean and standard deviation over "
        f"seeds. The sparsest of each method: {'; beside it: '.join(sparsest)}."
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
    density_axis(axes, [min(1.0, 1.2 * max(densities)), min(densities)])
    axes.set(xlabel="weights that stay")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.legend(frameon=False, fontsize=9, loc="lower left")
    return ", ".join(sparsest)


@figure("05_concave_masks/optimizers")
def optimizers(
    page: Page, results: Runs, *, reference: str = "lottery ticket", smallest: Share = 1e-3
) -> str:
    """Draw tickets by what moved their mask: accuracy and density, and density against λ.

    `results` as for `tickets`, whose rows also have "setting": λ, or for the `reference`, which has
    no λ and so stands in the left panel only, a density. Bands are ± one standard deviation over
    seeds.
    """
    moved = [label for label in results if label != reference]
    axes = page(
        11, 4.2, columns=2, width_ratios=(3, 2), edges=(0.08, 0.98, 0.13, 0.92), wspace=0.16
    )
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
    ranges = ", ".join(
        f"{label} from {reached[label].mean(axis=0).max():.1%} to "
        f"{reached[label].mean(axis=0).min():.2%}"
        for label in moved
    )
    return (
        "Left: test accuracy of tickets against density, by what moved their mask; mean and "
        f"standard deviation over seeds, the sparsest of each: {sparsest}. Right: the density that "
        f"λ leads to: {ranges}."
    )
