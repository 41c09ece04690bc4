"""How every figure looks."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from matplotlib.axes import Axes
from matplotlib.axis import Axis, Tick
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
# How the ticks of an axis looked when it was new.
_NEW: WeakKeyDictionary[Axis, list[Any]] = WeakKeyDictionary()


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
    the layout is the same and the ticks look as they did when new, is what makes a slider quick.
    Raises ValueError for a size or a number of columns that no page holds.
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
    same = figure.get_label() == layout and len(figure.axes) == columns
    if same and all(map(_has_new_ticks, figure.axes)):
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
            _NEW.update((axis, _look(axis)) for axis in (panel.xaxis, panel.yaxis))
    for panel in figure.axes:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, list(figure.axes)


def _wipe(axes: Axes) -> None:
    """Empty one axes as if it were new, but for its ticks: a tenth of the time of a new one."""
    # Making ticks is half of drawing, and most of them will stand there again. Both `clear` and a
    # spine that finds its place would make them anew, one after the other.
    axis_pair = (axes.xaxis, axes.yaxis)
    for axis in axis_pair:
        vars(axis)["reset_ticks"] = _keep_ticks
    axes.clear()
    axes.set_axis_on()
    axes.set_aspect("auto")
    axes.set_anchor("C")
    for spine in axes.spines.values():
        spine.set_position(("outward", 0))
        spine.set_visible(True)
    for axis in axis_pair:
        del vars(axis)["reset_ticks"]


def _keep_ticks() -> None:
    """Stand in for `Axis.reset_ticks`."""


def _has_new_ticks(axes: Axes) -> bool:
    """Tell whether nobody has changed how the ticks look: that would outlast `clear`."""
    return all(_look(axis) == _NEW.get(axis) for axis in (axes.xaxis, axes.yaxis))


def _look(axis: Axis) -> list[Any]:
    """Return how the ticks of an axis look: what `tick_params` says, and what each label has."""
    said = [axis.get_tick_params("major"), axis.get_tick_params("minor")]
    return [*said, *({_look_of_one(tick) for tick in ticks} for ticks in _ticks(axis))]


def _ticks(axis: Axis) -> tuple[list[Tick], list[Tick]]:
    return axis.majorTicks, axis.minorTicks


def _look_of_one(tick: Tick) -> tuple[Any, ...]:
    label = tick.label1
    return (
        label.get_color(), label.get_fontsize(), label.get_fontweight(), label.get_rotation(),
        label.get_horizontalalignment(), label.get_visible(), label.get_alpha(),
        tick.tick1line.get_visible(), tick.tick1line.get_color(), tick.gridline.get_visible(),
    )  # fmt: skip
