"""The picture, the caption and the error under an explorer's controls, as one widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from .pictures import Picture

# A picture of this age is not kept by the page.
NOT_KEPT = -1
_PLAIN = (int, float, str, type(None))


class LivePicture(anywidget.AnyWidget):
    """Shows what `show` is given and, without asking the kernel, what `send_ahead` has sent.

    Picture and caption go to the page as one message. There `live_picture.js` listens to the
    controls, keeps pictures by their state, and tells screen readers what the sliders are called.
    """

    _esm = Path(__file__).with_name("live_picture.js").read_text("utf-8")
    controls: traitlets.List[widgets.Widget] = traitlets.List().tag(
        sync=True, **widgets.widget_serialization
    )
    shown = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    # How often everything was forgotten: what is older is not kept.
    age = traitlets.Int().tag(sync=True)

    def __init__(
        self, controls: Mapping[str, widgets.Widget], first: Picture, inches: float, dpi: int
    ) -> None:
        self._by_argument = dict(controls)
        # Without a width the browser would stretch the picture to the cell.
        width = f"{round(inches * dpi)}px"
        super().__init__(
            controls=list(controls.values()),
            # It is drawn larger than those that follow, so it is not kept among them.
            shown={"state": [], "png": first.png, "alt": first.alt, "age": NOT_KEPT},
            layout=widgets.Layout(width=width, max_width="100%"),
        )

    @property
    def png(self) -> bytes:
        """The picture that is shown."""
        return bytes(self.shown["png"])

    @property
    def alt(self) -> str:
        """The words under it."""
        return str(self.shown["alt"])

    def show(self, values: Mapping[str, Any], picture: Picture) -> None:
        """Show the picture of a state, given by the value of each control."""
        state = self._state(values)
        age = NOT_KEPT if state is None else self.age
        with self.hold_sync():
            self.shown = {"state": state, "png": picture.png, "alt": picture.alt, "age": age}
            self.error = ""

    def send_ahead(self, values: Mapping[str, Any], picture: Picture) -> None:
        """Send the picture of a state that may be asked for next."""
        if (state := self._state(values)) is not None:
            self.send({"state": state, "alt": picture.alt, "age": self.age}, [picture.png])

    def forget(self) -> None:
        """Let the page drop all that it keeps."""
        self.age += 1

    def _state(self, values: Mapping[str, Any]) -> list[Any] | None:
        """Return what the page knows a state by: an option by its number, else the value.

        None where a value is of a kind that the page may write otherwise than the kernel does.
        """
        state = [_said(control, values[name]) for name, control in self._by_argument.items()]
        return state if all(map(_is_plain, state)) else None


def _said(control: widgets.Widget, value: Any) -> Any:
    if not hasattr(control, "_options_values"):
        return value
    numbers = [i for i, option in enumerate(control._options_values) if option is value]
    return numbers[0] if numbers else list(control._options_values).index(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)
