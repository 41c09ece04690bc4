"""How far from linear is the gradient flow? The paper's estimate of K, and a better one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...checks import Count, NonNegative, Positive, Seed, checked
from .curvature import Curvature, kinks


@checked
def lipschitz_estimate(
    curvature: Curvature,
    *,
    delta: Positive = 0.01,
    box: NonNegative,
    repeats: Count = 1,
    inside: bool = False,
    seed: Seed = 0,
) -> Tensor:
    """Estimate K of F(U) in Eq. (15) as the paper does, along random directions: (repeats,) ≥ 0.

    ‖(∇L(V + ΔM/‖M‖) − 2∇L(V) + ∇L(V − ΔM/‖M‖)) / Δ²‖₂ · 2B, M Gaussian, Δ = `delta` > 0, B = `box`
    ≥ 0 the largest entry of U. V is the trained point; `inside` draws V anew from the box around
    it each time. `repeats` tries one direction each; the paper takes one. In d dimensions a random
    direction misses the steep ones: see `lipschitz_ascent`. Use float64: in float32 a small Δ
    measures round-off.

    Raises ValueError for a parameter out of range, and warns of a network with kinks (ReLU): there
    the third derivative of Eq. (23) does not exist, and the estimate grows as Δ shrinks. Source:
    IMC paper, Eqs. (22), (23). Taught in notebook 06.
    """
    if bent := kinks(curvature.net):
        warnings.warn(
            f"{', '.join(bent)} has kinks, so the third derivative of Eq. (23) does not exist "
            "everywhere: the estimate depends on delta, and grows as it shrinks",
            UserWarning,
            stacklevel=2,
        )
    delta, box = float(delta), float(box)
    generator = torch.Generator().manual_seed(seed)
    size = curvature.shape[0]
    found = []
    for _ in range(repeats):
        direction = torch.randn(size, generator=generator, dtype=torch.float64)
        here = curvature.weights
        if inside:
            shift = box * (2 * torch.rand(size, generator=generator, dtype=torch.float64) - 1)
            here = here + shift.to(here)
        step = delta * (direction / direction.norm()).to(here)
        points = (here + step, here, here - step)
        ahead, middle, behind = (curvature.at(point).gradient() for point in points)
        found.append(2 * box * ((ahead - 2 * middle + behind) / delta**2).norm())
    return torch.stack(found).cpu().double()


@checked
@dataclass(frozen=True, eq=False)
class Ascent:
    """What `lipschitz_ascent` found: K ≥ `bounds[-1]`, after each step, and where U is (d,)."""

    bounds: tuple[float, ...]
    shift: Float[Tensor, " d"]

    @property
    def bound(self) -> float:
        """The largest K that was found."""
        return max(self.bounds)


@checked
def lipschitz_ascent(
    curvature: Curvature, *, box: NonNegative, steps: Count = 10, power: Count = 10, seed: Seed = 0
) -> Ascent:
    """Climb to the true Lipschitz constant of F over the box ‖U‖∞ ≤ B: a lower bound of it.

    F′(U) = H(W*) − H(W* + U), so over a box K is the largest ‖H(W* + U) − H(W*)‖₂. In turns:
    `power` steps of power iteration find the direction v in which the Hessian changed most; then U
    goes to the corner of the box along the gradient of vᵀH(W* + U)v. Every step gives a true lower
    bound, so "no gap exceeds 4K" is certain if it holds for what is returned, and each gap that
    does exceed it is still in doubt. Raises ValueError for a parameter out of range. Taught in
    notebook 06.
    """
    box = float(box)
    generator = torch.Generator().manual_seed(seed)
    here = curvature.weights
    draw = [torch.randn(len(here), generator=generator, dtype=torch.float64) for _ in range(2)]
    shift, v = box * draw[0].sign().to(here), draw[1].to(here)
    bounds: list[float] = []
    best, best_shift = -1.0, shift
    for _ in range(steps):
        moved = curvature.at(here + shift)
        v, image = _power(moved, curvature, v, power)
        bounds.append(float(image.norm()))
        if bounds[-1] > best:
            best, best_shift = bounds[-1], shift
        slope = moved.change_along(v)
        shift = box * (slope if v @ image >= 0 else -slope).sign()
    return Ascent(tuple(bounds), best_shift)


def _power(moved: Curvature, centre: Curvature, v: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return (v, Dv) for D = H(moved) − H(centre), v turned towards D's largest |eigenvalue|."""
    v = v / v.norm()
    for _ in range(steps):
        image = (moved @ v) - (centre @ v)
        if not bool(image.any()):
            break
        v = image / image.norm()
    return v, (moved @ v) - (centre @ v)
