"""A deck for each lesson: `make slides`. Figures and questions only; notes from the guide.

Reveal.js comes with the package sphinx-revealjs, so that a deck needs no network. S opens the
speaker's view.
"""

from __future__ import annotations

import html
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from .guess.control import MIME

HEADING = re.compile(r"^#+ (.+)$", re.M)
QUESTION = re.compile(r"\*\*([^*]+\?)\*\*")
ROW = re.compile(r"^\| (\d+) \| `?([^|`]+?)`? \| (.+) \|$", re.M)
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="reveal/dist/reveal.css">
<link rel="stylesheet" href="reveal/dist/theme/white.css">
<style>.reveal img {{ max-height: 72vh; max-width: 100%; }} .reveal {{ font-size: 32px; }}</style>
<div class="reveal"><div class="slides">{slides}</div></div>
<script src="reveal/dist/reveal.js"></script><script src="reveal/plugin/notes/notes.js"></script>
<script>Reveal.initialize({{ hash: true, plugins: [RevealNotes] }});</script></html>
"""


def deck(notebook: NotebookNode, guide: str) -> str:
    """Return a lesson's slides as a page, which needs the folder reveal/ beside it."""
    notes = {where: what for _, where, what in ROW.findall(guide)}
    title = HEADING.findall(notebook.cells[0].source)[0]
    exam = guide.partition("## Exam")[2].strip().split("\n\n")
    slides = [*_slides(notebook, notes), _slide(exam[0].strip("*"), note="\n".join(exam[1:]))]
    return PAGE.format(title=html.escape(title), slides="\n".join(slides))


def _slides(notebook: NotebookNode, notes: Mapping[str, str]) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for heading in HEADING.findall(cell.source):
                note = notes.get(heading) or notes.get(heading.partition(" · ")[2], "")
                yield _slide(heading, tag="h2", note=note)
            yield from map(_slide, QUESTION.findall(cell.source))
        # An open exercise is drawn without an answer.
        elif ".check(" not in cell.source and "your" not in cell.source:
            for output in cell.outputs:
                yield from _shown(output.get("data", {}), output.get("metadata", {}), notes)


def _shown(data: Any, metadata: Any, notes: Mapping[str, str]) -> Iterator[str]:
    if "image/png" in data:
        yield _picture(data["image/png"], metadata.get("image/png", {}).get("alt", ""))
    about = data.get(MIME, {})
    if "question" in about:
        options = "".join(f"<li>{html.escape(option)}</li>" for option in about.get("options", ()))
        yield _slide(about["question"], f"<ul>{options}</ul>", note=notes.get(about["name"], ""))
        for picture in about.get("then", ()):
            yield _picture(picture["png"], picture.get("alt", ""))


def _picture(png: str, alt: str) -> str:
    source = "".join(png.split())
    image = f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}">'
    return _slide("", image, note=alt)


def _slide(words: str, body: str = "", tag: str = "p", note: str = "") -> str:
    head = f"<{tag}>{html.escape(words)}</{tag}>" if words else ""
    return f'<section>{head}{body}<aside class="notes">{html.escape(note)}</aside></section>'


def main(folder: Path) -> None:
    """Write the decks of all lessons that have a guide into `folder`."""
    with as_file(files("sphinx_revealjs") / "_static" / "revealjs") as reveal:
        for part in ("dist", "plugin/notes"):
            shutil.copytree(reveal / part, folder / "reveal" / part, dirs_exist_ok=True)
    for guide in sorted(Path("notebooks/guides").glob("*.md")):
        notebook = nbformat.read(Path("notebooks") / f"{guide.stem}.ipynb", as_version=4)
        page = folder / f"{guide.stem}.html"
        page.write_text(deck(notebook, guide.read_text("utf-8")), "utf-8")
        print(page)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
