"""Spaces of directions: flat, sharp or random, and how much of a vector or a weight lies in them.

A space of m directions is an orthonormal basis, float (d, m).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .spectrum import Operator


def flat_space(eigenvectors: Tensor, m: int) -> Tensor:
    """Return the m flattest directions: the first m columns, eigenvalues of H ascending.

    The paper's W⁺ for k = d − m: λ of −H descending. Negative curvature counts as flat. Raises
    ValueError unless 1 ≤ m ≤ columns. Source: IMC paper, Theorem 5. Taught in notebook 06.
    """
    _check_size(m, eigenvectors.shape[1])
    return eigenvectors[:, :m]


def sharp_space(eigenvectors: Tensor, m: int) -> Tensor:
    """Return the m sharpest directions: the last m columns, eigenvalues of H ascending.

    Raises ValueError unless 1 ≤ m ≤ columns. Taught in notebook 06.
    """
    _check_size(m, eigenvectors.shape[1])
    return eigenvectors[:, -m:]


def random_space(d: int, m: int, seed: int) -> Tensor:
    """Return m random orthonormal directions in d dimensions, float64 (d, m), evenly spread.

    Raises ValueError unless 1 ≤ m ≤ d. Taught in notebook 06.
    """
    _check_size(m, d)
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(d, m, generator=generator, dtype=torch.float64)).Q


def share_inside(vector: Tensor, basis: Tensor) -> float:
    """Return the share of a vector's squared length that lies in the space, in [0, 1].

    A random space of m directions gets m / d on average. Raises ValueError for the zero vector.
    Taught in notebook 06.

    >>> share_inside(torch.tensor([3.0, 4.0]), torch.tensor([[1.0], [0.0]]))
    0.36
    """
    length = float(vector.double().square().sum())
    if not length > 0:
        raise ValueError("vector is zero, so no share of it lies anywhere")
    inside = float((basis.double().T @ vector.double()).square().sum())
    return round(min(inside / length, 1.0), 12)


def leverage(basis: Tensor) -> Tensor:
    """Return the mass of each of the d weights in the space, in [0, 1], (d,): they sum to m.

    The diagonal of the projection onto the space. Weights the paper would keep have it large in
    W⁺, if this is what it means. Taught in notebook 06.

    >>> leverage(torch.tensor([[0.6], [0.8]]))
    tensor([0.3600, 0.6400])
    """
    return basis.square().sum(dim=1)


def diagonal(operator: Operator, probes: int = 100, seed: int = 0) -> Tensor:
    """Estimate the diagonal of H from `probes` products with random signs, float64 (d,).

    The mean of z ∘ Hz: unbiased, and exact after one probe if H is diagonal. Source: Bekas,
    Kokiopoulou & Saad (2007). Raises ValueError for fewer than one probe. Taught in notebook 06.
    """
    if probes < 1:
        raise ValueError(f"probes={probes} must be at least 1")
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(operator.shape[0], dtype=torch.float64, device=operator.device)
    for _ in range(probes):
        signs = torch.randint(0, 2, (len(total),), generator=generator) * 2 - 1
        z = signs.to(operator.device, operator.dtype)
        total += (z * (operator @ z)).double()
    return total / probes


def _check_size(m: int, largest: int) -> None:
    if not 1 <= m <= largest:
        raise ValueError(f"m={m} must lie between 1 and {largest}")
