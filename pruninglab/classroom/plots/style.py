"""How every figure looks, and how it is saved."""

from __future__ import annotations

import base64
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...files import write_whole
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
SAVED_DPI = 110
FIGURES = Path(__file__).resolve().parents[3] / "figures"


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
        for one in figure.axes:
            _wipe(one)
    else:
        figure.clear()
        figure.set_label(layout)
        figure.set_size_inches(width, height)
        figure.subplots(1, columns, **grid)
    for one in figure.axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(figure.axes)


def _wipe(axes: Axes) -> None:
    """Empty one axes as if it were new: half the time of a new one."""
    axes.clear()
    axes.set_axis_on()
    axes.set_aspect("auto")
    axes.set_anchor("C")
    axes.spines[:].set_visible(True)


@checked
@dataclass(frozen=True)
class Picture:
    """A figure as a notebook shows it: a PNG that carries its alt text."""

    png: bytes
    alt: str

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


@checked
def publish(figure: Figure, name: str, *, alt: str) -> Picture:
    """Show `figure` in the notebook, and keep it as figures/<name>.png with its alt text.

    `name` is "NN_notebook/what_it_shows". Files are written only while `make notebooks` runs (it
    sets PRUNINGLAB_SAVE_FIGURES), so reading a notebook changes nothing. Raises ValueError for a
    name that leads elsewhere and for an alt text that is too short to tell anything.
    """
    check_labels(name, alt)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=SAVED_DPI, metadata={"Software": None})
    save_picture(buffer.getvalue(), name, alt)
    return Picture(buffer.getvalue(), alt)


@checked
def check_labels(name: str, alt: str) -> None:
    """Raise ValueError for a name that is no place in figures/, or an alt text that tells nothing.

    A name is made of letters, digits, _ and -, with / between folders.
    """
    if not re.fullmatch(r"[\w-]+(/[\w-]+)*", name):
        raise ValueError(f"name={name!r} must be like '00_notebook/what_it_shows'")
    if len(alt) < 20:
        raise ValueError(f"alt={alt!r} must say what the figure shows")


@checked
def save_picture(png: bytes, name: str, alt: str) -> None:
    """Write figures/<name>.png and .txt while `make notebooks` runs, and nothing otherwise.

    Raises ValueError as `check_labels` does.
    """
    check_labels(name, alt)
    if os.environ.get("PRUNINGLAB_SAVE_FIGURES"):
        target = FIGURES / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, png)
        write_whole(target.with_suffix(".txt"), f"{alt}\n".encode())
