"""How every figure looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
# What `tick_params` said of an axis when it was new, and how its ticks looked.
_NEW: WeakKeyDictionary[Axis, tuple[Any, Any]] = WeakKeyDictionary()


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

    `grid` goes to `Figure.subplots` (width_ratios, for one). Reusing the Figure, its axes if the
    layout is the same, and the ticks that look as they did when new, is what makes a slider quick.
    Raises ValueError for a size or a number of columns that no page holds.
    """
    _check_size(width, height, columns)
    if figure is None:
        figure = Figure()
        FigureCanvasAgg(figure)
    layout = f"{width} {height} {columns} {grid}"
    same = figure.get_label() == layout and len(figure.axes) == columns
    if same and all(map(_says_what_is_new, figure.axes)):
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
            _NEW.update((axis, (_said(axis), _look(axis))) for axis in (panel.xaxis, panel.yaxis))
    # Margins outlast `clear`, and a figure function that has little to say may set none.
    new = type(figure.subplotpars)()
    figure.subplots_adjust(new.left, new.bottom, new.right, new.top, new.wspace, new.hspace)
    for panel in figure.axes:
        panel.spines[["top", "right"]].set_visible(False)
        # A title whose height is said is not moved out of the way of ticks that are not there: to
        # look for them takes an eighth of the time of drawing.
        panel.set_title("", y=1.0)
    return figure, list(figure.axes)


def _check_size(width: float, height: float, columns: int) -> None:
    for name, number, most in (
        ("width", width, 100),
        ("height", height, 100),
        ("columns", columns, 20),
    ):
        if number > most:
            raise ValueError(f"{name}={number} must be at most {most}")


def _wipe(axes: Axes) -> None:
    """Empty one axes as if it were new, but for its ticks: a tenth of the time of a new one."""
    # Making ticks is half of drawing, and most of them will stand there again. Both `clear` and a
    # spine that finds its place would make them anew, one after the other.
    pair = (axes.xaxis, axes.yaxis)
    changed = [axis for axis in pair if _look(axis) != _NEW[axis][1]]
    with _ticks_kept(pair):
        axes.clear()
        axes.set_axis_on()
        axes.set_aspect("auto")
        axes.set_anchor("C")
        for spine in axes.spines.values():
            spine.set_position(("outward", 0))
            spine.set_visible(True)
    for axis in changed:
        axis.reset_ticks()


@contextmanager
def _ticks_kept(pair: Sequence[Axis]) -> Iterator[None]:
    """Let the ticks of axes be: those that stay are clipped to them already."""
    for axis in pair:
        vars(axis).update(reset_ticks=_do_nothing, set_clip_path=_do_nothing)
    try:
        yield
    finally:
        for axis in pair:
            del vars(axis)["reset_ticks"], vars(axis)["set_clip_path"]


def _do_nothing(*_: Any) -> None:
    pass


def _says_what_is_new(axes: Axes) -> bool:
    """Tell whether nobody has called `tick_params`: what it says outlasts `clear`."""
    pair = (axes.xaxis, axes.yaxis)
    return all(axis in _NEW and _said(axis) == _NEW[axis][0] for axis in pair)


def _said(axis: Axis) -> list[Any]:
    return [axis.get_tick_params("major"), axis.get_tick_params("minor")]


def _look(axis: Axis) -> list[Any]:
    """Return how the ticks of an axis look: what a label was told stays on a tick that is kept."""
    return [{_look_of_one(tick) for tick in ticks} for ticks in (axis.majorTicks, axis.minorTicks)]


def _look_of_one(tick: Tick) -> tuple[Any, ...]:
    label = tick.label1
    return (
        label.get_color(), label.get_fontsize(), label.get_fontweight(), label.get_rotation(),
        label.get_horizontalalignment(), label.get_visible(), label.get_alpha(),
        tick.tick1line.get_visible(), tick.tick1line.get_color(), tick.gridline.get_visible(),
    )  # fmt: skip
