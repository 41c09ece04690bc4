"""A figure as a notebook shows it: its function knows the file name and says what it shows.

A figure function draws, describes what it has drawn in words, and returns the Figure. These words
are its alt text, in the notebook, in figures/, and under a slider, where they tell the present
state.
"""

from __future__ import annotations

import base64
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from IPython import get_ipython
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageChops, UnidentifiedImageError

from ..checks import checked
from ..files import write_whole

# Of the page; the picture has so many points for each of them, for sharp screens and for zoom: the
# first number that keeps it within so many bytes, else the last.
SAVED_DPI = 110
SHARP = (2.0, 1.5, 1.0)
SAVED_BYTES = 36_000
# The folder of the pictures, while `make notebooks` runs.
VARIABLE = "PRUNINGLAB_SAVE_FIGURES"
SHORTEST_ALT = 20
LIVE = "application/vnd.jupyter.widget-view+json"
# Inches beyond an edge that are less than a pixel.
UNSEEN = 0.009
COLOURS = (64, 256)
# So far may a shade be off, of 255, in so large a share of the points.
SEEN, SHARE = 20, 0.001

_NAMES: WeakKeyDictionary[Figure, str] = WeakKeyDictionary()
_WORDS: WeakKeyDictionary[Figure, str] = WeakKeyDictionary()


@checked
def named(figure: Figure, name: str) -> Figure:
    """Give a figure the name of its file, "NN_notebook/what_it_shows", and return it.

    Raises ValueError for a name that leads elsewhere.
    """
    check_name(name)
    _NAMES[figure] = name
    return figure


@checked
def describe(figure: Figure, alt: str) -> Figure:
    """Say in words what `figure` shows now, and return it: the last line of a figure function.

    Raises ValueError for words that are too few to tell anything.
    """
    check_alt(alt)
    _WORDS[figure] = " ".join(alt.split())
    return figure


@checked
def name_of(figure: Figure) -> str:
    """Return the name of a figure's file. Raises ValueError for a figure without one."""
    if figure not in _NAMES:
        raise ValueError("figure has no name: give name=, or put @figure above its function")
    return _NAMES[figure]


@checked
def words_of(figure: Figure) -> str:
    """Return what a figure shows, in words. Raises ValueError for a figure without them."""
    if figure not in _WORDS:
        raise ValueError("figure has no alt text: give alt=, or let its function `describe` it")
    return _WORDS[figure]


@checked
@dataclass(frozen=True)
class Picture:
    """A figure as a notebook shows it: a PNG that carries its alt text, `width` pixels wide.

    `explorer` is the name of an explorer whose default state it shows. What has a table below its
    panels, or the names of their rows beside one of them, is `whole`: a narrow page does not take
    it apart.
    """

    png: bytes
    alt: str
    width: int | None = None
    explorer: str | None = None
    whole: bool = False

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.alt}
        about: dict[str, Any] = {"alt": self.alt, "width": self.width}
        about |= {"whole": True} if self.whole else {}
        return data, {"image/png": about | ({"explorer": self.explorer} if self.explorer else {})}


@checked
def still(figure: Figure, alt: str, explorer: str | None = None) -> Picture:
    """Return a figure as it is saved."""
    for sharp in SHARP:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=sharp * SAVED_DPI, metadata={"Software": None})
        png = few_colours(buffer.getvalue())
        if len(png) <= SAVED_BYTES:
            break
    width = round(figure.get_figwidth() * SAVED_DPI)
    return Picture(png, alt, width, explorer, _shares_names(figure))


def _shares_names(figure: Figure) -> bool:
    """Tell whether a panel's rows are named beside another one: apart they would have no names."""

    def names(axes: Axes) -> list[str]:
        labels = axes.get_yticklabels()
        return [label.get_text() for label in labels if label.get_visible() and label.get_text()]

    drawn = [axes for axes in figure.axes if axes.axison]
    named = [any(any(map(str.isalpha, name)) for name in names(axes)) for axes in drawn]
    return any(named) and any(not names(axes) for axes in drawn)


def show(thing: Any) -> None:
    """Display what has a MIME bundle, here and now; plain Python prints its words."""
    data, metadata = thing._repr_mimebundle_()
    if get_ipython() is None:
        print(data["text/plain"])
    else:
        display(data, metadata=metadata, raw=True)


def live(widget: Any) -> dict[str, Any]:
    """Return the part of a bundle that a front end with a kernel shows; ipywidgets 7 has none."""
    return {LIVE: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


class ShownAtOnce:
    """A widget that is displayed where it is made, wherever in a cell that stands.

    The last expression of the same cell displays it no second time, that of a later cell does.
    """

    _shown_in: int | None = None

    def show_here(self) -> None:
        """Display this now, and not again in this cell."""
        show(self)
        self._shown_in = _present_cell()

    def _ipython_display_(self) -> None:
        if getattr(self, "comm", None) is None:
            print("Another cell has taken the place of this one's output: run its cell again.")
        elif _present_cell() != self._shown_in:
            show(self)


def _present_cell() -> int | None:
    shell = get_ipython()
    return None if shell is None else shell.execution_count


@checked
def publish(figure: Figure, name: str | None = None, *, alt: str | None = None) -> None:
    """Show `figure` here, wherever in a cell this stands, and keep it as figures/<name>.png.

    Its alt text is kept beside it; plain Python prints it. `name` and `alt` are those of the
    figure's function unless given. Files are written only while `make notebooks` runs, so reading a
    notebook changes nothing. Raises ValueError for a name that leads elsewhere, an alt text that is
    too short to tell anything, or a figure that has none; while files are written, also for one of
    which something lies beyond its edge. Taught in notebook 00.
    """
    name = name_of(figure) if name is None else name
    alt = words_of(figure) if alt is None else alt
    check_name(name)
    check_alt(alt)
    if is_saving():
        check_inside(figure)
    picture = still(figure, alt)
    save_picture(picture.png, name, alt)
    show(picture)


@checked
def few_colours(png: bytes) -> bytes:
    """Return a PNG in 64 colours, or in 256 where an eye would see the difference.

    Raises ValueError for bytes that are no picture.
    """
    try:
        picture = Image.open(io.BytesIO(png)).convert("RGB")
    except UnidentifiedImageError as error:
        raise ValueError(f"png={png[:20]!r} … is no picture") from error
    for colours in COLOURS:
        fewer = picture.quantize(colours, dither=Image.Dither.NONE)
        off = np.asarray(ImageChops.difference(picture, fewer.convert("RGB"))).max(axis=2)
        if (off > SEEN).mean() <= SHARE:
            break
    buffer = io.BytesIO()
    fewer.save(buffer, "png", optimize=True)
    return buffer.getvalue()


@checked
def check_name(name: str) -> None:
    """Raise ValueError for a name that is no place in figures/.

    A name is made of letters, digits, _ and -, with / between folders.
    """
    if not re.fullmatch(r"[\w-]+(/[\w-]+)*", name):
        raise ValueError(f"name={name!r} must be like '00_notebook/what_it_shows'")


@checked
def check_alt(alt: str) -> None:
    """Raise ValueError for an alt text that is too short to tell anything."""
    if len(alt) < SHORTEST_ALT:
        raise ValueError(f"alt={alt!r} must say what the figure shows")


def check_inside(figure: Figure) -> None:
    """Raise ValueError if something of a figure lies beyond its edge, where nobody sees it."""
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    beyond = {"left": -drawn.x0, "right": drawn.x1 - width, "bottom": -drawn.y0,
              "top": drawn.y1 - height}  # fmt: skip
    for edge, inches in beyond.items():
        if inches > UNSEEN:
            told = _WORDS.get(figure, "no words")
            raise ValueError(f"figure goes {inches:.3f} inches beyond its {edge} edge ({told})")


def is_saving() -> bool:
    """Whether `make notebooks` runs, which keeps pictures."""
    return bool(os.environ.get(VARIABLE))


@checked
def save_picture(png: bytes, name: str, alt: str) -> None:
    """Write figures/<name>.png and .txt while `make notebooks` runs, and nothing otherwise.

    Raises ValueError as `check_name` and `check_alt` do.
    """
    check_name(name)
    check_alt(alt)
    if is_saving():
        target = Path(os.environ[VARIABLE]) / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, png)
        write_whole(target.with_suffix(".txt"), f"{alt}\n".encode())
