"""What a page is made of: a saved notebook with its pictures as files and its explorers alive."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from nbformat import NotebookNode
from PIL import Image

from ..guess.control import MIME

Words = Mapping[str, Any]
# Pixels as shown: the least width of a panel that stands alone on a phone, and of a gap beside it,
# which is wider than one between words.
PANEL, GAP = 180, 8
# Brightness from which on it is paper.
PAPER = 250


def explorers(frames: Path) -> dict[str, Words]:
    """Return what each explorer's frames say of themselves, by its name.

    One without a picture for every state stays a picture.
    """
    read = [json.loads(path.read_text("utf-8")) for path in sorted(frames.rglob("frames.json"))]
    return {
        about["name"]: about | {"frames": frames}
        for about in read
        if len(about["words"]) == prod(len(control["stops"]) for control in about["controls"])
    }


def default_number(about: Words) -> int:
    """Return the number of the picture that shows the default state.

    >>> two, three = {"stops": "ab", "default": 1}, {"stops": "abc", "default": 2}
    >>> default_number({"controls": [two, three]})
    5
    """
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
            cell.source = cell.source.replace(f"({up}README.md)", f"({up}index.md)")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if MIME in data:
                text = _guess(data, lambda about: _shown(about["png"], about, pictures, alive, up))
                output.data = NotebookNode({"text/html": text})
            if "image/png" in data:
                about = output.metadata["image/png"]
                text = _shown(data["image/png"], about, pictures, alive, up)
                output.data = NotebookNode({"text/html": text})


def _shown(png: str, about: Words, pictures: Path, alive: Mapping[str, Words], up: str) -> str:
    """Return the markup of a picture: the moving explorer, where it has its frames."""
    if about.get("explorer") in alive:
        return explorer(alive[about["explorer"]], up)
    return _saved_picture(png, about, pictures, up)


def first_picture(notebook: NotebookNode) -> tuple[str, str]:
    """Return the file of a notebook's first figure, as its page keeps it, and its alt text.

    Raises ValueError for a notebook without one.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if png := output.get("data", {}).get("image/png"):
                name = _name_of(base64.b64decode(png))
                return f"_pictures/{name}", str(output.metadata["image/png"]["alt"])
    raise ValueError("notebook has no figure")


def _name_of(png: bytes) -> str:
    return f"{hashlib.sha256(png).hexdigest()[:16]}.png"


def _saved_picture(png: str, about: Words, folder: Path, up: str) -> str:
    content = base64.b64decode(png)
    name = _name_of(content)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    picture = Image.open(io.BytesIO(content))
    size = about.get("width"), bool(about.get("whole"))
    return _picture(f"{up}_pictures/{name}", about["alt"], picture, *size)


def _picture(
    source: str, alt: str, picture: Image.Image, width: float | None = None, whole: bool = False
) -> str:
    """Return the markup of a picture `width` wide.

    On a phone it comes apart into its panels, unless it is `whole`.
    """
    width = width or picture.width
    scale = width / picture.width
    parts = [(0, picture.width)] if whole else panels_of(picture, scale)
    panels = [(left * scale, right * scale) for left, right in parts]
    size = f'width="{width:g}" height="{picture.height * scale:g}"'
    shown = "".join(
        f'<span class="panel" style="--left: {left:g}; --right: {right:g}"><img loading="lazy"'
        f' src="{html.escape(source)}" alt="{"" if left else html.escape(alt)}" {size}></span>'
        for left, right in panels
    )
    return f'<div class="picture" tabindex="0" style="--width: {width:g}">{shown}</div>'


def panels_of(picture: Image.Image, scale: float = 1) -> list[tuple[int, int]]:
    """Return from which column to which each panel of a picture goes: what blank columns part.

    A column is `scale` pixels wide when it is shown. Where no line runs along a third of the
    height, it is no figure with axes but a table, which stays whole.
    """
    ink = np.asarray(picture.convert("L")) < PAPER
    cuts = [0, picture.width]
    inked, third = np.cumsum(ink, 0), picture.height // 3
    if (inked[third:] - inked[:-third] == third).any():
        blank = np.concatenate([[False], ~ink.any(0), [False]])
        starts, ends = np.flatnonzero(np.diff(blank.astype(int))).reshape(-1, 2).T
        for i in np.argsort(starts - ends):
            middle, gap = int(starts[i] + ends[i]) // 2, scale * (ends[i] - starts[i])
            if gap >= GAP and min(abs(middle - cut) for cut in cuts) * scale >= PANEL:
                cuts.append(middle)
    cuts.sort()
    return list(pairwise(cuts))


def _guess(data: Mapping[str, Any], shown: Callable[[Words], str]) -> str:
    """Return the markup of a question: as it reads without a script, and what `guess.js` needs.

    What gives the answer away stands below, hidden until the script shows it.
    """
    about = dict(data[MIME])
    below = "".join(map(shown, about.pop("then", ())))
    if below:
        about["then"] = True
        below = f'<div class="then" hidden>{below}</div>'
    return f'<div class="guess">{data["text/html"]}{_for_script(about)}{below}</div>'


def _for_script(about: Words) -> str:
    # No caption may end a page or swallow the rest of it: only "<" can begin that.
    words = json.dumps(about, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json">{words}</script>'


def explorer(about: Words, up: str) -> str:
    """Return the markup of an explorer: its default picture, and what `explorer.js` needs."""
    number = default_number(about)
    frame = f"{about['name']}/{number:03}.webp"
    first = Image.open(about["frames"] / frame)
    picture = _picture(f"{up}_frames/{frame}", about["words"][number], first)
    where = html.escape(f"{up}_frames/{about['name']}/")
    told = {key: about[key] for key in ("name", "controls", "words")}
    return f'<figure class="explorer" data-frames="{where}">{picture}{_for_script(told)}</figure>'
