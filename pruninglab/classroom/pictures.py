"""A figure as a notebook shows it: its function knows the file name and says what it shows.

A figure function draws, describes what it has drawn in words, and returns the Figure. These words
are its alt text, in the notebook, in figures/, and under a slider, where they tell the present
state.
"""

from __future__ import annotations

import base64
import functools
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from matplotlib.figure import Figure
from PIL import Image, UnidentifiedImageError

from ..files import write_whole
from ..ideas.checks import checked

F = TypeVar("F", bound=Callable[..., Figure])

SAVED_DPI = 110
FIGURES = Path(__file__).resolve().parents[2] / "figures"
SHORTEST_ALT = 20
# Inches beyond an edge that are less than a pixel.
UNSEEN = 0.009
COLOURS = 256

_NAMES: WeakKeyDictionary[Figure, str] = WeakKeyDictionary()
_WORDS: WeakKeyDictionary[Figure, str] = WeakKeyDictionary()


@checked
def picture(name: str) -> Callable[[F], F]:
    """Give a figure function the name of its file, "NN_notebook/what_it_shows".

    The function must call `describe` on the Figure that it returns. Raises ValueError for a name
    that leads elsewhere.
    """
    check_name(name)

    def decorate(draw: F) -> F:
        @functools.wraps(draw)
        def named(*args: Any, **kwargs: Any) -> Figure:
            figure = draw(*args, **kwargs)
            _NAMES[figure] = name
            return figure

        return named  # type: ignore[return-value]

    return decorate


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
        raise ValueError("figure has no name: give name=, or put @picture above its function")
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
    """A figure as a notebook shows it: a PNG that carries its alt text."""

    png: bytes
    alt: str

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


@checked
def publish(figure: Figure, name: str | None = None, *, alt: str | None = None) -> Picture:
    """Show `figure` in the notebook, and keep it as figures/<name>.png with its alt text.

    `name` and `alt` are those of the figure's function unless given. Files are written only while
    `make notebooks` runs (it sets PRUNINGLAB_SAVE_FIGURES), so reading a notebook changes nothing.
    Raises ValueError for a name that leads elsewhere, an alt text that is too short to tell
    anything, or a figure that has none; while files are written, also for one of which something
    lies beyond its edge. Taught in notebook 00.
    """
    name = name_of(figure) if name is None else name
    alt = words_of(figure) if alt is None else alt
    check_name(name)
    check_alt(alt)
    if is_saving():
        check_inside(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=SAVED_DPI, metadata={"Software": None})
    png = few_colours(buffer.getvalue())
    save_picture(png, name, alt)
    return Picture(png, alt)


@checked
def few_colours(png: bytes) -> bytes:
    """Return a PNG in at most 256 colours: a third of the bytes, and no eye sees the difference.

    Raises ValueError for bytes that are no picture.
    """
    try:
        picture = Image.open(io.BytesIO(png)).convert("RGB")
    except UnidentifiedImageError as error:
        raise ValueError(f"png={png[:20]!r} … is no picture") from error
    buffer = io.BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
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
    return bool(os.environ.get("PRUNINGLAB_SAVE_FIGURES"))


@checked
def save_picture(png: bytes, name: str, alt: str) -> None:
    """Write figures/<name>.png and .txt while `make notebooks` runs, and nothing otherwise.

    Raises ValueError as `check_name` and `check_alt` do.
    """
    check_name(name)
    check_alt(alt)
    if is_saving():
        target = FIGURES / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, png)
        write_whole(target.with_suffix(".txt"), f"{alt}\n".encode())
