"""Curves with error bands over seeds: the figure that every comparison uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator, PercentFormatter

from ..checks import checked
from ..engine.results import Runs, Values, spread
from ..kit.page import colors as palette
from .palette import color_of


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
    lengths.
    """
    colors = palette(len(runs)) if colors is None else colors
    density = x in ("density", "pruned_density")
    logarithmic = density and log_x
    values, places = runs.over_rounds(key), runs.over_rounds(x)
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


def _mean_and_std(places: Values, values: Values, positive: bool) -> tuple[Values, Values, Values]:
    """Return x, mean and standard deviation over the seeds, of the rounds that can be drawn."""
    place = places.mean(axis=0)
    drawn = ~np.isnan(values).any(axis=0) & ~np.isnan(place)
    if positive:
        drawn &= place > 0
    values = values[:, drawn]
    return place[drawn], values.mean(axis=0), spread(values)


@checked
def methods(axes: Axes, runs: Runs, key: str = "test_accuracy") -> None:
    """Draw bands over density in each method's own colour; a second one of a colour is dashed.

    Raises KeyError for a label whose method has no colour.
    """
    band(axes, runs, key, colors=[color_of(label) for label in runs])
    drawn: set[str] = set()
    for line in axes.lines:
        color = str(line.get_color())
        line.set_linestyle("--" if color in drawn else "-")
        drawn.add(color)


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
    """Make the x axis logarithmic, dense networks on the left, labelled in percent: of all `x`."""
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001) if tick >= min(x) * 0.99]
    axes.set_xticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(max(x) * 1.15, min(x) / 1.15)
