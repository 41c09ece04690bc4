"""How many go this round? A budget sees the scores of competing groups and says how many stay.

A budget is `budget(scores, alive) -> keep`: `scores` float (groups, members), `alive` bool of the
same shape, `keep` int64 (groups,), how many of the living stay. A budget that differs between
kinds of layers may define `for_kind("linear" | "conv" | "mixed") -> budget`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

Budget = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class fraction:
    """The same share of the living goes from every group, rounded down. Taught in notebook 02.

    `share` in [0, 1]. Counted in whole numbers: 0.29 of 100 is 29, though 0.29 * 100 is less in
    binary. Raises ValueError for a share out of range.

    >>> import torch
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

    >>> import torch
    >>> count(3)(torch.rand(2, 5), torch.tensor([[True] * 5, [True] * 2 + [False] * 3]))
    tensor([2, 0])
    """

    number: int

    def __post_init__(self) -> None:
        if not isinstance(self.number, int) or self.number < 0:
            raise ValueError(f"number={self.number!r} must be a whole number, at least 0")

    def __call__(self, scores: Tensor, alive: Tensor) -> Tensor:
        return (alive.sum(dim=1) - self.number).clamp_min(0)
