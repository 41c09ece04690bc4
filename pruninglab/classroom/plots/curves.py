"""Curves with error bands over seeds: the figure that every comparison uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from .style import blank, colors

Runs = Sequence[Sequence[float]]


def bands(
    curves: Mapping[str, Runs],
    x: Sequence[float],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log_x: bool = True,
    figure: Figure | None = None,
) -> Figure:
    """Draw the mean of each method over its seeds, and ± one standard deviation as a band.

    `curves` maps a label to runs (seeds, points), in [0, 1] and drawn as percent; `x` are
    densities in [0, 1], one per point. Raises ValueError if a run has another length than `x`.
    """
    figure, (axes,) = blank(figure, 7, 4)
    for (label, runs), color in zip(curves.items(), colors(len(curves)), strict=True):
        values = np.asarray(runs, dtype=float)
        if values.ndim != 2 or values.shape[1] != len(x):
            raise ValueError(f"curves[{label!r}] has shape {values.shape}, not (seeds, {len(x)})")
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
        axes.plot(x, mean, "o-", color=color, label=label, markersize=4)
        axes.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.2, linewidth=0)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if log_x:
        density_axis(axes, x)
    axes.legend(frameon=False)
    figure.subplots_adjust(left=0.1, right=0.97, bottom=0.15, top=0.9)
    return figure


def density_axis(axes: Axes, x: Sequence[float]) -> None:
    """Make the x axis logarithmic, dense networks on the left, labelled in percent."""
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001) if tick >= min(x) * 0.99]
    axes.set_xticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(max(x) * 1.15, min(x) / 1.15)
