"""Exercises of notebook 07: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from answers import hears, solve
from torch import Tensor

import pruninglab as lab
from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.mix.exercises import COST, FLOOR, ONE_CELL, PAIRED, TICKET


def one_by_one(groups: Any) -> list[int]:
    return [min(n, max(10, n // 2)) for n in groups.living.tolist()]


def by_where(groups: Any) -> Tensor:
    living = groups.alive.sum(dim=1)
    half = torch.div(living, 2, rounding_mode="floor")
    half = torch.where(half < 10, torch.tensor(10), half)
    return torch.where(living < 10, living, half)


def half_up(groups: Any) -> Tensor:
    return ((groups.living + 1) // 2).clamp_min(10).minimum(groups.living)


def by_numpy(a: Tensor, b: Tensor) -> list[float]:
    gaps = (a - b).double().numpy()
    return [gaps.mean(), 2.776 * gaps.std(ddof=1) / math.sqrt(len(gaps))]


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (ONE_CELL, TICKET.but(rewind=lab.rewinds.fine_tune), None),
        (ONE_CELL, TICKET, "nothing is changed"),
        (ONE_CELL, TICKET.but(rewind=lab.rewinds.fine_tune, score=lab.scores.random), "2 cells"),
        (ONE_CELL, TICKET.but(scope=lab.scopes.layer), "the scope is changed"),
        (ONE_CELL, TICKET.but(rewind=lab.rewinds.to_dense), "go on from the pruned weights"),
        (ONE_CELL, "fine_tune", "give a recipe"),
        (COST, lambda dense, halving, density: dense - halving * math.log2(density), None),
        (COST, lambda dense, halving, density: torch.tensor(dense + halving * -math.log2(density)),
         None),
        (COST, lambda dense, halving, density: dense - halving * math.log(density), "log2"),
        (COST, lambda dense, halving, density: -halving * math.log2(density), "add `dense`"),
        (COST, lambda dense, halving, density: dense + halving / density, "epochs are paid"),
        (PAIRED, by_numpy, None),
        (PAIRED, lambda a, b: ((a - b).mean(), 2.776 * (a - b).std() / 5**0.5), None),
        (PAIRED, lambda a, b: ((a - b).mean(), 2.78 * (a - b).std()), "by √5"),
        (PAIRED, lambda a, b: ((a - b).mean(), 2.78 * (a.var() + b.var()).sqrt() / 5**0.5),
         "subtract first"),
        (PAIRED, lambda a, b: ((b - a).mean(), 2.78 * (a - b).std() / 5**0.5), "the mean of a − b"),
        (PAIRED, lambda a, b: (a - b).mean(), "return two"),
        (PAIRED, lambda a, b: ((a - b).mean(), 2.78 * (a - b).std(correction=0) / 5**0.5), "n − 1"),
        (FLOOR, one_by_one, None),
        (FLOOR, by_where, None),
        (FLOOR, half_up, "that is more than half"),
        (FLOOR, lambda groups: groups.living // 2, "at least 10 stay"),
        (FLOOR, lambda groups: (groups.living // 2).clamp_min(10), "cannot keep 10"),
    ],
)  # fmt: skip
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [ONE_CELL, COST, PAIRED, FLOOR], ids=repr)
def test_solutions(exercise: Exercise) -> None:
    hears(exercise, solve(exercise), None)
