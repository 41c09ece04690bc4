"""How far the learned mask m* can be from the sought one m̃: Theorems 1 and 2, and φ.

For a loss that is strongly convex with constant γ between the two (Assumption 2), a binary m̃ with
k ones, and ‖∇L(m̃)‖∞ ≤ λ (Eq. (6)). Source: concave-masks paper, Section IV.
"""

from __future__ import annotations

import math

from torch import Tensor

from .regularizers import Regularizer, check_positive


def theorem1_bound(lam: float, k: int, gamma: float) -> float:
    """Return 4λ√k/γ, an upper bound of ‖m* − m̃‖₂ for every regulariser of Assumption 1.

    `lam` ≥ 0, `k` ≥ 0 ones in m̃, `gamma` > 0; ValueError otherwise. The proof of ℓ1 holds for the
    others too, since φ ≥ 0. Source: Theorem 1, Eq. (8). Taught in notebook 05.

    >>> theorem1_bound(0.5, 4, 10)
    0.4
    """
    _check(lam, k, gamma)
    return 4 * lam * math.sqrt(k) / gamma


def theorem2_bound(lam: float, k: int, gamma: float, phi: float) -> float:
    """Return the bound of Theorem 2 as Eq. (16) really gives it.

    With b = 4λ√k/γ, (16) yields ‖h‖² − b‖h‖ + 2λφ/γ ≤ 0, hence ‖h‖ ≤ (b + √(b² − 8λφ/γ))/2: never
    above Theorem 1, and equal to it only for φ = 0. Arguments as in `theorem1_bound`, and `phi` ≥ 0
    from m*. Raises ValueError also if φ is so large that no mask could meet the assumptions.
    Source: Theorem 2 and its proof, corrected. Taught in notebook 05.

    >>> theorem2_bound(0.5, 4, 10, 0.0), round(theorem2_bound(0.5, 4, 10, 0.3), 6)
    (0.4, 0.3)
    """
    b = theorem1_bound(lam, k, gamma)
    _check_phi(phi)
    inside = b**2 - 8 * lam * phi / gamma
    if inside < -1e-9 * b**2:
        raise ValueError(f"phi={phi} is more than γb²/(8λ): then an assumption does not hold")
    return (b + math.sqrt(max(inside, 0.0))) / 2


def theorem2_printed(lam: float, k: int, gamma: float, phi: float) -> float:
    """Return 4λ√k/γ − φ, Eq. (14) as printed: not a bound, it can even be negative.

    Kept to show the counter-example. Arguments as in `theorem2_bound`. Taught in notebook 05.
    """
    _check_phi(phi)
    return theorem1_bound(lam, k, gamma) - phi


def phi(m: Tensor, regularizer: Regularizer) -> float:
    """Return φ(m) = R(m) − ‖m‖₁ ≥ 0: how much more a mask in between pays than under ℓ1.

    `m` in [0, 1]^d, else ValueError. Zero for a binary mask. Source: Eq. (17). Taught in
    notebook 05.
    """
    if bool((m < 0).any()) or bool((m > 1).any()):
        raise ValueError(f"m must lie in [0, 1]; it reaches from {m.min():g} to {m.max():g}")
    exact = m.double()
    return float((regularizer.value(exact) - exact).sum().clamp_min(0))


def _check(lam: float, k: int, gamma: float) -> None:
    if not 0 <= lam < math.inf:
        raise ValueError(f"lam={lam} must be at least 0 and finite")
    if k < 0:
        raise ValueError(f"k={k} must be at least 0")
    check_positive("gamma", gamma)


def _check_phi(value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"phi={value} must be at least 0 and finite")
