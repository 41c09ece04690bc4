"""Figures of the audit of notebook 02."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ...engine.results import Runs, spread
from ...kit.page import GRAY, Page, figure
from ..curves import band, ends
from ..palette import LAYERS
from .figures import COLORS, STYLES

SCALES = ("1", "1.5", "2", "4")


def _bands(axes: Axes, runs: Runs, key: str, x: str = "density") -> None:
    """Draw `key` of each method in its colour and line, mean ± std over the seeds."""
    band(axes, runs, key, x=x, colors=[COLORS[label] for label in runs])
    for line, label in zip(axes.lines[-len(runs) :], runs, strict=True):
        line.set(linestyle=STYLES[label])


@figure("02_sap/hypothesis")
def hypothesis(page: Page, runs: Runs) -> str:
    """Draw PQ Index and test accuracy of retrained networks against density, mean ± std."""
    left, right = page(8.4, 3.4, columns=2, edges=(0.07, 0.98, 0.16, 0.9), wspace=0.2)
    for panel, key, title in (
        (left, "pqi.global.all", "PQ Index (½, 1), retrained"),
        (right, "test_accuracy", "test accuracy, retrained"),
    ):
        _bands(panel, runs, key)
        panel.set_title(title)
    left.legend(frameon=False, fontsize=9, loc="upper left")
    return (
        "PQ Index and test accuracy of retrained networks against the share of weights that stay, "
        "mean and standard deviation over the seeds. Where each method ends: "
        f"{ends(runs, 'density')} of the weights, with {ends(runs, 'test_accuracy')} right."
    )


@figure("02_sap/cuts")
def cuts(page: Page, runs: Runs) -> str:
    """Draw Figure 2 (b): what each cut took of accuracy and of PQ Index, against density.

    `runs` as `papers.sap.with_cuts` returns them.
    """
    panels = page(8.4, 3.4, columns=2, edges=(0.08, 0.98, 0.16, 0.9), wspace=0.2)
    keys = {"cut.accuracy": "accuracy: retrained − just pruned",
            "cut.pqi": "PQ Index: retrained − just pruned"}  # fmt: skip
    for panel, (key, title) in zip(panels, keys.items(), strict=True):
        _bands(panel, runs, key)
        panel.set_title(title)
        panel.axhline(0, color=GRAY, linewidth=0.8, zorder=0)
    panels[0].legend(frameon=False, fontsize=9, loc="upper left")
    losses = runs.over_rounds("cut.accuracy")
    words = ", ".join(f"{label} {np.nanmean(losses[label]):.1%}" for label in runs)
    return (
        "What a cut takes of accuracy and of PQ Index, retrained minus just pruned, against the "
        "share of weights that stay, mean and standard deviation over the seeds. A cut costs on "
        f"average: {words} of accuracy."
    )


@figure("02_sap/layers")
def layers(page: Page, runs: Runs) -> str:
    """Draw the density and PQ Index of each layer in the last round, side by side for each scope.

    `runs` is {scope: seeds}, mean ± std over seeds. Source: SAP paper, Figure 4 (b, c).
    """
    names = list(next(iter(runs.values()))[0][0]["layer_density"])
    panels = page(8.4, 3.2, columns=2, edges=(0.08, 0.98, 0.1, 0.9), wspace=0.2)
    said = []
    for panel, key, scale, title in (
        (panels[0], "layer_density", 100, "% of the layer that stay"),
        (panels[1], "pqi.layer", 1, "PQ Index (½, 1) of the layer, retrained"),
    ):
        for number, name in enumerate(names):
            values = runs.last(f"{key}.{name}")
            means = [scale * float(values[scope].mean()) for scope in runs]
            places = np.arange(len(runs)) + 0.27 * (number - (len(names) - 1) / 2)
            errors = [scale * float(spread(values[scope])) for scope in runs]
            panel.bar(places, means, 0.25, yerr=errors, color=LAYERS[number % len(LAYERS)],
                      label=name.removesuffix(".weight"))  # fmt: skip
            shown = ", ".join(f"{at} {mean:.3g}" for at, mean in zip(runs, means, strict=True))
            said.append(f"{name.removesuffix('.weight')} {shown}")
        panel.set_xticks(range(len(runs)), list(runs))
        panel.set_title(title)
    panels[0].set_ylim(0, 85)
    panels[0].legend(frameon=False, fontsize=9, ncols=3, loc="upper left")
    return (
        "Density in percent, then PQ Index of each layer in the last round, by scope, mean and "
        f"standard deviation over the seeds: {'; '.join(said)}."
    )


@figure("02_sap/scales")
def scales(page: Page, runs: Runs, scales: Sequence[str] = SCALES) -> str:
    """Draw how alike the index with other (p, q) ranks the rounds: rank correlation with (½, 1).

    A column of dots for each q and method, one for each p and seed. `runs` as `with_grid` returns
    them. Source: SAP paper, Figures 7 to 10.
    """
    (axes,) = page(7, 3.2, edges=(0.1, 0.98, 0.17, 0.96))
    reference, said = runs.over_rounds("grid.(0.5, 1)"), []
    pairs = list(next(iter(runs.values()))[0][0]["grid"])
    for row, label in enumerate(runs):
        worst = []
        for place, q in enumerate(scales):
            rho = [
                _rank_correlation(values, first)
                for name in pairs if name.endswith(f" {q})")
                for values, first in zip(runs.over_rounds(f"grid.{name}")[label], reference[label],
                                         strict=True)
            ]  # fmt: skip
            x = place + 0.2 * (row - (len(runs) - 1) / 2)
            axes.plot([x] * len(rho), rho, "osD^"[row % 4], ms=5, color=COLORS[label], mfc="none",
                      label=None if place else label)  # fmt: skip
            worst.append(f"{min(rho, default=float('nan')):.2f}")
        said.append(f"{label} {', '.join(worst)}")
    axes.set_xticks(range(len(scales)), [f"q = {q}" for q in scales])
    axes.set(ylim=(0, 1.05), ylabel="rank correlation with (½, 1)")
    axes.legend(frameon=False, loc="lower left", fontsize=9)
    return (
        "Rank correlation over the rounds between the index with other (p, q) and with (½, 1), a "
        f"dot for each p and seed. The worst for q = {', '.join(scales)}: {'; '.join(said)}."
    )


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    first, second = (values.argsort().argsort().astype(float) for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1])
