"""Exercises of notebook 02."""

from __future__ import annotations

from typing import Any

import torch

from ...choices.budgets import pq_bound
from ...choices.scopes import Groups
from .core import Exercise, expect, number, tensor, whole


def _check_count(answer: Any) -> None:
    answer = whole(answer, "a number of weights is a whole number")
    expect(answer != 7, "7 stay; the question is how many go")
    expect(answer != 4, "3.6 is rounded down, not up: never take more than the bound allows")
    expect(answer == 3, "I = 0.36, r/d = 1 − I, then ⌊10 · (1 − r/d)⌋")


def _check_budget(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of groups")
    scores = torch.tensor([[9.0, 4.0, 1.0, 0.0, 0.0, 0.0], [5.0, 4.0, 3.0, 2.0, 1.0, 7.0]])
    alive = torch.tensor([[True] * 6, [True] * 5 + [False]])
    kept = tensor(answer(Groups(scores.clone(), alive.clone())))
    expect(kept.shape == (2,), "return one number per group: how many stay")
    expect(kept.dtype == torch.int64, "return whole numbers (.long())")
    sap = pq_bound()(Groups(scores, alive))
    expect(not torch.equal(kept, sap), "this is SAP itself; at most two may go from a group")
    expect(int(kept[1]) <= 5, "a dead weight cannot stay: count the living only")
    expected = torch.maximum(sap, alive.sum(dim=1) - 2)
    expect(torch.equal(kept, expected), "at most two go: keep at least the living minus two")


def _check_gamma(answer: Any) -> None:
    answer = number(answer)
    expect(answer > 1, "γ < 1 slows down")
    scores, alive = torch.arange(1.0, 101.0)[None], torch.ones(1, 100, dtype=torch.bool)
    went = 100 - int(pq_bound(gamma=answer)(Groups(scores, alive)))
    expect(abs(went - 50) <= 1, f"with γ = {answer:g}, {went} of 100 go")


COUNT = Exercise(
    "count",
    "A layer has 10 living weights and the PQ Index 0.36, with (p, q) = (½, 1). How many go, with "
    "η = 0, γ = 1 and β = 0.9?",
    _check_count,
    "answer = 3    # r/d = 0.64, ⌊10 · 0.36⌋ = 3",
)
BUDGET = Exercise(
    "a careful budget",
    "Write a budget `answer(groups)` that prunes like SAP with (½, 1), but never takes more "
    "than two weights from a group. `lab.budgets.pq_bound()` is SAP's; `groups.living` says how "
    "many live in each.",
    _check_budget,
    """
def answer(groups):
    return torch.maximum(lab.budgets.pq_bound()(groups), groups.living - 2)
""",
)
GAMMA = Exercise(
    "find γ",
    "A layer has the weights 1, 2, …, 100. Which γ makes SAP with (½, 1) take half of them in one "
    "round? Try, or calculate with `lab.pq_index`.",
    _check_gamma,
    "answer = 0.505 / float(lab.pq_index(torch.arange(1.0, 101.0), 0.5, 1.0))",
)
EXERCISES = (COUNT, BUDGET, GAMMA)
