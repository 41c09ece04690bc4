"""A loss of two weights: a valley that bends, and the curve onto which everything falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ...checks import Finite, NonNegative, checked
from .trajectories import TIME, follow, times

Array = NDArray[np.float64]

# What is looked at: |u| ≤ WIDE, LOW ≤ v ≤ HIGH.
WIDE, LOW, HIGH = 3.0, -2.0, 3.5


@checked
@dataclass(frozen=True)
class Valley:
    """L(u, v) = ½ (u² + ratio · (v − bend · (1 − cos u))²): flat along u, sharp across.

    At the minimum (0, 0) the Hessian is diag(1, ratio), `ratio` ≥ 1; with `bend` = 0 the valley is
    straight and the gradient linear. Points are float (…, 2). Taught in notebook 06.

    >>> float(Valley(20.0, 0.0).loss(np.array([2.0, 0.0])))
    2.0
    """

    ratio: Finite
    bend: Finite

    @checked
    def floor(self, u: Float[np.ndarray, "*points"]) -> Array:
        """Return the v at which the loss is least for each u."""
        return np.asarray(self.bend * (1 - np.cos(u)))

    @checked
    def loss(self, points: Float[np.ndarray, "... 2"]) -> Array:
        """Return the loss at points (…, 2)."""
        u, v = points[..., 0], points[..., 1]
        return np.asarray((u**2 + self.ratio * (v - self.floor(u)) ** 2) / 2)

    def gradient(self, points: Array) -> Array:
        """Return the gradient of the loss at points (…, 2), of their shape."""
        u, v = points[..., 0], points[..., 1]
        above = v - self.bend * (1 - np.cos(u))
        side = self.bend * np.sin(u)
        # A flow asks some thousand times, and to stack takes longer than to compute.
        gradient = np.empty_like(points)
        gradient[..., 0], gradient[..., 1] = u - self.ratio * above * side, self.ratio * above
        return gradient

    @checked
    def flow(self, starts: Float[np.ndarray, "n 2"], time: NonNegative = TIME) -> Array:
        """Follow W′ = −∇L(W) from each start (n, 2), at `times(time)`: (STEPS + 1, n, 2)."""
        longest = 2 / (self.ratio * (1 + self.bend**2))
        return follow(lambda points: -self.gradient(points), starts, times(time), longest)

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
