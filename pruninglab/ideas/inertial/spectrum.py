"""Eigenvalues of a matrix that is only given by its products with vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from ..checks import check_choice

ENDS = ("largest", "smallest", "both")


class Operator(Protocol):
    """A symmetric d × d matrix to multiply by: a `Curvature`, or a plain tensor."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def device(self) -> torch.device: ...
    def __matmul__(self, vectors: Any, /) -> Any: ...


def extreme_eigenvalues(
    operator: Operator, k: int, *, end: str = "largest", tolerance: float = 1e-9, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Return k eigenvalues at an end of the spectrum, ascending, and their eigenvectors (d, k).

    `end` is "largest", "smallest" (most negative) or "both" (half from each). scipy's implicitly
    restarted Lanczos on products with the operator; `tolerance` is relative to the eigenvalue. The
    same seed starts from the same vector. Raises ValueError unless 0 < k < d, and for another
    `end`. Taught in notebook 06.

    >>> values, _ = extreme_eigenvalues(torch.diag(torch.arange(9.0)), 2)
    >>> values.round(decimals=6)
    tensor([7., 8.], dtype=torch.float64)
    """
    size = operator.shape[0]
    if not 0 < k < size:
        raise ValueError(f"k={k} must be at least 1 and less than the {size} dimensions")
    check_choice("end", end, ENDS)
    which = {"largest": "LA", "smallest": "SA", "both": "BE"}[end]
    start = np.random.default_rng(seed).standard_normal(size)

    def product(vector: np.ndarray) -> np.ndarray:
        column = torch.from_numpy(np.ascontiguousarray(vector)).reshape(size)
        moved = column.to(operator.device, operator.dtype)
        return (operator @ moved).detach().to("cpu", torch.float64).numpy()

    linear = LinearOperator((size, size), matvec=product, dtype=np.float64)
    values, vectors = eigsh(linear, k=k, which=which, v0=start, tol=tolerance)
    order = np.argsort(values)
    return torch.from_numpy(values[order]), torch.from_numpy(vectors[:, order].copy())


@dataclass(frozen=True, eq=False)
class Density:
    """A spectrum as weighted points: `places` and `masses` float64 (probes, steps).

    The masses of each probe sum to 1, so Σ mass · f(place), averaged over probes, estimates the
    mean of f over all d eigenvalues.
    """

    places: Tensor
    masses: Tensor

    def mean(self, power: int = 1) -> float:
        """Return the estimated mean of λ^power: trace(H^power) / d."""
        return float((self.masses * self.places**power).sum(dim=1).mean())

    def below(self, value: float) -> float:
        """Return the estimated share of eigenvalues at most `value`, in [0, 1]."""
        return float((self.masses * (self.places <= value)).sum(dim=1).mean())

    def smooth(self, grid: Tensor, width: float) -> Tensor:
        """Return the density on `grid`, each point widened to a Gaussian of this `width` > 0."""
        if width <= 0:
            raise ValueError(f"width={width} must be positive")
        z = (grid.double()[:, None] - self.places.flatten()) / width
        bells = torch.exp(-(z**2) / 2) / (width * (2 * torch.pi) ** 0.5)
        return bells @ self.masses.flatten() / len(self.places)


def lanczos(operator: Operator, start: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Run Lanczos from `start` (d,); return diagonal (m,), off-diagonal (m − 1,), basis (m, d).

    Fully reorthogonalised, twice, in float64: without it, ghost copies of the top eigenvalue
    appear. m is `steps`, or less if the space that H makes of `start` is smaller. Taught in
    notebook 06.
    """
    basis = torch.zeros(steps, len(start), dtype=torch.float64, device=start.device)
    diagonal, beside = [], []
    vector = start.double() / start.double().norm()
    largest = 0.0
    for step in range(steps):
        basis[step] = vector
        image = (operator @ vector.to(operator.dtype)).double()
        diagonal.append(image @ vector)
        for _ in range(2):
            image = image - basis[: step + 1].T @ (basis[: step + 1] @ image)
        size = float(image.norm())
        largest = max(largest, abs(float(diagonal[-1])), size)
        if step + 1 == steps or size <= 1e-12 * largest * len(start) ** 0.5:
            break
        beside.append(image.new_tensor(size))
        vector = image / size
    made = len(diagonal)
    off = torch.stack(beside) if beside else basis.new_zeros(0)
    return torch.stack(diagonal), off, basis[:made]


def spectral_density(
    operator: Operator, *, steps: int = 100, probes: int = 1, seed: int = 0
) -> Density:
    """Estimate the density of all eigenvalues by stochastic Lanczos quadrature.

    From each of `probes` random directions, `steps` Lanczos steps give the places (Ritz values)
    and the masses (squared first components of the small eigenvectors). Exact for moments up to
    2·steps − 1 of each probe; over the probes it is an average. At most d steps are made. Raises
    ValueError for fewer than one step or probe. Taught in notebook 06.

    >>> round(spectral_density(torch.eye(5), steps=3).mean(), 6)
    1.0
    """
    if steps < 1 or probes < 1:
        raise ValueError(f"steps={steps} and probes={probes} must be at least 1")
    size = operator.shape[0]
    steps = min(steps, size)
    generator = torch.Generator().manual_seed(seed)
    places = torch.zeros(probes, steps, dtype=torch.float64)
    masses = torch.zeros(probes, steps, dtype=torch.float64)
    for row in range(probes):
        start = torch.randn(size, generator=generator, dtype=torch.float64)
        diagonal, beside, _ = lanczos(operator, start.to(operator.device), steps)
        small = torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1)
        values, vectors = torch.linalg.eigh(small.cpu())
        places[row, : len(values)] = values
        masses[row, : len(values)] = vectors[0] ** 2
    return Density(places, masses)
