"""Lemmas 1 to 3 of the InCoP paper: how fast a bounded activation times its input can change.

σ̄(t) = t σ(w t) for |t| ≤ C_t. The lemma's "Lipschitz" bound is printed with squared distances,
with which only a constant could meet it. Taught in notebook 03.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...checks import Finite, Positive, Share, check_choice, checked

ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], float, float]] = {
    # The function, its Lipschitz constant, its largest absolute value.
    "tanh": (torch.tanh, 1.0, 1.0),
    "sigmoid": (torch.sigmoid, 0.25, 1.0),
    "sine": (torch.sin, 1.0, 1.0),
}


@checked
@dataclass(frozen=True, eq=False)
class Changes:
    """Pairs t, s: |t − s| and |σ̄(t) − σ̄(s)|, with the constants of the two bounds.

    `plain` · |t − s| holds; `squared` · |t − s|² is the printed one.
    """

    gap: Float[Tensor, " pairs"]
    change: Float[Tensor, " pairs"]
    plain: float
    squared: float

    @property
    def broken(self) -> float:
        """The share of the pairs that exceed the printed bound, in [0, 1]."""
        return float((self.change > self.squared * self.gap**2).double().mean())


@checked
def weighted(activation: str, w: Finite, t: Float[Tensor, "*points"]) -> Float[Tensor, "*points"]:
    """Return σ̄(t) = t σ(w t). Raises ValueError for an activation that is not in `ACTIVATIONS`."""
    check_choice("activation", activation, tuple(ACTIVATIONS))
    return t * ACTIVATIONS[activation][0](float(w) * t)


@checked
def changes(activation: str, w: Finite, reach: Positive) -> Changes:
    """Return how much σ̄ changes between many pairs in [−reach, reach], and both bounds.

    The constants are reach · L · |w| + B for the plain distance and, as in (19), reach² · L · w² +
    B for the squared one, with L the Lipschitz constant of σ and B its largest value. Raises
    ValueError for another activation. Source: InCoP paper, supplement, Lemma 1. Taught in notebook
    03.

    >>> pairs = changes("tanh", 2.0, 2.0)
    >>> bool((pairs.change <= pairs.plain * pairs.gap).all()), pairs.broken > 0
    (True, True)
    """
    t, s = _pairs(reach)
    change = (weighted(activation, w, t) - weighted(activation, w, s)).abs()
    _, lipschitz, largest = ACTIVATIONS[activation]
    plain = reach * lipschitz * abs(w) + largest
    squared = reach**2 * lipschitz * w**2 + largest
    return Changes(s - t, change, plain, squared)


def _pairs(reach: float) -> tuple[Tensor, Tensor]:
    """Return many t < s in [−reach, reach], near and far from each other."""
    t = torch.linspace(-reach, reach, 61, dtype=torch.float64)
    s = (t + torch.logspace(-4, 1, 40, dtype=torch.float64)[:, None]).flatten()
    return t.repeat(40)[s <= reach], s[s <= reach]


@checked
@dataclass(frozen=True, eq=False)
class BothChanges:
    """Pairs of inputs and of weights: |σ̄_we(t) − σ̄_w*(s)| and the two bounds of it."""

    change: Float[Tensor, " pairs"]
    plain: Float[Tensor, " pairs"]
    squared: Float[Tensor, " pairs"]

    @property
    def broken(self) -> float:
        """The share of the pairs that exceed the printed bound, in [0, 1]."""
        return float((self.change > self.squared).double().mean())


@checked
def changes_of_both(activation: str, w: Finite, other: Finite, reach: Positive) -> BothChanges:
    """Return how σ̄ changes when input and weight change, and Lemma 2's bound in both readings.

    With plain distances C¹ |t − s| + C² |w − other| holds, C¹ = B + reach · L · |w|, C² = reach² ·
    L. (30) has squared distances, C¹ = B + reach² · L · w², C² = reach⁴ · L. Source: InCoP paper,
    supplement, Lemma 2, (21) to (30). Taught in notebook 03.

    >>> pairs = changes_of_both("tanh", 2.0, 2.001, 2.0)
    >>> bool((pairs.change <= pairs.plain).all()), pairs.broken > 0
    (True, True)
    """
    t, s = _pairs(reach)
    gap = s - t
    change = (weighted(activation, w, t) - weighted(activation, other, s)).abs()
    _, lipschitz, largest = ACTIVATIONS[activation]
    apart, r, size = abs(float(w) - float(other)), float(reach), abs(float(w))
    plain = (largest + r * lipschitz * size) * gap + r**2 * lipschitz * apart
    squared = (largest + r**2 * lipschitz * size**2) * gap**2 + r**4 * lipschitz * apart**2
    return BothChanges(change, plain, squared)


@checked
def rare_and_large(probability: Share) -> tuple[float, float]:
    """Return f(E Z) and E f(Z) for f(z) = z² and Z = 1/p with probability p, else 0.

    E Z = 1 for every p > 0, E Z² = 1/p: no a₁, a₂ of (34) serve all p. Source: InCoP paper,
    supplement, Lemma 3. Taught in notebook 03.

    >>> rare_and_large(0.25)
    (1.0, 4.0)
    """
    large = 1 / float(probability)
    return (float(probability) * large) ** 2, float(probability) * large**2
