"""Notebook 07: all methods at equal density and equal cost, beside one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...engine.results import Paired, Runs
from ...ideas.checks import checked
from ...papers.head_to_head import DENSITIES, means
from ..pictures import describe, picture
from .curves import check_filled, density_axis
from .style import BLUE, GRAY, ORANGE, RED, blank

KEY = "test_accuracy"
# Of a table's colour scale: gaps beyond it look alike.
FULL_COLOUR = 0.05
Gaps = dict[str, list[Paired | None]]


@picture("07_mix_and_match/head_to_head")
@checked
def table(
    boards: Mapping[str, Runs],
    *,
    net: str,
    reference: str = "lottery ticket",
    densities: Sequence[float] = DENSITIES,
    figure: Figure | None = None,
) -> Figure:
    """Draw what every method gains over `reference` at each density, in points, paired by seed.

    `boards` is {network: Runs}. Bold where the 95 % interval leaves 0 out; "–" where a method does
    not get there. Raises KeyError for an unknown network or reference.
    """
    runs = _board(boards, net, reference)
    gaps = _sorted(_gaps(runs, reference, densities))
    figure, (axes,) = blank(figure, 8.6, 0.4 * len(gaps) + 1.6)
    _cells(axes, gaps)
    shown = [f"{100 * density:g}%" for density in densities]
    axes.set_xticks(range(len(shown)), shown)
    axes.set_yticks(range(len(gaps)), list(gaps))
    axes.set(title=f"{net}: points of test accuracy gained over {reference}",
             xlabel="weights that stay")  # fmt: skip
    figure.subplots_adjust(left=0.24, right=0.98, top=0.9, bottom=0.14)
    ahead = [_told(name, pairs, shown) for name, pairs in gaps.items()]
    return describe(
        figure,
        f"Table for {net}: what each method gains over {reference} at {', '.join(shown)} of the "
        f"weights, at equal training cost. {'. '.join(ahead)}.",
    )


@picture("07_mix_and_match/rivals")
@checked
def beside(
    boards: Mapping[str, Runs],
    *,
    net: str,
    method: str,
    reference: str = "lottery ticket",
    densities: Sequence[float] = DENSITIES,
    figure: Figure | None = None,
) -> Figure:
    """Draw one method beside `reference`: both accuracies, and the paired gap of every seed.

    `boards` as in `table`. Raises KeyError for an unknown network, method or reference.
    """
    runs = _board(boards, net, reference, method)
    figure, axes = blank(figure, 9.4, 3.8, columns=2)
    for label, color in ((reference, GRAY), (method, BLUE)):
        at = [runs.at_density(KEY, density)[label] for density in densities]
        _mean_and_seeds(axes[0], densities, at, color, label)
    axes[0].set(title=net, ylabel="test accuracy")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].legend(frameon=False)
    pairs = _gaps(runs.only(reference, method), reference, densities).get(method, [])
    _intervals(axes[1], densities, pairs)
    axes[1].set(title="the gap, and where it lies for all seeds (95 %)", ylabel="gained")
    axes[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=2))
    shown = [f"{100 * density:g}%" for density in densities]
    for panel in axes:
        density_axis(panel, densities)
        panel.set_xticks(densities, shown)
        panel.set_xlabel("weights that stay")
    figure.subplots_adjust(left=0.08, right=0.98, top=0.9, bottom=0.15, wspace=0.25)
    told = _told(method, pairs, shown)
    return describe(figure, f"{net}, {method} beside {reference}, over densities. {told}.")


@picture("07_mix_and_match/trials")
@checked
def tried(trials: Runs, *, net: str, figure: Figure | None = None) -> Figure:
    """Draw the mean validation accuracy of every setting that was tried, the chosen ones filled.

    `trials` are labelled "method: setting". Raises ValueError for no trials.
    """
    check_filled(trials=trials)
    by_method: dict[str, list[float]] = {}
    for label, mean in means(trials).items():
        by_method.setdefault(label.partition(": ")[0], []).append(mean)
    order = sorted(by_method, key=lambda method: max(by_method[method]))
    figure, (axes,) = blank(figure, 7.6, 0.34 * len(order) + 1.3)
    for height, method in enumerate(order):
        values = by_method[method]
        axes.plot(values, [height] * len(values), "o", color=BLUE, markerfacecolor="none")
        axes.plot(max(values), height, "o", color=BLUE)
    axes.set_yticks(range(len(order)), [f"{name} ({len(by_method[name])})" for name in order])
    axes.set(title=f"{net}: settings tried on one seed",
             xlabel="mean validation accuracy over the six densities")  # fmt: skip
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.subplots_adjust(left=0.3, right=0.97, top=0.9, bottom=0.16)
    best = ", ".join(f"{name} {max(by_method[name]):.1%}" for name in reversed(order))
    return describe(figure, f"Every setting tried on {net}; the best of each method: {best}.")


def _board(boards: Mapping[str, Runs], net: str, *labels: str) -> Runs:
    if net not in boards:
        raise KeyError(f"net={net!r} is none of {list(boards)}")
    boards[net].only(*labels)
    return boards[net]


def _gaps(runs: Runs, reference: str, densities: Sequence[float]) -> Gaps:
    """Return the paired gaps of every other method, None where they do not meet."""
    check_filled(densities=densities)

    def gap(label: str, density: float) -> Paired | None:
        try:
            return runs.paired(label, reference, KEY, density)
        except ValueError:
            return None

    return {label: [gap(label, density) for density in densities]
            for label in runs if label != reference}  # fmt: skip


def _sorted(gaps: Gaps) -> Gaps:
    """Return the methods with the largest mean gap first."""

    def mean(label: str) -> float:
        known = [pair.mean for pair in gaps[label] if pair is not None]
        return float(np.mean(known)) if known else -np.inf

    return {label: gaps[label] for label in sorted(gaps, key=mean, reverse=True)}


def _cells(axes: Axes, gaps: Gaps) -> None:
    values = np.array([[np.nan if pair is None else pair.mean for pair in pairs]
                       for pairs in gaps.values()])  # fmt: skip
    axes.imshow(values, cmap="PuOr", vmin=-FULL_COLOUR, vmax=FULL_COLOUR, aspect="auto")
    for row, pairs in enumerate(gaps.values()):
        for column, pair in enumerate(pairs):
            text = "–" if pair is None else f"{100 * pair.mean:+.1f}"
            dark = pair is not None and abs(pair.mean) > 0.7 * FULL_COLOUR
            axes.text(column, row, text, ha="center", va="center", fontsize=10,
                      color="white" if dark else "black" if _certain(pair) else "#555555",
                      fontweight="bold" if _certain(pair) else "normal")  # fmt: skip


def _certain(pair: Paired | None) -> bool:
    """Tell whether the 95 % interval of a gap leaves 0 out."""
    if pair is None:
        return False
    low, high = pair.interval()
    return low > 0 or high < 0


def _mean_and_seeds(
    axes: Axes, densities: Sequence[float], at: Sequence[np.ndarray], color: str, label: str
) -> None:
    seeds = np.array(at)
    axes.plot(densities, seeds.mean(axis=1), "-", color=color, label=label)
    axes.plot(densities, seeds, ".", color=color, alpha=0.5)


def _intervals(axes: Axes, densities: Sequence[float], pairs: Sequence[Paired | None]) -> None:
    axes.axhline(0, color=GRAY, linewidth=0.8)
    for density, pair in zip(densities, pairs, strict=False):
        if pair is None:
            continue
        low, high = pair.interval()
        color = (ORANGE if high < 0 else BLUE) if _certain(pair) else GRAY
        axes.plot([density, density], [low, high], color=color, linewidth=2)
        axes.plot(density, pair.mean, "o", color=color)
    if not any(pairs):
        axes.text(0.5, 0.5, "they never meet", transform=axes.transAxes, ha="center", color=RED)


def _told(name: str, pairs: Sequence[Paired | None], shown: Sequence[str]) -> str:
    """Say where a method is ahead or behind for certain."""
    words = []
    for side, sign in (("ahead", 1), ("behind", -1)):
        there = [density for density, pair in zip(shown, pairs, strict=False)
                 if pair is not None and _certain(pair) and sign * pair.mean > 0]  # fmt: skip
        words += [f"{side} at {', '.join(there)}"] * bool(there)
    return f"{name} is " + (" and ".join(words) if words else "nowhere clearly ahead or behind")
