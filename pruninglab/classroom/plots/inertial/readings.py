"""What the readings of the paper are worth: accuracies, and where the gradient really is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from ....engine.results import Runs, Values, spread
from ....ideas.checks import Count, Number, checked
from ...pictures import describe, picture
from ..curves import band
from ..style import BLUE, GRAY, ORANGE, blank


@picture("06_imc_spectral_gaps/readings")
@checked
def readings(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Show the accuracy of each reading at once after the cut and after retraining.

    `runs` of recipes of one round, as `compare` gives them: mean ± standard deviation over seeds,
    and a line for the dense network. Raises ValueError if there are none.
    """
    return _just_cut_and_retrained(runs, figure)


@picture("06_imc_spectral_gaps/variants")
@checked
def variants(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Show the same as `readings` for readings with several rewinds: the committed record."""
    return _just_cut_and_retrained(runs, figure)


def _just_cut_and_retrained(runs: Runs, figure: Figure | None) -> Figure:
    if not runs:
        raise ValueError("runs is empty: nothing to draw")
    figure, (axes,) = blank(figure, 8.5, 0.42 * len(runs) + 1.1)
    names, retrained = list(runs), runs.over_rounds("test_accuracy")
    just_cut = runs.over_rounds("pruned_test_accuracy")
    short = [name for name in names if retrained[name].shape[1] < 2]
    if short:
        raise ValueError(f"runs of {short} have no round after the cut")
    dense = float(np.mean([values[:, 0].mean() for values in retrained.values()]))
    for shift, values, color, label in (
        (-0.19, [just_cut[name][:, 0] for name in names], ORANGE, "just cut"),
        (0.19, [retrained[name][:, 1] for name in names], BLUE, "retrained"),
    ):
        _draw_bars(axes, np.arange(len(names)) + shift, values, color, label)
    axes.axvline(dense, color=GRAY, ls=":", label="dense")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="test accuracy")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.subplots_adjust(left=0.24, right=0.85, bottom=0.7 / figure.get_figheight(), top=0.97)
    told = [
        f"{name} {just_cut[name][:, 0].mean():.0%}, {retrained[name][:, 1].mean():.0%}"
        for name in names
    ]
    return describe(
        figure,
        f"Test accuracy just cut and retrained, mean over seeds, where the dense network has "
        f"{dense:.0%}: {'; '.join(told)}.",
    )


def _draw_bars(
    axes: Axes, places: NDArray[Any], values: list[Values], color: str, label: str
) -> None:
    axes.barh(
        places, [seeds.mean() for seeds in values], 0.36, xerr=[spread(seeds) for seeds in values],
        color=color, label=label, error_kw={"capsize": 2, "lw": 1},
    )  # fmt: skip


def _means(values: Mapping[str, Values]) -> str:
    return ", ".join(f"{label} {seeds.mean():.0%}" for label, seeds in values.items())


@picture("06_imc_spectral_gaps/gradient")
@checked
def where_the_gradient_lives(
    runs: Runs, levels: Mapping[str, Number], *, figure: Figure | None = None
) -> Figure:
    """Draw shares of the gradient and of the way from the start over the epochs: mean ± std.

    `runs` map the name of a space to rows, one per "epoch" from 0, with the shares "gradient" and
    "way" in [0, 1] (None where there is no way yet); `levels` draws a dotted line with its name
    into each panel. Raises ValueError if there are no runs.
    """
    if not runs:
        raise ValueError("runs is empty: nothing to draw")
    figure, axes = blank(figure, 9.2, 3.4, columns=2)
    epochs = max(float(last.max()) for last in runs.last("epoch").values())
    titles = {"gradient": "of the gradient", "way": "of the way from the start"}
    told = []
    for panel, (key, title) in zip(axes, titles.items(), strict=True):
        band(panel, runs, key, x="epoch")
        for name, level in levels.items():
            panel.axhline(level, color=GRAY, ls=":")
            panel.text(-0.3, level + 0.01, name, fontsize=8, color=GRAY)
        panel.set(title=title, xlim=(-0.4, epochs + 0.4), ylim=(-0.02, 1.05))
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panel.legend(frameon=False, fontsize=9, loc=(0.5, 0.27))
        told.append(f"{title} {_means(runs.last(key))}")
    figure.subplots_adjust(left=0.065, right=0.984, bottom=0.15, top=0.9)
    return describe(
        figure,
        f"Shares that lie in a space of directions, over the epochs, mean and standard deviation "
        f"over seeds. In the last epoch: {'; '.join(told)}.",
    )


@picture("06_imc_spectral_gaps/subspaces")
@checked
def over_sizes(runs: Runs, total: Count, *, figure: Figure | None = None) -> Figure:
    """Draw accuracy against the number of directions in which training was allowed.

    `runs` map the name of a space to rows, one per size, with "directions" of `total` and
    "test_accuracy". Raises ValueError if there are no runs, and unless all have the same sizes.
    """
    if not runs:
        raise ValueError("runs is empty: nothing to draw")
    directions = runs.over_rounds("directions").values()
    every = {tuple(map(int, sizes)) for seeds in directions for sizes in seeds}
    if len(every) > 1:
        raise ValueError(f"runs must all have the same directions, not {every}")
    sizes = list(every.pop())
    figure, (axes,) = blank(figure, 7.5, 3.6)
    band(axes, runs, "test_accuracy", x="directions")
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set(ylim=(0, 1), xlabel=f"directions, of {total:,}", ylabel="test accuracy")
    axes.legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.15, top=0.96)
    return describe(
        figure,
        f"Test accuracy after training from a random start inside a subspace, mean and standard "
        f"deviation over seeds. With {sizes[-1]:,} of {total:,} directions: "
        f"{_means(runs.last('test_accuracy'))}.",
    )
