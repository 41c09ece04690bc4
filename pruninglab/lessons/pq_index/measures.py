"""The sparsity measures of Hurley & Rickard (2009) that the SAP paper compares with.

Each maps a vector to a float, larger for a sparser vector: measures of density carry a minus.
Their argument is |w|, of any shape; all are computed in float64. ValueError if `w` is empty or
has NaN or infinity, and where a measure is not defined: `hoyer` of one member, the ratios and
`minus_shannon_entropy` of zeros. Compared in notebook 01.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Real
from torch import Tensor

from ...checks import Positive, checked
from ...devices import accurate
from ...ideas.sap import gini_index, pq_index

Measure = Callable[[Tensor], float]


def _sizes(w: Tensor) -> Tensor:
    sizes = accurate(w.detach()).abs().flatten()
    if not len(sizes) or not bool(sizes.isfinite().all()):
        raise ValueError(f"w, of shape {tuple(w.shape)}, must have members, all of them finite")
    return sizes


def _relative(w: Tensor) -> Tensor:
    """Return |w| over the power of two next to its largest: exact, and no square overflows."""
    sizes = _sizes(w)
    if not bool(sizes.any()):
        raise ValueError("w has no non-zero member: this measure is not defined")
    return sizes * 2.0 ** -sizes.max().frexp().exponent.double().clamp(-1000, 1000)


@checked
def l0(w: Real[Tensor, "*shape"]) -> float:
    """Number of zeros: hard sparsity."""
    return float((_sizes(w) == 0).sum())


@checked
def minus_l1(w: Real[Tensor, "*shape"]) -> float:
    """−‖w‖₁, the lasso's penalty."""
    return -float(_sizes(w).sum())


@checked
def minus_lp(w: Real[Tensor, "*shape"], p: Positive = 0.5) -> float:
    """−‖w‖_p, p > 0; below 1 it lies between ℓ0 and ℓ1."""
    return -float((_sizes(w) ** p).sum() ** (1 / p))


@checked
def minus_tanh(w: Real[Tensor, "*shape"], a: Positive = 1.0, b: Positive = 1.0) -> float:
    """−Σ tanh((a|w|)^b): a smooth count of what is not small."""
    return -float(torch.tanh((a * _sizes(w)) ** b).sum())


@checked
def minus_log(w: Real[Tensor, "*shape"]) -> float:
    """−Σ log(1 + w²)."""
    logs = 2 * _sizes(w).log()
    return -float(torch.logaddexp(torch.zeros_like(logs), logs).sum())


@checked
def l2_over_l1(w: Real[Tensor, "*shape"]) -> float:
    """‖w‖₂ / ‖w‖₁."""
    sizes = _relative(w)
    return float(sizes.norm() / sizes.sum())


@checked
def hoyer(w: Real[Tensor, "*shape"]) -> float:
    """(√d − ‖w‖₁/‖w‖₂) / (√d − 1), in [0, 1]; d must be at least 2."""
    if w.numel() == 1:
        raise ValueError("w has one member: hoyer needs at least 2")
    sizes = _relative(w)
    root = len(sizes) ** 0.5
    return float((root - sizes.sum() / sizes.norm()) / (root - 1))


@checked
def kurtosis(w: Real[Tensor, "*shape"]) -> float:
    """Σw⁴ / (Σw²)²: the tails of the distribution."""
    squares = _relative(w) ** 2
    return float((squares**2).sum() / squares.sum() ** 2)


@checked
def minus_shannon_entropy(w: Real[Tensor, "*shape"]) -> float:
    """Σ s log s with s = w² / ‖w‖²: energy in few places has low entropy."""
    squares = _relative(w) ** 2
    share = squares / squares.sum()
    return float(torch.special.xlogy(share, share).sum())


@checked
def minus_gaussian_entropy(w: Real[Tensor, "*shape"]) -> float:
    """−Σ log w², infinite as soon as one entry is zero."""
    return -float(2 * _sizes(w).log().sum())


@checked
def gini(w: Real[Tensor, "*shape"]) -> float:
    """Gini index."""
    return float(gini_index(w))


@checked
def pqi(w: Real[Tensor, "*shape"]) -> float:
    """PQ Index with the paper's p = 0.5, q = 1."""
    return float(pq_index(w, 0.5, 1.0))


@checked
def power_mean(w: Real[Tensor, "*shape"], e: Positive) -> float:
    """Return M_e, the average that listens as the exponent says: no sparsity, but what it is of."""
    return float((_sizes(w) ** e).mean() ** (1 / e))


MEASURES: dict[str, Measure] = {
    "ℓ0 (zeros)": l0,
    "−ℓ1": minus_l1,
    "−ℓp, p = ½": minus_lp,
    "−tanh": minus_tanh,
    "−log": minus_log,
    "ℓ2/ℓ1": l2_over_l1,
    "Hoyer": hoyer,
    "kurtosis κ4": kurtosis,
    "−Shannon entropy": minus_shannon_entropy,
    "−Gaussian entropy": minus_gaussian_entropy,
    "Gini": gini,
    "PQ Index (½, 1)": pqi,
}
