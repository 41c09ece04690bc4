"""What theory allows beside what happens: the outputs of a network, and the maps of filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ....checks import Number
from ....ideas.nnrelief import Bounds
from ....kit.page import BLUE, GRAY, ORANGE, RED, Page, figure
from ..recut import Recut


@figure("04_nnrelief_heatmaps/bounds")
def bound_bars(page: Page, recut: Recut, *, alpha: Number = 0.95, layer: str) -> str:
    """Draw Figure 11 for one cut layer: bounds as bars, every judging image as a dot.

    Left: the change of each output, with the two bounds; images beyond the point-wise one in red.
    Right: how the images spread, as a share of their point-wise bound.
    """
    axes = page(10, 3.6, columns=2, width_ratios=(2, 1), edges=(0.07, 0.99, 0.15, 0.9), wspace=0.15)
    masks = recut.masks(alpha, layer)
    bounds, change, beyond = recut.bounds(masks), recut.change(masks), recut.beyond(masks)
    _draw_changes(axes[0], change.cpu().numpy(), beyond.cpu().numpy(), bounds)
    images = int(beyond.any(dim=1).sum())
    axes[0].set_title(f"lines: bounds (14), dashed (13); {images} of {len(change):,} images beyond")
    shares = (change / bounds.pointwise.clamp_min(1e-12)).flatten().cpu().numpy()
    axes[1].hist(shares, bins=list(np.linspace(0, 1.5, 46)), color=BLUE)
    axes[1].axvline(1, color="k", linestyle="--")
    axes[1].set_yscale("log")
    axes[1].set(title="all outputs and images", xlabel="change / point-wise bound")
    return (
        f"Change of the outputs of {len(change):,} images after {layer} was cut at "
        f"α = {alpha:g}, with the average and the point-wise bound of each output: {images} images "
        f"lie beyond the point-wise bound, marked in red; at the median a change is "
        f"{float(np.median(shares)):.0%} of it."
    )


def _draw_changes(axes: Axes, change: np.ndarray, beyond: np.ndarray, bounds: Bounds) -> None:
    generator = np.random.default_rng(0)
    for place in range(change.shape[1]):
        spread = place + generator.uniform(-0.3, 0.3, len(change))
        for chosen, color in ((~beyond[:, place], BLUE), (beyond[:, place], RED)):
            values, size = change[chosen, place], 2 if color == BLUE else 7
            axes.plot(spread[chosen], values, ".", color=color, ms=size)
        for value, style in ((bounds.average, "-"), (bounds.pointwise, "--")):
            axes.plot([place - 0.4, place + 0.4], [float(value[place])] * 2, style, color="k")
    axes.set(xticks=range(change.shape[1]), xlabel="output", ylabel="change of the output")


@figure("04_nnrelief_heatmaps/filters")
def filter_bounds(page: Page, filters: Sequence[Mapping[str, Any]]) -> str:
    """Draw how far a cut moves each filter beside what Eq. (10) allows, a panel per layer.

    `filters` are the rows of a record: "layer", and a list over its filters each of "average" (the
    mean change of the map), "lost" (the signal that went) and "allowed", S_j (1 − α). Filters are
    sorted by what is allowed.
    """
    layers = list(dict.fromkeys(row["layer"] for row in filters))
    axes = page(9, 3.2, columns=len(layers), edges=(0.08, 0.99, 0.16, 0.9), wspace=0.15)
    styles = {
        "allowed": ("-", GRAY, "allowed, $S_j(1-\\alpha)$"),
        "lost": (".", ORANGE, "signal that goes"),
        "average": (".", BLUE, "average change"),
    }
    told = []
    for panel, layer in zip(axes, layers, strict=True):
        rows = [row for row in filters if row["layer"] == layer]
        values = {key: np.concatenate([row[key] for row in rows]) for key in styles}
        order = np.argsort(values["allowed"])
        for key, (shape, color, label) in styles.items():
            panel.plot(values[key][order], shape, color=color, label=label, ms=5)
        panel.set(title=f"{layer}, {len(rows)} seeds", xlabel="filters, by what is allowed")
        share = np.median(values["average"] / values["allowed"])
        told.append(f"{layer} {share:.0%} of {len(order)} filters' bound at the median")
    axes[0].set_ylabel("change of the map (norm)")
    axes[0].legend(frameon=False, fontsize=9)
    return f"How far one cut moves each filter, below what Eq. (10) allows: {'; '.join(told)}."
