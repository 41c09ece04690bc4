"""Exercises of notebook 08: solutions pass, wrong answers hear what is wrong."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab.classroom.exercises import faster
from pruninglab.classroom.exercises.core import Exercise, NotYet


@pytest.mark.parametrize("exercise", faster.EXERCISES, ids=repr)
def test_the_solution_passes_and_silence_fails_nothing(exercise: Exercise) -> None:
    names = {"torch": torch, "lab": lab}
    exec(exercise.solution, names)
    assert exercise.check(names["answer"]) == "Right."
    assert exercise.check(...).startswith("Not answered yet")


def every_layer(net: torch.nn.Module, images: object) -> dict:
    return {name: w.detach().abs().flatten(1).amax(1) for name, w in
            lab.scores.prunable(net).items()}  # fmt: skip


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (faster.REMAINING, 133_100, "half of its rows"),
        (faster.REMAINING, 133_100.5, "whole number"),
        (faster.REMAINING, 66_550, "products of neighbours"),
        (faster.EVEN, 0.5, "8 bytes, not in 4"),
        (faster.EVEN, 2 / 3, "4 and 8"),
        (faster.EVEN, 3, "between 0 and 1"),
        (faster.FOLD, lambda bias, dead, w: w[:, dead] @ bias[dead], "first the activation"),
        (faster.FOLD, lambda bias, dead, w: torch.zeros(3), "still hands on"),
        (faster.FOLD, lambda bias, dead, w: w @ bias.relu(), "dead units only"),
        (faster.FOLD, lambda bias, dead, w: torch.zeros(4), "one number per output"),
        (faster.UNITS, every_layer, "leave the last layer out"),
        (faster.UNITS, lab.scores.units, "largest"),
    ],
)
def test_wrong_answers_name_the_mistake(exercise: Exercise, answer: object, hint: str) -> None:
    with pytest.raises(NotYet, match=hint):
        exercise.check(answer)
