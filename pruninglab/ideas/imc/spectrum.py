"""Eigenvalues of a matrix that is only given by its products with vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor
from torch.nn.functional import pad

from ...checks import Count, Finite, NonNegative, Seed, Whole, check_choice, checked
from ...devices import accurate, has_float64

ENDS = ("largest", "smallest", "both")


@runtime_checkable
class Operator(Protocol):
    """A symmetric d × d matrix to multiply by: a `Curvature`, or a plain tensor.

    `operator @ vector` takes and returns (d,) of the operator's dtype, on its device.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> torch.dtype: ...
    @property
    def device(self) -> torch.device: ...
    def __matmul__(self, vectors: Any, /) -> Any: ...


@checked
def extreme_eigenvalues(
    operator: Operator,
    k: Count,
    *,
    end: str = "largest",
    tolerance: NonNegative = 1e-9,
    seed: Whole = 0,
) -> tuple[Tensor, Tensor]:
    """Return k eigenvalues at an end of the spectrum, ascending, and their eigenvectors (d, k).

    `end` is "largest", "smallest" (most negative) or "both" (half from each). scipy's implicitly
    restarted Lanczos on products with the operator; `tolerance` is relative to the eigenvalue. The
    same seed starts from the same vector. Returned in float64 where the operator is, or on the CPU
    if there is none. Raises ValueError unless 0 < k < d (k ≥ 2 for "both"), for another `end`, for
    an operator that is not symmetric or not finite, and where Lanczos does not converge. Taught in
    notebook 06.

    >>> values, _ = extreme_eigenvalues(torch.diag(torch.arange(9.0)), 2)
    >>> values.round(decimals=6)
    tensor([7., 8.], dtype=torch.float64)
    """
    # Loaded here: `import pruninglab` does without it.
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    check_choice("end", end, ENDS)
    operator = ready(operator)
    size = operator.shape[0]
    if not (2 if end == "both" else 1) <= k < size:
        raise ValueError(f"k={k} with end={end!r} does not fit the {size} dimensions")
    which = {"largest": "LA", "smallest": "SA", "both": "BE"}[end]
    start = np.random.default_rng(seed).standard_normal(size)

    def product(vector: np.ndarray) -> np.ndarray:
        return times(operator, torch.from_numpy(np.ascontiguousarray(vector)).reshape(size)).numpy()

    linear = LinearOperator((size, size), matvec=product, dtype=np.float64)
    try:
        values, vectors = eigsh(linear, k=k, which=which, v0=start, tol=tolerance)
    except ArpackError as error:
        why = f"operator: its {k} {end} eigenvalues are not found with tolerance={tolerance}"
        raise ValueError(f"{why}: {error}") from error
    order, place = np.argsort(values), home(operator)
    ascending = torch.from_numpy(values[order]).to(place)
    return ascending, torch.from_numpy(vectors[:, order].copy()).to(place)


def ready(operator: Operator) -> Operator:
    """Return the operator; raise ValueError unless it is square, symmetric, finite, real."""
    shape = tuple(operator.shape)
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise ValueError(f"operator has the shape {shape}; expected (d, d)")
    if not isinstance(operator, Tensor):
        if not isinstance(operator.dtype, torch.dtype):
            raise TypeError(f"operator has the dtype {operator.dtype}, which is none of torch's")
        return operator
    if operator.is_complex() or not bool(operator.isfinite().all()):
        raise ValueError("operator must be real and finite")
    if not operator.is_floating_point():
        operator = accurate(operator)
    rounding = torch.finfo(operator.dtype).eps ** 0.5 * float(operator.abs().max())
    if float((operator - operator.T).abs().max()) > rounding:
        raise ValueError("operator must be symmetric")
    return operator.detach()


def home(operator: Operator) -> torch.device:
    """Return where float64 vectors for the operator lie: its device, if that has float64."""
    return operator.device if has_float64(operator.device) else torch.device("cpu")


def times(operator: Operator, vector: Tensor) -> Tensor:
    """Return operator @ vector in float64, where the float64 vector (d,) lies."""
    image = operator @ vector.to(operator.dtype).to(operator.device)
    image = accurate(image.detach()).to(vector.device)
    if not bool(image.isfinite().all()):
        raise ValueError("operator @ vector gives NaN or infinity")
    return image


@checked
@dataclass(frozen=True, eq=False)
class Spectrum:
    """A spectrum as weighted points: `places` and `masses` float64 (probes, steps).

    The masses of each probe sum to 1, so Σ mass · f(place), averaged over probes, estimates the
    mean of f over all d eigenvalues.
    """

    places: Float[Tensor, "probes steps"]
    masses: Float[Tensor, "probes steps"]

    @checked
    def mean(self, power: Whole = 1) -> float:
        """Return the estimated mean of λ^power: trace(H^power) / d."""
        return float((self.masses * self.places ** float(power)).sum(dim=1).mean())

    @checked
    def below(self, value: Finite) -> float:
        """Return the estimated share of eigenvalues at most `value`, in [0, 1]."""
        return float((self.masses * (self.places <= float(value))).sum(dim=1).mean())


@checked
def lanczos(
    operator: Operator, start: Real[Tensor, " d"], steps: Count
) -> tuple[Tensor, Tensor, Tensor]:
    """Run Lanczos from `start` (d,); return diagonal (m,), off-diagonal (m − 1,), basis (m, d).

    Fully reorthogonalised, twice, in float64: without it, ghost copies of the top eigenvalue
    appear. m is `steps`, or less if the space that H makes of `start` is smaller. Returned where
    the operator is, or on the CPU if there is no float64. Raises ValueError for a start that is
    zero, not finite or of another d, and for an operator that is not symmetric or not finite.
    Taught in notebook 06.
    """
    operator = ready(operator)
    size = operator.shape[0]
    first = accurate(start).to(home(operator))
    if len(first) != size or not 0 < float(first.norm()) < float("inf"):
        raise ValueError(f"start {tuple(start.shape)} must be ({size},), finite and not zero")
    steps = min(steps, size)
    basis = torch.zeros(steps, size, dtype=torch.float64, device=first.device)
    diagonal, beside = [], []
    vector = first / first.norm()
    largest = 0.0
    for step in range(steps):
        basis[step] = vector
        image = times(operator, vector)
        diagonal.append(image @ vector)
        for _ in range(2):
            image = image - basis[: step + 1].T @ (basis[: step + 1] @ image)
        length = float(image.norm())
        largest = max(largest, abs(float(diagonal[-1])), length)
        if step + 1 == steps or length <= 1e-12 * largest * size**0.5:
            break
        beside.append(image.new_tensor(length))
        vector = image / length
    made = len(diagonal)
    off = torch.stack(beside) if beside else basis.new_zeros(0)
    return torch.stack(diagonal), off, basis[:made]


@checked
def spectral_density(
    operator: Operator, *, steps: Count = 100, probes: Count = 1, seed: Seed = 0
) -> Spectrum:
    """Estimate the density of all eigenvalues by stochastic Lanczos quadrature.

    From each of `probes` random directions, `steps` Lanczos steps give the places (Ritz values)
    and the masses (squared first components of the small eigenvectors). Exact for moments up to
    2·steps − 1 of each probe; over the probes it is an average. At most d steps are made. Returned
    on the CPU. Raises ValueError for fewer than one step or probe, and for an operator that is not
    symmetric or not finite. Taught in notebook 06.

    >>> round(spectral_density(torch.eye(5), steps=3).mean(), 6)
    1.0
    """
    operator = ready(operator)
    size = operator.shape[0]
    steps = min(steps, size)
    generator = torch.Generator().manual_seed(seed)
    places, masses = [], []
    for _ in range(probes):
        start = torch.randn(size, generator=generator, dtype=torch.float64)
        diagonal, beside = (part.cpu() for part in lanczos(operator, start, steps)[:2])
        small = torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1)
        values, vectors = torch.linalg.eigh(small)
        # A probe that reaches fewer directions has places without mass.
        missing = (0, steps - len(values))
        places.append(pad(values, missing))
        masses.append(pad(vectors[0] ** 2, missing))
    return Spectrum(torch.stack(places), torch.stack(masses))
