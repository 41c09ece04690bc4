"""Figures of notebook 07: one pair at two paces, all methods at equal density and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from ...checks import Count, Positive, Share, checked
from ...engine.results import Paired, Runs
from ...kit.exercise import attempt
from ...kit.page import BLUE, GRAY, ORANGE, Page, figure
from ...papers.head_to_head import DENSITIES
from ..curves import density_axis, ends
from ..palette import color_of

KEY = "test_accuracy"
# Of a table's colour scale: gaps beyond it look alike.
FULL_COLOUR = 0.05
Gaps = dict[str, list[Paired | None]]
# Cells of a table: (method, number of the density).
Sure = set[tuple[str, int]]


@figure("07_mix_and_match/head_to_head")
def table(
    page: Page,
    boards: Mapping[str, Runs],
    *,
    net: str,
    reference: str = "lottery ticket",
    densities: Sequence[float] = DENSITIES,
) -> str:
    """Draw what every method gains over `reference` at each density, in points, paired by seed.

    `boards` is {network: Runs}. Bold where 0 is left out if all cells are asked together, at 95 %
    (`together`); "–" where a method does not get there. Raises KeyError for an unknown network or
    reference.
    """
    runs = _board(boards, net, reference)
    gaps = _sorted(_gaps(runs, reference, densities))
    (axes,) = page(8.6, 0.4 * len(gaps) + 1.6, edges=(0.24, 0.98, 0.14, 0.9))
    _cells(axes, gaps, sure=together(gaps))
    shown = [f"{100 * density:g}%" for density in densities]
    axes.set_xticks(range(len(shown)), shown)
    axes.set_yticks(range(len(gaps)), list(gaps))
    axes.set(title=f"{net}: points of test accuracy gained over {reference}",
             xlabel="weights that stay")  # fmt: skip
    ahead = [_told(name, pairs, shown) for name, pairs in gaps.items()]
    return (
        f"Table for {net}: what each method gains over {reference} at {', '.join(shown)} of the "
        f"weights, at equal training cost. {'. '.join(ahead)}."
    )


@figure("07_mix_and_match/paces")
def paces(page: Page, records: Mapping[str, Runs], *, pace: str | None = None) -> str:
    """Draw ticket − fine-tuned over density at the first pace, and at another one beside it.

    `records` is {pace: runs} with "ticket" and "fine-tuned"; thin lines are seeds, the thick one is
    their mean, bars its 95 % interval. Without `pace` the right panel is empty: guess it. Raises
    KeyError for a pace that is not there.
    """
    first = next(iter(records))
    left, right = page(7.8, 3.1, columns=2, sharey=True, edges=(0.1, 0.98, 0.17, 0.88), wspace=0.08)
    said = [f"At pace {first}: {_draw_gap(left, records[first], first)}."]
    if pace is None:
        right.text(0.5, 0.5, "guess first", transform=right.transAxes, ha="center", color=GRAY)
        density_axis(right, DENSITIES)
    else:
        said.append(f"At pace {pace}: {_draw_gap(right, records[pace], pace)}.")
    left.set_ylabel("points: ticket − fine-tuned")
    drawn = [np.asarray(line.get_ydata()) for panel in (left, right) for line in panel.lines]
    reach = max(float(np.abs(heights).max()) for heights in drawn)
    for panel in (left, right):
        panel.set(ylim=(-1.15 * reach, 1.15 * reach), xlabel="weights that stay")
        panel.axhspan(0, 9, color=BLUE, alpha=0.07, linewidth=0)
        panel.axhspan(-9, 0, color=ORANGE, alpha=0.07, linewidth=0)
    return "Ticket minus fine-tuned, only the rewind differs, in points. " + " ".join(said)


def _draw_gap(axes: Axes, runs: Runs, pace: str) -> str:
    """Draw the paired gap at each density; return in words where it is certain."""
    at = {label: np.array([runs.at_density(KEY, d)[label] for d in DENSITIES])
          for label in ("ticket", "fine-tuned")}  # fmt: skip
    axes.plot(DENSITIES, 100 * (at["ticket"] - at["fine-tuned"]), color=GRAY, linewidth=0.6)
    pairs = [runs.paired("ticket", "fine-tuned", KEY, density) for density in DENSITIES]
    axes.plot(DENSITIES, [100 * pair.mean for pair in pairs], color="k", linewidth=2)
    for density, pair in zip(DENSITIES, pairs, strict=True):
        axes.plot([density] * 2, [100 * end for end in pair.interval()], color="k", linewidth=1.2)
    axes.axhline(0, color=GRAY, linewidth=0.8)
    axes.set_title(f"pace {pace}: above 0 the ticket is ahead", fontsize=10)
    density_axis(axes, DENSITIES)
    axes.set_xticks(DENSITIES, [f"{100 * density:g}%" for density in DENSITIES])
    told = zip(DENSITIES, pairs, strict=True)
    return ", ".join(f"{100 * density:g}% {100 * pair.mean:+.1f}" for density, pair in told)


@figure("07_mix_and_match/one_cell")
def one_cell(page: Page, runs: Runs) -> str:
    """Draw the accuracy of the ticket and, where there is one, of "yours", over density."""
    (axes,) = page(5.6, 3.1, edges=(0.15, 0.84, 0.17, 0.95))
    density, right = runs.over_rounds("density"), runs.over_rounds(KEY)
    for label in runs:
        color = color_of(label)
        place, mean = density[label].mean(axis=0), right[label].mean(axis=0)
        axes.plot(density[label].T, right[label].T, color=color, linewidth=0.6)
        axes.plot(place, mean, ".-", color=color, linewidth=2)
        axes.annotate(label, (place[-1], mean[-1]), xytext=(6, 0), textcoords="offset points",
                      va="center", color=color)  # fmt: skip
    density_axis(axes, [1.0, min(float(d.min()) for d in density.values())])
    axes.set(xlabel="weights that stay", ylabel="test accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    return f"Test accuracy over density, a thin line a seed. In the last round: {ends(runs, KEY)}."


@figure("07_mix_and_match/cost")
def cost(page: Page, runs: Runs, paid: Any, dense: Count, halving: Positive) -> str:
    """Draw the epochs that runs have paid when they reach a density, and a student's `paid`.

    `paid(dense, halving, density)` is drawn black over them, if it returns numbers.
    """
    (axes,) = page(6, 3.4, edges=(0.12, 0.84, 0.16, 0.95))
    spent = runs.with_costs()
    for label in runs:
        place = spent.over_rounds("density")[label].mean(axis=0)
        epochs = spent.over_rounds("cost")[label].mean(axis=0)
        axes.step(place, epochs, where="post", color=color_of(label), label=label)
    yours = [attempt(paid, dense, halving, density) for density in DENSITIES]
    if all(isinstance(value, (int, float)) for value in yours):
        axes.plot(DENSITIES, yours, "o-", color="k", label="yours")
    density_axis(axes, DENSITIES)
    axes.set_xticks(DENSITIES, [f"{100 * density:g}%" for density in DENSITIES])
    axes.set(xlabel="weights that stay", ylabel="epochs paid")
    axes.legend(frameon=False, fontsize=9)
    return (
        f"Epochs paid until a density is reached, at pace {dense} + {halving:g}, for "
        f"{' and '.join(runs)}: the same stairs. {'Your line lies under them.' if yours[0] else ''}"
    )


@figure("07_mix_and_match/interval")
def interval(page: Page, runs: Runs, gap: Any, density: Positive = 0.05) -> str:
    """Draw the gaps of all seeds at one density, their mean and interval, and a student's `gap`.

    `gap(a, b)` gets the accuracies of both methods and returns mean and half the interval; it is
    drawn black over ours.
    """
    (axes,) = page(6, 2.4, edges=(0.12, 0.97, 0.24, 0.9))
    at = runs.at_density(KEY, density)
    pair = runs.paired("ticket", "fine-tuned", KEY, density)
    low, high = pair.interval()
    axes.plot(100 * (at["ticket"] - at["fine-tuned"]), np.zeros(pair.seeds), "o", color=GRAY)
    axes.plot([100 * low, 100 * high], [1, 1], color=ORANGE, linewidth=7, alpha=0.8)
    said = attempt(gap, *(torch.tensor(at[label]) for label in ("ticket", "fine-tuned")))
    drawn = isinstance(said, (tuple, list)) and len(said) == 2
    if drawn:
        mean, half = (100 * float(part) for part in said)
        axes.errorbar(mean, 1, xerr=half, fmt="o", color="k", capsize=4)
    axes.axvline(0, color=GRAY, linewidth=0.8)
    axes.set_yticks((0, 1), ("seeds", "interval"))
    axes.set(ylim=(-0.6, 1.6), xlabel=f"points: ticket − fine-tuned, at {density:.0%}")
    return (
        f"At {density:.0%} the gap of {pair.seeds} seeds is {100 * pair.mean:+.2f} points, with "
        f"95 % from {100 * low:+.2f} to {100 * high:+.2f}. Yours is {'drawn' if drawn else 'open'}."
    )


def _board(boards: Mapping[str, Runs], net: str, *labels: str) -> Runs:
    if net not in boards:
        raise KeyError(f"net={net!r} is none of {list(boards)}")
    boards[net].only(*labels)
    return boards[net]


def _gaps(runs: Runs, reference: str, densities: Sequence[float]) -> Gaps:
    """Return the paired gaps of every other method, None where they do not meet."""

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


def together(gaps: Gaps, alpha: Share = 0.05) -> Sure:
    """Tell which gaps are certain if all are asked together: Holm's step-down test.

    The smallest of m p-values is held against α / m, the next against α / (m − 1), and so on until
    one fails. Of many tables made so, at most `alpha` have a wrong cell. Source: Holm (1979).
    """
    from scipy.special import stdtr  # scipy.stats takes a second to load

    p_values = {}
    for label, pairs in gaps.items():
        for column, pair in enumerate(pairs):
            if pair is not None and pair.seeds > 1 and pair.std > 0:
                t = abs(pair.mean) / (pair.std / math.sqrt(pair.seeds))
                p_values[label, column] = 2 * float(stdtr(pair.seeds - 1, -t))
    sure: Sure = set()
    for rank, cell in enumerate(sorted(p_values, key=p_values.__getitem__)):
        if p_values[cell] > alpha / (len(p_values) - rank):
            break
        sure.add(cell)
    return sure


@checked
def certain(
    boards: Mapping[str, Runs], net: str, reference: str = "lottery ticket"
) -> tuple[int, int, int]:
    """Count a network's cells: all, those certain alone, and those certain together."""
    gaps = _gaps(_board(boards, net, reference), reference, DENSITIES)
    there = [pair for pairs in gaps.values() for pair in pairs if pair is not None]
    return len(there), int(sum(map(_certain, there))), len(together(gaps))


def _cells(axes: Axes, gaps: Gaps, sure: Sure) -> None:
    values = np.array([[np.nan if pair is None else pair.mean for pair in pairs]
                       for pairs in gaps.values()])  # fmt: skip
    axes.imshow(values, cmap="PuOr", vmin=-FULL_COLOUR, vmax=FULL_COLOUR, aspect="auto")
    for row, (label, pairs) in enumerate(gaps.items()):
        for column, pair in enumerate(pairs):
            bold = (label, column) in sure
            text = "–" if pair is None else f"{100 * pair.mean:+.1f}"
            dark = pair is not None and abs(pair.mean) > 0.7 * FULL_COLOUR
            axes.text(column, row, text, ha="center", va="center", fontsize=10,
                      color="white" if dark else "black" if bold else "#555555",
                      fontweight="bold" if bold else "normal")  # fmt: skip


def _certain(pair: Paired | None) -> bool:
    """Tell whether the 95 % interval of a gap leaves 0 out."""
    if pair is None:
        return False
    low, high = pair.interval()
    return low > 0 or high < 0


def _told(name: str, pairs: Sequence[Paired | None], shown: Sequence[str]) -> str:
    """Say where a method is ahead or behind for certain."""
    words = []
    for side, sign in (("ahead", 1), ("behind", -1)):
        there = [density for density, pair in zip(shown, pairs, strict=False)
                 if pair is not None and _certain(pair) and sign * pair.mean > 0]  # fmt: skip
        words += [f"{side} at {', '.join(there)}"] * bool(there)
    return f"{name} is " + (" and ".join(words) if words else "nowhere clearly ahead or behind")
