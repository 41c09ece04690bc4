"""Exercises of notebook 00: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from answers import hears
from torch import Tensor

import pruninglab as lab
from pruninglab.kit.exercise import NOTHING, Exercise
from pruninglab.lessons.start.exercises import CHANCE, CUT, RIVAL, SCORE, TICKET

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "00_start_here.ipynb"


def by_topk(weight: Tensor, gone: int) -> Tensor:
    kept = weight.abs().flatten().topk(weight.numel() - gone).indices
    mask = torch.zeros(weight.numel(), dtype=torch.bool)
    mask[kept] = True
    return mask.view_as(weight)


def by_numpy(weight: Tensor, gone: int) -> np.ndarray:
    sizes = np.abs(weight.numpy()).ravel()
    mask = np.ones(sizes.size, bool)
    mask[np.argsort(sizes)[:gone]] = False
    return mask.reshape(weight.shape)


def by_loop(weight: Tensor, gone: int) -> Tensor:
    mask = torch.ones_like(weight).bool().flatten()
    left = weight.abs().flatten().tolist()
    for _ in range(gone):
        place = left.index(min(left))
        mask[place], left[place] = False, float("inf")
    return mask.reshape(weight.shape)


def by_ranks(weight: Tensor, gone: int) -> Tensor:
    return (weight.abs().flatten().argsort().argsort() >= gone).reshape(weight.shape)


def by_threshold(weight: Tensor, gone: int) -> Tensor:
    return weight.abs() > weight.abs().flatten().sort().values[gone]


def by_the_other_threshold(weight: Tensor, gone: int) -> Tensor:
    return weight.abs() >= weight.abs().flatten().sort().values[gone]


def signed(weight: Tensor, gone: int) -> Tensor:
    return (weight.flatten().argsort().argsort() >= gone).reshape(weight.shape)


def rows_apart(weight: Tensor, gone: int) -> Tensor:
    return weight.abs().argsort(dim=-1).argsort(dim=-1) >= gone


def spoils(weight: Tensor, gone: int) -> Tensor:
    return by_ranks(weight.abs_(), gone)


def by_rank_from_the_top(weight: Tensor) -> Tensor:
    return weight.abs().flatten().argsort(descending=True).argsort().reshape(weight.shape)


TABLE = [
    (CUT, by_topk, None),
    (CUT, by_numpy, None),
    (CUT, by_loop, None),
    (CUT, by_ranks, None),
    (CUT, lambda w, n: by_loop(w, n).tolist(), None),
    (CUT, lambda weight, gone: by_topk(weight.clone().requires_grad_(), gone), None),
    (CUT, by_threshold, "0 of 8 should go, and 3 went"),
    (CUT, by_the_other_threshold, "1 of 8 should go, and 0 went"),
    (CUT, lambda w, n: by_ranks(w, 3), "0 of 8 should go, and 3 went: a threshold"),
    (CUT, lambda w, n: by_ranks(w, n + 1), "cut by place in the order"),
    (CUT, lambda w, n: by_ranks(1 / w.abs(), n), "-4 went and 0.5 stayed"),
    (CUT, signed, "-4 went and 0.5 stayed: what counts is the size, not the sign"),
    (CUT, rows_apart, "1 of 8 should go, and 2 went"),
    (CUT, spoils, "overwrites"),
    (CUT, lambda w, n: by_ranks(w, n).int(), "True and False"),
    (CUT, lambda w, n: w * by_ranks(w, n), "True and False"),
    (CUT, lambda w, n: by_ranks(w, n).flatten(), "needs the shape"),
    (CUT, lambda w, n: ~by_ranks(w, n), "of 8 should go"),
    (CUT, lambda w: w, "TypeError"),
    (CHANCE, torch.rand_like, None),
    (CHANCE, lambda w: torch.rand(w.shape), None),
    (CHANCE, lambda w: torch.rand(*w.shape).double(), None),
    (CHANCE, torch.randn_like, "torch.rand, not randn"),
    (CHANCE, torch.ones_like, "draw them"),
    (CHANCE, torch.abs, "draw them"),
    (CHANCE, lambda w: torch.ones_like(w) * torch.rand(()), "many weights share a score"),
    (CHANCE, lambda w: torch.rand(len(w)), "need the shape"),
    (SCORE, lambda w: w.abs().max() - w.abs(), None),
    (SCORE, lambda w: 1 / w.abs(), None),
    (SCORE, by_rank_from_the_top, None),
    (SCORE, lambda w: (-w.abs()).exp(), None),
    (SCORE, lambda w: -w.abs(), "≥ 0: subtract the size from the largest size"),
    (SCORE, lambda w: w.max() - w, "−4 is larger than 3"),
    (SCORE, torch.abs, "gets the lowest score"),
    (SCORE, torch.ones_like, "gets the lowest score"),
    (SCORE, lambda w: float("inf") * torch.ones_like(w), "not finite"),
    (SCORE, lambda w: 1.0, "return a tensor"),
    (RIVAL, TICKET.but(rewind=lab.rewinds.fine_tune), None),
    (RIVAL, TICKET.but(score=lambda net, images: {}), None),
    (RIVAL, TICKET.but(budget=lab.budgets.fraction(0.4)), None),
    (RIVAL, lab.recipes.one_shot(0.5, scope=TICKET.scope, stop=TICKET.stop, rounds=5), None),
    (RIVAL, TICKET, "still the ticket"),
    (RIVAL, TICKET.but(score=lab.scores.random, rewind=lab.rewinds.fine_tune),
     "you changed score and rewind: if it is better, which of them did it?"),
    (RIVAL, lab.recipes.lottery_ticket(), "keep the five rounds"),
    (RIVAL, lab.rewinds.fine_tune, "ticket.but"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [CUT, CHANCE, SCORE])
def test_a_stub_is_no_answer(exercise: Exercise) -> None:
    assert exercise.check(lambda *given: None) == NOTHING


def test_the_ticket_of_the_notebook_is_the_one_that_a_rival_is_held_to() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    (source,) = ["".join(c["source"]) for c in cells if "ticket = " in "".join(c["source"])]
    names = {"lab": lab}
    exec(source, names)
    assert names["ticket"] == TICKET
