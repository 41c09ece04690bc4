"""Exercises of notebook 04: the solutions pass, wrong answers are told what is wrong."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import pruninglab as lab
from pruninglab.classroom.exercises import nnrelief
from pruninglab.classroom.exercises.core import Exercise, NotYet


@pytest.mark.parametrize("exercise", nnrelief.EXERCISES, ids=lambda exercise: exercise.title)
def test_the_solution_passes_and_nonsense_does_not(exercise: Exercise) -> None:
    names: dict[str, object] = {"torch": torch, "lab": lab}
    exec(exercise.solution, names)
    assert exercise.check(names["answer"]) == "Right."
    assert "Not answered yet" in exercise.check(...)
    with pytest.raises(NotYet, match="Not yet: "):
        exercise.check("nonsense")


def mean_first(weight: Tensor, bias: Tensor, inputs: Tensor) -> Tensor:
    signal = torch.cat([(weight * inputs.mean(0)).abs(), bias.abs()[:, None]], dim=1)
    return signal / signal.sum(dim=1, keepdim=True)


def undivided(weight: Tensor, bias: Tensor, inputs: Tensor) -> Tensor:
    return torch.cat([weight.abs() * inputs.abs().mean(0), bias.abs()[:, None]], dim=1)


def only_weights(weight: Tensor, bias: Tensor, inputs: Tensor) -> Tensor:
    sizes = torch.cat([weight.abs(), bias.abs()[:, None]], dim=1)
    return sizes / sizes.sum(dim=1, keepdim=True)


def by_threshold(scores: Tensor, alpha: float) -> Tensor:
    ordered = scores.sort(dim=1, descending=True).values
    enough = (ordered.cumsum(dim=1) >= alpha - 1e-6).float().argmax(dim=1, keepdim=True)
    return scores >= ordered.gather(1, enough)


def one_too_few(scores: Tensor, alpha: float) -> Tensor:
    ordered, order = scores.sort(dim=1, descending=True, stable=True)
    return torch.zeros_like(scores).bool().scatter(1, order, ordered.cumsum(dim=1) < alpha)


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (nnrelief.COUNT, 2, "5/7"),
        (nnrelief.COUNT, 4, "three are enough"),
        (nnrelief.COUNT, 2.5, "whole"),
        (nnrelief.IMPORTANCE, mean_first, "first the absolute value"),
        (nnrelief.IMPORTANCE, undivided, "sum to 1"),
        (nnrelief.IMPORTANCE, only_weights, r"Eq\. \(1\)"),
        (nnrelief.IMPORTANCE, lambda w, b, x: w, "bias carries signal"),
        (nnrelief.CUT, by_threshold, "threshold keeps all"),
        (nnrelief.CUT, one_too_few, "one more must stay"),
        (nnrelief.CUT, lambda s, a: s, "bool"),
    ],
)
def test_wrong_answers_name_the_mistake(exercise: Exercise, answer: object, hint: str) -> None:
    with pytest.raises(NotYet, match=hint):
        exercise.check(answer)
