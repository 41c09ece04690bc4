"""Exercises of notebook 05: solutions pass, wrong answers name the mistake."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab.classroom.exercises import concave
from pruninglab.classroom.exercises.core import Exercise, NotYet
from pruninglab.ideas.concave import l1, log


@pytest.mark.parametrize("exercise", concave.EXERCISES, ids=repr)
def test_the_solution_passes(exercise: Exercise) -> None:
    names = {"torch": torch, "lab": lab}
    exec(exercise.solution, names)
    assert exercise.check(names["answer"]) == "Right."
    assert exercise.solution.strip() in exercise.reveal().data


@pytest.mark.parametrize("exercise", concave.EXERCISES, ids=repr)
def test_silence_fails_nothing_and_nonsense_does(exercise: Exercise) -> None:
    assert exercise.check(...).startswith("Not answered yet")
    with pytest.raises(NotYet, match="Not yet: "):
        exercise.check("nonsense")


class bowl:
    def value(self, m: torch.Tensor) -> torch.Tensor:
        return m.square()

    def derivative(self, m: torch.Tensor) -> torch.Tensor:
        return 2 * m


class wrong_slope(log):
    def derivative(self, m: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(m)


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (concave.STEP, (0.5, -0.05, 1.1), "left the box"),
        (concave.STEP, (0.6, 0.05, 1.0), "loss alone"),
        (concave.STEP, (0.5, 0.0), "three numbers"),
        (concave.PENALTY, bowl(), "concave"),
        (concave.PENALTY, l1(), "straight piece"),
        (concave.PENALTY, wrong_slope(0.1), "derivative is not"),
        (concave.CROSSING, 1, "still above"),
        (concave.CROSSING, 300, "already for k = 299"),
        (concave.BUDGET, -1.0, "above 0"),
        (concave.BUDGET, 0.1, "make λ larger"),
        (concave.BUDGET, 50.0, "make λ smaller"),
    ],
)
def test_wrong_answers_name_the_mistake(exercise: Exercise, answer: object, hint: str) -> None:
    with pytest.raises(NotYet, match=hint):
        exercise.check(answer)
