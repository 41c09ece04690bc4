"""Exercises of notebook 07: solutions pass, wrong answers hear what is wrong."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab.classroom.exercises import mix
from pruninglab.classroom.exercises.core import Exercise, NotYet


@pytest.mark.parametrize("exercise", mix.EXERCISES, ids=repr)
def test_the_solution_passes_and_silence_fails_nothing(exercise: Exercise) -> None:
    names = {"torch": torch, "lab": lab}
    exec(exercise.solution, names)
    assert exercise.check(names["answer"]) == "Right."
    assert exercise.check(...).startswith("Not answered yet")


class WrongSign(lab.HardMask):
    sign = 1

    def __init__(self, net: torch.nn.Module, masks: dict, earlier: dict) -> None:
        super().__init__(net, masks, earlier)
        self.moved = {name: torch.zeros_like(w) for name, w in self.parameters.items()}

    def after_backward(self) -> None:
        for name, weight in self.parameters.items():
            self.moved[name] += self.sign * weight.grad * weight.data

    def scores(self) -> dict:
        return {name: moved - moved.min() for name, moved in self.moved.items()}


class Negative(WrongSign):
    sign = -1

    def scores(self) -> dict:
        return self.moved


class OnlyTheLast(WrongSign):
    def after_backward(self) -> None:
        self.moved = {name: -w.grad * w.data for name, w in self.parameters.items()}


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (mix.FLOOR, lambda groups: groups.living // 2, "at least 10"),
        (mix.FLOOR, lambda groups: (groups.living // 2).clamp_min(10), "the dead stay dead"),
        (mix.FLOOR, lambda groups: groups.living / 2, "whole numbers"),
        (mix.TWO_OF_FOUR, lambda w: w.abs() >= 1, "two of each four"),
        (mix.TWO_OF_FOUR, lambda w: torch.arange(8).expand(2, 8) % 2 == 0, "two largest"),
        (mix.TWO_OF_FOUR, lambda w: w, "bool tensor"),
        (mix.RIGL, (300, 0), "not of all weights"),
        (mix.RIGL, (30, 30), "try it"),
        (mix.RIGL, 30, "two whole numbers"),
        (mix.SURVIVORS, lambda x, w, alive: w * alive, "masking only"),
        (mix.SURVIVORS, lambda x, w, alive: w, "exactly 0"),
        (mix.SURVIVORS, lambda x, w, alive: 2 * w * alive, "least squares"),
        (mix.MOVEMENT, WrongSign, "the sign"),
        (mix.MOVEMENT, Negative, "not negative"),
        (mix.MOVEMENT, OnlyTheLast, "every step"),
        (mix.MOVEMENT, lab.HardMask, "scores for"),
    ],
)
def test_a_wrong_answer_hears_what_is_wrong(exercise: Exercise, answer: object, hint: str) -> None:
    with pytest.raises(NotYet, match=hint):
        exercise.check(answer)
