"""Exercises of notebook 07."""

from __future__ import annotations

import math
from typing import Any

import torch

from ...choices import scopes
from ...choices.rewinds import fine_tune
from ...choices.scopes import Groups
from ...choices.stops import epochs
from ...engine.recipes import Recipe, lottery_ticket
from ...kit.exercise import Exercise, about, call, expect, number, numbers
from ...papers.rows import differing
from ..answers import counts

# Of Student's t with four degrees of freedom: 95 % lie within.
QUANTILE = 2.776


def _check_floor(answer: Any) -> None:
    living = torch.arange(1, 46)
    alive = torch.arange(50) < living[:, None]
    kept = counts(answer, Groups(torch.linspace(0, 1, alive.numel()).reshape(alive.shape), alive))
    for n, stay in zip(living.tolist(), kept.tolist(), strict=True):
        here = f"of {n} living weights yours keeps {stay}"
        expect(stay <= n, f"{here}: a group with fewer than 10 cannot keep 10, the dead stay dead")
        expect(stay >= min(n, 10), f"{here}: at least 10 stay, or all that there are")
        expect(stay <= max(n // 2, 10), f"{here}: that is more than half, rounded down")
        expect(stay == min(max(n // 2, 10), n), f"{here}: too few")


def _check_one_cell(answer: Any) -> None:
    expect(isinstance(answer, Recipe), "give a recipe: ticket.but(…)")
    other = differing(answer, TICKET)
    expect(bool(other), "nothing is changed: name the rewind, ticket.but(rewind=…)")
    expect(len(other) == 1, f"{len(other)} cells are changed ({', '.join(other)}): which did it?")
    expect(other == ["rewind"], f"the {other[0]} is changed; the question is about the rewind")
    expect(answer.rewind is fine_tune, "go on from the pruned weights: lab.rewinds.fine_tune")


def _check_cost(answer: Any) -> None:
    for dense, halving, density in ((2, 2, 0.5), (8, 8, 0.05), (3, 1, 1.0)):
        said = number(call(answer, dense, halving, density))
        true = dense + halving * math.log2(1 / density)
        natural = dense + halving * math.log(1 / density)
        expect(density == 1 or not about(said, natural), "a halving is log2, not the natural log")
        expect(not about(said, true - dense), "the dense network was trained, too: add `dense`")
        expect(about(said, true), f"at density {density:g} with pace {dense} + {halving} "
                                  f"{true:.1f} epochs are paid, yours says {said:.1f}")  # fmt: skip


def _check_paired(answer: Any) -> None:
    a = torch.tensor([0.86, 0.87, 0.85, 0.88, 0.86])
    b = a - torch.tensor([0.010, 0.012, 0.008, 0.011, 0.009])
    gap = (a - b).double()
    half = QUANTILE * float(gap.std()) / math.sqrt(5)
    mean, said = numbers(call(answer, a, b), 2, "return two: the mean gap, half its interval")
    expect(math.isclose(mean, float(gap.mean()), rel_tol=1e-3), "the mean of a − b, seed by seed")
    apart = QUANTILE * math.hypot(float(a.std()), float(b.std())) / math.sqrt(5)
    expect(not math.isclose(said, apart, rel_tol=0.02),
           "a good seed is good for both: subtract first, then take the spread")  # fmt: skip
    expect(not math.isclose(said, half * math.sqrt(5), rel_tol=0.02),
           "that is the spread of single seeds; the mean of five varies less, by √5")  # fmt: skip
    expect(not math.isclose(said, half * math.sqrt(4 / 5), rel_tol=0.02),
           "n − 1 in the spread: .std() without correction=0")  # fmt: skip
    expect(math.isclose(said, half, rel_tol=0.02), "2.78 · spread of a − b / √5")


TICKET = lottery_ticket(0.5, scope=scopes.global_, stop=epochs(2), rounds=4)
ONE_CELL = Exercise(
    "one cell",
    "Set `rival` to a recipe that differs from `ticket` in the rewind only: it goes on from the "
    "weights that were just pruned.",
    _check_one_cell,
    "rival = lab.recipes.lottery_ticket(0.5, scope=lab.scopes.global_, stop=lab.stops.epochs(2), "
    "rounds=4).but(rewind=lab.rewinds.fine_tune)",
)
COST = Exercise(
    "equal cost",
    "Write `paid(dense, halving, density)`: the epochs paid for the dense network, and `halving` "
    "more for each time the weights were halved.",
    _check_cost,
    """
import math

def paid(dense, halving, density):
    return dense + halving * math.log2(1 / density)
""",
    hidden=lambda g: (5, 3, float(torch.rand(1, generator=g)) / 2 + 0.1),
)
PAIRED = Exercise(
    "a gap and its interval",
    "`a` and `b` are the accuracies of two methods on the same five seeds. Write `gap(a, b)`: the "
    "mean of a − b, and half the length of its 95 % interval, 2.78 · spread / √5.",
    _check_paired,
    """
def gap(a, b):
    difference = a - b
    return difference.mean(), 2.78 * difference.std() / 5 ** 0.5
""",
)
FLOOR = Exercise(
    "your own budget",
    "Write a budget `floor(groups)`: half of the living stay (rounded down), but at least 10 of "
    "each group; a group that has fewer loses none. `groups.living` says how many live in each.",
    _check_floor,
    """
def floor(groups):
    return (groups.living // 2).clamp_min(10).minimum(groups.living)
""",
    hidden=lambda g: (
        Groups(torch.rand(8, 60, generator=g), torch.rand(8, 60, generator=g) < 0.5),
    ),
)
