"""The ledgers are whole, and every pointer in them leads somewhere."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pruninglab.papers import ledger, totals
from pruninglab.papers.experiment import RECORDS
from pruninglab.papers.ledger import PAPERS, STATUSES, Item, items

ROOT = Path(__file__).resolve().parents[2]
REPRODUCTION = (ROOT / "REPRODUCTION.md").read_text(encoding="utf-8")
TEXTS = {
    "sap": "sap-pq-index.txt",
    "incop": "incop.txt",
    "nnrelief": "nnrelief.txt",
    "concave": "concave-masks.txt",
    "imc": "imc-inertial-manifold.txt",
}
NOTEBOOKS = {"sap": "02", "incop": "03", "nnrelief": "04", "concave": "05", "imc": "06"}
ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6}
THEORY = ("Definition", "Theorem", "Lemma", "Proposition", "Corollary", "Remark", "Assumption")
KINDS = (*THEORY, "Algorithm", "Table", "Figure")
# Numbers that a text names and does not have: InCoP's Section 3.2 means its Figure 5.
MISPRINTED = {"incop": {("Table", 5)}}
ALL = [(paper, item) for paper in PAPERS for item in items(paper)]
IDS = [f"{paper} {item.item}" for paper, item in ALL]


def numbered(text: str) -> set[tuple[str, int]]:
    """Find what a text numbers: ("Figure", 4), ("Table", 2), …, equations left out."""
    kinds = "|".join((*KINDS, "Fig."))
    hits = re.findall(rf"\b({kinds})\s+(\d+|[IV]+)\b", text)
    return {
        ("Figure" if kind == "Fig." else kind, ROMAN.get(number) or int(number))
        for kind, number in hits
    }


def number_of(item: Item) -> tuple[str, int] | None:
    """Read ("Figure", 4) from "Figure 4", ("Eq.", 3) from "Eq. (3)"."""
    match = re.fullmatch(r"(?:(Eq\.) \((\d+)\)|(\w+) (\d+|[IV]+))", item.item)
    assert match, f"{item.item!r} is no number of an item"
    kind, number = [part for part in match.groups() if part]
    return kind, ROMAN.get(number) or int(number)


def cells_of(notebook: str) -> list[dict[str, Any]]:
    """Return the cells of a lesson, and those of its audit."""
    paths = sorted((ROOT / "notebooks").glob(f"**/{notebook}_*.ipynb"), reverse=True)
    return [c for path in paths for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]


@cache
def sections(notebook: str) -> dict[str, list[str]]:
    """Return the sources of the code cells below each heading of a lesson and its audit."""
    under: dict[str, list[str]] = {}
    heading = ""
    for cell in cells_of(notebook):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for line in source.splitlines():
                if line.startswith("#"):
                    heading = line.lstrip("# ")
                    under.setdefault(heading, [])
        else:
            under.setdefault(heading, []).append(source)
    return under


def code_of(section: str) -> list[str]:
    notebook, _, heading = section.partition(": ")
    there = sections(notebook)
    assert heading in there, f"{notebook} has no heading {heading!r}, but {list(there)}"
    return there[heading]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_numbered_item_is_listed_once(paper: str) -> None:
    listed = [number_of(item) for item in items(paper)]
    assert len(set(listed)) == len(listed)
    kinds = {kind for kind, _ in listed if kind}
    for kind in kinds:
        numbers = sorted(number for other, number in listed if other == kind)
        assert numbers == list(range(1, len(numbers) + 1)), f"{kind}: {numbers}"
    assert {"Eq.", "Figure", "Table"} <= kinds | ({"Table"} if paper == "incop" else set())
    text = ROOT.parent / "shared" / "papers" / TEXTS[paper]
    if text.exists():
        there = numbered(text.read_text(encoding="utf-8"))
        missing = there - set(listed) - MISPRINTED.get(paper, set())
        assert not missing, f"the paper numbers {sorted(missing)}"


@pytest.mark.parametrize(("paper", "item"), ALL, ids=IDS)
def test_every_pointer_leads_somewhere(paper: str, item: Item) -> None:
    if item.function:
        _resolve(item.function)
    if item.section:
        code_of(item.section)
    if item.test:
        path, _, name = item.test.partition("::")
        names = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
                 if isinstance(node, ast.FunctionDef)}  # fmt: skip
        assert name in names
    if item.record:
        settings = json.loads((RECORDS / f"{item.record}.json").read_text("utf-8"))["settings"]
        assert item.seeds in (0, settings.get("seeds", item.seeds))


@pytest.mark.parametrize(("paper", "item"), ALL, ids=IDS)
def test_a_status_is_earned(paper: str, item: Item) -> None:
    computes = bool(item.section and code_of(item.section))
    if item.status == "measured":
        assert item.seeds and (item.record or computes)
    elif item.status == "toy":
        assert item.test or computes
    elif item.status == "stated":
        assert item.section or item.function
    else:
        assert item.note and not (item.function or item.record or item.seeds)


@pytest.mark.parametrize(("paper", "notebook"), [*NOTEBOOKS.items(), ("sap", "01")])
def test_each_notebook_ends_with_its_papers_part(paper: str, notebook: str) -> None:
    cells = [cell for code in sections(notebook).values() for cell in code]
    assert f'lab.papers.ledger("{paper}")' in cells
    for cell in cells_of(notebook):
        if "".join(cell["source"]) == f'lab.papers.ledger("{paper}")':
            shown = "".join(cell["outputs"][0]["data"]["text/markdown"])
            assert shown == ledger(paper)


def test_the_page_has_the_totals() -> None:
    assert totals() in REPRODUCTION
    assert all(status in totals() for status in STATUSES)


def _resolve(name: str) -> Any:
    """Import what a dotted name below `pruninglab` stands for."""
    parts = name.split(".")
    for cut in range(len(parts), -1, -1):
        try:
            value = import_module(".".join(["pruninglab", *parts[:cut]]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            value = vars(value)[part]
        return value
    raise AssertionError(f"{name} is nothing in pruninglab")


def test_the_walk_finds_what_is_wrong() -> None:
    with pytest.raises(KeyError):
        _resolve("pqi.no_such_function")
    with pytest.raises(AssertionError):
        code_of("02: no such heading")
    with pytest.raises(AssertionError):
        test_a_status_is_earned("sap", Item("Figure 1", "a run", "measured", seeds=3))
    with pytest.raises(AssertionError):
        test_a_status_is_earned("sap", Item("Figure 1", "left out", "absent"))
    assert numbered("see Fig. 3 and Table II") == {("Figure", 3), ("Table", 2)}


def test_no_cell_of_a_ledger_ends_within_a_word() -> None:
    """In Markdown a bar ends a cell, unless it is escaped."""
    for paper in PAPERS:
        rows = ledger(paper).splitlines()
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}, paper
