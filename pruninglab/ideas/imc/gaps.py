"""Theorem 5 and step 5 of the algorithm: where does a gap of more than 4K cut the spectrum?"""

from __future__ import annotations

import sys

import torch
from jaxtyping import Real
from torch import Tensor

from ...checks import Count, Number, checked
from ...devices import accurate

# A in linear_manifold is symmetric up to the rounding of float32.
ASYMMETRY = 1e-6


@checked
def gaps(eigenvalues: Real[Tensor, " d"]) -> Tensor:
    """Return λ_{k+1} − λ_k for k = 1 … d − 1, non-negative (d − 1,), of ascending −H eigenvalues.

    `eigenvalues` float (d,) are those of H, in any order: the signs are turned here, as Eq. (15)
    does. So k counts the sharpest directions, which the paper prunes. Raises ValueError for fewer
    than two or for values that are not finite. Source: IMC paper, Eq. (11). Taught in notebook 06.

    >>> gaps(torch.tensor([5.0, 1.0, 0.5]))
    tensor([4.0000, 0.5000], dtype=torch.float64)
    """
    if len(eigenvalues) < 2:
        raise ValueError(f"eigenvalues has shape {tuple(eigenvalues.shape)}; at least two needed")
    if not bool(torch.isfinite(eigenvalues).all()):
        raise ValueError("eigenvalues must be finite")
    return (-accurate(eigenvalues)).sort().values.diff()


@checked
def spectral_cut(eigenvalues: Real[Tensor, " d"], lipschitz: Number) -> int | None:
    """Return the largest k with λ_{k+1} − λ_k > 4K, or None if no gap is that wide.

    `eigenvalues` of H, float (d,); `lipschitz` is K ≥ 0. The k sharpest directions go, d − k stay:
    sparsity k / d. Raises ValueError for a K that is negative or NaN. Source: IMC paper, Theorem 5
    and step (5). Taught in notebook 06.

    >>> spectral_cut(torch.tensor([9.0, 4.0, 3.9, 3.0]), 0.2)
    3
    >>> spectral_cut(torch.tensor([9.0, 4.0, 3.9, 3.0]), 2.0) is None
    True
    """
    if not lipschitz >= 0:
        raise ValueError(f"lipschitz={lipschitz} must be at least 0")
    # A whole number may be larger than every float.
    grid = torch.tensor([min(lipschitz, sys.float_info.max)], dtype=torch.float64)
    return staircase(eigenvalues, grid)[0]


@checked
def staircase(
    eigenvalues: Real[Tensor, " d"], lipschitz_grid: Real[Tensor, " grid"]
) -> list[int | None]:
    """Return `spectral_cut` for each K of a grid: k falls as K grows, in steps, down to None.

    Raises ValueError for a K that is negative or NaN. Taught in notebook 06.

    >>> staircase(torch.tensor([9.0, 4.0, 3.9, 3.0]), torch.tensor([0.0, 0.2, 1.0, 2.0]))
    [3, 3, 1, None]
    """
    grid = accurate(lipschitz_grid).cpu()
    if not bool((grid >= 0).all()):
        raise ValueError("lipschitz_grid must be at least 0 everywhere")
    wide = gaps(eigenvalues).cpu()[None] > 4 * grid[:, None]
    places = torch.arange(1, len(eigenvalues))
    last = torch.where(wide, places, 0).amax(dim=1)
    return [int(k) or None for k in last]


@checked
def needed_lipschitz(eigenvalues: Real[Tensor, " d"], k: Count) -> tuple[float, float] | None:
    """Return the range [low, high) of K for which step (5) cuts at k, or None if there is none.

    No K does unless gap k is wider than every gap after it. Raises ValueError unless
    1 ≤ k ≤ d − 1. Taught in notebook 06.

    >>> needed_lipschitz(torch.tensor([9.0, 4.0, 3.5, 3.0]), 1)
    (0.125, 1.25)
    >>> needed_lipschitz(torch.tensor([9.0, 4.0, 3.5, 3.0]), 2) is None
    True
    """
    wide = gaps(eigenvalues)
    if k > len(wide):
        raise ValueError(f"k={k} must lie between 1 and {len(wide)}")
    later = float(wide[k:].max()) if k < len(wide) else 0.0
    here = float(wide[k - 1])
    return (later / 4, here / 4) if here > later else None


@checked
def linear_manifold(
    system: Real[Tensor, "d d"], nonlinear: Real[Tensor, "d d"], k: Count
) -> Tensor:
    """Return the slope h (k, d − k) of the inertial manifold of W′ = AW + BW: W⁻ = h W⁺.

    `system` is A, symmetric (d, d), `nonlinear` is B (d, d), a linear stand-in for f whose
    Lipschitz constant is its spectral norm. W⁻ and W⁺ are coordinates in A's eigenvectors,
    ascending: the k fastest first. The manifold is the space of the d − k slowest eigenvectors of
    A + B, written as a graph over W⁺. Raises ValueError where that is impossible: a pair of complex
    eigenvalues straddles the cut, or the space does not project onto W⁺. Source: IMC paper,
    Theorem 5 and Eq. (13). Taught in notebook 06.

    >>> linear_manifold(torch.diag(torch.tensor([-3.0, 0.0])), torch.tensor([[0, 1], [1, 0]]), 1)
    tensor([[0.3028]], dtype=torch.float64)
    """
    size = len(system)
    if k >= size:
        raise ValueError(f"k={k} must be less than the {size} dimensions")
    for name, matrix in (("system", system), ("nonlinear", nonlinear)):
        if not bool(matrix.isfinite().all()):
            raise ValueError(f"{name} must be finite")
    # Small, and not every device can turn a matrix into its eigenvectors.
    a, b = accurate(system).cpu(), accurate(nonlinear).cpu()
    if float((a - a.T).abs().max()) > ASYMMETRY * float(a.abs().max()):
        raise ValueError("system must be symmetric")
    axes = torch.linalg.eigh(a).eigenvectors
    turned = axes.T @ (a + b) @ axes
    values, vectors = torch.linalg.eig(turned)
    order = values.real.argsort(stable=True)
    fast, slow = values[order[k - 1]], values[order[k]]
    if bool((slow.real - fast.real).abs() <= 1e-12 * values.abs().max()):
        raise ValueError(f"no manifold: nothing separates {fast.item():.4g} and {slow.item():.4g}")
    chosen = vectors[:, order[k:]]
    above, below = chosen[:k], chosen[k:]
    if int(torch.linalg.matrix_rank(below)) < size - k:
        raise ValueError("no manifold: the slow eigenvectors do not project onto W⁺")
    slope: Tensor = (above @ torch.linalg.inv(below)).real
    return slope.to(accurate(system).device)
