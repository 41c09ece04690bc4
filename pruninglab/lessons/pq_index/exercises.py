"""Exercises of notebook 01."""

from __future__ import annotations

from typing import Any

import torch

from ...ideas.sap import retained_bound
from ...kit.exercise import Exercise, about, call, expect, number, whole
from .measures import power_mean, pqi
from .properties import PROPERTIES, counterexamples

W = torch.tensor([9.0, 4.0, 1.0, 0.0], dtype=torch.float64)
AIM = 4
HINTS = {
    "D1": "a gift among the others went unheard, or made it less equal: every gift counts",
    "D2": "in cents you are more unequal than in euros: divide by something in the same currency",
    "D3": "the same gift to all must lower it",
    "D4": "two equal societies side by side count as more or less unequal than one: use means",
    "P1": "somebody grows richer and richer, and it does not rise",
    "P2": "a child is born that owns nothing, and it does not rise",
}


def _check_power_mean(answer: Any) -> None:
    for w, e in ((W, 0.5), (W, 1.0), (torch.tensor([3.0, 1.0, 2.0]).double(), 2.0)):
        value, size = number(call(answer, w, e)), len(w)
        total = float((w**e).sum())
        expect(e == 1 or not about(value, total / size), "back to the unit of w: to the power 1/e")
        expect(not about(value, total ** (1 / e)), "that is of the sum: a clone would change your "
               "average; take the mean of the powers")  # fmt: skip
        expect(
            about(value, power_mean(w, e)), f"of {w.tolist()} with e = {e:g} it is not {value:g}"
        )


def _check_index(answer: Any) -> None:
    for w, p, q in ((W, 0.5, 1.0), (torch.tensor([3.0, 1.0, 2.0]).double(), 1.0, 2.0)):
        value = number(call(answer, w, p, q))
        ratio = power_mean(w, p) / power_mean(w, q)
        expect(not about(value, ratio), "that is the quotient of the averages: 1 minus it")
        expect(not about(value, 1 - 1 / ratio), "upside down: the lower average over the upper")
        sums = float((w**p).sum() ** (1 / p) / (w**q).sum() ** (1 / q))
        expect(not about(value, 1 - sums), "a clone would change your index: mean, not sum")
        expect(
            about(value, 1 - ratio),
            f"of {w.tolist()} with p = {p:g}, q = {q:g} it is not {value:g}",
        )


def _check_measure(answer: Any) -> None:
    number(call(answer, W), "return one number")
    broken = counterexamples(answer)
    kept = len(PROPERTIES) - len(broken)
    first = next((code for code in ("D2", *PROPERTIES) if code in broken), "D2")
    expect(
        kept >= AIM, f"{kept} of six, the aim is {AIM}. {PROPERTIES[first].name}: {HINTS[first]}"
    )


def _check_go(answer: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.arange(1, 101).double(), W, torch.rand(50, generator=generator).double()]
    for w in vectors:
        d, hint = len(w), "a number of weights is whole: int(…) rounds down"
        gone = whole(call(answer, w), hint)
        bound = retained_bound(float(d), pqi(w), 0.5, 1.0)
        go = int(d - bound + 1e-9)
        expect(gone not in (int(bound), int(bound) + 1) or gone == go,
               f"{gone} *stay*; the question is how many go")  # fmt: skip
        expect(gone != go + 1, f"{gone} go, and {d - gone} stay: that is below the bound")
        expect(gone == go, f"of {d} with r = {bound:.2f} it is not {gone}: d − r, rounded down")


POWER_MEAN = Exercise(
    "an average that listens",
    "Write `power_mean(w, e)`: the mean of all wᵉ, to the power 1/e.",
    _check_power_mean,
    """
def power_mean(w, e):
    return (w**e).mean() ** (1 / e)
""",
    hidden=lambda g: (torch.rand(7, generator=g), 0.4),
)
INDEX = Exercise(
    "the gap",
    "Write `index(w, p, q)`: 1 − M_p/M_q.",
    _check_index,
    """
def index(w, p, q):
    low = (w**p).mean() ** (1 / p)
    high = (w**q).mean() ** (1 / q)
    return 1 - low / high
""",
    hidden=lambda g: (torch.rand(7, generator=g), 0.4, 1.7),
)
MEASURE = Exercise(
    "a measure of your own",
    "Write `measure(w)`: a number that is larger for a more unequal society, and keeps at least "
    "four of the six properties.",
    _check_measure,
    """
def measure(w):
    return w.max() / w.mean()       # five of six: who breaks it?
""",
)
GO = Exercise(
    "how many go",
    "Write `how_many_go(w)`: as many as leave at least r, where r = (Σ√w)² / Σw.",
    _check_go,
    """
def how_many_go(w):
    r = w.sqrt().sum() ** 2 / w.sum()
    return int(len(w) - r)
""",
    hidden=lambda g: (torch.rand(60, generator=g).double(),),
)
