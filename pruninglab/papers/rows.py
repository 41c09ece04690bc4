"""The table of all rows, written by the recipes: for notebook 00, the notebooks' heads, README."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..checks import checked
from ..engine.recipes import CHOICES, Recipe, lottery_ticket
from .walk import PAPERS

ROWS: Mapping[str, Recipe] = {
    "Lottery ticket": lottery_ticket(),
    **{label: recipe for paper in PAPERS.values() for label, recipe in paper.ROWS.items()},
}

QUESTIONS: Mapping[str, str] = {
    "score": "which weights matter?",
    "budget": "how many go?",
    "scope": "who competes?",
    "stop": "enough retraining?",
    "rewind": "from which weights next?",
}


@checked
def differing(a: Recipe, b: Recipe) -> list[str]:
    """Return the choices that two recipes make otherwise.

    >>> differing(ROWS["SAP"], ROWS["InCoP-IF"]), differing(ROWS["SAP"], ROWS["Lottery ticket"])
    (['stop', 'rewind'], ['budget'])
    """
    return [name for name in CHOICES if a.row()[name] != b.row()[name]]


@checked
def one_by_one(a: Recipe, b: Recipe) -> dict[str, Recipe]:
    """Return the way from one row to another, each recipe with one cell more of `b`.

    The first is `a`, under "start"; the others are called by what changed. All have the rounds of
    `a`. Not each of them need work: `Recipe.check` says so. Taught in notebook 07.

    >>> for change, recipe in one_by_one(ROWS["InCoP-IF"], ROWS["Lottery ticket"]).items():
    ...     print(change)
    start
    budget: pq_bound(p=0.5, q=1.0) → fraction(0.2)
    stop: flow_within(epsilon=0.5, at_most=20, distance='relative') → epochs(5)
    rewind: fine_tune → to_init
    """
    steps, now = {"start": a}, a
    for name in differing(a, b):
        before, after = now.row()[name], b.row()[name]
        now = replace(now, **{name: b.choices()[name]})
        steps[f"{name}: {before} → {after}"] = now
    return steps


@checked
def row_of_table(label: str) -> str:
    """Return a method's row as text, what differs from the lottery ticket in bold.

    Raises KeyError that lists the methods.

    >>> print(row_of_table("SAP"))
    `magnitude` × **`pq_bound(p=0.5, q=1.0)`** × `layer` × `epochs(5)` × `to_init`
    """
    if label not in ROWS:
        raise KeyError(f"label={label!r} is not known; choose from {list(ROWS)}")
    recipe = ROWS[label]
    bold = differing(recipe, ROWS["Lottery ticket"])
    return " × ".join(f"**`{text}`**" if name in bold else f"`{text}`"
                      for name, text in recipe.row().items())  # fmt: skip


class Table(str):
    """Markdown text that a notebook shows as a table."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


def table() -> Table:
    """Return all rows as a Markdown table, what differs from the lottery ticket in bold.

    Each column is headed by the question that the choice answers. A notebook shows it drawn.
    """
    heads = [f"{question} **{name}**" for name, question in QUESTIONS.items()]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for label in ROWS:
        lines.append(f"| {label} | " + row_of_table(label).replace(" × ", " | ") + " |")
    return Table("\n".join(lines))
