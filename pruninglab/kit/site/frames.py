"""An explorer's pictures, drawn beforehand: what moves on a page that has no kernel.

`make site` runs each notebook once more, and its explorers draw all their states; where they would
be too many, sliders stop at fewer places. A folder build/frames/<name>/ holds a picture a state and
`frames.json`, which says what each shows. They are drawn anew when a cell or the package changes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import nbformat
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ...checks import checked
from ...files import write_whole
from ..frames import unnoticed
from ..pictures import check_inside, check_name, words_of
from ..rerun import execute

# The folder of the frames, while they are drawn.
VARIABLE = "PRUNINGLAB_FRAMES"
PACKAGE = Path(__file__).resolve().parents[2]
# Colab has ipywidgets 7, which calls it otherwise.
TOOLTIP = "tooltip" if hasattr(widgets.DOMWidget, "tooltip") else "description_tooltip"
STATES_AT_MOST = 125
FRAME_DPI = 88
COLOURS = 64


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
def drawn_stops(controls: Sequence[Control]) -> list[list[int]]:
    """Return which stops of each control are drawn, so that all their states are not too many.

    A list keeps all of them; of a slider stay the default and, unless it has only two, both ends.

    >>> size = Control("size", "size", "", "range", tuple("abcdefghi"), 3)
    >>> [len(stops) for stops in drawn_stops([size] * 3)], drawn_stops([size] * 3)[0]
    ([5, 5, 5], [0, 3, 4, 6, 8])
    """
    numbers = [len(control.stops) for control in controls]
    sliders = [i for i, control in enumerate(controls) if control.kind == "range"]
    while prod(numbers) > STATES_AT_MOST and max((numbers[i] for i in sliders), default=0) > 2:
        numbers[max(sliders, key=numbers.__getitem__)] -= 1
    return [_even(len(c.stops), n, c.default) for c, n in zip(controls, numbers, strict=True)]


def _even(count: int, number: int, default: int) -> list[int]:
    """Return `number` of `count` stops, evenly but for the default in its neighbour's place."""
    if number == count:
        return list(range(count))
    stops = [round(i * (count - 1) / (number - 1)) for i in range(number)]
    if default not in stops:
        places = range(1, number - 1) or range(number)
        stops[min(places, key=lambda i: abs(stops[i] - default))] = default
    return stops


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
    label, hint = widget.description, hint_of(widget)
    return Control(argument, label, hint, kind, tuple(shown), default), tuple(values)


def hint_of(control: widgets.Widget) -> str:
    """Return what happens when a control moves."""
    return getattr(control, TOOLTIP, None) or ""


@checked
def draw_frames(notebook: Path, folder: Path) -> None:
    """Run a notebook whose explorers draw their states into `folder`, unless they are there.

    Raises nbclient's CellExecutionError if a cell fails.
    """
    read = nbformat.read(notebook, as_version=4)
    sources = [cell.source.encode() for cell in read.cells if cell.cell_type == "code"]
    sources += [path.read_bytes() for path in sorted(PACKAGE.rglob("*.py"))]
    drawn_from = hashlib.sha256(b"\0".join(sources)).hexdigest()
    stamp = folder / f"{notebook.stem}.sha256"
    if stamp.exists() and stamp.read_text("utf-8") == drawn_from:
        return
    shutil.rmtree(folder / notebook.stem, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    execute(read, notebook.parent, {VARIABLE: str(folder.resolve())})
    stamp.write_text(drawn_from, "utf-8")


@checked
def save_frames(
    name: str, draw: Callable[..., Figure], controls: Mapping[str, widgets.Widget]
) -> None:
    """Draw every state while `make site` draws frames, and nothing otherwise.

    `draw(**values, figure=…)` is an explorer's figure function, `controls` its widgets by argument.
    A control without stops stays as it is. Random numbers that a figure draws are given back.
    Raises ValueError for a state of which something lies beyond the edge.
    """
    check_name(name)
    if not (frames_folder := os.environ.get(VARIABLE)):
        return
    fixed = {argument: widget.value for argument, widget in controls.items()}
    read = [pair for item in controls.items() if (pair := read_control(*item))]
    if not read:
        return
    stops = drawn_stops([control for control, _ in read])
    moving = [_with_stops(control, kept) for (control, _), kept in zip(read, stops, strict=True)]
    values = [[all_[i] for i in kept] for (_, all_), kept in zip(read, stops, strict=True)]
    arguments = [control.argument for control in moving]
    drawn = [dict(zip(arguments, state, strict=True)) for state in product(*values)]
    with unnoticed():
        frames = [_frame(draw, fixed | state) for state in drawn]
    # All of them, or none: a state may be refused.
    folder = Path(frames_folder) / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, (frame, _) in enumerate(frames):
        write_whole(folder / f"{number:03}.webp", frame)
    about = {
        "name": name,
        "controls": [asdict(control) for control in moving],
        "words": [words for _, words in frames],
    }
    text = json.dumps(about, ensure_ascii=False, indent=1)
    write_whole(folder / "frames.json", f"{text}\n".encode())


def _with_stops(control: Control, kept: Sequence[int]) -> Control:
    stops = tuple(control.stops[i] for i in kept)
    return replace(control, stops=stops, default=kept.index(control.default))


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
