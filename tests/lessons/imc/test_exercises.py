"""Exercises of notebook 06: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import pytest
import torch
from answers import hears, solve
from torch import Tensor

from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.imc.exercises import BEND, FORGET, MASS, PRICE


def small_first(w: Tensor, basis: Tensor, dice: Tensor) -> Tensor:
    return w + basis @ (basis.T @ (dice - w))


TABLE = [
    (BEND, lambda h, v: v @ h @ v / (v @ v), None),
    (BEND, lambda h, v: float((v / v.norm()) @ h @ (v / v.norm())), None),
    (BEND, lambda h, v: v @ h @ v, "twice as long a v"),
    (BEND, lambda h, v: v @ h @ v / v.norm(), "v stands there twice"),
    (BEND, lambda h, v: (h @ v).norm() / v.norm(), "points somewhere else"),
    (BEND, lambda h, v: h.diag() @ v, "divided by v @ v"),
    (BEND, lambda h, v: h @ v, "return one number"),
    (FORGET, small_first, None),
    (FORGET, lambda w, b, d: (w - b @ b.T @ w + b @ b.T @ d).numpy(), None),
    (FORGET, lambda w, b, d: w + b @ b.T @ d, "take the old part out"),
    (FORGET, lambda w, b, d: w - b.T @ b @ w + b.T @ b @ d, "directions are columns"),
    (FORGET, lambda w, b, d: w - b @ b.T @ w, "put P @ dice in"),
    (FORGET, lambda w, b, d: w - b @ b.T @ w + d, "only the part of dice inside"),
    (FORGET, lambda w, b, d: b @ b.T @ w + d - b @ b.T @ d, "turned round"),
    (FORGET, lambda w, b, d: b @ b.T, "one number for each old one"),
    (FORGET, lambda w, b, d: w, "in its place"),
    (FORGET, lambda w, b, d: w.zero_(), "overwrites"),
    (MASS, lambda v, k: v[:, :k].square().sum(1), None),
    (MASS, lambda v, k: (v[:, :k] @ v[:, :k].T).diag(), None),
    (MASS, lambda v, k: v[:, :k].square().sum(0), "always 1"),
    (MASS, lambda v, k: v.square().sum(1), "always 1"),
    (MASS, lambda v, k: v[:, :k].sum(1), "signs cancel"),
    (MASS, lambda v, k: v[:, :k].sum(1).square(), "signs cancel"),
    (MASS, lambda v, k: v[:, -k:].square().sum(1), "first columns"),
    (MASS, lambda v, k: v[:, :k].abs().sum(1), "add along each row"),
    (PRICE, lambda w, h: torch.relu(h.diagonal() * w * w / 2), None),
    (PRICE, lambda w, h: h.diag() * w.abs() / 2, "twice as far is four times as high"),
    (PRICE, lambda w, h: (h.diag() * w.abs() / 2).clamp(min=0), "twice as far"),
    (PRICE, lambda w, h: h.diag() * w**2 / 2, "a price below 0?"),
    (PRICE, lambda w, h: (h.diag() * w**2).clamp(min=0), "a half is missing"),
    (PRICE, lambda w, h: h.diag().clamp(min=0), "the size of w counts"),
    (PRICE, lambda w, h: h * w**2 / 2, "one price for each weight"),
    (PRICE, lambda w, h: (h @ w * w / 2).clamp(min=0), "half of it, never below 0"),
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [FORGET, MASS, PRICE])
def test_solutions_and_stubs(exercise: Exercise) -> None:
    hears(exercise, solve(exercise), None)
    assert "Not answered yet" in exercise.check(lambda *given: None)
