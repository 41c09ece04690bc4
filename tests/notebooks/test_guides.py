"""What a guide names is in its notebook; a deck shows it, without the network."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from pruninglab.kit.slides import HEADING, ROW, deck

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PARTS = ["45 minutes", "90 minutes", "What they will believe", "On the board", "To discuss",
         "Marks", "Exam"]  # fmt: skip


HEADS = ("SAP", "IMC")


def guide_of(path: Path) -> str:
    return (path.parent / "guides" / f"{path.stem}.md").read_text("utf-8")


def places_in(path: Path) -> list[str]:
    """Return headings, guesses and exercises of a notebook, in order."""
    found: list[str] = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            found += [title.rpartition(" · ")[2] if title[:2].isdigit() else title
                      for title in HEADING.findall(cell.source)]  # fmt: skip
        else:
            found += re.findall(r"exercises\.(\w+)\.check", cell.source)
            found += re.findall(r'name="(\d\d_\w+)"', cell.source)
    return found


def test_each_lesson_has_a_guide() -> None:
    guides = {path.stem for path in (ROOT / "notebooks" / "guides").glob("*.md")}
    assert guides == {path.stem for path in LESSONS}


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_guide_is_whole_and_names_what_is_there(path: Path) -> None:
    guide, places = guide_of(path), places_in(path)
    head, *parts = re.split(r"^## ", guide, flags=re.M)
    texts = dict(part.split("\n", 1) for part in parts)
    assert list(texts) == PARTS
    assert path.stem[:2] in head and "**Students must know:**" in head
    for minutes in (45, 90):
        rows = ROW.findall(texts[f"{minutes} minutes"])
        assert sum(int(row[0]) for row in rows) == minutes
        order = [places.index(where) for _, where, _ in rows]
        assert order == sorted(order)
    exercises = {place for place in places if place.isupper()} - set(HEADS)
    marks = re.findall(r"^\| `(\w+)` \| (\d+) \|$", texts["Marks"], re.M)
    assert {name for name, _ in marks} == exercises
    assert sum(int(points) for _, points in marks) == 10
    named = set(re.findall(r"`([A-Z_]+|\d\d_\w+)`", guide))
    assert named <= set(places) and exercises <= named
    assert re.findall(r"^(\d)\.", texts["What they will believe"], re.M) == ["1", "2", "3"]
    assert texts["What they will believe"].count("Say:") == 3
    for file in re.findall(r"`(figures/\S+)`", head):
        assert (ROOT / file).exists()


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_deck_has_figures_questions_and_notes(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    page = deck(notebook, guide_of(path))
    assert page.count("<section>") == page.count("</section>") >= 13
    assert page.count('src="data:image/png;base64,') >= 3
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    for _, where, what in ROW.findall(guide_of(path).split("## 90 minutes")[1]):
        assert what.split("`")[0].split('"')[0][:30].replace("'", "&#x27;") in page, where
    assert "[]" not in page and "def " not in re.sub(r"<[^>]+>", "", page)
