"""How every figure looks."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...ideas.checks import Count, Positive, Whole, checked

# Okabe and Ito's palette: told apart by colour-blind readers, in this order.
BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW, GRAY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#7A7A7A",
)
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, GRAY)


@checked
def colors(count: Whole) -> tuple[str, ...]:
    """Return `count` colours that can be told apart. Raises ValueError for more than seven."""
    if count > len(CYCLE):
        raise ValueError(f"count={count} curves are too many to tell apart: at most {len(CYCLE)}")
    return CYCLE[:count]


@checked
def blank(
    figure: Figure | None, width: Positive, height: Positive, columns: Count = 1, **grid: Any
) -> tuple[Figure, list[Axes]]:
    """Return an empty Figure of this size in inches, with a row of axes; reuse `figure` if given.

    `grid` goes to `Figure.subplots` (width_ratios, for one). Reusing the Figure, and its axes if
    the layout is the same, is what makes a slider quick. Raises ValueError for a size or a number
    of columns that no page holds.
    """
    for name, number, most in (
        ("width", width, 100),
        ("height", height, 100),
        ("columns", columns, 20),
    ):
        if number > most:
            raise ValueError(f"{name}={number} must be at most {most}")
    if figure is None:
        figure = Figure()
        FigureCanvasAgg(figure)
    layout = f"{width} {height} {columns} {grid}"
    if figure.get_label() == layout and len(figure.axes) == columns:
        figure.legends.clear()
        figure.texts.clear()
        for panel in figure.axes:
            _wipe(panel)
    else:
        figure.clear()
        figure.set_label(layout)
        figure.set_size_inches(width, height)
        figure.subplots(1, columns, **grid)
    for panel in figure.axes:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, list(figure.axes)


def _wipe(axes: Axes) -> None:
    """Empty one axes as if it were new: half the time of a new one."""
    axes.clear()
    axes.set_axis_on()
    axes.set_aspect("auto")
    axes.set_anchor("C")
    axes.spines[:].set_visible(True)
