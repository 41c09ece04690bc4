"""Builds the site with Sphinx, without executing a cell and without the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from .frames import draw_frames
from .pages import explorers, page

HERE = Path(__file__).resolve().parent
# `make site` runs at the top of a checkout.
ROOT = Path.cwd()
FRAMES = ROOT / "build" / "frames"
FOLDER = ROOT / "notebooks"
# Lessons first, then what lies in folders below.
NOTEBOOKS = [*sorted(FOLDER.glob("*.ipynb")), *sorted(FOLDER.glob("[!.]*/*.ipynb"))]
# What is no notebook, by its place in the sources: pages in Markdown, scripts, pictures.
Write = Callable[[], Mapping[str, str | bytes]]


def build(
    folder: Path, write: Write, below: Mapping[str, str], moving: Sequence[Path] = NOTEBOOKS
) -> Path:
    """Build the site into `folder` and return it: the notebooks, and what `write` gives.

    `below` stands at the end of a lesson's page, in Markdown, by the name of its notebook.

    The explorers of the notebooks `moving` move: what they show is drawn beforehand, which takes
    minutes each where it is not there yet. Those of the others stay pictures. Raises RuntimeError
    if Sphinx warns.
    """
    from sphinx.cmd.build import build_main

    with ThreadPoolExecutor(os.cpu_count()) as kernels:
        list(kernels.map(lambda notebook: draw_frames(notebook, FRAMES), moving))
    source, pages = folder / "source", folder / "html"
    shutil.rmtree(folder, ignore_errors=True)
    write_sources(source, write, below)
    (source / "conf.py").write_text((HERE / "conf.py").read_text("utf-8"), "utf-8")
    shutil.copytree(HERE / "static", source / "_static", dirs_exist_ok=True)
    arguments = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "doctrees")]
    arguments += [str(source), str(pages)]
    if build_main(arguments):
        raise RuntimeError("the site has warnings; they are printed above")
    # Maps for those who debug the theme: two megabytes that no reader asks for.
    for debugging in pages.rglob("*.map"):
        debugging.unlink()
    return pages


def write_sources(source: Path, write: Write, below: Mapping[str, str]) -> None:
    """Write what Sphinx reads: the notebooks as pages, and what `write` gives."""
    alive = explorers(FRAMES)
    extra = source / "extra"
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.parent == FOLDER and path.stem in below:
            notebook.cells.append(nbformat.v4.new_markdown_cell(below[path.stem]))
        page(
            notebook,
            extra / "_pictures",
            alive,
            "../" * (len(target.relative_to(source).parts) - 1),
        )
        nbformat.write(notebook, target)
    for about in alive.values():
        shutil.copytree(FRAMES / about["name"], extra / "_frames" / about["name"])
    for name, content in write().items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content if isinstance(content, bytes) else content.encode())
