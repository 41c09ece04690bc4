"""Builds the site with Sphinx, without executing a cell and without the network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import nbformat

from ...papers import ledger, table, totals
from ...papers.ledger import PAPERS
from .pages import Words, explorer, explorers, page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FIRST = "00_start_here"
FRONT = """# pruninglab

Five papers on neural-network pruning, as notebooks in which you move the sliders. Move this one.

{explorer}

It is the first picture of [notebook 00](notebooks/00_start_here.ipynb), drawn beforehand at every
stop, so this page needs no kernel. The notebooks themselves let you change everything else too.

## The notebooks

{notebooks}

## Every method is one row

**score × budget × scope × stop × rewind**; bold is what differs from the lottery ticket.

{rows}

## What of each paper is here

{totals}

[Every numbered item of every paper](ledger.md), and where it went.

```{{toctree}}
:hidden:

{contents}
Ledger <ledger>
```
"""


def build(folder: Path) -> Path:
    """Build the site into `folder` and return it; raises RuntimeError if Sphinx warns."""
    from sphinx.cmd.build import build_main

    source, pages = folder / "source", folder / "html"
    shutil.rmtree(folder, ignore_errors=True)
    write_sources(source)
    (source / "conf.py").write_text((HERE / "conf.py").read_text("utf-8"), "utf-8")
    shutil.copytree(HERE / "static", source / "_static")
    arguments = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "doctrees")]
    arguments += [str(source), str(pages)]
    if build_main(arguments):
        raise RuntimeError("the site has warnings; they are printed above")
    # Maps for those who debug the theme: two megabytes that no reader asks for.
    for debugging in pages.rglob("*.map"):
        debugging.unlink()
    return pages


def write_sources(source: Path) -> None:
    """Write the pages that Sphinx reads: the notebooks, the front page, the ledgers."""
    alive = explorers(ROOT / "figures")
    extra = source / "extra"
    (source / "notebooks").mkdir(parents=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        page(notebook, extra / "_pictures", alive, "../")
        nbformat.write(notebook, source / "notebooks" / path.name)
    for about in alive.values():
        frames = ROOT / "figures" / about["name"]
        shutil.copytree(frames, extra / "_frames" / about["name"])
    (source / "index.md").write_text(_front(alive), "utf-8")
    parts = [f"## {paper}\n\n{ledger(paper)}" for paper in PAPERS]
    (source / "ledger.md").write_text("# The ledger\n\n" + "\n\n".join(parts) + "\n", "utf-8")


def _front(alive: Mapping[str, Words]) -> str:
    """Return the front page, with the first explorer of the first notebook on it."""
    about = next(about for about in alive.values() if about["name"].startswith(FIRST))
    readme = (ROOT / "README.md").read_text("utf-8")
    notebooks = readme.split("## The notebooks")[1].split("\n\n")[1]
    names = re.findall(r"\[([^]]+)\]\(notebooks/(\w+)\.ipynb\)", notebooks)
    return FRONT.format(
        explorer=explorer(about, ""),
        notebooks=notebooks,
        rows=table(),
        totals=totals(),
        contents="\n".join(f"{title} <notebooks/{name}>" for title, name in names),
    )
