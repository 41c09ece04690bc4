"""Figures of notebook 07: the board, and two papers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...checks import Positive
from ...engine.recipes import CHOICES
from ...engine.results import Runs, Values, spread
from ...kit.page import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, SKY, Page, figure
from ...papers.rows import QUESTIONS, ROWS, differing, one_by_one
from ..curves import band, density_axis

# The newest row, then what runs beside it.
NEWEST = (BLUE, ORANGE, RED)
EARLIER = (GREEN, PURPLE, SKY)
PALE = "#c8c8c8"
# Below this density no row is drawn behind the board's own.
FLOOR = 0.009
# Lines of the leaderboard that fit; of bars, the latest.
MOST_LINES, MOST_BARS = 6, 8
COLUMNS = (0.57, 0.64, 0.71, 0.83, 0.945, 0.995)
Lines = Mapping[str, Sequence[str]]
# Where the five columns of the table of papers begin.
PLACES = (0.13, 0.34, 0.54, 0.64, 0.86)


@figure("07_mix_and_match/board")
def board(
    page: Page,
    rows: Mapping[str, Runs],
    lines: Lines,
    *,
    newest: str,
    heads: Sequence[str],
    behind: Runs | None = None,
    at: Positive = 0.1,
) -> str:
    """Draw the rows of a board: accuracy against density, epochs used, layers, leaderboard.

    `rows` are runs by row; in each the first method is the row itself, the others run beside it at
    the same density and cost. `newest` is drawn with these, the others alone. `lines` is the
    leaderboard, the best first: the cells of each row, under `heads`; `at` its density. `behind`
    are runs in gray.
    """
    curves, epochs, layers, table = _panels(page.figure)
    letters = {row: ascii_uppercase[i % 26] for i, row in enumerate(rows)}
    _curves(curves, rows, letters, newest, behind)
    curves.axvline(at, color=GRAY, linewidth=0.8, linestyle=":")
    _epochs(epochs, rows, letters, newest)
    said = _layers(layers, rows[newest])
    _table(table, lines, letters, heads)
    own = next(iter(rows[newest]))
    best = [f"{', '.join(cells[:1])} {letters.get(row, '')} {row}: "
            + ", ".join(f"{head} {cell}" for head, cell in zip(heads[2:], cells[1:], strict=False))
            for row, cells in lines.items()]  # fmt: skip
    return (
        f"Test accuracy against the share of weights that stay. {letters[newest]}, the newest row: "
        f"{newest}; in the last round {_end(rows[newest], own)}. Beside it, with the same density "
        f"and the same epochs in every round: {', '.join(_beside(rows[newest])) or 'nothing yet'}. "
        f"{said} Leaderboard: {'; '.join(best) or 'no row is finished yet'}."
    )


def _panels(figure: Figure) -> list[Axes]:
    """Lay out three panels in a row, and a wide one below them."""
    figure.clear()
    figure.set_size_inches(9.5, 5)
    grid = figure.add_gridspec(
        2, 3, height_ratios=(1.9, 1), width_ratios=(2.0, 0.9, 1.1),
        left=0.07, right=0.985, top=0.93, bottom=0.02, hspace=0.32, wspace=0.42,
    )  # fmt: skip
    axes = [figure.add_subplot(grid[0, column]) for column in range(3)]
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    axes.append(figure.add_subplot(grid[1, :]))
    axes[-1].set_axis_off()
    return axes


def _curves(
    axes: Axes, rows: Mapping[str, Runs], letters: Mapping[str, str], newest: str,
    behind: Runs | None,
) -> None:  # fmt: skip
    reached = [0.5]
    gray = {} if behind is None else _means(behind)
    for place, accuracy in gray.values():
        axes.plot(place, accuracy, "-", color=PALE, linewidth=1, zorder=0)
        reached.extend(place)
    earlier = [row for row in rows if row != newest]
    for i, row in enumerate(earlier):
        alone = rows[row].only(next(iter(rows[row])))
        band(axes, Runs({letters[row]: next(iter(alone.values()))}), "test_accuracy",
             colors=[EARLIER[i % len(EARLIER)]])  # fmt: skip
    own, *others = rows[newest]
    named = {letters[newest]: own} | {f"{name}, beside {letters[newest]}": name for name in others}
    present = Runs({label: rows[newest][name] for label, name in named.items()})
    band(axes, present, "test_accuracy", colors=NEWEST)
    for runs in rows.values():
        for density in runs.over_rounds("density").values():
            reached.extend(density.mean(axis=0))
    axes.set_ylim(bottom=max(0.0, _lowest(rows, gray) - 0.05), top=None)
    density_axis(axes, [1.0, *(place for place in reached if place > 0)])
    _name_the_gray(axes, gray)
    axes.set_ylabel("test accuracy")
    axes.set_title("accuracy", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc="best")


def _means(behind: Runs) -> dict[str, tuple[Values, Values]]:
    """Return the mean densities and test accuracies of what is drawn behind, down to FLOOR."""
    densities, accuracies = (behind.over_rounds(key) for key in ("density", "test_accuracy"))
    means = {}
    for label in behind:
        place, accuracy = densities[label].mean(axis=0), accuracies[label].mean(axis=0)
        drawn = place >= FLOOR
        means[label] = (place[drawn], accuracy[drawn])
    return means


def _name_the_gray(axes: Axes, gray: Mapping[str, tuple[Values, Values]]) -> None:
    """Write the names of the gray rows beside the panel, the most accurate first."""
    low, high = axes.get_ylim()
    below = high + 0.05 * (high - low)
    for label in sorted(gray, key=lambda label: -gray[label][1][-1]):
        below = min(gray[label][1][-1], below - 0.05 * (high - low))
        axes.text(1.01, (below - low) / (high - low), label, transform=axes.transAxes,
                  fontsize=7, color=GRAY, va="center")  # fmt: skip


def _lowest(rows: Mapping[str, Runs], gray: Mapping[str, tuple[Values, Values]]) -> float:
    """Return the least mean accuracy that is drawn, but for random's: it may leave below."""
    means = [float(values.mean(axis=0).min()) for runs in rows.values()
             for name, values in runs.over_rounds("test_accuracy").items()
             if name != "random"]  # fmt: skip
    return min([*means, *(float(accuracy.min()) for _, accuracy in gray.values())])


def _epochs(axes: Axes, rows: Mapping[str, Runs], letters: Mapping[str, str], newest: str) -> None:
    shown = list(rows)[-MOST_BARS:]
    spent = {row: rows[row].with_costs().last("cost") for row in shown}
    means = [float(next(iter(spent[row].values())).mean()) for row in shown]
    places = range(len(shown))
    axes.barh(places, means, color=[BLUE if row == newest else PALE for row in shown], height=0.6)
    for place, mean in zip(places, means, strict=True):
        axes.text(mean, place, f" {mean:.4g}", va="center", fontsize=8)
    axes.set_yticks(places, [letters[row] for row in shown])
    axes.set(xlim=(0, 1.25 * max(*means, 1)), ylim=(max(len(shown), 3) - 0.4, -0.6))
    axes.set_title("epochs used, each", fontsize=10)


def _layers(axes: Axes, runs: Runs) -> str:
    """Draw what each layer has kept, the newest row and those beside it; say it in words."""
    last = {name: seeds[-1][-1]["layer_density"] for name, seeds in runs.items()}
    own = next(iter(last.values()))
    layers = [name for name in own if name.endswith("weight")]
    width = 0.8 / len(NEWEST)
    for i, (kept, color) in enumerate(zip(last.values(), NEWEST, strict=False)):
        shares = [kept.get(layer, np.nan) for layer in layers]
        axes.bar(np.arange(len(layers)) + (i - 1) * width, shares, width=width, color=color)
    axes.set_xticks(range(len(layers)), [name.removesuffix(".weight") for name in layers],
                    fontsize=8)  # fmt: skip
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_title("density per layer", fontsize=10)
    told = ", ".join(f"{name.removesuffix('.weight')} {own[name]:.1%}" for name in layers)
    return f"Its layers keep {told}."


def _table(axes: Axes, lines: Lines, letters: Mapping[str, str], heads: Sequence[str]) -> None:
    """Write the leaderboard: the row on the left, numbers in columns on the right."""
    axes.set(xlim=(0, 1), ylim=(MOST_LINES + 1.6, -0.2))
    shown = dict(list(lines.items())[:MOST_LINES])
    for place, head in zip((0.0, 0.05), ("", heads[1]), strict=True):
        axes.text(place, 0, head, fontsize=8, fontweight="bold")
    for place, head in zip(COLUMNS, heads[2:], strict=False):
        axes.text(place, 0, head, fontsize=8, fontweight="bold", ha="right")
    for y, (row, (number, *cells)) in enumerate(shown.items(), start=1):
        axes.text(0, y, f"{number} {letters.get(row, '')}", fontsize=8)
        axes.text(0.05, y, _short(row), fontsize=7.5)
        for place, cell in zip(COLUMNS, cells, strict=False):
            axes.text(place, y, cell, fontsize=8, ha="right")
    if len(lines) > len(shown):
        axes.text(0.05, MOST_LINES + 1, f"and {len(lines) - len(shown)} more", fontsize=8)


def _short(row: str, most: int = 66) -> str:
    """Cut a row that is too long for its line.

    >>> _short("magnitude × layer", most=12)
    'magnitude ×…'
    """
    return row if len(row) <= most else f"{row[: most - 1]}…"


def _end(runs: Runs, name: str) -> str:
    at, right = (float(runs.last(key)[name].mean()) for key in ("density", "test_accuracy"))
    return f"{right:.1%} right with {at:.1%} of the weights"


def _beside(runs: Runs) -> list[str]:
    return [f"{name} {_end(runs, name)}" for name in list(runs)[1:]]


@figure("07_mix_and_match/two_papers")
def two_papers(page: Page, *, a: str = "SAP", b: str = "Lottery ticket") -> str:
    """Draw the table of all papers' rows; of two of them, the cells that differ are filled.

    Under it the path from `a` to `b`, one cell at a time.
    """
    changed = differing(ROWS[a], ROWS[b])
    (axes,) = page(9.5, 4.2, edges=(0.01, 0.99, 0.02, 0.98))
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(ROWS) + 3.4, -1.1))
    for choice, x in zip(CHOICES, PLACES, strict=True):
        axes.text(x, -0.6, choice, fontsize=9, fontweight="bold")
        axes.text(x, -0.1, QUESTIONS[choice], fontsize=6.5, color=GRAY)
    for y, (label, recipe) in enumerate(ROWS.items(), start=1):
        chosen = label in (a, b)
        shade = "black" if chosen else GRAY
        axes.text(0, y, label, fontsize=8, color=shade, va="center",
                  fontweight="bold" if chosen else "normal")  # fmt: skip
        for (choice, text), x in zip(recipe.row().items(), PLACES, strict=True):
            marked = chosen and choice in changed
            _cell(axes, x, y, text, shade, (SKY if label == a else ORANGE) if marked else None)
    words = _path(a, b)
    axes.text(0, len(ROWS) + 0.9, words, fontsize=8, va="top", linespacing=1.35)
    return f"The table of all papers' rows. {' '.join(words.split())}."


def _cell(axes: Axes, x: float, y: float, text: str, shade: str, fill: str | None) -> None:
    """Write a cell in two lines where it is long; one that differs is filled and bold."""
    head, bracket, inside = text.partition("(")
    two = len(text) > 22
    inside = inside.replace("distance='relative'", "relative").replace(", flow=", ",\nflow=")
    box = {"facecolor": fill, "edgecolor": "none", "pad": 2} if fill else None
    axes.text(
        x, y, f"{head}{bracket}\n{inside}" if two else text, fontsize=6 if two else 7.5,
        color=shade, va="center", bbox=box, fontweight="bold" if fill else "normal",
    )  # fmt: skip


def _path(a: str, b: str) -> str:
    """Say in words how to get from one paper to another."""
    steps = list(one_by_one(ROWS[a], ROWS[b]))[1:]
    if not steps:
        return f"{a} and {b}: the same row. Choose two papers"
    cells = "one cell differs" if len(steps) == 1 else f"{len(steps)} cells differ"
    return f"{a} → {b}: {cells}, changed one at a time:\n" + "\n".join(
        f"    {step}" for step in steps
    )


@figure("07_mix_and_match/rows_of_the_field")
def rows_of_the_field(page: Page, before: Runs, after: Runs, *, density: Positive) -> str:
    """Draw what scores of the field are worth, cut before training (left) and after it (right).

    Test accuracies of the last round, filled: after training what the cut has left. Hollow, on the
    right: at the moment of the cut. Mean and ± one standard deviation over the seeds. `density` is
    what stays.
    """
    axes = page(9.5, 3.6, columns=2, edges=(0.14, 0.98, 0.14, 0.9), wspace=0.42)
    ends = [_dots(panel, runs, "test_accuracy", BLUE, -1, "o")
            for panel, runs in zip(axes, (before, after), strict=True)]  # fmt: skip
    cut = _dots(axes[1], after, "pruned_test_accuracy", ORANGE, 0, "D")
    axes[0].set_title(f"cut before training, {density:.0%} stay", fontsize=10)
    axes[1].set_title("cut after training", fontsize=10, loc="left")
    axes[1].plot([], [], "o", color=BLUE, label="retrained")
    axes[1].plot([], [], "D", color=ORANGE, markerfacecolor="none", label="just cut")
    # Above the panel: inside it, dots may lie anywhere.
    axes[1].legend(frameon=False, fontsize=8, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.13))
    return (
        f"Test accuracy with {density:.0%} of the weights, mean and standard deviation over the "
        f"seeds. Cut before training: {ends[0]}. Cut after training, then retrained: {ends[1]}. "
        f"Just cut: {cut}."
    )


def _dots(axes: Axes, runs: Runs, key: str, color: str, row: int, marker: str) -> str:
    """Draw a dot with its spread for each method, of one round; say the means in words."""
    values = {name: table[:, row] for name, table in runs.over_rounds(key).items()}
    means = [float(value.mean()) for value in values.values()]
    spreads = [float(spread(value)) for value in values.values()]
    fill = color if marker == "o" else "none"
    axes.errorbar(means, range(len(means)), xerr=spreads, fmt=marker, color=color, capsize=2,
                  markersize=6, markerfacecolor=fill)  # fmt: skip
    axes.set_yticks(range(len(means)), list(values), fontsize=8)
    axes.set_ylim(len(means) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("test accuracy")
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)
    return ", ".join(f"{name} {mean:.1%}" for name, mean in zip(values, means, strict=True))
