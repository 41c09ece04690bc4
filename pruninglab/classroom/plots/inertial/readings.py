"""What the readings of the paper are worth: accuracies, and where the gradient really is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ....ideas.checks import Count, Number, checked
from ..style import BLUE, GRAY, ORANGE, blank, colors

Rows = Sequence[Mapping[str, Any]]
Runs = Sequence[Sequence[float]]


@checked
def compared(frames: Mapping[str, Sequence[Rows]], *, figure: Figure | None = None) -> Figure:
    """Show the accuracy of each reading at once after the cut and after retraining.

    `frames` is what `compare` gives for recipes of one round: mean ± standard deviation over
    seeds, and a line for the dense network. Raises ValueError if there are none.
    """
    _check_given("frames", frames)
    figure, (axes,) = blank(figure, 8.5, 0.42 * len(frames) + 1.1)
    names = list(frames)
    parts = (("pruned_test_accuracy", 0, ORANGE, "just cut"),
             ("test_accuracy", 1, BLUE, "retrained"))  # fmt: skip
    for shift, (key, row, color, label) in zip((-0.19, 0.19), parts, strict=True):
        runs = [np.array([rows[row][key] for rows in frames[name]]) for name in names]
        places = np.arange(len(names)) + shift
        mean, spread = zip(*(mean_and_spread(run) for run in runs), strict=True)
        axes.barh(places, mean, 0.36, xerr=spread, color=color, label=label,
                  error_kw={"capsize": 2, "lw": 1})  # fmt: skip
    dense = np.mean([rows[0]["test_accuracy"] for rows in frames[names[0]]])
    axes.axvline(float(dense), color=GRAY, ls=":", label="dense")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="test accuracy")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.subplots_adjust(left=0.24, right=0.85, bottom=0.7 / figure.get_figheight(), top=0.97)
    return figure


@checked
def mean_and_spread(values: Real[np.ndarray, " runs"]) -> tuple[float, float]:
    """Return mean and standard deviation (0 for a single run). Raises ValueError for no runs."""
    if not len(values):
        raise ValueError("values is empty: there is no mean")
    return float(values.mean()), float(values.std(ddof=min(1, len(values) - 1)))


@checked
def over_epochs(
    panels: Mapping[str, Mapping[str, Runs]],
    levels: Mapping[str, Number],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw one panel per title: a share in [0, 1] over the epochs, mean ± std over seeds.

    `panels` is {title: {label: runs (seeds, epochs)}}; `levels` draws a dotted line with its name
    into each panel. Raises ValueError if there are no panels, or runs of different lengths.
    """
    _check_given("panels", panels)
    for title, curves in panels.items():
        for label, runs in curves.items():
            _check_runs(f"panels[{title!r}][{label!r}]", runs)
    figure, axes = blank(figure, 4.4 * len(panels) + 0.4, 3.4, columns=len(panels))
    for one, (title, curves) in zip(axes, panels.items(), strict=True):
        for (label, runs), color in zip(curves.items(), colors(len(curves)), strict=True):
            values = np.array(runs)
            mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
            epochs = np.arange(len(mean))
            one.plot(epochs, mean, ".-", color=color, label=label)
            one.fill_between(epochs, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        for name, level in levels.items():
            one.axhline(level, color=GRAY, ls=":")
            one.text(0, level + 0.01, name, fontsize=8, color=GRAY)
        one.set(title=title, xlabel="epoch", ylim=(-0.02, 1.05))
        one.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        one.legend(frameon=False, fontsize=9, loc=(0.5, 0.22))
    width = figure.get_figwidth()
    figure.subplots_adjust(left=0.6 / width, right=1 - 0.15 / width, bottom=0.15, top=0.9)
    return figure


@checked
def over_sizes(
    curves: Mapping[str, Runs],
    sizes: Sequence[Count],
    total: Count,
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw accuracy against the number of directions in which training was allowed.

    `curves` maps a label to runs (seeds, sizes). Raises ValueError if there are no sizes, and for
    runs of another length.
    """
    if not sizes:
        raise ValueError("sizes is empty: nothing to draw")
    for label, runs in curves.items():
        _check_runs(f"curves[{label!r}]", runs, len(sizes))
    figure, (axes,) = blank(figure, 7.5, 3.6)
    for (label, runs), color in zip(curves.items(), colors(len(curves)), strict=True):
        values = np.array(runs)
        spread = values.std(axis=0, ddof=min(1, len(values) - 1))
        axes.errorbar(sizes, values.mean(axis=0), spread, fmt="o-", ms=4, capsize=3, color=color,
                      label=label)  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(ylim=(0, 1), xlabel=f"directions, of {total:,}", ylabel="test accuracy")
    axes.legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.15, top=0.96)
    return figure


def _check_given(name: str, mapping: Mapping[str, Any]) -> None:
    if not mapping or not all(len(part) for part in mapping.values()):
        raise ValueError(f"{name} is empty, or has an empty member: nothing to draw")


def _check_runs(name: str, runs: Runs, length: int | None = None) -> None:
    lengths = {len(run) for run in runs}
    if len(lengths) != 1 or 0 in lengths or length not in (None, *lengths):
        raise ValueError(f"{name} must be runs of {length or 'one'} length, not {lengths}")
