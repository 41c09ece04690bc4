"""Answers to exercises, right and wrong ones: what the tables of tests/lessons are held to."""

from __future__ import annotations

from typing import Any

import torch

import pruninglab as lab
from pruninglab.ideas.sap import pq_index, retained_bound
from pruninglab.kit.exercise import RIGHT, Exercise

NAMES = {
    "torch": torch,
    "lab": lab,
    "ticket": lab.lessons.start.exercises.TICKET,
    "pq_index": pq_index,
    "retained_bound": retained_bound,
}
EVERY = [
    value
    for lesson in lab.lessons.__all__
    for value in vars(getattr(lab.lessons, lesson).exercises).values()
    if isinstance(value, Exercise)
]


def solve(exercise: Exercise) -> Any:
    """Return what the solution defines last: the answer, whatever the lesson calls it."""
    names = dict(NAMES)
    exec(exercise.solution, names)
    return list(names.values())[-1]


def hears(exercise: Exercise, answer: object, hint: str | None) -> None:
    """Assert that the answer is right, or, with a hint, that it is told so in one line."""
    verdict = exercise.check(answer)
    if hint is None:
        assert verdict == RIGHT
        assert verdict
        return
    assert verdict.startswith("Not yet: ")
    assert not verdict
    assert hint in verdict
    assert len(verdict.splitlines()) == 1
