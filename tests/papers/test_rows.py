"""The table of all rows, and the way from one row to another."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

import pruninglab as lab
from pruninglab.engine.recipes import CHOICES
from pruninglab.papers import ROWS, differing, one_by_one


@pytest.mark.parametrize(("a", "b"), product(ROWS, ROWS))
def test_each_step_changes_one_cell_and_the_last_is_there(a: str, b: str) -> None:
    first, last = ROWS[a].but(rounds=3), ROWS[b]
    steps = one_by_one(first, last)
    recipes = list(steps.values())
    assert recipes[0] is first and recipes[-1].row() == last.row()
    assert all(recipe.rounds == 3 for recipe in recipes)
    changed = [differing(before, after) for before, after in pairwise(recipes)]
    assert [len(cells) for cells in changed] == [1] * len(differing(first, last))
    assert [cells[0] for cells in changed] == sorted(differing(first, last), key=CHOICES.index)


def test_a_step_is_called_by_what_changed() -> None:
    sap, ticket = ROWS["SAP"], ROWS["Lottery ticket"]
    start, change = one_by_one(sap, ticket)
    assert start == "start" and change == "budget: pq_bound(p=0.5, q=1.0) → fraction(0.2)"


def test_a_step_that_cannot_work_says_so() -> None:
    """Notebook 07: from IMC to the concave masks only the last step is a method."""
    data = lab.data.load("fashion-mnist")
    net = lab.nets.lenet_300_100(seed=0)
    *refused, last = one_by_one(ROWS["IMC"], ROWS["Concave masks"]).values()
    for recipe in refused:
        with pytest.raises(ValueError, match=r"directions are too many|goes on from m"):
            recipe.check(net, data)
    last.check(net, data)
