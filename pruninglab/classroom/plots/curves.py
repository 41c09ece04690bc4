"""Curves with error bands over seeds: the figure that every comparison uses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Sized
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.ticker import NullLocator, PercentFormatter

from ...engine.results import Runs, Values, spread
from ...ideas.checks import checked
from .style import colors as palette

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
def band(
    axes: Axes,
    runs: Runs,
    key: str,
    *,
    x: str = "density",
    colors: Sequence[str] | None = None,
    log_x: bool = True,
) -> None:
    """Draw each method's mean of `key` over its seeds, and ± one standard deviation as a band.

    `x` is "density" or "pruned_density" (the mean over the seeds, on a logarithmic axis unless
    `log_x` is false, dense networks on the left) or any other key of the rows, such as "round".
    `colors` are one per method. Accuracies get an axis in percent; rounds where a seed has no value
    are left out, and on a logarithmic axis those with nothing alive. The caller adds titles and the
    legend. Raises KeyError for a key or an `x` that no row has, ValueError for seeds of different
    lengths, too few colours or what is none, or nothing to draw.
    """
    check_filled(runs=runs)
    colors = palette(len(runs)) if colors is None else colors
    if len(colors) < len(runs):
        raise ValueError(f"colors has {len(colors)} colours for {len(runs)} methods")
    for color in colors:
        if not is_color_like(color):
            raise ValueError(f"colors={list(colors)}: matplotlib knows no colour {color!r}")
    density = x in ("density", "pruned_density")
    logarithmic = density and log_x
    values, places = runs.over_rounds(key), _over_rounds(runs, "x", x)
    shown: list[float] = []
    for label, color in zip(runs, colors, strict=False):
        shown.extend(places[label].mean(axis=0))
        place, mean, std = _mean_and_std(places[label], values[label], logarithmic)
        axes.plot(place, mean, ".-", color=color, label=label)
        axes.fill_between(place, mean - std, mean + std, color=color, alpha=0.2, linewidth=0)
    if "accuracy" in key:
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("weights that stay" if density else x)
    if logarithmic:
        density_axis(axes, [place for place in shown if place > 0])


def _over_rounds(runs: Runs, name: str, key: str) -> Mapping[str, Values]:
    """Return the runs' values of a key that was given as the argument `name`, for its errors."""
    try:
        return runs.over_rounds(key)
    except KeyError as error:
        raise KeyError(f"{name}={key!r}: {error.args[0]}") from None


def _mean_and_std(places: Values, values: Values, positive: bool) -> tuple[Values, Values, Values]:
    """Return x, mean and standard deviation over the seeds, of the rounds that can be drawn."""
    place = places.mean(axis=0)
    drawn = ~np.isnan(values).any(axis=0) & ~np.isnan(place)
    if positive:
        drawn &= place > 0
    if not drawn.any():
        raise ValueError("runs have no round with a value in every seed: there is nothing to draw")
    values = values[:, drawn]
    return place[drawn], values.mean(axis=0), spread(values)


@checked
def ends(runs: Runs, key: str) -> str:
    """Say in words where each method ends: the mean of `key` in the last round, for an alt text.

    >>> ends(Runs({"SAP": [[{"seed": 0, "density": 0.1, "test_accuracy": 0.95}]]}), "test_accuracy")
    'SAP 95.0%'
    """
    form = ".1%" if "accuracy" in key or "density" in key else ".3g"
    means = {label: float(np.nanmean(values)) for label, values in runs.last(key).items()}
    return ", ".join(f"{label} {mean:{form}}" for label, mean in means.items())


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
