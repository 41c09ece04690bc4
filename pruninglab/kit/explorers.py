"""Sliders over figures: one output that is live with a kernel and a picture without one."""

from __future__ import annotations

import functools
import html
import io
import threading
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from traitlets import TraitError

from ..checks import Finite, Positive, checked
from ..devices import computing_with
from .live_picture import LivePicture, sentence
from .pictures import (
    Picture,
    ShownAtOnce,
    check_inside,
    is_saving,
    live,
    name_of,
    save_picture,
    still,
    words_of,
)
from .site.frames import TOOLTIP, hint_of, save_frames

# A live picture has the points that it is shown with: scaled letters would be blurred.
LIVE_DPI = 88
LABEL_WIDTH = "190px"
CONTROL_WIDTH = "480px"
# ipywidgets keeps every widget until it is closed: of one name only the last explorer stays.
_SHOWN: dict[str, Explorer] = {}
_LOCK = threading.RLock()
# Pictures of one explorer, some tens of kilobytes each.
MOST_KEPT = 200


@checked
def slider(
    low: Finite,
    high: Finite,
    value: Finite,
    *,
    step: Positive,
    label: str,
    hint: str,
    readout_format: str | None = None,
) -> widgets.Widget:
    """A slider from `low` to `high`, whole numbers if all four numbers are.

    `label` stands before it, `hint` (what happens when it moves) behind it. Raises ValueError
    unless low < high and `value` lies between them.
    """
    if not low < high:
        raise ValueError(f"low={low} must be below high={high}")
    if not low <= value <= high:
        raise ValueError(f"value={value} must lie from low={low} to high={high}")
    whole = all(isinstance(number, int) for number in (low, high, value, step))
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    return kind(
        value=value,
        min=low,
        max=high,
        step=step,
        readout_format=readout_format or ("d" if whole else ".2f"),
        **_appearance(label, hint),
    )


@checked
def steps_slider(
    options: Sequence[float], value: Finite, *, label: str, hint: str
) -> widgets.Widget:
    """A slider over shares in [0, 1] that are given one by one, shown in percent.

    Raises ValueError for other options, and for a `value` that is not one of them.
    """
    if not all(isinstance(share, (int, float)) and 0 <= share <= 1 for share in options):
        raise ValueError(f"options={options!r} must be shares in [0, 1]")
    shown = [(f"{100 * share:g} %", share) for share in options]
    return _chooser(widgets.SelectionSlider, shown, value, label, hint)


@checked
def choice(options: Sequence[Any], value: Any, *, label: str, hint: str) -> widgets.Widget:
    """A drop-down list of `options`. Raises ValueError for a `value` that is not one of them."""
    return _chooser(widgets.Dropdown, options, value, label, hint)


def _chooser(
    kind: type[widgets.Widget], options: Sequence[Any], value: Any, label: str, hint: str
) -> widgets.Widget:
    try:
        return kind(options=options, value=value, **_appearance(label, hint))
    except (TraitError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"value={value!r} must be one of options={options!r}") from error


@checked
def text(value: str, *, label: str, hint: str) -> widgets.Widget:
    """A line of text that the student edits; the picture follows when Enter is pressed."""
    return widgets.Text(value=value, continuous_update=False, **_appearance(label, hint))


def _appearance(label: str, hint: str) -> dict[str, Any]:
    return {
        "description": label,
        TOOLTIP: hint,
        "style": {"description_width": LABEL_WIDTH},
        "layout": widgets.Layout(width=CONTROL_WIDTH),
    }


@checked
def explore(figure_function: Callable[..., Figure], /, *fixed: Any, **arguments: Any) -> Explorer:
    """Show a figure function here with a control for each of its arguments that moves.

    `fixed` are its first arguments; of the named ones, those that are widgets (from `slider`,
    `choice`, `text`, or any ipywidgets with a value) become controls, the others stay as they are.
    The function is one under `page.figure`: it knows its file name and its alt text, and draws on
    the Figure that it is given, the same for all pictures. The picture of the default state is kept
    like any other, and its alt text is the caption that tells the present state. A cell that is run
    again puts its explorer in the place of the former one. Raises TypeError for a widget without a
    value, ValueError without a control or for a function without name and alt text. Taught in
    notebook 00.
    """
    controls = {name: part for name, part in arguments.items() if isinstance(part, widgets.Widget)}
    for name, control in controls.items():
        if not hasattr(control, "value"):
            raise TypeError(f"{name}={control!r} is not a control: it has no value")
    if not controls:
        raise ValueError(f"arguments={list(arguments)} hold no control: give at least one slider")
    held = {name: value for name, value in arguments.items() if name not in controls}
    drawn = functools.partial(figure_function, *fixed, **held)
    explorer = Explorer(drawn, controls)
    explorer.save()
    save_frames(explorer.name, drawn, controls)
    former, _SHOWN[explorer.name] = _SHOWN.get(explorer.name), explorer
    if former is not None:
        former.retire()
    shell = get_ipython()
    if shell is not None:
        # To register once more changes nothing.
        shell.events.register("post_run_cell", forget)
    explorer.show_here()
    return explorer


def forget(*_: Any) -> None:
    """Drop all pictures: the cell that has run may have changed what a figure shows."""
    # Not while a picture is drawn, which would keep what is outdated.
    with _LOCK:
        for explorer in _SHOWN.values():
            explorer.pictures.clear()


class Explorer(ShownAtOnce, widgets.VBox):
    """Controls above a picture and its caption. The saved notebook keeps the default state."""

    @checked
    def __init__(
        self, figure_function: Callable[..., Figure], controls: dict[str, widgets.Widget]
    ) -> None:
        self._figure_function = figure_function
        self._controls = controls
        self._figure = Figure()
        FigureCanvasAgg(self._figure)
        # What was drawn, by the state of the controls.
        self.pictures: dict[str, Picture] = {}
        self._draw()
        self.name = name_of(self._figure)
        self._still = still(self._figure, words_of(self._figure), self.name)
        width = round(self._figure.get_figwidth() * LIVE_DPI)
        self._picture = LivePicture(self._still, width, len(controls))
        self._shown: str | None = self._state
        for control in controls.values():
            control.observe(self._on_change, names="value")
        super().__init__([*map(_with_hint, controls.values()), self._picture])
        self.add_class("pruninglab-explorer")

    @property
    def values(self) -> dict[str, Any]:
        """The present value of every control by argument name."""
        return {name: control.value for name, control in self._controls.items()}

    @property
    def png(self) -> bytes:
        """The picture that is shown."""
        return self._picture.png

    @property
    def caption(self) -> str:
        """The words under it."""
        return self._picture.alt

    @property
    def error(self) -> str:
        """What went wrong, in one line, or nothing."""
        return str(self._picture.error)

    def save(self) -> None:
        """Keep the picture of the default state while `make notebooks` runs."""
        if is_saving():
            check_inside(self._figure)
        save_picture(self.png, self.name, self.caption)

    def retire(self) -> None:
        """Close all widgets that it is made of, except those that a shown explorer uses too."""
        for control in self._controls.values():
            control.unobserve(self._on_change, names="value")
        used = {part for explorer in _SHOWN.values() for part in _parts(explorer)}
        for part in _parts(self) - used:
            part.close()

    @property
    def _state(self) -> str:
        """What tells two states apart: an option by its number, else the value, both plain."""
        parts = [getattr(part, "index", part.value) for part in self._controls.values()]
        return repr(parts)

    def _draw(self) -> None:
        """Draw the present values; raises whatever the figure function raises."""
        # The browser needs the other core: threads that wait for each other would wait for it too.
        with computing_with(1):
            self._figure_function(**self.values, figure=self._figure)

    def _frame(self) -> Picture:
        """Return the picture of the present values, drawn now unless it is there already."""
        state = self._state
        if state not in self.pictures:
            self._draw()
            buffer = io.BytesIO()
            # The lightest compression: encoding counts for the delay that the hand feels.
            self._figure.savefig(
                buffer,
                format="png",
                dpi=LIVE_DPI,
                metadata={"Software": None},
                pil_kwargs={"compress_level": 1},
            )
            if len(self.pictures) >= MOST_KEPT:
                self.pictures.clear()
            self.pictures[state] = Picture(buffer.getvalue(), words_of(self._figure))
        return self.pictures[state]

    def _on_change(self, change: dict[str, Any]) -> None:
        """Show the newest values, whatever change woke us.

        The front end holds back a control's next value until this call is done and then sends
        only the latest, so a fast hand skips pictures instead of queueing them.
        """
        # JupyterLab lets a slider answer in another thread than its cells.
        with _LOCK:
            wanted = self._state
            if wanted == self._shown:
                return
            # After an interrupt nothing counts as shown: asked again, the same values are drawn.
            self._shown = None
            try:
                self._picture.show(self._frame())
            except Exception as error:
                if get_ipython() is None:
                    raise
                self._picture.error = sentence(error)
            self._shown = wanted

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Offer the live widget and, beside it, the picture for readers without a kernel."""
        still, metadata = self._still._repr_mimebundle_()
        return {**live(self), **still}, metadata


def _with_hint(control: widgets.Widget) -> widgets.Widget:
    hint = widgets.HTML(f"<span>{html.escape(hint_of(control))}</span>")
    return widgets.HBox([control, hint], layout=widgets.Layout(flex_flow="row wrap"))


def _parts(widget: widgets.Widget) -> set[widgets.Widget]:
    """Return a widget with its layout, its style and all that is inside it."""
    beside = {getattr(widget, name) for name in ("layout", "style") if hasattr(widget, name)}
    return {widget, *beside}.union(*map(_parts, getattr(widget, "children", ())))
