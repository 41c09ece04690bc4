"""A loss of two weights: a valley that bends, and the curve onto which everything falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ..checks import Finite, NonNegative, checked
from .trajectories import TIME, follow, times

Array = NDArray[np.float64]

# What is looked at: |u| ≤ WIDE, LOW ≤ v ≤ HIGH.
WIDE, LOW, HIGH = 3.0, -2.0, 3.5
STIFFEST = 1e6


@checked
@dataclass(frozen=True)
class Valley:
    """L(u, v) = ½ (u² + ratio · (v − bend · (1 − cos u))²): flat along u, sharp across.

    At the minimum (0, 0) the Hessian is diag(1, ratio), `ratio` ≥ 1; with `bend` = 0 the valley is
    straight and the gradient linear. Points are float (…, 2). Raises ValueError for a ratio below
    1, and for a valley too steep to follow a flow in. Taught in notebook 06.

    >>> Valley(10.0, 0.0).lipschitz(), Valley(10.0, 0.0).gap
    (0.0, 9.0)
    """

    ratio: Finite
    bend: Finite

    def __post_init__(self) -> None:
        if not self.ratio >= 1:
            raise ValueError(f"ratio={self.ratio} must be at least 1")
        self._check_steps(TIME)

    @property
    def gap(self) -> float:
        """The gap between the two curvatures at the minimum."""
        return float(self.ratio - 1)

    @checked
    def floor(self, u: Float[np.ndarray, "*points"]) -> Array:
        """Return the v at which the loss is least for each u."""
        return np.asarray(self.bend * (1 - np.cos(u)))

    @checked
    def loss(self, points: Float[np.ndarray, "... 2"]) -> Array:
        """Return the loss at points (…, 2)."""
        u, v = points[..., 0], points[..., 1]
        return np.asarray((u**2 + self.ratio * (v - self.floor(u)) ** 2) / 2)

    @checked
    def gradient(self, points: Float[np.ndarray, "... 2"]) -> Array:
        """Return the gradient of the loss at points (…, 2), of their shape."""
        return self._gradient(points)

    def _gradient(self, points: Array) -> Array:
        u, v = points[..., 0], points[..., 1]
        above = v - self.bend * (1 - np.cos(u))
        side = self.bend * np.sin(u)
        # A flow asks some thousand times, and to stack takes longer than to compute.
        gradient = np.empty_like(points)
        gradient[..., 0], gradient[..., 1] = u - self.ratio * above * side, self.ratio * above
        return gradient

    @checked
    def hessian(self, points: Float[np.ndarray, "... 2"]) -> Array:
        """Return the Hessian of the loss at points (…, 2): (…, 2, 2)."""
        u, v = points[..., 0], points[..., 1]
        above, side = v - self.floor(u), self.bend * np.sin(u)
        along = 1 + self.ratio * (side**2 - above * self.bend * np.cos(u))
        across = -self.ratio * side
        rows = [[along, across], [across, np.full_like(u, self.ratio)]]
        return np.moveaxis(np.array(rows), (0, 1), (-2, -1))

    def lipschitz(self) -> float:
        """Return K of F over what is looked at: the largest ‖H(w) − H(0)‖₂ on a fine grid."""
        grid = np.meshgrid(np.linspace(-WIDE, WIDE, 61), np.linspace(LOW, HIGH, 56))
        change = self.hessian(np.stack(grid, axis=-1)) - np.diag([1.0, self.ratio])
        return float(np.abs(np.linalg.eigvalsh(change)).max())

    @checked
    def flow(self, starts: Float[np.ndarray, "n 2"], time: NonNegative = TIME) -> Array:
        """Follow W′ = −∇L(W) from each start (n, 2) by Runge-Kutta: (STEPS + 1, n, 2).

        At `times(time)`. Raises ValueError where that would take more than a million steps.
        """
        self._check_steps(time)
        longest = 2 / (self.ratio * (1 + self.bend**2))
        return follow(lambda points: -self._gradient(points), starts, times(time), longest)

    def _check_steps(self, time: float) -> None:
        steep = 1 + min(abs(self.bend), STIFFEST)
        if self.ratio * steep**2 * max(time, 1) > STIFFEST:
            raise ValueError(
                f"ratio={self.ratio}, bend={self.bend}, time={time} are too large to follow"
            )

    def manifold(self) -> Array:
        """Return points (n, 2) of the slow manifold, from left to right: two long trajectories."""
        ends = np.array([-WIDE, WIDE])
        slow = self.flow(np.stack([ends, self.floor(ends)], axis=-1), time=3 * TIME)
        return np.concatenate([slow[:, 0], [[0.0, 0.0]], slow[::-1, 1]])


@checked
def height_above(curve: Float[np.ndarray, "n 2"], points: Float[np.ndarray, "m 2"]) -> Array:
    """Return how far each point (m, 2) lies above or below a curve (n, 2), along v: (m,) ≥ 0."""
    order = curve[:, 0].argsort()
    below = np.interp(points[:, 0], curve[order, 0], curve[order, 1])
    return np.asarray(np.abs(points[:, 1] - below))
