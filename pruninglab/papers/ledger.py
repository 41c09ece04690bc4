"""What of a paper is here, item by item: every numbered one, and where it went.

The ledgers are tables in the papers' folders, `ledger.csv`, one line for each definition,
equation, theorem, algorithm, table and figure. A test walks every pointer.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..checks import Whole, checked
from .rows import Table
from .walk import HERE, PAPERS

Status = Literal["measured", "toy", "stated", "absent"]
STATUSES: tuple[Status, ...] = get_args(Status)
MEANING: dict[str, str] = {
    "measured": "a run of ours measures it",
    "toy": "shown on an example small enough to follow",
    "stated": "stated or used, not put to a test",
    "absent": "not here, with the reason",
}


@checked
@dataclass(frozen=True)
class Item:
    """A numbered item of a paper and where it went; pointers that do not apply are empty.

    `item` is its number as printed ("Eq. (3)", "Figure 4", "Theorem 1"), `function` a dotted name
    below `pruninglab`, `section` a notebook and one of its headings ("02: 3. The hypothesis"),
    `record` a file in data/records without its ending, `test` "tests/…py::test_name". `note` says
    what else must be known: for an absent item the reason. `seeds` counts those of a measurement.
    """

    item: str
    about: str
    status: Status
    seeds: Whole = 0
    function: str = ""
    section: str = ""
    record: str = ""
    test: str = ""
    note: str = ""


@checked
def items(paper: str) -> list[Item]:
    """Return a paper's ledger in the order of the paper. Raises KeyError that lists the papers."""
    if paper not in PAPERS:
        raise KeyError(f"paper={paper!r} is not known; choose from {list(PAPERS)}")
    with (HERE / paper / "ledger.csv").open(encoding="utf-8", newline="") as file:
        return [_item(row) for row in csv.DictReader(file)]


def _item(row: Mapping[str, str]) -> Item:
    numbers: dict[str, Any] = {"seeds": int(row["seeds"] or 0)}
    return Item(**{**row, **numbers})


@checked
def ledger(paper: str) -> Table:
    """Return a paper's ledger as a Markdown table. Raises KeyError that lists the papers.

    Taught at the end of each paper's notebook.
    """
    lines = ["| item | what it is | here | where |", "|---|---|---|---|"]
    for item in items(paper):
        seeds = f", {item.seeds} seeds" if item.seeds > 1 else ", one seed" if item.seeds else ""
        pointers = (f"`{item.function}`" * bool(item.function), item.section, item.note)
        where = "; ".join(pointer for pointer in pointers if pointer)
        cells = (item.item, item.about, f"{item.status}{seeds}", where)
        # An absolute value is no border of a cell.
        escaped = [cell.replace("|", r"\|") for cell in cells]
        lines.append("| " + " | ".join(escaped) + " |")
    return Table("\n".join(lines))


def totals() -> Table:
    """Return how many items of each paper are measured, shown, stated or absent, as Markdown."""
    lines = ["| paper | items | " + " | ".join(STATUSES) + " |", "|---" * (len(STATUSES) + 2) + "|"]
    for paper in PAPERS:
        counts = Counter(item.status for item in items(paper))
        cells = [paper, counts.total(), *(counts[status] for status in STATUSES)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return Table("\n".join(lines))
