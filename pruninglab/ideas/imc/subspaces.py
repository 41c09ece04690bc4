"""Spaces of directions: flat, sharp or random, and how much of a vector or a weight lies in them.

A space of m directions is an orthonormal basis, float (d, m).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Real
from torch import Tensor

from ...checks import Count, Seed, checked
from ...devices import accurate
from .spectrum import Operator, home, ready, times

# 16 GB in float64.
NUMBERS_AT_MOST = 2**31


@checked
def flat_space(eigenvectors: Float[Tensor, "d columns"], m: Count) -> Tensor:
    """Return the m flattest directions: the first m columns, eigenvalues of H ascending.

    The paper's W⁺ for k = d − m: λ of −H descending. Negative curvature counts as flat. Raises
    ValueError unless 1 ≤ m ≤ columns. Source: IMC paper, Theorem 5. Taught in notebook 06.
    """
    _check_size(m, eigenvectors.shape[1], "columns of eigenvectors")
    return eigenvectors[:, :m]


@checked
def sharp_space(eigenvectors: Float[Tensor, "d columns"], m: Count) -> Tensor:
    """Return the m sharpest directions: the last m columns, eigenvalues of H ascending.

    Raises ValueError unless 1 ≤ m ≤ columns. Taught in notebook 06.
    """
    _check_size(m, eigenvectors.shape[1], "columns of eigenvectors")
    return eigenvectors[:, -m:]


@checked
def random_space(d: Count, m: Count, seed: Seed) -> Tensor:
    """Return m random orthonormal directions in d dimensions, float64 (d, m), evenly spread.

    On the CPU. Raises ValueError unless 1 ≤ m ≤ d, and for more numbers than `NUMBERS_AT_MOST`.
    Taught in notebook 06.
    """
    _check_size(m, d, "dimensions, d")
    if d * m > NUMBERS_AT_MOST:
        raise ValueError(f"d={d}, m={m} make {d * m // 2**27:,} GB: too many")
    generator = torch.Generator().manual_seed(seed)
    basis: Tensor = torch.linalg.qr(torch.randn(d, m, generator=generator, dtype=torch.float64)).Q
    return basis


@checked
def share_inside(vector: Real[Tensor, " d"], basis: Real[Tensor, "d m"]) -> float:
    """Return the share of a vector's squared length that lies in the space, in [0, 1].

    A random space of m directions gets m / d on average. Raises ValueError for the zero vector, NaN
    and infinity. Taught in notebook 06.

    >>> share_inside(torch.tensor([3.0, 4.0]), torch.tensor([[1.0], [0.0]]))
    0.36
    """
    for name, tensor in (("vector", vector), ("basis", basis)):
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} holds NaN or infinity")
    vector = accurate(vector)
    length = float(vector.square().sum())
    if not 0 < length < float("inf"):
        raise ValueError(f"vector is zero, or too large: its squared length is {length}")
    inside = float((accurate(basis).to(vector.device).T @ vector).square().sum())
    return round(min(inside / length, 1.0), 12)


@checked
def leverage(basis: Float[Tensor, "d m"]) -> Tensor:
    """Return the mass of each of the d weights in the space, in [0, 1], (d,): they sum to m.

    The diagonal of the projection onto the space. Weights the paper would keep have it large in
    W⁺, if this is what it means. Taught in notebook 06.

    >>> leverage(torch.tensor([[0.6], [0.8]]))
    tensor([0.3600, 0.6400])
    """
    return basis.square().sum(dim=1)


@checked
def diagonal(operator: Operator, probes: Count = 100, seed: Seed = 0) -> Tensor:
    """Estimate the diagonal of H from `probes` products with random signs, float64 (d,).

    The mean of z ∘ Hz: unbiased, and exact after one probe if H is diagonal. Source: Bekas,
    Kokiopoulou & Saad (2007). Where the operator is, or on the CPU if there is no float64. Raises
    ValueError for fewer than one probe, and for an operator that is not symmetric or not finite.
    Taught in notebook 06.
    """
    operator = ready(operator)
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(operator.shape[0], dtype=torch.float64, device=home(operator))
    for _ in range(probes):
        signs = torch.randint(0, 2, (len(total),), generator=generator) * 2 - 1
        z = signs.to(total)
        total += z * times(operator, z)
    return total / probes


def _check_size(m: int, largest: int, what: str) -> None:
    if m > largest:
        raise ValueError(f"m={m} is more than the {largest} {what}")
