"""What a page is made of: a saved notebook with its pictures as files and its explorers alive."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from ..guess.control import MIME

Words = Mapping[str, Any]


def explorers(figures: Path) -> dict[str, Words]:
    """Return what each explorer's frames say of themselves, by the alt text of its default."""
    read = (json.loads(path.read_text("utf-8")) for path in sorted(figures.rglob("frames.json")))
    return {about["words"][default_number(about)]: about for about in read}


def default_number(about: Words) -> int:
    """Return the number of the picture that shows the default state.

    >>> default_number({"all": True, "controls": [{"stops": "ab", "default": 1},
    ...                                           {"stops": "abc", "default": 2}]})
    5
    """
    if not about["all"]:
        return 0
    number = 0
    for control in about["controls"]:
        number = number * len(control["stops"]) + control["default"]
    return number


def page(notebook: NotebookNode, pictures: Path, alive: Mapping[str, Words], up: str) -> None:
    """Make a notebook, in place, a page: pictures become files, explorers move.

    Pictures are written into `pictures`; `up` leads from the page to the top of the site.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("(../README.md)", f"({up}index.md)")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if MIME in data:
                output.data = NotebookNode({"text/html": _guess(data)})
            if "image/png" in data:
                alt = output.metadata["image/png"]["alt"]
                if alt in alive:
                    text = explorer(alive[alt], up)
                else:
                    text = _picture(data["image/png"], alt, pictures, up)
                output.data = NotebookNode({"text/html": text})


def _picture(png: str, alt: str, folder: Path, up: str) -> str:
    content = base64.b64decode(png)
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    image = f'<img src="{up}_pictures/{name}" alt="{html.escape(alt)}" loading="lazy">'
    return f'<div class="picture" tabindex="0">{image}</div>'


def _guess(data: Mapping[str, Any]) -> str:
    """Return the markup of a question: as it reads without a script, and what `guess.js` needs."""
    return f'<div class="guess">{data["text/html"]}{_for_script(data[MIME])}</div>'


def _for_script(about: Words) -> str:
    # A page may not be ended by what a caption says.
    words = json.dumps(about, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/json">{words}</script>'


def explorer(about: Words, up: str) -> str:
    """Return the markup of an explorer: its default picture, and what `explorer.js` needs."""
    number = default_number(about)
    where = html.escape(f"{up}_frames/{about['name']}/")
    image = f'<img src="{where}{number:03}.webp" alt="{html.escape(about["words"][number])}">'
    return (
        f'<figure class="explorer" data-frames="{where}">'
        f'<div class="picture" tabindex="0">{image}</div>{_for_script(about)}</figure>'
    )
