"""The measures of sparsity once more, in decimal numbers: they judge what float64 cannot.

tanh(20) and tanh(21) are one number in float64, so a sum of them "does not move" where in truth it
falls. With DIGITS digits it does. Each function takes the members of a vector, none below 0, and
works in the precision of the decimal context around it. Compared with `measures` in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext

from jaxtyping import Float
from torch import Tensor

from ...checks import checked

Exact = Callable[[Sequence[Decimal]], Decimal]
DIGITS = 200
# What is smaller than this, relative to the measure, is its rounding error: it has not moved.
STILL = Decimal(10) ** -(3 * DIGITS // 4)


@checked
def in_decimals(exact: Exact, w: Float[Tensor, " members"]) -> Decimal:
    """Compute a measure of a vector, each member taken at its exact value, to DIGITS digits.

    `exact` is one of `EXACT`, or a function like those. Raises what it raises: of zeros, most do.

    >>> w = Tensor([4.0, 1.0, 1.0, 0.0])
    >>> print(round(in_decimals(EXACT["PQ Index (½, 1)"], w), 12))
    0.333333333333
    """
    with localcontext(Context(prec=DIGITS)):
        return exact([Decimal(member) for member in w.tolist()])


def _total(members: Sequence[Decimal], power: int = 1) -> Decimal:
    return sum((member**power for member in members), Decimal(0))


def _norm_2(members: Sequence[Decimal]) -> Decimal:
    return _total(members, 2).sqrt()


def _norm_half(members: Sequence[Decimal]) -> Decimal:
    return sum((member.sqrt() for member in members), Decimal(0)) ** 2


def _tanh(x: Decimal) -> Decimal:
    return 1 - 2 / ((2 * x).exp() + 1)


def _zeros(w: Sequence[Decimal]) -> Decimal:
    return Decimal(sum(member == 0 for member in w))


def _minus_tanh(w: Sequence[Decimal]) -> Decimal:
    return -sum((_tanh(member) for member in w), Decimal(0))


def _minus_log(w: Sequence[Decimal]) -> Decimal:
    return -sum(((1 + member**2).ln() for member in w), Decimal(0))


def _hoyer(w: Sequence[Decimal]) -> Decimal:
    root = Decimal(len(w)).sqrt()
    return (root - _total(w) / _norm_2(w)) / (root - 1)


def _minus_shannon_entropy(w: Sequence[Decimal]) -> Decimal:
    shares = [member**2 / _total(w, 2) for member in w if member]
    return sum((share * share.ln() for share in shares), Decimal(0))


def _minus_gaussian_entropy(w: Sequence[Decimal]) -> Decimal:
    return -2 * sum((member.ln() for member in w), Decimal(0))


def _gini(w: Sequence[Decimal]) -> Decimal:
    d = len(w)
    ranked = sum(((2 * k - d - 1) * member for k, member in enumerate(sorted(w), 1)), Decimal(0))
    return ranked / (d * _total(w))


EXACT: dict[str, Exact] = {
    "ℓ0 (zeros)": _zeros,
    "−ℓ1": lambda w: -_total(w),
    "−ℓp, p = ½": lambda w: -_norm_half(w),
    "−tanh": _minus_tanh,
    "−log": _minus_log,
    "ℓ2/ℓ1": lambda w: _norm_2(w) / _total(w),
    "Hoyer": _hoyer,
    "kurtosis κ4": lambda w: _total(w, 4) / _total(w, 2) ** 2,
    "−Shannon entropy": _minus_shannon_entropy,
    "−Gaussian entropy": _minus_gaussian_entropy,
    "Gini": _gini,
    "PQ Index (½, 1)": lambda w: 1 - _norm_half(w) / (len(w) * _total(w)),
}
