"""Exercises of notebook 01: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from answers import hears
from torch import Tensor

from pruninglab.ideas.sap import pq_index
from pruninglab.kit.exercise import NOTHING, Exercise
from pruninglab.lessons.pq_index.exercises import GO, INDEX, MEASURE, POWER_MEAN
from pruninglab.lessons.pq_index.measures import MEASURES


def mean(w: Tensor, e: float) -> Tensor:
    return (w**e).mean() ** (1 / e)


def by_numpy(w: Tensor, e: float) -> float:
    return float(np.mean(w.numpy() ** e) ** (1 / e))


def r(w: Tensor) -> Tensor:
    return w.sqrt().sum() ** 2 / w.sum()


TABLE = [
    (POWER_MEAN, mean, None),
    (POWER_MEAN, by_numpy, None),
    (POWER_MEAN, lambda w, e: (w**e).sum() ** (1 / e), "the sum: a clone would change"),
    (POWER_MEAN, lambda w, e: (w**e).mean(), "back to the unit of w"),
    (POWER_MEAN, lambda w, e: w**e, "one number"),
    (POWER_MEAN, lambda w, e: w.mean(), "it is not 3.5"),
    (INDEX, lambda w, p, q: 1 - mean(w, p) / mean(w, q), None),
    (INDEX, pq_index, None),
    (INDEX, lambda w, p, q: mean(w, p) / mean(w, q), "1 minus it"),
    (INDEX, lambda w, p, q: 1 - mean(w, q) / mean(w, p), "upside down"),
    (
        INDEX,
        lambda w, p, q: 1 - (w**p).sum() ** (1 / p) / (w**q).sum() ** (1 / q),
        "a clone would change your index: mean, not sum",
    ),
    (INDEX, lambda w, p, q: 0.357, "it is not 0.357"),
    (MEASURE, lambda w: w.max() / w.mean(), None),
    (MEASURE, lambda w: w.std(correction=0) / w.mean(), None),
    (MEASURE, MEASURES["Gini"], None),
    (MEASURE, MEASURES["Hoyer"], None),
    (MEASURE, lambda w: w.var(), "Scaling: in cents you are more unequal than in euros"),
    (MEASURE, lambda w: w.max() - w.min(), "Scaling: in cents you are more unequal"),
    (MEASURE, lambda w: w.max() / w.sum(), "Robin Hood: a gift among the others went unheard"),
    (MEASURE, lambda w: 1.0, "a gift among the others went unheard"),
    (MEASURE, lambda w: w, "return one number"),
    (GO, lambda w: int(len(w) - r(w)), None),
    (GO, lambda w: len(w) - math.ceil(r(w)), None),
    (GO, lambda w: torch.floor(len(w) - r(w)), None),
    (GO, lambda w: int(r(w)), "89 *stay*"),
    (GO, lambda w: math.ceil(r(w)), "90 *stay*"),
    (GO, lambda w: len(w) - int(r(w)), "11 go, and 89 stay: that is below the bound"),
    (GO, lambda w: len(w) - r(w), "whole"),
    (GO, lambda w: 7, "d − r, rounded down"),
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [POWER_MEAN, INDEX, MEASURE, GO])
def test_a_stub_is_no_answer(exercise: Exercise) -> None:
    assert exercise.check(lambda *given: None) == NOTHING
