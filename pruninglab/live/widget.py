"""The wall of a student's own network, in JupyterLab."""

from __future__ import annotations

from typing import Any

import anywidget

from .script import page, style
from .sent import packed


class Wall(anywidget.AnyWidget):
    """Sends a network when the page asks for it: nothing of it is saved in a notebook."""

    _esm = f"{page()}\nexport default pruninglabLive;\n"
    _css = style()

    def __init__(self, what: dict[str, Any]) -> None:
        super().__init__()
        self._sent: list[bytes] = []
        self._about = packed(what, self._sent)
        self.on_msg(self._answer)

    def __repr__(self) -> str:
        """What stands where no page asks: in a saved notebook, too."""
        return "Your network, pruned in the page: run this cell in JupyterLab, VS Code or Colab."

    def _answer(self, widget: Wall, content: Any, buffers: list[Any]) -> None:
        self.send({"about": self._about}, self._sent)
