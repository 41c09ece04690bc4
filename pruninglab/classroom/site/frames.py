"""An explorer's pictures, drawn beforehand: what moves on a page that has no kernel.

Every stop of every control is drawn from the notebook's own state while `make notebooks` runs. Few
states are all drawn; of many, a star: one control moves, the others stay at their default. A folder
figures/<name>/ holds a picture a state and `frames.json`, which says what each shows.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import prod
from typing import Any

import ipywidgets as widgets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ...files import write_whole
from ...ideas.checks import checked
from ..frames import unnoticed
from ..pictures import FIGURES, check_inside, check_name, words_of

STATES_AT_MOST = 300
FRAME_DPI = 88
COLOURS = 64
State = tuple[int, ...]


@checked
@dataclass(frozen=True)
class Control:
    """A control as a page shows it: its stops in words, and which of them is the default.

    `argument` of the figure function takes the value behind the stop; `kind` is "range" or
    "select".
    """

    argument: str
    label: str
    hint: str
    kind: str
    stops: tuple[str, ...]
    default: int


@checked
def states(counts: tuple[int, ...], defaults: State) -> list[State]:
    """Return the states that are drawn: all of them, or a star around the default.

    A state is the number of the stop of each control. The order is the one in which the pictures
    are numbered.

    >>> states((2, 2), (0, 1))
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    if prod(counts) <= STATES_AT_MOST:
        return list(product(*map(range, counts)))
    rays = [
        (*defaults[:i], stop, *defaults[i + 1 :])
        for i, count in enumerate(counts)
        for stop in range(count)
        if stop != defaults[i]
    ]
    return [defaults, *rays]


@checked
def read_control(argument: str, widget: widgets.Widget) -> tuple[Control, tuple[Any, ...]] | None:
    """Return a control and the values of its stops; None for one without stops (a line of text)."""
    if isinstance(widget, (widgets.IntSlider, widgets.FloatSlider)):
        steps = round((widget.max - widget.min) / widget.step)
        values = [min(widget.min + i * widget.step, widget.max) for i in range(steps + 1)]
        values = [round(value, 9) if isinstance(value, float) else value for value in values]
        shown = [format(value, widget.readout_format) for value in values]
        default = min(range(len(values)), key=lambda i: abs(values[i] - widget.value))
        values[default] = widget.value
        kind = "range"
    elif isinstance(widget, (widgets.SelectionSlider, widgets.Dropdown)):
        pairs = list(zip(widget._options_labels, widget._options_values, strict=True))
        shown, values = [label for label, _ in pairs], [value for _, value in pairs]
        default = widget.index
        kind = "select" if isinstance(widget, widgets.Dropdown) else "range"
    else:
        return None
    label, hint = widget.description, widget.tooltip or ""
    return Control(argument, label, hint, kind, tuple(shown), default), tuple(values)


@checked
def save_frames(
    name: str, draw: Callable[..., Figure], controls: Mapping[str, widgets.Widget]
) -> None:
    """Draw every state into figures/<name>/ while `make notebooks` runs, and nothing otherwise.

    `draw(**values, figure=…)` is an explorer's figure function, `controls` its widgets by argument.
    A control without stops stays as it is. Random numbers that a figure draws are given back.
    Raises ValueError for a state of which something lies beyond the edge.
    """
    check_name(name)
    if not os.environ.get("PRUNINGLAB_SAVE_FIGURES"):
        return
    fixed = {argument: widget.value for argument, widget in controls.items()}
    read = [pair for item in controls.items() if (pair := read_control(*item))]
    if not read:
        return
    moving = [control for control, _ in read]
    defaults = tuple(control.default for control in moving)
    drawn = states(tuple(len(control.stops) for control in moving), defaults)
    with unnoticed():
        frames = [_frame(draw, fixed | _values(read, state)) for state in drawn]
    # All of them, or none: a state may be refused.
    folder = FIGURES / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, (frame, _) in enumerate(frames):
        write_whole(folder / f"{number:03}.webp", frame)
    about = {
        "name": name,
        "controls": [asdict(control) for control in moving],
        "all": len(drawn) == prod(len(control.stops) for control in moving),
        "words": [words for _, words in frames],
    }
    text = json.dumps(about, ensure_ascii=False, indent=1)
    write_whole(folder / "frames.json", f"{text}\n".encode())


def _values(read: Sequence[tuple[Control, Sequence[Any]]], state: Sequence[int]) -> dict[str, Any]:
    return {control.argument: stops[i] for (control, stops), i in zip(read, state, strict=True)}


def _frame(draw: Callable[..., Figure], values: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return one state as a small picture, lossless but for the number of colours, and in words."""
    figure = Figure()
    FigureCanvasAgg(figure)
    draw(**values, figure=figure)
    check_inside(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=FRAME_DPI)
    picture = Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small = io.BytesIO()
    picture.convert("RGB").save(small, format="webp", lossless=True, quality=60, method=4)
    return small.getvalue(), words_of(figure)
