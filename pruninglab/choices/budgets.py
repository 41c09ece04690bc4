"""How many go this round? A budget sees the scores of competing groups and says how many stay.

A budget is `budget(scores, alive) -> keep`: `scores` float (groups, members), `alive` bool of the
same shape, `keep` int64 (groups,), how many of the living stay. A budget that differs between
kinds of layers may define `for_kind("linear" | "conv" | "mixed") -> budget`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor

from ..ideas.nnrelief import check_share, share_count
from ..ideas.pqi import check_pq, pq_index, retained_bound

Budget = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class fraction:
    """The same share of the living goes from every group, rounded down. Taught in notebook 02.

    `share` in [0, 1]. Counted in whole numbers: 0.29 of 100 is 29, though 0.29 * 100 is less in
    binary. Raises ValueError for a share out of range.

    >>> fraction(0.29)(torch.rand(1, 100), torch.ones(1, 100, dtype=torch.bool))
    tensor([71])
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share={self.share} must lie in [0, 1]")

    def __call__(self, scores: Tensor, alive: Tensor) -> Tensor:
        living = alive.sum(dim=1)
        exact = Fraction(str(self.share)).limit_denominator(1_000_000)
        return living - living * exact.numerator // exact.denominator


@dataclass(frozen=True)
class count:
    """Exactly `number` go from every group, or all that live there if there are fewer.

    Raises ValueError for a negative or fractional number. Taught in notebook 07.

    >>> count(3)(torch.rand(2, 5), torch.tensor([[True] * 5, [True] * 2 + [False] * 3]))
    tensor([2, 0])
    """

    number: int

    def __post_init__(self) -> None:
        if not isinstance(self.number, int) or self.number < 0:
            raise ValueError(f"number={self.number!r} must be a whole number, at least 0")

    def __call__(self, scores: Tensor, alive: Tensor) -> Tensor:
        return (alive.sum(dim=1) - self.number).clamp_min(0)


@dataclass(frozen=True)
class pq_bound:
    """SAP: c = ⌊d · min(γ(1 − r/d), β)⌋ of the d living go, r from the PQI bound of the scores.

    Each group has its own PQ Index, so unequal groups lose more. `p`, `q` as in `pq_index`;
    `eta` ≥ 0 is η_r, `gamma` ≥ 0 speeds up or slows down, `beta` in [0, 1] is the largest share
    that may go at once. All in float64: in float32, as the authors' code has it, the floor is one
    too low now and then. A group without a positive score has no index and loses nothing. Works
    for any non-negative score, not only magnitudes.

    Raises ValueError that names a parameter out of range. Source: SAP paper, Theorem 2, Eq. (4)
    and Algorithm 1. Taught in notebook 02.

    >>> scores = torch.tensor([[4.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])   # I = 1/3 and 0
    >>> pq_bound()(scores, torch.ones(2, 4, dtype=torch.bool))
    tensor([3, 4])
    """

    p: float = 0.5
    q: float = 1.0
    eta: float = 0.0
    gamma: float = 1.0
    beta: float = 0.9

    def __post_init__(self) -> None:
        check_pq(self.p, self.q)
        for name in ("eta", "gamma"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name}={value} must be at least 0 and finite")
        if not 0 <= self.beta <= 1:
            raise ValueError(f"beta={self.beta} must lie in [0, 1]")

    def __call__(self, scores: Tensor, alive: Tensor) -> Tensor:
        living = alive.sum(dim=1)
        index = pq_index(scores, self.p, self.q, mask=alive, dim=1, undefined=0.0)
        # r/d by Theorem 2; in groups without an index, everything is retained.
        retained = retained_bound(torch.ones_like(index), index, self.p, self.q, self.eta)
        empty = scores.masked_fill(~alive, 0).amax(dim=1) == 0
        retained = retained.masked_fill(empty.to(retained.device), 1.0)
        share = (self.gamma * (1 - retained)).clamp(max=self.beta)
        gone = (living.to(share.device) * share).floor().long()
        return living - gone.to(living.device)


@dataclass(frozen=True)
class signal_share:
    """NNrelief: the strongest stay that together carry a share α of the group's score.

    `alpha_fc` for groups of Linear layers, `alpha_conv` for kernels of convolutions, each in
    (0, 1], else ValueError. Where both kinds compete (scope `global_`) they must be equal. Members
    with score 0 always go. Works for any non-negative score: the share is taken of the sum over
    the living. Source: NNrelief paper, Algorithms 1 and 2, Table 10. Taught in notebook 04.

    >>> scores = torch.tensor([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])
    >>> signal_share(0.8)(scores, torch.ones(2, 3, dtype=torch.bool))
    tensor([2, 1])
    """

    alpha_fc: float = 0.95
    alpha_conv: float | None = None

    def __post_init__(self) -> None:
        check_share(self.alpha_fc, "alpha_fc")
        if self.alpha_conv is not None:
            check_share(self.alpha_conv, "alpha_conv")

    def for_kind(self, kind: str) -> Budget:
        """Return the budget of "linear", "conv" or "mixed" groups."""
        conv = self.alpha_fc if self.alpha_conv is None else self.alpha_conv
        if kind == "mixed" and conv != self.alpha_fc:
            raise ValueError(
                f"alpha_fc={self.alpha_fc} and alpha_conv={conv} differ, but Linear and Conv "
                "weights compete in one group: make them equal, or choose scope neuron or layer"
            )
        return partial(_count_share, alpha=conv if kind == "conv" else self.alpha_fc)

    def __call__(self, scores: Tensor, alive: Tensor) -> Tensor:
        return self.for_kind("mixed")(scores, alive)


def _count_share(scores: Tensor, alive: Tensor, alpha: float) -> Tensor:
    return share_count(scores.masked_fill(~alive, 0.0), alpha)


@dataclass(frozen=True)
class threshold:
    """Whoever scores below `alpha` goes, however many they are.

    `alpha` > 0 and finite, else ValueError. Made for scores of a known range, as a learned mask in
    [0, 1]. Source: concave-masks paper, Algorithm 1, line 4. Taught in notebook 05.

    >>> threshold(0.1)(torch.tensor([[0.0, 0.1, 0.7]]), torch.tensor([[True, True, True]]))
    tensor([2])
    """

    alpha: float

    def __post_init__(self) -> None:
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha={self.alpha} must be above 0 and finite")

    def __call__(self, scores: Tensor, alive: Tensor) -> Tensor:
        return ((scores >= self.alpha) & alive).sum(dim=1)
