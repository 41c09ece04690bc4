"""Exercises of lesson 03: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from answers import hears
from torch import Tensor

import pruninglab as lab
from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.incop.exercises import DISTANCE, EPOCH, FLOW, RULE


def flow(hidden: Tensor, output: Tensor) -> Tensor:
    return hidden.T @ output / len(hidden)


def by_loops(hidden: Tensor, output: Tensor) -> list[list[float]]:
    return [[float((a * b).mean()) for b in output.T] for a in hidden.T]


def strictly(distances: list[float], epsilon: float) -> int:
    return next((i for i, d in enumerate(distances, 1) if d < epsilon), len(distances))


def from_zero(distances: list[float], epsilon: float) -> int:
    return lab.incop.epoch_within(distances, epsilon) - 1


def last_within(distances: list[float], epsilon: float) -> int:
    near = [i for i, d in enumerate(distances, 1) if d <= epsilon]
    return max(near, default=len(distances))


TABLE = [
    (DISTANCE, lambda f, d: (f - d).norm() / d.norm(), None),
    (DISTANCE, lambda f, d: float(((f - d) ** 2).sum() / (d**2).sum()) ** 0.5, None),
    (DISTANCE, lambda f, d: (f - d).norm(), "divide by the norm of the dense flow"),
    (DISTANCE, lambda f, d: ((f - d) ** 2).sum() / (d**2).sum(), "a norm is a root"),
    (DISTANCE, lambda f, d: (f - d).norm() / f.norm().clamp(min=0.1), "what you compare with"),
    (DISTANCE, lambda f, d: (f - d).abs().sum() / d.abs().sum(), "the norm of the difference"),
    (DISTANCE, lambda f, d: f - d, "one number"),
    (FLOW, flow, None),
    (FLOW, by_loops, None),
    (FLOW, lambda h, o: flow(h, o).numpy(), None),
    (FLOW, lambda h, o: h.T @ o, "three times too loud"),
    (FLOW, lambda h, o: torch.outer(h.mean(0), o.mean(0)), "unit 2 is silent where output 1"),
    (FLOW, lambda h, o: flow(h, o).T, "turned around"),
    (FLOW, lambda h, o: h.mean(), "2 × 2"),
    (FLOW, lambda h, o: h.T @ o / 3, "7 images"),
    (FLOW, lambda h, o: None, "returns nothing"),
    (EPOCH, lab.incop.epoch_within, None),
    (EPOCH, from_zero, "no round has an epoch 0"),
    (EPOCH, strictly, "at most ε, so <="),
    (EPOCH, last_within, "the first epoch that is near enough"),
    (EPOCH, lambda d, e: 1, "all five epochs"),
    (EPOCH, lambda d, e: None, "returns nothing"),
    (RULE, lambda r, e, d, v: v[-1] >= 1.5, None),
    (RULE, lambda r, e, d, v: torch.tensor(v[-1] >= 1.5), None),
    (RULE, lambda r, e, d, v: d[-1] <= 0.5, None),
    (RULE, lambda r, e, d, v: len(v) > 1 and v[-1] <= v[-2], None),
    (RULE, lambda r, e, d, v: True, "the rule to beat"),
    (RULE, lambda r, e, d, v: False, "always six epochs"),
    (RULE, lambda r, e, d, v: e >= 3, "the epoch only"),
    (RULE, lambda r, e, d, v: "stop", "True to stop"),
    (RULE, lambda r, e, d, v: None, "returns nothing"),
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    if hint == "returns nothing":
        assert hint in exercise.check(answer)
        return
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [FLOW, EPOCH, RULE])
def test_the_solution_is_right(exercise: Exercise) -> None:
    there: dict[str, Any] = {"lab": lab, "torch": torch}
    exec(exercise.solution, there)
    assert exercise.check(there[{FLOW: "flow", EPOCH: "epoch_within", RULE: "mine"}[exercise]])
