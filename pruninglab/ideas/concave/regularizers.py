"""Penalties r on a mask entry in [0, 1], with value and derivative, and a check of Assumption 1.

Each rises from r(0) = 0 to r(1) = 1 and is concave, so that a binary mask pays exactly its number
of ones, and a mask in between pays more. Source: concave-masks paper, Section III-A.
"""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ...checks import Count, Number, Positive, checked, strangeness

# Stands for an infinite slope: λ = 0 times infinity would be NaN.
STEEPEST = 1e30
# Beyond these, what a penalty is made of does not fit into float32.
SMALLEST, LARGEST = 1e-15, 1e15
MOST_POINTS = 1_000_001


@runtime_checkable
class Regularizer(Protocol):
    """A penalty per mask entry: both functions take entries in [0, 1] of any shape.

    They stand in the innermost loops, and so do not check what they take.
    """

    def value(self, m: Tensor) -> Tensor:
        """Return r(m) in [0, 1], entry by entry."""

    def derivative(self, m: Tensor) -> Tensor:
        """Return r′(m) ≥ 0, entry by entry."""


@dataclass(frozen=True)
class l1:
    """r(m) = m: convex and concave at once. R is the ℓ1 norm. Taught in notebook 05."""

    def value(self, m: Tensor) -> Tensor:
        _check_entries(m)
        return m.clone()

    def derivative(self, m: Tensor) -> Tensor:
        _check_entries(m)
        return torch.ones_like(m)


@checked
@dataclass(frozen=True)
class log:
    """r(m) = log((m + ε)/ε) / log((1 + ε)/ε): strictly concave, steeper at 0 the smaller ε is.

    `eps` from 1e-15 to 1e15, else ValueError. The paper takes ε = 0.1 for networks, and calls r
    convex twice; it is concave. Taught in notebook 05.

    >>> log(0.1).value(torch.tensor([0.0, 0.1, 1.0]))
    tensor([0.0000, 0.2891, 1.0000])
    """

    eps: Positive

    def __post_init__(self) -> None:
        _check_range("eps", self.eps)

    def value(self, m: Tensor) -> Tensor:
        return _as(m, torch.log1p(_wide(m) / self.eps) / math.log1p(1 / self.eps))

    def derivative(self, m: Tensor) -> Tensor:
        return _as(m, 1 / ((_wide(m) + self.eps) * math.log1p(1 / self.eps)))


@checked
@dataclass(frozen=True)
class lq:
    """r(m) = m^q, with `q` in (0, 1), else ValueError: infinitely steep at 0. Notebook 05.

    `q` is at least 1e-15. The slope at 0 is given as 1e30, or as the largest number of m's dtype:
    an entry that has reached 0 never leaves it.
    """

    q: Number

    def __post_init__(self) -> None:
        if not SMALLEST <= self.q < 1:
            raise ValueError(f"q={self.q} must lie strictly between 0 and 1, from {SMALLEST} on")

    def value(self, m: Tensor) -> Tensor:
        return _as(m, _wide(m).pow(self.q))

    def derivative(self, m: Tensor) -> Tensor:
        return _as(m, (self.q * _wide(m).pow(self.q - 1)).clamp(max=STEEPEST))


@checked
@dataclass(frozen=True)
class mcp:
    """Minimax concave penalty: r(m) ∝ m − m²/(2b) up to m = b, flat beyond, scaled to r(1) = 1.

    `b` from 1e-15 to 1e15, else ValueError. For b < 1 entries above b pay no more: they are left in
    peace. Then r is concave, though not strictly. Taught in notebook 05.

    >>> mcp(0.5).value(torch.tensor([0.0, 0.25, 0.5, 1.0]))
    tensor([0.0000, 0.7500, 1.0000, 1.0000])
    """

    b: Positive

    def __post_init__(self) -> None:
        _check_range("b", self.b)

    def value(self, m: Tensor) -> Tensor:
        bent = _wide(m).clamp(max=self.b)
        return _as(m, (bent - bent.square() / (2 * self.b)) / self._top)

    def derivative(self, m: Tensor) -> Tensor:
        return _as(m, (1 - _wide(m) / self.b).clamp_min(0) / self._top)

    @property
    def _top(self) -> float:
        end = min(1.0, self.b)
        return end - end**2 / (2 * self.b)


def _check_entries(m: Tensor) -> None:
    """Raise TypeError or ValueError for what no mask is; training calls it at every step.

    Below 0 a penalty is no number, or a wrong one; what has become NaN in training stays NaN.
    """
    if not isinstance(m, Tensor):
        raise TypeError(f"m={reprlib.repr(m)} must be a Tensor")
    if strange := strangeness(m):
        raise ValueError(f"m is {strange} tensor; it must be dense floats")
    if not m.is_floating_point():
        raise ValueError(f"m is {m.dtype}; it must be dense floats")
    if bool((m < 0).any()):
        raise ValueError(f"m={reprlib.repr(m.min().item())} must be at least 0, entry by entry")


def _wide(m: Tensor) -> Tensor:
    """Return half precision as float32: a slope of 1/ε would not fit into it."""
    _check_entries(m)
    return m if m.dtype.itemsize >= 4 else m.float()


def _as(m: Tensor, result: Tensor) -> Tensor:
    """Return a result in the dtype of m, at most the largest number of that."""
    narrow = result.dtype != m.dtype
    return result.clamp(max=torch.finfo(m.dtype).max).to(m.dtype) if narrow else result


@checked
def check_assumption(regularizer: Regularizer, points: Count = 1001) -> dict[str, bool]:
    """Check Assumption 1 on a grid of [0, 1], in float64; return {property: does it hold?}.

    "image" is r(0) = 0, r(1) = 1 and values between; "non-decreasing", "concave" (no second
    difference above rounding) and "strictly concave" (all below it) are tested at the points;
    "derivative" compares r′ with central differences inside, and so finds a kink that lies between
    two points far apart. Not a proof: a grid of `points`, 5 to 1,000,001 (else ValueError), cannot
    see between them. Source: Assumption 1. Taught in notebook 05.

    >>> check_assumption(log(0.1))["concave"], check_assumption(l1())["strictly concave"]
    (True, False)
    """
    if not 5 <= points <= MOST_POINTS:
        raise ValueError(f"points={points} must be from 5 to {MOST_POINTS}")
    grid = torch.linspace(0, 1, points, dtype=torch.float64)
    r = regularizer.value(grid)
    width = 1 / (points - 1)
    bends = r[2:] - 2 * r[1:-1] + r[:-2]
    # Differences far shorter than the grid's, away from the ends, where a slope may be infinite.
    inside, short = grid[(grid > 0.02) & (grid < 0.98)], 1e-6
    slope = (regularizer.value(inside + short) - regularizer.value(inside - short)) / (2 * short)
    off = (slope - regularizer.derivative(inside)).abs() / slope.abs().clamp_min(1)
    rounding = 1e-13
    return {
        "image": bool((r[0].abs() < 1e-12) & ((r[-1] - 1).abs() < 1e-12))
        and bool(((r >= -1e-12) & (r <= 1 + 1e-12)).all()),
        "non-decreasing": bool((r.diff() >= -rounding).all()),
        "concave": bool((bends <= rounding).all()),
        "strictly concave": bool((bends < -rounding * (1 + width)).all()),
        # A kink in second order, such as mcp's at b, moves a short difference by about `short`.
        "derivative": bool((off < 1e-4).all()),
    }


def _check_range(name: str, value: float) -> None:
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(f"{name}={value} must lie between {SMALLEST} and {LARGEST}")
