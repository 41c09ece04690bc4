"""Curves with error bands over seeds: the figure that every comparison uses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Sized
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from ...ideas.checks import checked
from .style import blank, colors

Runs = Sequence[Sequence[float]]
Rows = Sequence[Mapping[str, Any]]
# No network has more weights than one in these.
SMALLEST = 1e-15


def check_filled(**arguments: Sized) -> None:
    """Raise ValueError that names the first argument with nothing in it to draw."""
    for name, value in arguments.items():
        if not len(value):
            raise ValueError(f"{name} is empty: there is nothing to draw")


def check_numbers(name: str, values: Sequence[float], low: float, high: float) -> None:
    """Raise ValueError unless there are values, and each is a number between `low` and `high`."""
    good = (isinstance(value, float | int) and low <= value <= high for value in values)
    if not len(values) or not all(good):
        raise ValueError(f"{name}={list(values)} must be numbers from {low:g} to {high:g}")


def table_of(name: str, seeds: Sequence[Rows], key: str) -> np.ndarray:
    """Return one quantity of all rows, (seeds, rows), NaN where it is None.

    Raises ValueError that begins with `name` for no rows, for rows without a number of that key,
    and for seeds with different numbers of rows.
    """
    try:
        values = [[math.nan if row[key] is None else float(row[key]) for row in rows]
                  for rows in seeds]  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must have rows with a number for {key!r}: {error!r}") from error
    if not values or not values[0] or len({len(rows) for rows in values}) > 1:
        raise ValueError(f"{name} must have at least one seed, and equally many rows for each")
    return np.array(values)


@checked
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
    densities in [0, 1], one per point, above 0 where `log_x`. Raises ValueError if there are none,
    or a run has another length than `x`.
    """
    check_filled(curves=curves)
    check_numbers("x", x, SMALLEST if log_x else -math.inf, 1 if log_x else math.inf)
    figure, (axes,) = blank(figure, 7, 4)
    for (label, runs), color in zip(curves.items(), colors(len(curves)), strict=True):
        try:
            values = np.asarray(runs, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError(f"curves[{label!r}] must be numbers (seeds, {len(x)})") from error
        if values.ndim != 2 or values.shape[1] != len(x) or not len(values):
            raise ValueError(
                f"curves[{label!r}] has shape {values.shape}, not (seeds, {len(x)}), as x has it"
            )
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


@checked
def density_axis(axes: Axes, x: Sequence[float]) -> None:
    """Make the x axis logarithmic, dense networks on the left, labelled in percent.

    Raises ValueError unless each of the densities `x` is above 0, and at most 1.
    """
    check_numbers("x", x, SMALLEST, 1)
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001) if tick >= min(x) * 0.99]
    axes.set_xticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(max(x) * 1.15, min(x) / 1.15)
