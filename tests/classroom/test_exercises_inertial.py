"""Exercises of notebook 06: solutions pass, wrong answers raise and name the mistake."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab.classroom.exercises import inertial
from pruninglab.classroom.exercises.core import Exercise, NotYet
from pruninglab.ideas.inertial import hessian


@pytest.mark.parametrize("exercise", inertial.EXERCISES, ids=repr)
def test_the_solution_passes_and_silence_fails_nothing(exercise: Exercise) -> None:
    names = {"torch": torch, "lab": lab}
    exec(exercise.solution, names)
    assert exercise.check(names["answer"]) == "Right."
    assert exercise.solution.strip() in exercise.reveal().data
    assert exercise.check(...).startswith("Not answered yet")
    with pytest.raises(NotYet, match="Not yet: "):
        exercise.check("nonsense")


def gradient_only(
    net: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, v: torch.Tensor
) -> object:
    loss = torch.nn.functional.cross_entropy(net(x), y)
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (inertial.CUT, 1, "largest k"),
        (inertial.CUT, 3, "too narrow"),
        (inertial.CUT, 4.0, "whole number"),
        (inertial.NEEDED, 2.0, "4K"),
        (inertial.NEEDED, -1, "not negative"),
        (inertial.NEEDED, 0.1, "k = 3"),
        (inertial.NEEDED, 0.8, "k = 1"),
        (inertial.PRODUCT, gradient_only, "this is the gradient"),
        (inertial.PRODUCT, lambda n, x, y, v: hessian(n, x, y), "one number per parameter"),
        (inertial.PRODUCT, lambda n, x, y, v: v * (hessian(n, x, y) @ v), "once more"),
        (inertial.PRODUCT, lambda n, x, y, v: 2 * hessian(n, x, y) @ v, "gradient · v"),
    ],
)
def test_wrong_answers_name_the_mistake(exercise: Exercise, answer: object, hint: str) -> None:
    with pytest.raises(NotYet, match=hint):
        exercise.check(answer)
