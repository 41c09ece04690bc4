"""Exercises of lesson 02: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from answers import hears
from torch import Tensor

import pruninglab as lab
from pruninglab.choices.scopes import Groups
from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.pq_index.rounds import turns
from pruninglab.lessons.sap.bites import bite
from pruninglab.lessons.sap.exercises import BITE, BUDGET, LEFT, TURN

sap, quarter = lab.budgets.pq_bound(1.0, 2.0), lab.budgets.fraction(0.25)


def rest(sizes: Tensor, d: int) -> float:
    return d - float(sizes.sqrt().sum() ** 2 / sizes.sum())


def by_hand(w: Tensor, alive: Tensor) -> int:
    return int(rest(w[alive].abs(), int(alive.sum())))


def signed(w: Tensor, alive: Tensor) -> int:
    return int(rest(w[alive], int(alive.sum())))


def careful(groups: Any) -> Tensor:
    return torch.maximum(sap(groups), quarter(groups))


def of_half_and_one(groups: Any) -> Tensor:
    return torch.maximum(lab.budgets.pq_bound()(groups), quarter(groups))


def counting_the_dead(groups: Any) -> Tensor:
    width = groups.scores.shape[1]
    return torch.maximum(sap(groups), torch.tensor(width - width // 4))


def solution(values: list[float]) -> int:
    found = turns(values, patience=2)
    return len(values) - 1 if found is None else found


def two_rises(values: list[float]) -> int:
    for i in range(len(values) - 2):
        if values[i] < values[i + 1] < values[i + 2]:
            return i
    return len(values) - 1


def when_known(values: list[float]) -> int:
    return min(solution(values) + 2, len(values) - 1)


def by_the_ticket(d: int, rounds: int) -> int:
    """Ask the package's budget, round after round."""
    for _ in range(rounds):
        groups = Groups(torch.rand(1, d), torch.ones(1, d, dtype=torch.bool))
        d = int(lab.budgets.fraction(0.2)(groups))
    return d


def by_hand_left(d: int, rounds: int) -> int:
    return d if rounds == 0 else by_hand_left(d - d // 5, rounds - 1)


TABLE = [
    (LEFT, by_the_ticket, None),
    (LEFT, by_hand_left, None),
    (LEFT, lambda d, n: d - by_hand_left(d, n), "how many went"),
    (LEFT, lambda d, n: d - n * (d // 5), "take it anew"),
    (LEFT, lambda d, n: d * 0.8**n, "weights go whole"),
    (LEFT, lambda d, n: round(d * 0.8**n), "rounded down"),
    (LEFT, lambda d, n: [d] * n, "return one number"),
    (BITE, by_hand, None),
    (BITE, bite, None),
    (BITE, lambda w, alive: torch.tensor(by_hand(w, alive)), None),
    (BITE, lambda w, alive: float(by_hand(w, alive)), None),
    (BITE, lambda w, alive: int(rest(w[alive].abs(), len(w))), "6 of 5 living"),
    (BITE, lambda w, alive: round(rest(w[alive].abs(), int(alive.sum()))), "four should"),
    (BITE, lambda w, alive: by_hand(w, torch.ones_like(alive)), "the living only"),
    (BITE, lambda w, alive: int(alive.sum()) - by_hand(w, alive), "how many stay"),
    (BITE, signed, "has no root"),
    (BITE, lambda w, alive: rest(w[alive].abs(), int(alive.sum())), "whole number"),
    (BITE, lambda w, alive: 3, "5 go"),
    (BITE, lambda w, alive: None, "returns nothing"),
    (BUDGET, careful, None),
    (BUDGET, lambda groups: torch.maximum(sap(groups), (groups.living * 0.75).ceil().long()), None),
    (BUDGET, lambda groups: careful(groups).tolist(), None),
    (BUDGET, lambda groups: groups.living - careful(groups), "who stays"),
    (BUDGET, sap, "SAP itself"),
    (BUDGET, quarter, "less"),
    (BUDGET, lambda groups: torch.minimum(sap(groups), quarter(groups)), "the larger of two bites"),
    (BUDGET, counting_the_dead, "count the living"),
    (BUDGET, of_half_and_one, "(½, 1)"),
    (BUDGET, lambda groups: torch.maximum(sap(groups), (groups.living * 0.75).long()), "a quarter"),
    (BUDGET, lambda groups: groups.living, "more or fewer"),
    (BUDGET, lambda groups: None, "returns nothing"),
    (TURN, solution, None),
    (TURN, lambda values: values.index(min(values)), "7 lies after the collapse"),
    (TURN, lambda values: turns(values, patience=1), "Wait for two"),
    (TURN, when_known, "6 is when you know it"),
    (TURN, two_rises, "need not rise"),
    (TURN, lambda values: turns(values, patience=2) or 0, "never turns"),
    (TURN, lambda values: 0.05, "number of a round"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    if hint == "returns nothing":
        assert hint in exercise.check(answer)
        return
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [BITE, BUDGET, TURN])
def test_the_solution_is_right(exercise: Exercise) -> None:
    there: dict[str, Any] = {"lab": lab, "torch": torch}
    exec(exercise.solution, there)
    assert exercise.check(there[{BITE: "bite", BUDGET: "mine", TURN: "turn"}[exercise]])
