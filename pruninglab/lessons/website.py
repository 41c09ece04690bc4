"""`python -m pruninglab.lessons.website [folder]`: build the site from the saved notebooks."""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path

import nbformat

from ..kit.site.build import ROOT, build
from ..kit.site.pages import first_picture
from ..live import script, still, trained
from ..papers import claims_table, ledger, table, totals
from ..papers.walk import PAPERS

FRONT = """---
html_theme.sidebar_secondary.remove: true
---

# How little of a network still reads?

Pull the slider: weights leave a trained network, and it reads 1,000 digits again at every move.
**Red** is misread. Finding what can go is called **pruning**.

{wall}

<p class="ways"><a href="#the-lessons">Read the lessons</a><a href="#run-them-yourself">Run them
yourself</a></p>

## The lessons

Five papers say which weights to take, and each says something else. Each lesson has one idea, and
sliders that move on this page, too.

<div class="cards">
{cards}
</div>

## Every method is one row

**score × budget × scope × stop × rewind**; bold is what differs from the lottery ticket.

{rows}

## Run them yourself

{run}

## What of each paper is here

{totals}

[Every numbered item of every paper](ledger.md), and where it went. What each paper claims, our
number and whether it holds here: {claims}.

```{{toctree}}
:hidden:

{contents}
{audits}
{claimed}
Ledger <ledger>
Glossary <notebooks/glossary>
```
"""
# Lessons whose page ends with the wall, and the choices it begins with there.
WALLS = {
    "00_start_here": {},
    "01_pq_index": {"budget": "pq"},
    "02_sap": {"budget": "pq", "scope": "layer"},
    "04_nnrelief_heatmaps": {"score": "nnrelief", "scope": "neuron", "budget": "signal"},
    "07_mix_and_match": {},
}
BELOW = """## On the wall

The choices of this lesson on another network and 1,000 digits; this page computes."""
CARD = """<a class="card" href="notebooks/{name}.html">
<img loading="lazy" src="{picture}" alt="{alt}"><b>{title}</b><span>{idea}</span></a>"""


def written() -> dict[str, str | bytes]:
    """Return what stands beside the notebooks: the front page with its wall, ledger and claims."""
    readme = (ROOT / "README.md").read_text("utf-8")
    lessons = readme.split("## The notebooks")[1].split("\n\n")[1]
    names = re.findall(r"\[([^]]+)\]\(notebooks/(\w+)\.ipynb\)", lessons)
    audits = sorted(path.stem for path in (ROOT / "notebooks" / "audits").glob("*.ipynb"))
    picture, words = still.wall()
    front = FRONT.format(
        wall=wall(words, ""),
        cards="\n".join(card(title, name) for title, name in names),
        rows=table(),
        run=readme.split("## Run it\n\n")[1].split("\n\n")[0],
        totals=totals(),
        contents="\n".join(f"{title} <notebooks/{name}>" for title, name in names),
        audits="\n".join(f"Audit {name} <notebooks/audits/{name}>" for name in audits),
        claims=", ".join(f"[{paper}](claims_{paper}.md)" for paper in PAPERS),
        claimed="\n".join(f"Claims {paper} <claims_{paper}>" for paper in PAPERS),
    )
    parts = [f"## {paper}\n\n{ledger(paper)}" for paper in PAPERS]
    pages: dict[str, str | bytes] = {
        "index.md": front,
        "ledger.md": "# The ledger\n\n" + "\n\n".join(parts) + "\n",
        "notebooks/glossary.md": (ROOT / "notebooks" / "glossary.md").read_text("utf-8"),
        "_static/live.js": script.page(),
        "_static/live.css": script.style(),
        "extra/_live/sent.js": trained.script(),
        "extra/_live/wall.png": picture,
    }
    return pages | {f"claims_{paper}.md": claims_page(paper) for paper in PAPERS}


def claims_page(paper: str) -> str:
    """Return the page of a paper's claims, with what its words mean, as Markdown."""
    about = (ROOT / "REPRODUCTION.md").read_text("utf-8")
    words = about.split("## What each paper claims, and what we measure\n\n")[1].split("\n\n")[0]
    return f"# {paper}: claims and measurements\n\n{words}\n\n{claims_table(paper)}\n"


def below() -> dict[str, str]:
    """Return what stands at the end of a lesson's page: the wall, with the lesson's choices."""
    _, words = still.wall()
    return {name: f"{BELOW}\n\n{wall(words, '../', **cut)}\n" for name, cut in WALLS.items()}


def wall(words: str, up: str, **cut: str) -> str:
    """Return the markup of a wall: its picture, until `live.js` has the network.

    `cut` are the choices it begins with.
    """
    begun = html.escape(json.dumps(cut))
    return (
        f'<div class="pruninglab-live" data-sent="{up}_live/sent.js" data-cut="{begun}">'
        f'<div class="first">'
        f'<div class="stage"><img src="{up}_live/wall.png" alt="{html.escape(words)}"></div>'
        f'<div class="board"><p>{html.escape(words)}</p></div></div></div>'
    )


def card(title: str, name: str) -> str:
    """Return the markup of a lesson: its first figure, its title, its one sentence."""
    lesson = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    picture, alt = first_picture(lesson)
    # Below the title stands the idea.
    idea = " ".join(lesson.cells[0].source.split("\n\n")[1].replace("**", "").split())
    return CARD.format(
        name=name,
        picture=picture,
        alt=html.escape(alt),
        title=html.escape(title),
        idea=html.escape(idea),
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    print(f"open {build(folder, written, below()) / 'index.html'}")
