"""Theorem 5 and step 5 of the algorithm: where does a gap of more than 4K cut the spectrum?"""

from __future__ import annotations

import torch
from torch import Tensor


def gaps(eigenvalues: Tensor) -> Tensor:
    """Return λ_{k+1} − λ_k for k = 1 … d − 1, non-negative (d − 1,), of ascending −H eigenvalues.

    `eigenvalues` float (d,) are those of H, in any order: the signs are turned here, as Eq. (15)
    does. So k counts the sharpest directions, which the paper prunes. Raises ValueError for fewer
    than two or for values that are not finite. Source: IMC paper, Eq. (11). Taught in notebook 06.

    >>> gaps(torch.tensor([5.0, 1.0, 0.5]))
    tensor([4.0000, 0.5000], dtype=torch.float64)
    """
    if eigenvalues.dim() != 1 or len(eigenvalues) < 2:
        raise ValueError(f"eigenvalues has shape {tuple(eigenvalues.shape)}; at least two needed")
    if not bool(torch.isfinite(eigenvalues).all()):
        raise ValueError("eigenvalues must be finite")
    return (-eigenvalues.double()).sort().values.diff()


def spectral_cut(eigenvalues: Tensor, lipschitz: float) -> int | None:
    """Return the largest k with λ_{k+1} − λ_k > 4K, or None if no gap is that wide.

    `eigenvalues` of H, float (d,); `lipschitz` is K ≥ 0. The k sharpest directions go, d − k stay:
    sparsity k / d. Raises ValueError for a K that is negative or NaN. Source: IMC paper, Theorem 5
    and step (5). Taught in notebook 06.

    >>> spectral_cut(torch.tensor([9.0, 4.0, 3.9, 3.0]), 0.2)
    3
    >>> spectral_cut(torch.tensor([9.0, 4.0, 3.9, 3.0]), 2.0) is None
    True
    """
    return staircase(eigenvalues, torch.tensor([lipschitz]))[0]


def staircase(eigenvalues: Tensor, lipschitz_grid: Tensor) -> list[int | None]:
    """Return `spectral_cut` for each K of a grid: k falls as K grows, in steps, down to None.

    Raises ValueError for a K that is negative or NaN. Taught in notebook 06.

    >>> staircase(torch.tensor([9.0, 4.0, 3.9, 3.0]), torch.tensor([0.0, 0.2, 1.0, 2.0]))
    [3, 3, 1, None]
    """
    grid = lipschitz_grid.double()
    if not bool((grid >= 0).all()):
        raise ValueError(f"lipschitz={lipschitz_grid.tolist()} must be at least 0")
    wide = gaps(eigenvalues).cpu()[None] > 4 * grid.cpu()[:, None]
    places = torch.arange(1, len(eigenvalues))
    last = torch.where(wide, places, 0).amax(dim=1)
    return [int(k) or None for k in last]


def needed_lipschitz(eigenvalues: Tensor, k: int) -> tuple[float, float] | None:
    """Return the range [low, high) of K for which step (5) cuts at k, or None if there is none.

    No K does unless gap k is wider than every gap after it. Raises ValueError unless
    1 ≤ k ≤ d − 1. Taught in notebook 06.

    >>> needed_lipschitz(torch.tensor([9.0, 4.0, 3.5, 3.0]), 1)
    (0.125, 1.25)
    >>> needed_lipschitz(torch.tensor([9.0, 4.0, 3.5, 3.0]), 2) is None
    True
    """
    wide = gaps(eigenvalues)
    if not 1 <= k <= len(wide):
        raise ValueError(f"k={k} must lie between 1 and {len(wide)}")
    later = float(wide[k:].max()) if k < len(wide) else 0.0
    here = float(wide[k - 1])
    return (later / 4, here / 4) if here > later else None


def linear_manifold(system: Tensor, nonlinear: Tensor, k: int) -> Tensor:
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
    if system.shape != (size, size) or nonlinear.shape != (size, size) or not 0 < k < size:
        raise ValueError(
            f"system {tuple(system.shape)} and nonlinear {tuple(nonlinear.shape)} must be square "
            f"and alike, k={k} between 1 and {size - 1}"
        )
    axes = torch.linalg.eigh(system.double()).eigenvectors
    turned = axes.T @ (system.double() + nonlinear.double()) @ axes
    values, vectors = torch.linalg.eig(turned)
    order = values.real.argsort(stable=True)
    fast, slow = values[order[k - 1]], values[order[k]]
    if bool((slow.real - fast.real).abs() <= 1e-12 * values.abs().max()):
        raise ValueError(f"no manifold: nothing separates {fast.item():.4g} and {slow.item():.4g}")
    chosen = vectors[:, order[k:]]
    above, below = chosen[:k], chosen[k:]
    if int(torch.linalg.matrix_rank(below)) < size - k:
        raise ValueError("no manifold: the slow eigenvectors do not project onto W⁺")
    return (above @ torch.linalg.inv(below)).real
