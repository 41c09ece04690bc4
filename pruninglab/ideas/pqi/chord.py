"""Why more goes when p or q grows: the PQI bound as a chord of a convex curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Real
from torch import Tensor

from ..checks import NonNegative, checked
from ..devices import accurate


@checked
def log_moments(
    w: Real[Tensor, "*shape"], exponents: Sequence[NonNegative]
) -> Float[Tensor, " exponents"]:
    """Return ln of the mean of (|w| / mean|w|)^t over all members of `w`, for each exponent t.

    Float64, 0 at t = 1, and at t = 0 if no member is zero (a zero counts as 0 there too). Convex
    in t (Hölder), so the chord through p and q meets t = 0 at ln(r/d), r the PQI bound of Theorem
    2 with η = 0; and the larger p or q, the lower. Raises ValueError for an empty `w`, one with NaN
    or infinity, or without a non-zero member. Taught in notebook 02.

    >>> log_moments(torch.tensor([4.0, 1.0, 1.0, 2.0]), [1.0, 2.0]).exp()
    tensor([1.0000, 1.3750], dtype=torch.float64)
    """
    sizes = accurate(w.detach()).abs().flatten()
    if not len(sizes) or not bool(sizes.isfinite().all()) or not bool(sizes.any()):
        raise ValueError("w must have members, all of them finite, and one that is not zero")
    logs = sizes[sizes > 0].log()
    mean = logs.logsumexp(0) - math.log(len(sizes))
    moments = [(t * (logs - mean)).logsumexp(0) for t in exponents]
    if not moments:
        return sizes.new_empty(0)
    return torch.stack(moments) - math.log(len(sizes))


@checked
def chord_at_zero(w: Real[Tensor, "*shape"], p: NonNegative, q: NonNegative) -> float:
    """Return where the chord of `log_moments` through p and q meets t = 0: ln(r/d).

    Raises ValueError for p = q, and as `log_moments` does. Taught in notebook 02.

    >>> round(math.exp(chord_at_zero(torch.tensor([4.0, 1.0, 1.0, 0.0]), 0.5, 1.0)), 4)    # 1 − I
    0.6667
    """
    if p == q:
        raise ValueError(f"p={p}, q={q}: there is no chord through one point")
    at_p, at_q = log_moments(w, [p, q]).tolist()
    return float((q * at_p - p * at_q) / (q - p))
