"""Exercises of notebook 00."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...choices import scopes, stops
from ...engine.recipes import Recipe, lottery_ticket
from ...kit.exercise import Exercise, call, expect, tensor
from ...nets import seeded
from ..answers import mask

# Three of the eight are equally small: no threshold takes just one or two of them.
WEIGHT = torch.tensor([[3.0, -1.0, 0.5, -0.5], [2.0, -4.0, 0.5, 1.0]])
TICKET = lottery_ticket(0.5, scope=scopes.global_, stop=stops.epochs(3), rounds=5)


def _check_cut(answer: Any) -> None:
    with seeded(0):
        ties = [torch.randint(-3, 4, shape).float() for shape in ((2, 4), (9,), (3, 2, 2, 2))]
    for weight in [WEIGHT, *ties]:
        n = weight.numel()
        for gone in range(n):
            alive = mask(call(answer, weight, gone), weight.shape)
            lives = int(alive.sum())
            expect(
                lives == n - gone,
                f"{gone} of {n} should go, and {n - lives} went: a threshold takes all that are "
                "equally small, or none; cut by place in the order",
            )
            if gone:
                left, out = weight[alive], weight[~alive]
                expect(
                    bool(left.abs().min() >= out.abs().max()),
                    f"{out.min():g} went and {left[left.abs().argmin()]:g} stayed: what counts is "
                    "the size, not the sign",
                )


def _score_of(answer: Any, weight: Tensor) -> Tensor:
    score = tensor(call(answer, weight), "return a tensor of scores").double()
    expect(score.shape == weight.shape, f"the scores need the shape {tuple(weight.shape)}")
    expect(bool(score.isfinite().all()), "one score is not finite: a weight may be 0")
    return score


def _check_chance(answer: Any) -> None:
    weight = torch.linspace(-2, 2, 60).reshape(6, 10)
    found = []
    for seed in (0, 1):
        with seeded(seed):
            found.append(_score_of(answer, weight))
    expect(bool((found[0] >= 0).all()), "scores are ≥ 0, and yours are not: torch.rand, not randn")
    expect(not torch.equal(*found), "the same scores each time: that is no chance; draw them")
    expect(len(found[0].unique()) > 50, "many weights share a score: draw one for each of them")


def _check_upside_down(answer: Any) -> None:
    for weight in (WEIGHT, torch.linspace(-3, 2, 24).reshape(4, 6)):
        score = _score_of(answer, weight)
        expect(bool((score >= 0).all()), "scores are ≥ 0: subtract the size from the largest size")
        sizes = weight.abs().flatten()[score.flatten().argsort(descending=True)]
        right = bool((sizes.diff() >= 0).all()) and len(score.unique()) > 2
        expect(right, "size is |w|: −4 is larger than 3, and gets the lowest score of all")


def _check_rival(answer: Any) -> None:
    expect(isinstance(answer, Recipe), "write ticket.but(name=another choice), which is a recipe")
    ours, given = TICKET.choices(), answer.choices()
    changed = [name for name in ours if ours[name] != given[name]]
    expect(answer.rounds == TICKET.rounds, "keep the five rounds: they are no cell of the table")
    expect(bool(changed), "that is still the ticket: change one cell")
    expect(
        len(changed) == 1,
        f"you changed {' and '.join(changed)}: if it is better, which of them did it? Change one",
    )


CUT = Exercise(
    "cut by place",
    "Write `keep(weight, gone)`: True and False in the shape of `weight`; exactly the `gone` "
    "smallest weights are False.",
    _check_cut,
    """
def keep(weight, gone):
    order = weight.abs().flatten().argsort(stable=True)
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[order[:gone]] = False
    return mask.reshape(weight.shape)
""",
    hidden=lambda g: (torch.randn(3, 5, generator=g), 6),
)
CHANCE = Exercise(
    "a score that knows nothing",
    "Write `chance(weight)`: a random number from 0 to 1 for each weight.",
    _check_chance,
    """
def chance(weight):
    return torch.rand_like(weight)
""",
)
SCORE = Exercise(
    "upside down",
    "Write `upside_down(weight)`: the smallest weight gets the highest score, the largest gets 0.",
    _check_upside_down,
    """
def upside_down(weight):
    return weight.abs().max() - weight.abs()
""",
    hidden=lambda g: (torch.randn(3, 5, generator=g),),
)
RIVAL = Exercise(
    "one cell",
    "Write `mine`: the ticket with one cell of its row changed.",
    _check_rival,
    "mine = ticket.but(rewind=lab.rewinds.reinitialise)",
)
