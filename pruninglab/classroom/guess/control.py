"""The control that asks: live with a front end, and without one the question and what to do."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from .kept import file_of, keep, read, sound

# What the site reads in a saved notebook, to ask the same there.
MIME = "application/vnd.pruninglab.guess+json"
STATIC = Path(__file__).resolve().parents[1] / "site" / "static"
WHERE = "Open this notebook in JupyterLab and run it, or open its page on the site"
# ipywidgets keeps every widget until it is closed: of one name only the last control stays.
_SHOWN: dict[str, Control] = {}


class Control(anywidget.AnyWidget):
    """One question, or the list of all guesses; `about` is what `guess.js` needs to show it."""

    _esm = f"{(STATIC / 'guess.js').read_text('utf-8')}\nexport default pruninglabGuess;\n"
    _css = (STATIC / "guess.css").read_text("utf-8")
    about = traitlets.Dict().tag(sync=True)
    entry = traitlets.Any(allow_none=True).tag(sync=True)
    entries = traitlets.Dict().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def __init__(self, about: dict[str, Any], todo: str) -> None:
        self._name = str(about["name"])
        self._todo = f"{WHERE}, {todo}."
        entries, note = read(file_of(self._name))
        super().__init__(about=about, note=note)
        if self.is_summary:
            self.entries = entries
        else:
            self.entry = entries.get(self._name)
        self.observe(self._on_guess, names="entry")
        former, _SHOWN[self._name] = _SHOWN.get(self._name), self
        if former is not None:
            former.layout.close()
            former.close()

    @property
    def is_summary(self) -> bool:
        """Whether this shows all guesses instead of asking for one."""
        return bool(self.about["kind"] == "summary")

    def _on_guess(self, change: dict[str, Any]) -> None:
        """Keep what the front end sends; what is no guess it is not kept."""
        entry = change["new"]
        if self.is_summary or not (entry is None or sound(entry)):
            return
        self.note = keep(self._name, entry)
        for shown in _SHOWN.values():
            if shown.is_summary and file_of(shown._name) == file_of(self._name):
                shown.entries, shown.note = read(file_of(self._name))

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
