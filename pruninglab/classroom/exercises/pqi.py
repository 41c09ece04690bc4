"""Exercises of notebook 01."""

from __future__ import annotations

from typing import Any

import torch

from ...ideas.pqi import pq_index, retained_bound
from ...ideas.pqi.measures import l2_over_l1
from .core import Exercise, expect, number, tensor


def _check_by_hand(answer: Any) -> None:
    value = number(answer)
    ratio = 36 / 14
    expect(abs(value - ratio / 4) > 1e-3, "that is the quotient of means; the index is 1 minus it")
    expect(abs(value - (1 - ratio)) > 1e-3, "you left out the factor d^(1/q − 1/p) = ¼")
    truth = float(pq_index(torch.tensor([9.0, 4.0, 1.0, 0.0]), 0.5, 1.0))
    expect(abs(value - truth) < 1e-3, "‖w‖_½ = (3 + 2 + 1)², ‖w‖₁ = 14, d = 4")


def _check_break_it(answer: Any) -> None:
    answer = tensor(answer, "answer must be a 1-d tensor")
    expect(answer.dim() == 1 and answer.dtype != torch.bool, "answer must be a 1-d tensor")
    expect(len(answer) >= 2 and bool((answer > 0).all()), "give at least two positive members")
    answer = answer.double()
    expect(bool(answer.isfinite().all()), "give finite members")
    before, after = l2_over_l1(answer), l2_over_l1(torch.cat([answer, answer]))
    expect(abs(before - after) > 1e-3, f"ℓ2/ℓ1 is {before:.4f} before and {after:.4f} after")


def _check_keep(answer: Any) -> None:
    value = number(answer)
    w = torch.arange(1, 101, dtype=torch.float64)
    truth = retained_bound(100.0, float(pq_index(w, 0.5, 1.0)), 0.5, 1.0)
    expect(value == int(value), "a number of weights is whole")
    expect(value != int(truth), "you rounded down: then fewer stay than the bound asks for")
    expect(value != 100 - int(truth), "that is how many go; the question is how many stay")
    expect(value == int(truth) + 1, "r = d (1 − I) for (½, 1) and η = 0; round up")


BY_HAND = Exercise(
    "by hand",
    "Compute I(½, 1) of (9, 4, 1, 0) with pen and paper.",
    _check_by_hand,
    "answer = 1 - 4 ** (1 - 2) * (3 + 2 + 1 + 0) ** 2 / (9 + 4 + 1 + 0)    # = 5/14",
)
BREAK_IT = Exercise(
    "break it",
    "ℓ2/ℓ1 is not the PQ Index: it lacks the factor in d. Give a vector (a 1-d tensor of positive "
    "numbers) whose ℓ2/ℓ1 changes when you clone it.",
    _check_break_it,
    "answer = torch.tensor([1.0, 2.0])",
)
KEEP = Exercise(
    "how many stay?",
    "A layer has the weights 1, 2, …, 100. How many must stay at least by the bound with (½, 1) "
    "and η = 0? Use `lab.pq_index`, and mind the rounding.",
    _check_keep,
    """
import math
w = torch.arange(1, 101, dtype=torch.float64)
answer = math.ceil(lab.retained_bound(100, float(lab.pq_index(w, 0.5, 1.0)), 0.5, 1.0))
""",
)
EXERCISES = (BY_HAND, BREAK_IT, KEEP)
