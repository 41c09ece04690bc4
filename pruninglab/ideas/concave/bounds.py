"""How far the learned mask m* can be from the sought one m̃: Theorems 1 and 2, and φ.

For a loss that is strongly convex with constant γ between the two (Assumption 2), a binary m̃ with
k ones, and ‖∇L(m̃)‖∞ ≤ λ (Eq. (6)). Source: concave-masks paper, Section IV.
"""

from __future__ import annotations

import math
import sys

import torch
from jaxtyping import Float
from torch import Tensor

from ...checks import Finite, NonNegative, Positive, Whole, checked
from ...devices import accurate
from .regularizers import Regularizer


@checked
def theorem1_bound(lam: NonNegative, k: Whole, gamma: Positive) -> float:
    """Return 4λ√k/γ, an upper bound of ‖m* − m̃‖₂ for every regulariser of Assumption 1.

    `k` is the number of ones in m̃. The proof of ℓ1 holds for the others too, since φ ≥ 0. Raises
    ValueError for arguments out of range, or so far apart that the bound overflows. Source:
    Theorem 1, Eq. (8). Taught in notebook 05.

    >>> theorem1_bound(0.5, 4, 10)
    0.4
    """
    if k > sys.float_info.max:
        raise ValueError("k is above the largest float")
    bound = 4 * lam * math.sqrt(k) / gamma
    if not math.isfinite(bound):
        raise ValueError(f"lam={lam}, k={k}, gamma={gamma}: 4λ√k/γ is above the largest float")
    return bound


@checked
def theorem2_bound(lam: NonNegative, k: Whole, gamma: Positive, phi: NonNegative) -> float:
    """Return the bound of Theorem 2 as Eq. (16) really gives it.

    With b = 4λ√k/γ, (16) yields ‖h‖² − b‖h‖ + 2λφ/γ ≤ 0, hence ‖h‖ ≤ (b + √(b² − 8λφ/γ))/2: never
    above Theorem 1, and equal to it only for φ = 0. Arguments as in `theorem1_bound`, and `phi` ≥ 0
    from m*. Raises ValueError also if φ is so large that no mask could meet the assumptions.
    Source: Theorem 2 and its proof, corrected. Taught in notebook 05.

    >>> theorem2_bound(0.5, 4, 10, 0.0), round(theorem2_bound(0.5, 4, 10, 0.3), 6)
    (0.4, 0.3)
    """
    b = theorem1_bound(lam, k, gamma)
    inside = b * b - 8 * lam * phi / gamma
    if not math.isfinite(inside):
        raise ValueError(f"lam={lam}, gamma={gamma}, phi={phi}: the bound overflows")
    if inside < -1e-9 * b * b:
        raise ValueError(
            f"phi={phi} is more than γb²/(8λ) at lam={lam}, k={k}, gamma={gamma}: then an "
            "assumption does not hold"
        )
    return (b + math.sqrt(max(inside, 0.0))) / 2


@checked
def theorem2_printed(lam: NonNegative, k: Whole, gamma: Positive, phi: NonNegative) -> float:
    """Return 4λ√k/γ − φ, Eq. (14) as printed: not a bound, it can even be negative.

    Kept to show the counter-example. Arguments as in `theorem2_bound`. Taught in notebook 05.
    """
    return theorem1_bound(lam, k, gamma) - phi


@checked
def phi(m: Float[Tensor, "*entries"], regularizer: Regularizer) -> float:
    """Return φ(m) = R(m) − ‖m‖₁ ≥ 0: how much more a mask in between pays than under ℓ1.

    `m` in [0, 1]^d, else ValueError. Zero for a binary mask. Source: Eq. (17). Taught in
    notebook 05.
    """
    if not bool(((m >= 0) & (m <= 1)).all()):
        raise ValueError(f"m must lie in [0, 1]; it reaches from {m.min():g} to {m.max():g}")
    exact = accurate(m.detach())
    return float((regularizer.value(exact) - exact).sum().clamp_min(0))


@checked
def lone_entry(lam: NonNegative, regularizer: Regularizer, gamma: Positive) -> tuple[float, float]:
    """Return |m* − 1| and φ of one entry with L = γ/2 (m − 1)², minimised to 1/200,000.

    Where k entries solve this problem each alone, m̃ = (1, …, 1) and the distance is √k times the
    first, φ(m*) k times the second: the counter-example to Eq. (14). Taught in notebook 05.
    """

    def least(first: int, last: int, step: int) -> int:
        """Return which of the 200,000ths from `first` to `last` costs least."""
        m = torch.arange(max(first, 0), min(last, 200_000) + 1, step).double() / 200_000
        cost = gamma / 2 * (m - 1).square() + float(lam) * regularizer.value(m)
        return max(first, 0) + step * int(cost.argmin())

    near = least(0, 200_000, 100)
    best = torch.tensor(least(near - 100, near + 100, 1) / 200_000, dtype=torch.float64)
    return 1 - float(best), phi(best[None], regularizer)


@checked
def proof_steps(
    m: Float[Tensor, " d"],
    sought: Float[Tensor, " d"],
    gradient: Float[Tensor, " d"],
    loss_gap: Finite,
    lam: NonNegative,
    gamma: Positive,
    regularizer: Regularizer,
) -> dict[str, tuple[float, float]]:
    """Return both sides, (smaller, larger), of each inequality in the proofs of both theorems.

    `m` is the mask m* in [0, 1]^d that was found, `sought` the binary m̃, `gradient` ∇L(m̃) and
    `loss_gap` L(m*) − L(m̃); h = m* − m̃, and S is where m̃ is 1. Eqs. (7) and (9) are assumptions
    on m*, the others follow from them. Of (11) the side is given that the proof needs,
    −λ‖h‖₁ ≤ ∇Lᵀh; the other one, which is printed, is as true. Raises ValueError for masks outside
    [0, 1] or a `sought` that is not binary. Source: concave-masks paper, Eqs. (6)–(13), (15)–(17).
    Taught in notebook 05.
    """
    if not bool(((sought == 0) | (sought == 1)).all()):
        raise ValueError("sought must be binary: only 0 and 1")
    extra = phi(m, regularizer)
    found, goal, slope = (accurate(part.detach()) for part in (m, sought, gradient))
    h, one, lam, gamma = found - goal, goal == 1, float(lam), float(gamma)
    inside, outside = float(h[one].abs().sum()), float(h[~one].abs().sum())
    length, k = float(h.norm()), int(one.sum())
    pays = float(goal.sum()) - float(regularizer.value(found).sum())
    bend, upper = gamma / 2 * length**2, lam * (inside - outside)
    return {
        "Eq. (6)": (float(slope.abs().max()), lam),
        "Eq. (7)": (float(slope @ h) + bend, loss_gap),
        "Eq. (9)": (loss_gap, lam * pays),
        "Eq. (10)": (loss_gap, upper),
        "Eq. (11)": (-lam * (inside + outside), float(slope @ h)),
        "Eq. (12)": (-lam * (inside + outside) + bend, upper),
        "Eq. (13)": (bend, 2 * lam * math.sqrt(k) * length),
        "Eq. (16)": (pays, inside - outside - extra),
    }
