"""Exercises of lesson 02: a bite, a budget, a turn."""

from __future__ import annotations

from typing import Any

import torch

from ...choices.budgets import fraction, pq_bound
from ...choices.scopes import Groups
from ...kit.exercise import Exercise, NotYet, call, expect, number, whole
from ...nets import seeded
from ..answers import counts
from .bites import TEN, bite

WIGGLE = [0.17, 0.12, 0.13, 0.08, 0.05, 0.07, 0.09, 0.03]


def _check_bite(answer: Any) -> None:
    w, hint = torch.tensor(TEN), "return a whole number: how many go"
    alive = torch.ones(10, dtype=torch.bool)
    expect(whole(call(answer, w.abs(), alive), hint) == 5, "of the ten weights 5 go: d − r is 5.47")
    alive[5:] = False
    second = whole(call(answer, w.abs(), alive), hint)
    expect(second != 6, "round 2 asks for 6 of 5 living: d counts the living only")
    expect(second != 5, "round 2 takes 5 again: look at the living only, w[alive]")
    expect(second != 4, "4 is how many stay; return how many go")
    expect(second == 1, "of the five that live after round 1 one goes: d − r is 1.31")
    alive[4] = False
    third = whole(call(answer, w.abs(), alive), hint)
    expect(third == 0, "three survive, four should: round down, never take more than d − r")
    try:
        signed = whole(call(answer, w, torch.ones(10, dtype=torch.bool)), hint)
    except ValueError as error:
        raise NotYet("a weight below 0 has no root: take its size, .abs(), first") from error
    expect(signed == 5, "with some weights below 0 the answer changes: take their sizes, .abs()")
    with seeded(0):
        w, alive = torch.randn(60), torch.rand(60) < 0.6
    expect(
        whole(call(answer, w, alive), hint) == bite(w, alive), "60 other weights: not SAP's bite"
    )


def _check_budget(answer: Any) -> None:
    for rows, members in ((20, 12), (5, 40)):
        with seeded(0):
            scores, alive = torch.rand(rows, members), torch.rand(rows, members) < 0.7
        alive[:, 0] = True
        part = Groups(scores ** torch.linspace(0.1, 4, rows)[:, None], alive)
        sap, most, living = pq_bound(1.0, 2.0)(part), fraction(0.25)(part), part.living
        truth = torch.maximum(sap, most)
        kept = counts(answer, part)
        expect(not torch.equal(kept, living - truth), "how many go? A budget says who stays")
        expect(not torch.equal(kept, sap), "this is SAP itself: at most a quarter may go")
        expect(not torch.equal(kept, most), "always a quarter? SAP may take less")
        half = torch.maximum(pq_bound()(part), most)
        expect(not torch.equal(kept, half), "that is SAP (½, 1); here p = 1 and q = 2")
        smaller = torch.minimum(sap, most)
        expect(not torch.equal(kept, smaller), "you take the larger of two bites: take the smaller")
        expect(bool((kept <= living).all()), "a dead weight cannot stay: count the living only")
        expect(bool((kept >= most).all()), "from some group more than a quarter of the living goes")
        expect(torch.equal(kept, truth), "from some group more or fewer go than from SAP's own")


def _check_left(answer: Any) -> None:
    for d, rounds in ((100, 2), (10, 7), (1999, 12), (4, 3), (7, 0)):
        left = d
        for _ in range(rounds):
            left -= left // 5
        found = number(call(answer, d, rounds), "return one number: how many are left")
        steady = max(d - rounds * (d // 5), 0)
        if rounds > 1 and d > 9:
            expect(found != d - left, "that is how many went: return how many are left")
            expect(found != steady, "a fifth of what is left, not of the first d: take it anew")
        expect(found == int(found), "weights go whole: round down in each round, d // 5")
        expect(found == left, f"from {d} weights, {rounds} rounds leave {left}: each round takes "
               "a fifth of what is left, rounded down")  # fmt: skip


def _check_turn(answer: Any) -> None:
    hint = "return the number of a round, counted from 0"
    found = whole(call(answer, WIGGLE), hint)
    expect(found != 7, "7 lies after the collapse: when you have to decide, it is unseen yet")
    expect(found != 1, "after 1 comes one higher, then a lower one: a wiggle. Wait for two")
    expect(found != 6, "6 is when you know it; return the round that was the lowest: 4")
    expect(found == 4, "0.05 is the lowest so far, and 0.07 and 0.09 are above it: round 4")
    lower = whole(call(answer, [0.1, 0.05, 0.08, 0.07, 0.03]), hint)
    expect(lower == 1, "0.08 and 0.07 need not rise, only be above the lowest so far, 0.05")
    falls = whole(call(answer, [0.3, 0.2, 0.1]), hint)
    expect(falls == 2, "an index that only falls never turns: then return the last round")


LEFT = Exercise(
    "the ticket's fifth",
    "Write `left(d, rounds)`: how many of d weights are left if each round takes a fifth.",
    _check_left,
    """
def left(d, rounds):
    for _ in range(rounds):
        d = d - d // 5
    return d
""",
    hidden=lambda g: (int(torch.randint(50, 5000, (), generator=g)), 9),
)
BITE = Exercise(
    "SAP's bite",
    "Write `bite(w, alive)`: how many of the living weights SAP (½, 1) takes.",
    _check_bite,
    """
def bite(w, alive):
    sizes = w[alive].abs()
    d = len(sizes)
    r = sizes.sqrt().sum() ** 2 / sizes.sum()
    return int(d - r)
""",
    hidden=lambda g: (torch.randn(80, generator=g), torch.rand(80, generator=g) < 0.6),
)
BUDGET = Exercise(
    "a careful budget",
    "Write a budget `mine(groups)`: SAP (1, 2), but never more than a quarter of the living goes.",
    _check_budget,
    """
def mine(groups):
    by_sap = lab.budgets.pq_bound(1.0, 2.0)(groups)
    by_quarter = lab.budgets.fraction(0.25)(groups)
    return torch.maximum(by_sap, by_quarter)
""",
    hidden=lambda g: (
        Groups(torch.rand(6, 30, generator=g) ** 3, torch.rand(6, 30, generator=g) < 0.9),
    ),
)
TURN = Exercise(
    "a stop without labels",
    "Write `turn(values)`: the round of the lowest index so far, once the next two are above it.",
    _check_turn,
    """
def turn(values):
    lowest = 0
    for number, value in enumerate(values):
        if value < values[lowest]:
            lowest = number
        elif number - lowest >= 2:
            return lowest
    return len(values) - 1
""",
    hidden=lambda g: (torch.rand(12, generator=g).tolist(),),
)
