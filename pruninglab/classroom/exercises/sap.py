"""Exercises of notebook 02."""

from __future__ import annotations

from typing import Any

import torch

from ...choices.budgets import pq_bound
from ...choices.scopes import Groups
from ...ideas.pqi import pq_index
from .core import Exercise, expect, tensor, whole


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


def _check_raise(answer: Any) -> None:
    w = tensor(answer, "give the numbers as a tensor").flatten()
    expect(not w.is_complex(), "positive numbers, please")
    w = w.double()
    expect(4 <= len(w) <= 1000, f"give 4 to 1000 numbers, not {len(w)}")
    expect(bool((w > 0).all() & w.isfinite().all()), "positive numbers, please")
    larger = w.sort(descending=True).values[: len(w) - len(w) // 2]
    before, after = (pq_index(half, [0.5, 1.0], [1.0, 2.0]).tolist() for half in (w, larger))
    for pair, was, now in zip(("(½, 1)", "(1, 2)"), before, after, strict=True):
        words = f"with {pair} the index goes from {was:.4f} to {now:.4f}"
        expect(now > was + 1e-9, f"{words}: that is no rise. Let the giants be smaller, or fewer")


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
RAISE = Exercise(
    "a cut that raises the index",
    "In Section 4 a giant among ones raised the index (½, 1) when the ones went. It was too big to "
    "do that for (1, 2). Give a tensor of 4 to 1000 positive numbers of which losing the "
    "smaller half raises both.",
    _check_raise,
    "answer = torch.tensor([9.0] + [1.0] * 20)    # a giant, but the others still count",
)
EXERCISES = (COUNT, BUDGET, RAISE)
