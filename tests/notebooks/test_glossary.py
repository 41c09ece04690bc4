"""The glossary: in order, each word with its lesson, and where it is linked to, it is there."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
GLOSSARY = (NOTEBOOKS / "glossary.md").read_text("utf-8")
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))
ENTRIES = dict(re.findall(r"^### (.+)\n\n(.+)$", GLOSSARY, re.M))
LINK = re.compile(r"\[([^\]]+)\]\(glossary\.md#([^)]+)\)")


def anchor(word: str) -> str:
    return word.lower().replace(" ", "-")


def links(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return [to for c in cells if c.cell_type == "markdown" for _, to in LINK.findall(c.source)]


def test_entries_are_in_order_and_say_where_they_are_needed() -> None:
    words = [word.lower() for word in ENTRIES]
    assert words == sorted(words, key=lambda word: word.replace("ℓ", "l")) and len(words) >= 30
    for text in ENTRIES.values():
        number = re.search(r"\((\d\d)\)$", text).group(1)
        assert any(path.name.startswith(number) for path in LESSONS)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_links_each_word_once_and_to_an_entry(path: Path) -> None:
    found = links(path)
    assert len(found) >= 2 and len(set(found)) == len(found)
    assert set(found) <= {anchor(word) for word in ENTRIES}
