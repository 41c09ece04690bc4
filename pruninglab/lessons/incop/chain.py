"""InCoP's proof, (5) to (13), on one weight: what it bounds, and from which side.

One input t, one weight w, one unit tanh(w t), and a loss that is a parabola, so that the Taylor
step (7) and the bound (8) hold exactly, with a = 1 and Y = 1. Taught in notebook 03.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...checks import Positive, checked
from ...devices import accurate

INPUTS = (0.5, 1.0, 1.5)
BEST = 1.0
REACH = 6.0


@checked
def flow_of(w: Float[Tensor, " weights"]) -> Float[Tensor, " weights"]:
    """Return the information flow E[t tanh(w t)] of the network for each of its weights, Eq. (2).

    >>> flow_of(torch.tensor([0.0]))
    tensor([0.], dtype=torch.float64)
    """
    w = accurate(w)
    t = torch.tensor(INPUTS, dtype=w.dtype, device=w.device)
    return (t * torch.tanh(w[:, None] * t)).mean(dim=1)


@checked
@dataclass(frozen=True, eq=False)
class Chain:
    """Networks around the best one: their weights, |Δ_w − Δ*|, and the loss above the best one's.

    `slope` is the Lipschitz constant of the flow in w, with the plain distance. `additive` is LC_σ
    of (11); `squared` the smallest C̄_σ with which (11) then holds; `allowed` is (a/2) E[Y λ_min],
    the largest C̃ of (13).
    """

    w: Float[Tensor, " networks"]
    distance: Float[Tensor, " networks"]
    gap: Float[Tensor, " networks"]
    curvature: float
    slope: float
    additive: float
    squared: float
    allowed: float

    @property
    def constant_exists(self) -> bool:
        """Whether some C̃ is at least `squared` and at most `allowed`, as (13) claims."""
        return self.squared <= self.allowed

    @checked
    def printed(self, distance: Float[Tensor, "*points"]) -> Float[Tensor, "*points"]:
        """Return the paper's lower bound of the loss at flows so far away, ε − LC_σ."""
        return distance - self.additive

    @checked
    def plain(self, distance: Float[Tensor, "*points"]) -> Float[Tensor, "*points"]:
        """Return the lower bound that the plain distance gives, λ/2 (ε / slope)²."""
        return self.curvature / 2 * (distance / self.slope) ** 2


@checked
def chain(curvature: Positive = 2.0, additive: Positive = 0.5) -> Chain:
    """Walk through the proof with the loss λ/2 (w − w*)², λ = `curvature`, w* = 1.

    |Δ_w − Δ*| ≤ slope · u, with u = |w − w*|, holds. (11) has u² instead, and slope · u lies below
    C̄ u² + LC_σ for all u just where C̄ ≥ slope² / (4 LC_σ): the parabola that touches the line.
    So LC_σ = `additive` must not be 0. Source: InCoP paper, supplement, (5) to (13). Taught in
    notebook 03.

    >>> made = chain(2.0, 0.5)
    >>> bool((made.gap >= made.plain(made.distance)).all()), made.constant_exists
    (True, True)
    >>> chain(2.0, 0.1).constant_exists
    False
    """
    w = torch.linspace(BEST - REACH, BEST + REACH, 241, dtype=torch.float64)
    distance = (flow_of(w) - flow_of(torch.tensor([BEST]))).abs()
    # tanh is nowhere steeper than 1.
    slope = float(torch.tensor(INPUTS, dtype=torch.float64).square().mean())
    return Chain(
        w, distance, curvature / 2 * (w - BEST) ** 2, curvature, slope, additive,
        squared=slope**2 / (4 * additive), allowed=curvature / 2,
    )  # fmt: skip
