"""The sparsity measures of Hurley & Rickard (2009) that the SAP paper compares with.

Each maps a vector to a float, larger for a sparser vector: measures of density carry a minus.
Their argument is |w|; all are computed in float64. Compared in notebook 01.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .index import gini_index, pq_index

Measure = Callable[[Tensor], float]


def _sizes(w: Tensor) -> Tensor:
    return w.detach().double().abs().flatten()


def l0(w: Tensor) -> float:
    """Number of zeros: hard sparsity."""
    return float((_sizes(w) == 0).sum())


def minus_l1(w: Tensor) -> float:
    """−‖w‖₁, the lasso's penalty."""
    return -float(_sizes(w).sum())


def minus_lp(w: Tensor, p: float = 0.5) -> float:
    """−‖w‖_p, 0 < p < 1: between ℓ0 and ℓ1."""
    return -float((_sizes(w) ** p).sum() ** (1 / p))


def minus_tanh(w: Tensor, a: float = 1.0, b: float = 1.0) -> float:
    """−Σ tanh((a|w|)^b): a smooth count of what is not small."""
    return -float(torch.tanh((a * _sizes(w)) ** b).sum())


def minus_log(w: Tensor) -> float:
    """−Σ log(1 + w²)."""
    return -float(torch.log1p(_sizes(w) ** 2).sum())


def l2_over_l1(w: Tensor) -> float:
    """‖w‖₂ / ‖w‖₁."""
    sizes = _sizes(w)
    return float(sizes.norm() / sizes.sum())


def hoyer(w: Tensor) -> float:
    """(√d − ‖w‖₁/‖w‖₂) / (√d − 1), in [0, 1]; d must be at least 2."""
    sizes = _sizes(w)
    root = len(sizes) ** 0.5
    return float((root - sizes.sum() / sizes.norm()) / (root - 1))


def kurtosis(w: Tensor) -> float:
    """Σw⁴ / (Σw²)²: the tails of the distribution."""
    squares = _sizes(w) ** 2
    return float((squares**2).sum() / squares.sum() ** 2)


def minus_shannon_entropy(w: Tensor) -> float:
    """Σ s log s with s = w² / ‖w‖²: energy in few places has low entropy."""
    squares = _sizes(w) ** 2
    share = squares / squares.sum()
    return float(torch.special.xlogy(share, share).sum())


def minus_gaussian_entropy(w: Tensor) -> float:
    """−Σ log w², infinite as soon as one entry is zero."""
    return -float((_sizes(w) ** 2).log().sum())


def gini(w: Tensor) -> float:
    """Gini index."""
    return float(gini_index(w))


def pqi(w: Tensor) -> float:
    """PQ Index with the paper's p = 0.5, q = 1."""
    return float(pq_index(w, 0.5, 1.0))


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
