"""The picture, the caption and the error under an explorer's controls, as one widget."""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets as widgets
import traitlets

from .pictures import Picture


class LivePicture(anywidget.AnyWidget):
    """Shows the picture that `show` is given, and its words; both come to the page as one message.

    There `live_picture.js` also tells screen readers what the `controls` sliders are called.
    """

    _esm = Path(__file__).with_name("live_picture.js").read_text("utf-8")
    _css = Path(__file__).with_name("live_picture.css").read_text("utf-8")
    shown = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    controls = traitlets.Int().tag(sync=True)

    def __init__(self, first: Picture, width: int, controls: int) -> None:
        # Without a width the browser would stretch the picture to the cell.
        layout = widgets.Layout(width=f"{width}px", max_width="100%")
        super().__init__(
            controls=controls, shown={"png": first.png, "alt": first.alt}, layout=layout
        )

    @property
    def png(self) -> bytes:
        """The picture that is shown."""
        return bytes(self.shown["png"])

    @property
    def alt(self) -> str:
        """The words under it."""
        return str(self.shown["alt"])

    def show(self, picture: Picture) -> None:
        """Show a picture in place of the present one, and no error."""
        with self.hold_sync():
            self.shown = {"png": picture.png, "alt": picture.alt}
            self.error = ""


def sentence(error: Exception) -> str:
    """Return an error in one line, without its type where a value is what was wrong."""
    words = " ".join(str(error.args[0] if len(error.args) == 1 else error).split())
    known = isinstance(error, (ValueError, TypeError, FloatingPointError))
    return words if known and words else f"{type(error).__name__}: {words}"
