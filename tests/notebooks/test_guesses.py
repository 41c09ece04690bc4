"""Every lesson asks before it shows: at most three guesses, each a control, and all in the end."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

LESSONS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
KINDS = ("curve", "number", "choice")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_asks_before_it_shows(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    asked = [kind for source in sources for kind in re.findall(r"\blab\.guess\.(\w+)\(", source)]
    assert 1 <= len([kind for kind in asked if kind in KINDS]) <= 3
    assert asked.count("summary") == 1 and asked[-1] == "summary"
    assert f'lab.guess.summary("{path.stem}")' in "\n".join(sources)
    names = re.findall(r'name="(\d\d_\w+)"', "\n".join(s for s in sources if "lab.guess" in s))
    assert len(set(names)) == len(asked) - 1
    assert {name[:2] for name in names} == {path.stem[:2]}
    assert not [
        cell for cell in cells if cell.cell_type == "markdown" and "**Predict" in cell.source
    ]
