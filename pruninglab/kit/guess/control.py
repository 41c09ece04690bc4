"""The control that asks: live with a front end, and without one the question and what to do."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets
from IPython.display import display
from IPython.utils.capture import capture_output

from ..pictures import ShownAtOnce, is_saving
from ..site.frames import VARIABLE
from .kept import keep, read, sound

# What the site reads in a saved notebook, to ask the same there.
MIME = "application/vnd.pruninglab.guess+json"
STATIC = Path(__file__).resolve().parents[1] / "site" / "static"
WHERE = "Open this notebook in JupyterLab and run it, or open its page on the site"
# ipywidgets keeps every widget until it is closed: of one name only the last control stays.
_SHOWN: dict[str, Control] = {}


class Control(ShownAtOnce, anywidget.AnyWidget):
    """One question, or the list of all guesses; `about` is what `guess.js` needs to show it.

    `then` shows what gives the answer away. It runs below the question once a guess is kept, or
    when "show me" is pressed, and never before; a saved notebook holds its pictures for the site.
    """

    _esm = f"{(STATIC / 'guess.js').read_text('utf-8')}\nexport default pruninglabGuess;\n"
    _css = (STATIC / "guess.css").read_text("utf-8")
    about = traitlets.Dict().tag(sync=True)
    entry = traitlets.Any(allow_none=True).tag(sync=True)
    entries = traitlets.Dict().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    revealed = traitlets.Bool().tag(sync=True)

    def __init__(
        self, about: dict[str, Any], todo: str, then: Callable[[], Any] | None = None
    ) -> None:
        self._name = str(about["name"])
        self._todo = f"{WHERE}, {todo}."
        self._then, self._below = then, widgets.Output() if then else None
        if then is not None:
            about = about | {"then": _pictures_of(then)}
        entries, note = read(self._name)
        super().__init__(about=about, note=note)
        if self.is_summary:
            self.entries = entries
        else:
            self.entry = entries.get(self._name)
        self.observe(self._on_guess, names="entry")
        self.observe(self._on_reveal, names="revealed")
        former, _SHOWN[self._name] = _SHOWN.get(self._name), self
        if former is not None:
            parts = (former, former._below) if former._below else (former,)
            for part in parts:
                part.layout.close()
                part.close()

    @property
    def is_summary(self) -> bool:
        """Whether this shows all guesses instead of asking for one."""
        return bool(self.about["kind"] == "summary")

    def show_here(self) -> None:
        """Display the question, and below it the place for what gives the answer away."""
        super().show_here()
        if self._below is not None and not is_saving():
            display(self._below)
            self.revealed = self.entry is not None

    def _on_reveal(self, change: dict[str, Any]) -> None:
        """Show what gives the answer away, once."""
        if self.revealed and self._then is not None and self._below is not None:
            then, self._then = self._then, None
            with self._below:
                then()

    def _on_guess(self, change: dict[str, Any]) -> None:
        """Keep what the front end sends; what is no guess it is not kept."""
        entry = change["new"]
        if self.is_summary or not (entry is None or sound(entry)):
            return
        self.note = keep(self._name, entry)
        self.revealed = self.revealed or entry is not None
        for shown in _SHOWN.values():
            if shown.is_summary and shown._name[:2] == self._name[:2]:
                shown.entries, shown.note = read(self._name)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Offer the live control and, for readers without a kernel, the question without answer."""
        live, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        title = "Your guesses" if self.is_summary else "Guess first"
        question = self.about.get("question", "")
        parts = [f"<strong>{title}.</strong> {html.escape(question)}".strip(), self._todo]
        still = "".join(f"<p>{part}</p>" for part in parts)
        plain = f"{title}. {question}".strip() + f"\n{self._todo}"
        added = {"text/plain": plain, "text/html": f"<div>{still}</div>", MIME: self.about}
        return {**live, **added}, metadata


def asked(name: str) -> dict[str, Any]:
    """Return what the question of this name is made of, if its cell has run here."""
    return dict(_SHOWN[name].about) if name in _SHOWN else {}


def _pictures_of(then: Callable[[], Any]) -> list[dict[str, Any]]:
    """Return the pictures that `then` shows, while the notebook is saved or the site is built."""
    if not is_saving() and VARIABLE not in os.environ:
        return []
    with capture_output() as captured:
        then()
    return [
        {"png": output.data["image/png"], **output.metadata["image/png"]}
        for output in captured.outputs
        if "image/png" in output.data
    ]
