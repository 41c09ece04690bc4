"""What the readings of the paper are worth: accuracies of records, and where the gradient is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from ....checks import Count, Number, Share
from ....engine.results import Runs, Values, spread
from ....kit.page import GRAY, ORANGE, Page, apart, figure
from ...curves import band
from ...palette import BROWN
from .directions import color_of

# What the scores of a record are called in the lesson.
NAMES = {
    "flat leverage": "letter: mass in flat",
    "random": "random",
    "sharp leverage": "mass in sharp",
    "brain damage": "price",
    "magnitude": "magnitude",
}
COLORS = {"random": GRAY, "magnitude": ORANGE, "brain damage": BROWN}


def _color(score: str) -> str:
    return COLORS.get(score, color_of(score))


@figure("06_imc_spectral_gaps/just_cut_and_retrained")
def just_cut_and_retrained(page: Page, runs: Runs, dense: Float[np.ndarray, " seeds"]) -> str:
    """Show each score's accuracy just after the cut, an open dot, and retrained, a filled one.

    `runs` of recipes of one round, labelled "score" or "score, rewind"; dots are means over seeds,
    short lines reach from the worst seed to the best. `dense` are accuracies (seeds,) of the dense
    network after as many epochs.
    """
    height = 0.42 * len(runs) + 1.0
    (axes,) = page(7.2, height, edges=(0.22, 0.97, 0.55 / height, 0.93))
    retrained, just = runs.over_rounds("test_accuracy"), runs.over_rounds("pruned_test_accuracy")
    told = []
    for row, name in enumerate(runs):
        score = name.split(",")[0]
        color, before, after = _color(score), 100 * just[name][:, 0], 100 * retrained[name][:, 1]
        axes.plot([before.mean(), after.mean()], [row, row], color=color, lw=2, alpha=0.5)
        for values, face in ((before, "white"), (after, color)):
            axes.plot([values.min(), values.max()], [row, row], color=color, lw=5, alpha=0.4)
            axes.plot(values.mean(), row, "o", color=color, mfc=face, ms=8, mew=2)
        told.append(f"{NAMES.get(score, score)} {before.mean():.0f}%, {after.mean():.0f}%")
    axes.axvline(100 * dense.mean(), color=GRAY, ls=":")
    axes.text(100 * dense.mean() + 0.5, -0.62, "dense", color=GRAY, fontsize=8)
    axes.set_yticks(
        range(len(runs)), [NAMES.get(name.split(",")[0], name.split(",")[0]) for name in runs]
    )
    axes.set(xlim=(0, 100), ylim=(len(runs) - 0.4, -0.8))
    axes.set_xlabel("% right: open, just cut; filled, retrained")
    return (
        f"Test accuracy just cut and retrained, mean over {len(dense)} seeds, where the dense "
        f"network after as many epochs has {100 * dense.mean():.0f}%: {'; '.join(told)}."
    )


@figure("06_imc_spectral_gaps/over_density")
def over_density(
    page: Page, runs: Runs, dense: Float[np.ndarray, " seeds"], *, density: Share | None = None
) -> str:
    """Draw the paper's Figure 1: accuracy over the density to which a network was cut once.

    `runs` as `papers.imc.over_sparsities` gathers them: mean over seeds, and a band of ± one
    standard deviation. `dense` as in `just_cut_and_retrained`. Drawn down to `density`, by default
    to the end. Raises ValueError for a density that the runs have not.
    """
    tables, sparsities = runs.over_rounds("test_accuracy"), runs.over_rounds("sparsity")
    places = 100 * (1 - next(iter(sparsities.values())).mean(axis=0))
    wanted = places[-1] if density is None else 100 * density
    now = int(np.abs(places - wanted).argmin())
    if abs(places[now] - wanted) > 0.6:
        raise ValueError(f"density={density} is none of {(places / 100).round(2).tolist()}")
    (axes,) = page(7.2, 3.3, edges=(0.09, 0.76, 0.16, 0.95))
    axes.axhline(100 * dense.mean(), color=GRAY, ls=":")
    axes.text(74.5, 100 * dense.mean() + 1.5, "dense", color=GRAY, fontsize=8)
    means = {name: 100 * values.mean(axis=0) for name, values in tables.items()}
    heights = apart([mean[now] for mean in means.values()], 6.5)
    for (name, mean), height in zip(means.items(), heights, strict=True):
        color, off = _color(name), 100 * spread(tables[name])
        axes.plot(places[: now + 1], mean[: now + 1], "o-", ms=4, color=color, lw=2)
        axes.fill_between(places[: now + 1], (mean - off)[: now + 1], (mean + off)[: now + 1],
                          color=color, alpha=0.2, lw=0)  # fmt: skip
        axes.text(places[now] - 1.2, height, f"{NAMES.get(name, name)}: {mean[now]:.0f}",
                  color=color, fontsize=9, va="center")  # fmt: skip
    axes.set(xlim=(75, 12), ylim=(0, 100), xlabel="weights kept (%)", ylabel="% right, retrained")
    told = ", ".join(f"{NAMES.get(name, name)} {mean[now]:.0f}%" for name, mean in means.items())
    return (
        f"Test accuracy over the weights that are kept, mean and standard deviation over "
        f"{len(next(iter(tables.values())))} seeds, where the dense network has "
        f"{100 * dense.mean():.0f}%. With {places[now]:.0f}% kept: {told}."
    )


@figure("06_imc_spectral_gaps/over_pretraining")
def over_pretraining(
    page: Page, panels: Mapping[str, Runs], dense: Float[np.ndarray, " seeds"]
) -> str:
    """Draw the paper's Figure 2: accuracy against the epochs before the cut, a panel for a score.

    `panels` map a score to its variants as `papers.imc.over_epochs` gathers them; `dense` as in
    `over_density`.
    """
    axes = page(
        8.6, 3.1, columns=len(panels), sharey=True, edges=(0.08, 0.99, 0.16, 0.9), wspace=0.08
    )
    for panel, (score, runs) in zip(axes, panels.items(), strict=True):
        band(panel, runs, "test_accuracy", x="first", colors=[_color(score)] * len(runs))
        lines = panel.lines[: len(runs)]
        for line, style in zip(lines, ("-", "--", ":"), strict=False):
            line.set(linestyle=style)
        _draw_level(panel, dense)
        ticks = sorted(set(runs.over_rounds("first")[next(iter(runs))][0].astype(int)))
        panel.set_xscale("log")
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
        panel.set(title=NAMES.get(score, score), xlabel="epochs before the cut")
    axes[0].set_ylabel("test accuracy")
    axes[-1].legend(frameon=False, fontsize=8, loc="lower right")
    told = [f"{score}: {_means(runs.last('test_accuracy'))}" for score, runs in panels.items()]
    return (
        f"Test accuracy against the epochs before the cut, mean and standard deviation over seeds, "
        f"where the dense network has {dense.mean():.0%}. Cut last, {'; '.join(told)}."
    )


def _draw_level(axes: Axes, dense: Values) -> None:
    axes.axhline(dense.mean(), color=GRAY, ls=":", label="dense")
    axes.axhspan(dense.mean() - spread(dense), dense.mean() + spread(dense), color=GRAY, alpha=0.3)


def _means(values: Mapping[str, Values]) -> str:
    return ", ".join(f"{label} {seeds.mean():.0%}" for label, seeds in values.items())


@figure("06_imc_spectral_gaps/gradient")
def where_the_gradient_lives(page: Page, runs: Runs, levels: Mapping[str, Number]) -> str:
    """Draw shares of the gradient and of the way from the start over the epochs: mean ± std.

    `runs` map the name of a space to rows, one per "epoch" from 0, with the shares "gradient" and
    "way" in [0, 1] (None where there is no way yet); `levels` draws a dotted line with its name
    into each panel.
    """
    axes = page(8.2, 3.2, columns=2, edges=(0.075, 0.984, 0.16, 0.9))
    epochs = max(float(last.max()) for last in runs.last("epoch").values())
    titles = {"gradient": "of the gradient", "way": "of the way from the start"}
    told = []
    for panel, (key, title) in zip(axes, titles.items(), strict=True):
        band(panel, runs, key, x="epoch", colors=[_color(name) for name in runs])
        panel.lines[-1].set_linestyle("--")
        for name, level in levels.items():
            panel.axhline(level, color=GRAY, ls=":")
            panel.text(-0.3, level + 0.01, name, fontsize=8, color=GRAY)
        panel.set(title=title, xlim=(-0.4, epochs + 0.4), ylim=(-0.02, 1.05))
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        told.append(f"{title} {_means(runs.last(key))}")
    axes[1].legend(frameon=False, fontsize=9, loc=(0.5, 0.27))
    return (
        f"Shares that lie in a space of directions, over the epochs, mean and standard deviation "
        f"over seeds. In the last epoch: {'; '.join(told)}."
    )


@figure("06_imc_spectral_gaps/subspaces")
def over_sizes(page: Page, panels: Mapping[str, Runs], total: Count) -> str:
    """Draw accuracy against the number of directions in which training was allowed.

    `panels` map where training started to runs; these map the name of a space to rows, one per
    size, the same ones everywhere, with "directions" of `total` and "test_accuracy".
    """
    first = next(iter(panels.values())).over_rounds("directions")
    sizes = [int(size) for size in next(iter(first.values()))[0]]
    axes = page(
        8.2, 3.1, columns=len(panels), sharey=True, edges=(0.1, 0.98, 0.16, 0.9), wspace=0.08
    )
    told = []
    for panel, (title, runs) in zip(axes, panels.items(), strict=True):
        band(panel, runs, "test_accuracy", x="directions", colors=[_color(name) for name in runs])
        panel.set_xscale("log")
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.minorticks_off()
        panel.set(title=title, ylim=(0, 1), xlabel=f"directions, of {total:,}")
        told.append(f"{title} {_means(runs.last('test_accuracy'))}")
    axes[0].set_ylabel("test accuracy")
    axes[-1].legend(frameon=False, fontsize=9, loc="lower right")
    return (
        f"Test accuracy after training inside a subspace, mean and standard deviation over seeds. "
        f"With {sizes[-1]:,} of {total:,} directions: {'; '.join(told)}."
    )
