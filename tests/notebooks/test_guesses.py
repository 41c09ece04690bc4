"""Every notebook asks before it shows: three guesses or more, a drawn curve, and all in the end."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
KINDS = ("curve", "number", "choice")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_before_it_shows(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    asked = [
        kind for source in sources for kind in re.findall(r"^lab\.guess\.(\w+)\(", source, re.M)
    ]
    assert len([kind for kind in asked if kind in KINDS]) >= 3 and "curve" in asked
    assert asked.count("summary") == 1 and asked[-1] == "summary"
    assert f'lab.guess.summary("{path.stem}")' in "\n".join(sources)
    # The last expression of a cell is what a notebook shows: a cell asks one thing, at its end.
    assert all(source.count("lab.guess.") <= 1 for source in sources)
    names = re.findall(r'name="(\d\d_\w+)"', "\n".join(s for s in sources if "lab.guess" in s))
    assert len(set(names)) == len(asked) - 1
    assert {name[:2] for name in names} == {path.stem[:2]}
