"""SAP's bite: out of a vector, out of frozen weights again and again, and by its order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Real
from torch import Tensor, nn

from ...checks import Positive, Whole, checked
from ...choices.budgets import pq_bound
from ...choices.scopes import Groups
from ...choices.scores import prunable
from ...ideas.sap import effective_number
from ...kit.exercise import NotYet, attempt, whole
from ...nets import seeded

# Ten weights of which (½, 1) takes five, then one, then none.
TEN = (9.0, -4.0, 1.0, 1.0, 0.25, -0.25, 0.04, 0.01, -0.01, 0.0)
LOWEST, HIGHEST = 0.1, 4.0


@checked
def bite(w: Real[Tensor, " members"], alive: Bool[Tensor, " members"]) -> int:
    """Return how many of the living SAP (½, 1) takes: d − r, rounded down. Taught in notebook 02.

    >>> bite(torch.tensor([9.0, -4.0, 1.0, 0.0]), torch.tensor([True] * 4))    # r = 36 / 14
    1
    """
    groups = Groups(w.abs()[None], alive[None])
    return int(groups.living - pq_bound()(groups))


@checked
def survivors(bite: Callable[..., Any], w: Real[Tensor, " members"], rounds: Whole) -> list[int]:
    """Return how many live before and after each round in which `bite` cuts weights that stay.

    `bite(w, alive)` may be a student's: where it gives no number the list ends, and none but the
    living go. Taught in notebook 02.

    >>> survivors(lambda w, alive: 2, torch.ones(5), rounds=4)
    [5, 3, 1, 0, 0]
    """
    order = w.abs().argsort(descending=True, stable=True)
    living = [len(w)]
    for _ in range(rounds):
        alive = torch.zeros(len(w), dtype=torch.bool)
        alive[order[: living[-1]]] = True
        try:
            gone = whole(attempt(bite, w, alive))
        except NotYet:
            break
        living.append(min(max(living[-1] - gone, 0), living[-1]))
    return living


@checked
def by_order(net: nn.Module, points: Whole = 25) -> dict[float, float]:
    """Return the share that SAP takes from all weights of a network, by order, from 0.1 to 4.

    An order a below 1 stands for (p, q) = (a, 1), above 1 for (1, a): the bound r is the effective
    number of weights of that order. Taught in notebook 02.
    """
    w = torch.cat([weight.detach().flatten() for weight in prunable(net).values()])
    steps = torch.linspace(math.log(LOWEST), math.log(HIGHEST), points).exp().tolist()
    return {order: 1 - effective_number(w, order) / len(w) for order in steps}


@checked
def pair_of(order: Positive) -> tuple[float, float]:
    """Return the (p, q) of an order.

    >>> pair_of(0.5), pair_of(2)
    ((0.5, 1.0), (1.0, 2.0))
    """
    return (float(order), 1.0) if order < 1 else (1.0, float(order))


def thousand() -> Tensor:
    """Return a thousand Gaussian weights, the same each time."""
    with seeded(0):
        return torch.randn(1000)
