"""How a figure is written: a function lays out a page, draws, and returns what it shows, in words.

    @figure("02_sap/ruler")
    def ruler(page: Page, weights: Tensor, *, p: float = 0.5) -> str:
        left, right = page(7, 3, columns=2)
        left.plot(weights)
        return f"The weights, with p = {p:g}."

Called as `ruler(weights, p=0.7)` it returns a matplotlib Figure that knows its name and its words.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Concatenate

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..checks import Count, Positive, Whole, checked
from .pictures import check_name, describe, named

Draw = Callable[Concatenate["Page", ...], str]

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
class Page:
    """The page of one figure: called once, with its size, it lays out the panels."""

    def __init__(self, figure: Figure | None = None) -> None:
        if figure is None:
            figure = Figure()
            FigureCanvasAgg(figure)
        self.figure = figure

    @checked
    def __call__(
        self,
        width: Positive,
        height: Positive,
        columns: Count = 1,
        *,
        edges: tuple[float, float, float, float] | None = None,
        wspace: float | None = None,
        **grid: Any,
    ) -> list[Axes]:
        """Return a row of empty panels on a page of this size in inches.

        `edges` are where they begin and end, (left, right, bottom, top) as shares of the page, and
        `wspace` is the space between them, as a share of a panel; `grid` goes to `Figure.subplots`
        (width_ratios, for one). Raises ValueError for a size or a number of columns that no page
        holds.
        """
        for name, number, most in (
            ("width", width, 100),
            ("height", height, 100),
            ("columns", columns, 20),
        ):
            if number > most:
                raise ValueError(f"{name}={number} must be at most {most}")
        figure = self.figure
        figure.clear()
        figure.set_size_inches(width, height)
        figure.subplots(1, columns, **grid)
        # Margins outlast `clear`, and a figure may set none.
        new = type(figure.subplotpars)()
        left, right, bottom, top = edges or (new.left, new.right, new.bottom, new.top)
        between = new.wspace if wspace is None else wspace
        figure.subplots_adjust(left, bottom, right, top, between)
        for panel in figure.axes:
            panel.spines[["top", "right"]].set_visible(False)
            # A title whose height is said is not moved out of the way of ticks that are not there:
            # to look for them takes an eighth of the time of drawing.
            panel.set_title("", y=1.0)
        return list(figure.axes)


@checked
def figure(name: str) -> Callable[[Draw], Callable[..., Figure]]:
    """Make a figure of a function that draws on a page and returns an alt text.

    `name` is its file, "NN_notebook/what_it_shows". Arguments are checked by their annotations. Who
    calls it leaves the page out, and may give `figure=`, a Figure to draw on. Raises ValueError for
    a name that leads elsewhere.
    """
    check_name(name)

    def decorate(draw: Draw) -> Callable[..., Figure]:
        # A student's own may have no annotations: then there is nothing to check.
        checks = checked(draw) if draw.__annotations__ else draw

        @functools.wraps(draw)
        def drawn(*args: Any, figure: Figure | None = None, **kwargs: Any) -> Figure:
            page = Page(figure)
            return named(describe(page.figure, checks(page, *args, **kwargs)), name)

        _sign(drawn, draw)
        return drawn

    return decorate


def _sign(drawn: Callable[..., Figure], draw: Callable[..., str]) -> None:
    """Give a figure function the signature that its callers see: no page, but `figure=`."""
    signature = inspect.signature(draw)
    first, *others = signature.parameters.values()
    last = inspect.Parameter("figure", inspect.Parameter.KEYWORD_ONLY, default=None)
    drawn.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*others, last], return_annotation=Figure
    )
    hints = {name: hint for name, hint in draw.__annotations__.items() if name != first.name}
    drawn.__annotations__ = hints | {"figure": Figure | None, "return": Figure}


def apart(heights: Sequence[float], least: float) -> list[float]:
    """Move labels apart that are nearer than `least`, in their order: none covers another.

    >>> apart([50.0, 10.0, 49.0], 4.0)
    [51.5, 10.0, 47.5]
    """
    order = np.argsort(heights)
    places = np.array(heights, dtype=float)[order]
    for _ in range(100):
        for i in np.flatnonzero(np.diff(places) < least - 1e-9):
            middle = places[i : i + 2].mean()
            places[i : i + 2] = middle - least / 2, middle + least / 2
    return [float(value) for value in places[np.argsort(order)]]
