"""What the readings of the paper are worth: accuracies, and where the gradient really is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from ....engine.results import Runs, Values, spread
from ....ideas.checks import Count, Number, Share, checked
from ...pictures import describe, picture
from ..curves import band, check_filled
from ..style import BLUE, GRAY, ORANGE, blank


@picture("06_imc_spectral_gaps/readings")
@checked
def readings(
    runs: Runs, dense: Float[np.ndarray, " seeds"], *, figure: Figure | None = None
) -> Figure:
    """Show the accuracy of each reading at once after the cut and after retraining.

    `runs` of recipes of one round, as `compare` gives them: mean ± standard deviation over seeds.
    `dense` are accuracies (seeds,) of the dense network after as many epochs: a line and a band.
    Raises ValueError if either is empty, or a run has no round after the cut.
    """
    return _just_cut_and_retrained(runs, dense, figure)


@picture("06_imc_spectral_gaps/variants")
@checked
def variants(
    runs: Runs, dense: Float[np.ndarray, " seeds"], *, figure: Figure | None = None
) -> Figure:
    """Show the same as `readings` for readings with several rewinds: the committed record."""
    return _just_cut_and_retrained(runs, dense, figure)


def _just_cut_and_retrained(runs: Runs, dense: Values, figure: Figure | None) -> Figure:
    check_filled(runs=runs, dense=dense)
    figure, (axes,) = blank(figure, 8.5, 0.42 * len(runs) + 1.1)
    names, retrained = list(runs), runs.over_rounds("test_accuracy")
    just_cut = runs.over_rounds("pruned_test_accuracy")
    short = [name for name in names if retrained[name].shape[1] < 2]
    if short:
        raise ValueError(f"runs of {short} have no round after the cut")
    for shift, values, color, label in (
        (-0.19, [just_cut[name][:, 0] for name in names], ORANGE, "just cut"),
        (0.19, [retrained[name][:, 1] for name in names], BLUE, "retrained"),
    ):
        _draw_bars(axes, np.arange(len(names)) + shift, values, color, label)
    axes.axvline(dense.mean(), color=GRAY, ls=":", label="dense, as\nmany epochs")
    axes.axvspan(dense.mean() - spread(dense), dense.mean() + spread(dense), color=GRAY, alpha=0.3)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="test accuracy")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.subplots_adjust(left=0.24, right=0.835, bottom=0.7 / figure.get_figheight(), top=0.97)
    told = [
        f"{name} {just_cut[name][:, 0].mean():.0%}, {retrained[name][:, 1].mean():.0%}"
        for name in names
    ]
    return describe(
        figure,
        f"Test accuracy just cut and retrained, mean over seeds, where the dense network after as "
        f"many epochs has {dense.mean():.0%}: {'; '.join(told)}.",
    )


@picture("06_imc_spectral_gaps/over_sparsity")
@checked
def over_sparsity(
    runs: Runs,
    dense: Float[np.ndarray, " seeds"],
    found: Share = 0.47,
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw the paper's Figure 1: accuracy against the sparsity at which a network was cut once.

    `runs` as `papers.imc.over_sparsities` gathers them: mean ± standard deviation over seeds;
    `dense` as in `readings`; `found` is the sparsity that the paper calls 0. Raises ValueError if
    there are none, KeyError for rows without "sparsity".
    """
    check_filled(runs=runs, dense=dense)
    figure, (axes,) = blank(figure, 7.5, 3.7)
    band(axes, runs, "test_accuracy", x="sparsity")
    _draw_level(axes, dense)
    axes.axvline(found, color=GRAY, ls="--", lw=1)
    axes.text(found + 0.01, 0.02, "the paper's 0", transform=axes.get_xaxis_transform(),
              fontsize=8, color=GRAY)  # fmt: skip
    axes.axvspan(found - 0.2, found + 0.2, color=GRAY, alpha=0.08)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="sparsity (shaded: the range of Figure 1)", ylabel="test accuracy")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.subplots_adjust(left=0.1, right=0.77, bottom=0.15, top=0.96)
    return describe(
        figure,
        f"Test accuracy against sparsity, mean and standard deviation over seeds, where the dense "
        f"network has {dense.mean():.0%}. At the largest sparsity: "
        f"{_means(runs.last('test_accuracy'))}.",
    )


@picture("06_imc_spectral_gaps/over_pretraining")
@checked
def over_pretraining(
    panels: Mapping[str, Runs],
    dense: Float[np.ndarray, " seeds"],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw the paper's Figure 2: accuracy against the epochs before the cut, a panel for a score.

    `panels` map a score to its variants as `papers.imc.over_epochs` gathers them; `dense` as in
    `readings`. Raises ValueError if there are none, KeyError for rows without "first".
    """
    check_filled(panels=panels, dense=dense)
    figure, axes = blank(figure, 8.6, 3.1, columns=len(panels), sharey=True)
    for panel, (score, runs) in zip(axes, panels.items(), strict=True):
        band(panel, runs, "test_accuracy", x="first")
        _draw_level(panel, dense)
        ticks = sorted(set(runs.over_rounds("first")[next(iter(runs))][0].astype(int)))
        panel.set_xscale("log")
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
        panel.set(title=score, xlabel="epochs before the cut")
    axes[0].set_ylabel("test accuracy")
    axes[-1].legend(frameon=False, fontsize=8, loc="lower right")
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.16, top=0.9, wspace=0.08)
    told = [f"{score}: {_means(runs.last('test_accuracy'))}" for score, runs in panels.items()]
    return describe(
        figure,
        f"Test accuracy against the epochs before the cut, mean and standard deviation over seeds, "
        f"where the dense network has {dense.mean():.0%}. Cut last, {'; '.join(told)}.",
    )


def _draw_level(axes: Axes, dense: Values) -> None:
    axes.axhline(dense.mean(), color=GRAY, ls=":", label="dense")
    axes.axhspan(dense.mean() - spread(dense), dense.mean() + spread(dense), color=GRAY, alpha=0.3)


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
def over_sizes(panels: Mapping[str, Runs], total: Count, *, figure: Figure | None = None) -> Figure:
    """Draw accuracy against the number of directions in which training was allowed.

    `panels` map where training started to runs; these map the name of a space to rows, one per
    size, with "directions" of `total` and "test_accuracy". Raises ValueError if there are none, and
    unless all have the same sizes.
    """
    check_filled(panels=panels)
    directions = [seeds for runs in panels.values()
                  for seeds in runs.over_rounds("directions").values()]  # fmt: skip
    every = {tuple(map(int, sizes)) for seeds in directions for sizes in seeds}
    if len(every) != 1:
        raise ValueError(f"runs must all have the same directions, not {every}")
    sizes = list(every.pop())
    figure, axes = blank(figure, 8.2, 3.1, columns=len(panels), sharey=True)
    told = []
    for panel, (title, runs) in zip(axes, panels.items(), strict=True):
        band(panel, runs, "test_accuracy", x="directions")
        panel.set_xscale("log")
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.minorticks_off()
        panel.set(title=title, ylim=(0, 1), xlabel=f"directions, of {total:,}")
        told.append(f"{title} {_means(runs.last('test_accuracy'))}")
    axes[0].set_ylabel("test accuracy")
    axes[-1].legend(frameon=False, fontsize=9, loc="lower right")
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.16, top=0.9, wspace=0.08)
    return describe(
        figure,
        f"Test accuracy after training inside a subspace, mean and standard deviation over seeds. "
        f"With {sizes[-1]:,} of {total:,} directions: {'; '.join(told)}.",
    )
