"""Sliders over figures: one output that is live with a kernel and a picture without one."""

from __future__ import annotations

import contextlib
import functools
import html
import io
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from traitlets import TraitError

from ..engine.training import computing_with
from ..ideas.checks import Finite, Positive, checked
from .canvas import LiveCanvas
from .frames import Frames, Idle, Values, one_step_away, one_step_on, unnoticed
from .live_picture import LivePicture
from .memory import Memory, remembering
from .pictures import (
    Picture,
    check_inside,
    few_colours,
    is_saving,
    name_of,
    save_picture,
    words_of,
)
from .site.frames import save_frames

STILL_DPI = 110
# A live picture has the points that it is shown with: scaled letters would be blurred.
SHOWN_DPI = LIVE_DPI = 88
LABEL_WIDTH = "190px"
CONTROL_WIDTH = "480px"
# ipywidgets keeps every widget until it is closed: of one name only the last explorer stays.
_SHOWN: dict[str, Explorer] = {}
_IDLE = Idle()
# A picture that takes longer is not drawn ahead: who asks meanwhile would have to wait for it.
LONGEST_AHEAD = 0.3


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
        "tooltip": hint,
        "style": {"description_width": LABEL_WIDTH},
        "layout": widgets.Layout(width=CONTROL_WIDTH),
    }


@checked
def explore(figure_function: Callable[..., Figure], /, *fixed: Any, **arguments: Any) -> Explorer:
    """Show a figure function with a control for each of its arguments that moves.

    `fixed` are its first arguments; of the named ones, those that are widgets (from `slider`,
    `choice`, `text`, or any ipywidgets with a value) become controls, the others stay as they are.
    The function must take `figure=None` and draw on that Figure when it is given: one Figure is
    used for all pictures. Its file name and its alt text are its own (`pictures.picture`,
    `describe`): the picture of the default state is kept like any other figure, and the alt text is
    the caption that tells the present state. A cell that is run again puts its explorer in the
    place of the former one. Raises TypeError for a widget without a value, ValueError without a
    control or for a function without name and alt text. Taught in notebook 00.
    """
    controls = {name: part for name, part in arguments.items() if isinstance(part, widgets.Widget)}
    for name, control in controls.items():
        if not hasattr(control, "value"):
            raise TypeError(f"{name}={control!r} is not a control: it has no value")
    if not controls:
        raise ValueError(f"arguments={list(arguments)} hold no control: give at least one slider")
    held = {name: value for name, value in arguments.items() if name not in controls}
    explorer = Explorer(functools.partial(figure_function, *fixed, **held), controls)
    explorer.save()
    save_frames(explorer.name, functools.partial(figure_function, *fixed, **held), controls)
    former, _SHOWN[explorer.name] = _SHOWN.get(explorer.name), explorer
    if former is not None:
        former.retire()
    shell = get_ipython()
    if shell is not None:
        # To register once more changes nothing. A slider's message counts as an execution too.
        shell.events.register("pre_execute", _IDLE.stop)
        shell.events.register("post_execute", _draw_ahead)
        shell.events.register("pre_run_cell", _before_cell)
        shell.events.register("post_run_cell", _after_cell)
        # The present cell began before anybody listened.
        _before_cell()
    return explorer


def _before_cell(*_: Any) -> None:
    """Leave the processor, the generators and what is printed to the cell."""
    _IDLE.begin_cell()


def _after_cell(*_: Any) -> None:
    """Drop all frames: the cell that has run may have changed what a figure shows."""
    # Not while a picture is drawn, which would keep what is outdated.
    with _IDLE.lock:
        for explorer in _SHOWN.values():
            explorer.forget()
    _IDLE.end_cell()
    _draw_ahead()


def _draw_ahead() -> None:
    """While the kernel is idle, draw what may be asked for next, for the last one touched first."""
    explorers = sorted(_SHOWN.values(), key=lambda explorer: -explorer.touched)
    jobs = (job for explorer in explorers for job in explorer.jobs_ahead())
    _IDLE.start(jobs, explorers[0].job_onward() if explorers else None)


class Explorer(widgets.VBox):
    """Controls above a picture and its caption. The saved notebook keeps the default state."""

    @checked
    def __init__(
        self, figure_function: Callable[..., Figure], controls: dict[str, widgets.Widget]
    ) -> None:
        self._figure_function = figure_function
        self._controls = controls
        self._memory: Memory = {}
        self._figure, self._spare = _empty_figure(), _empty_figure()
        drawn = self._draw(self.values, self._figure, STILL_DPI)
        self._still = Picture(few_colours(drawn.png), drawn.alt)
        for figure in (self._figure, self._spare):
            LiveCanvas(figure)
        self.name = name_of(self._figure)
        self.frames = Frames()
        self.touched = 0.0
        self._moved: str | None = None
        self._onward: Values | None = None
        self._seconds = 0.0
        inches = self._figure.get_figwidth()
        self._picture = LivePicture(controls, self._still, inches, SHOWN_DPI)
        self._drawn: dict[str, Any] | None = self.values
        for control in controls.values():
            control.observe(self._on_change, names="value")
        super().__init__([*map(_with_hint, controls.values()), self._picture])
        # From 0 on the front end counts there how often it shows the explorer: without one, as in
        # nbconvert and nbval, it stays 0.
        self._view_count = 0

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
        """What went wrong, or nothing."""
        return str(self._picture.error)

    def save(self) -> None:
        """Keep the picture of the default state while `make notebooks` runs."""
        if is_saving():
            check_inside(self._figure)
        save_picture(self.png, self.name, self.caption)

    def forget(self) -> None:
        """Drop all pictures: what they show may have changed."""
        self._memory.clear()
        self.frames.clear()
        self._picture.forget()

    def retire(self) -> None:
        """Close all widgets that it is made of, except those that a shown explorer uses too."""
        for control in self._controls.values():
            control.unobserve(self._on_change, names="value")
        used = {part for explorer in _SHOWN.values() for part in _parts(explorer)}
        for part in _parts(self) - used:
            part.close()

    def jobs_ahead(self) -> Iterator[Callable[[], None]]:
        """Yield what is left to draw of the present state and of those one step away.

        Nothing if no front end shows the explorer, or if drawing takes too long to be waited for.
        """
        for values in (self.values, *one_step_away(self._controls, self._moved)):
            if self._is_worth(values):
                yield functools.partial(self._draw_frame_ahead, values)

    def job_onward(self) -> Callable[[], None] | None:
        """Return the drawing of the state that the next key of the same hand asks for, if any."""
        values, self._onward = self._onward, None
        if values is None or not self._is_worth(values):
            return None
        return functools.partial(self._draw_frame_ahead, values)

    def _is_worth(self, values: Values) -> bool:
        """Tell whether somebody looks, a state is not drawn yet, and nobody would wait for it."""
        looked_at = bool(self._view_count) and self._seconds <= LONGEST_AHEAD
        return looked_at and values not in self.frames

    def _draw_frame_ahead(self, values: Values) -> None:
        """Draw a state on a figure of its own; one that fails will tell when it is asked for."""
        with unnoticed(), contextlib.suppress(Exception):
            frame = self._draw(values, self._spare, LIVE_DPI)
            self.frames.keep(values, frame)
            self._picture.send_ahead(values, frame)

    def _frame(self, values: Values) -> Picture:
        """Return the picture of a state, drawn now unless it is there already."""
        frame = self.frames.find(values)
        if frame is None:
            start = time.perf_counter()
            frame = self._draw(values, self._figure, LIVE_DPI)
            self._seconds = time.perf_counter() - start
            self.frames.keep(values, frame)
        return frame

    def _draw(self, values: Values, figure: Figure, dpi: int) -> Picture:
        """Draw a state on `figure`; raises whatever the figure function raises."""
        # The browser needs the other core: threads that wait for each other would wait for it too.
        with remembering({} if _IDLE.cell_runs else self._memory), computing_with(1):
            self._figure_function(**values, figure=figure)
        figure.set_dpi(dpi)
        buffer = io.BytesIO()
        # The lightest compression: encoding counts for the delay that the hand feels.
        figure.savefig(
            buffer,
            format="png",
            dpi=dpi,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 1},
        )
        return Picture(buffer.getvalue(), words_of(figure))

    def _on_change(self, change: dict[str, Any]) -> None:
        """Draw the newest values, whatever change woke us.

        The front end holds back a control's next value until this call is done and then sends
        only the latest, so a fast hand skips pictures instead of queueing them.
        """
        # Another thread may be drawing on the same figure: matplotlib does not expect two.
        with _IDLE.lock:
            self._show(self.values)

    def _show(self, wanted: dict[str, Any]) -> None:
        if wanted == self._drawn:
            return
        self.touched = time.monotonic()
        self._moved = next(
            (name for name in wanted if self._drawn and wanted[name] != self._drawn[name]), None
        )
        self._onward = one_step_on(self._controls, self._drawn or {}, self._moved)
        # After an interrupt nothing counts as drawn: asked again, the same values are drawn.
        self._drawn = None
        try:
            self._picture.show(wanted, self._frame(wanted))
        except Exception:
            if get_ipython() is None:
                raise
            self._picture.error = traceback.format_exc(limit=-2)
        self._drawn = wanted

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Offer the live widget and, beside it, the picture for readers without a kernel."""
        still, metadata = self._still._repr_mimebundle_()
        return {**super()._repr_mimebundle_(**options), **still}, metadata


def _empty_figure() -> Figure:
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure


def _with_hint(control: widgets.Widget) -> widgets.Widget:
    hint = widgets.HTML(f"<span style='color: #555'>{html.escape(control.tooltip or '')}</span>")
    return widgets.HBox([control, hint], layout=widgets.Layout(flex_flow="row wrap"))


def _parts(widget: widgets.Widget) -> set[widgets.Widget]:
    """Return a widget with its layout, its style and all that is inside it."""
    beside = {getattr(widget, name) for name in ("layout", "style") if hasattr(widget, name)}
    return {widget, *beside}.union(*map(_parts, getattr(widget, "children", ())))
