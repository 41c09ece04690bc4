"""Exercises of notebook 05."""

from __future__ import annotations

import math
from typing import Any

import torch

from ...data import load
from ...ideas.concave import (
    accuracy_of,
    check_assumption,
    fit_logistic,
    log,
    lone_entry,
    masked_logistic,
    theorem2_printed,
    two_digits,
)
from .core import Exercise, expect, number, tensor, whole


def _check_step(answer: Any) -> None:
    hint = "give three numbers (a, b, c)"
    expect(isinstance(answer, (tuple, list)) and len(answer) == 3, hint)
    a, b, c = (number(entry, hint) for entry in answer)
    expect(b >= 0 and c <= 1, "you left the box: clip to [0, 1] after the step")
    wrong = abs(a - 0.6) < 1e-6
    expect(not wrong, "that is the loss alone; the penalty pulls every entry down by step · λ")
    expect(abs(a - 0.5) < 1e-6, "0.5 − 0.1 · (−1 + 1)")
    expect(abs(b) < 1e-6, "0.05 − 0.1 · (0 + 1) is below zero")
    expect(abs(c - 1) < 1e-6, "0.9 − 0.1 · (−3 + 1) is above one")


def _check_penalty(answer: Any) -> None:
    for name in ("value", "derivative"):
        expect(callable(getattr(answer, name, None)), f"answer needs a function {name}(m)")
    m = torch.tensor([0.2, 0.7], dtype=torch.float64)
    for name in ("value", "derivative"):
        values = tensor(getattr(answer, name)(m.clone()), f"{name} returns a tensor")
        expect(values.shape == m.shape, f"{name} works entry by entry")
    holds = check_assumption(answer)
    expect(holds["image"], "r must go from r(0) = 0 to r(1) = 1")
    expect(holds["non-decreasing"], "r must not fall anywhere in [0, 1]")
    expect(holds["concave"], "r must be concave: it bends down, never up")
    expect(holds["strictly concave"], "r has a straight piece; it must bend everywhere")
    expect(holds["derivative"], "the derivative is not that of the value")


def _check_crossing(answer: Any) -> None:
    answer = whole(answer, "give a whole number k")
    expect(0 < answer < 10**6, "k is above 0, and not that large")
    distance, extra = lone_entry(0.5, log(0.1), 10.0)

    def false_at(k: int) -> bool:
        return theorem2_printed(0.5, k, 10.0, k * extra) < distance * math.sqrt(k)

    expect(false_at(answer), f"for k = {answer} the printed bound is still above the distance")
    expect(not false_at(answer - 1), f"it is false already for k = {answer - 1}")


def _check_budget(answer: Any) -> None:
    answer = number(answer, "give one number, λ")
    expect(answer > 0, "λ must be above 0")
    images = load("mnist", normalize=False, device="cpu").train
    digits = two_digits(images.inputs, images.targets)
    weights = fit_logistic(digits.inputs, digits.targets)
    solved = masked_logistic(digits.inputs, digits.targets, weights, [log(0.1)], [answer])
    mask = solved.masks[:, 0, 0]
    pixels = int((mask[0, :-1] > 0).sum())
    right = float(accuracy_of(digits.held_inputs, digits.held_targets, mask * weights))
    expect(pixels <= 16, f"{pixels} pixels live: make λ larger")
    expect(right >= 0.95, f"only {right:.1%} right with {pixels} pixels: make λ smaller")


STEP = Exercise(
    "one step by hand",
    "m = (0.5, 0.05, 0.9), ∇L(m) = (−1, 0, −3), R = ℓ1 with λ = 1, step 0.1. Take one step of "
    "projected gradient.",
    _check_step,
    "answer = (0.5, 0.0, 1.0)    # m − 0.1 (∇L + λ), then clipped to [0, 1]",
)
PENALTY = Exercise(
    "a penalty of your own",
    "Write a strictly concave penalty that meets Assumption 1, other than those of the paper: an "
    "object with `value(m)` and `derivative(m)`.",
    _check_penalty,
    """
class sine:
    def value(self, m):
        return torch.sin(torch.pi / 2 * m)

    def derivative(self, m):
        return torch.pi / 2 * torch.cos(torch.pi / 2 * m)

answer = sine()
""",
)
CROSSING = Exercise(
    "where Eq. (14) breaks",
    "γ = 10, λ = ½, log with ε = 0.1, L = γ/2 ‖m − 1‖². From which k on is the printed bound below "
    "the true distance? `lab.concave.lone_entry` solves one entry for you.",
    _check_crossing,
    """
distance, extra = lab.concave.lone_entry(0.5, lab.concave.log(0.1), 10.0)
answer = 1
while lab.concave.theorem2_printed(0.5, answer, 10.0, answer * extra) >= distance * answer**0.5:
    answer += 1
""",
)
BUDGET = Exercise(
    "sixteen pixels",
    "Find a λ with which log(0.1) leaves at most 16 pixels of the first draw of digits and still "
    "95 % of the held-out ones are right.",
    _check_budget,
    "answer = 5.0",
)
EXERCISES = (STEP, PENALTY, CROSSING, BUDGET)
