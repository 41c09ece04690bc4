"""Two wells in two dimensions: a flow that is not linear, for which all of Theorem 5 is known."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ...checks import NonNegative, Positive, checked
from .trajectories import TIME, follow, times

Array = NDArray[np.float64]

# From so far outside come the two trajectories that draw the manifold, for so long.
FAR, LONG = 24.0, 30.0


@checked
@dataclass(frozen=True)
class TwoWells:
    """L(u, v) = ½ · gap · v² − pull · u · v + ½ u² − 2 log cosh u: flat along u, sharp along v.

    W′ = −∇L(W) is AW + f(W) with A = diag(0, −gap) and f(u, v) = (pull · v − u + 2 tanh u,
    pull · u): nowhere linear, f(0) = 0, and f is globally Lipschitz, so Theorem 5 asks for nothing
    more than gap > 4K. Points are float (…, 2). Below gap = pull² the loss falls without end.
    Taught in notebook 06.

    >>> wells = TwoWells(gap=8.0)
    >>> round(4 * wells.lipschitz(), 2), wells.gap > 4 * wells.lipschitz()
    (4.56, True)
    """

    gap: Positive
    pull: NonNegative = 0.4

    def lipschitz(self) -> float:
        """Return K of f, Definition 1: the largest spectral norm of its derivative, at u = 0."""
        return 0.5 + float(np.hypot(0.5, self.pull))

    @checked
    def loss(self, points: Float[np.ndarray, "... 2"]) -> Array:
        """Return the loss at points (…, 2)."""
        u, v = points[..., 0], points[..., 1]
        # log cosh u without the overflow of cosh.
        log_cosh = np.logaddexp(u, -u) - np.log(2)
        return np.asarray(self.gap * v**2 / 2 - self.pull * u * v + u**2 / 2 - 2 * log_cosh)

    def field(self, points: Array) -> Array:
        """Return −∇L at points (…, 2), of their shape: Eq. (7)."""
        u, v = points[..., 0], points[..., 1]
        out = np.empty_like(points)
        out[..., 0] = self.pull * v - u + 2 * np.tanh(u)
        out[..., 1] = self.pull * u - self.gap * v
        return out

    @checked
    def flow(self, starts: Float[np.ndarray, "n 2"], time: NonNegative = TIME) -> Array:
        """Follow W′ = −∇L(W) from each start (n, 2): (STEPS + 1, n, 2), at `times(time)`."""
        longest = 1 / (1 + self.gap + self.pull)
        return follow(self.field, starts, times(time), longest)

    def equilibria(self) -> Array:
        """Return the three points at rest (3, 2), Definition 5: a minimum, a saddle, a minimum."""
        rest = 1 - self.pull**2 / self.gap
        u = 2 / rest
        for _ in range(500):
            u = 2 * np.tanh(u) / rest
        well = np.array([u, self.pull * u / self.gap])
        return np.stack([-well, 0 * well, well])

    def attractor(self) -> Array:
        """Return the global attractor, a curve (n, 2) from minimum to minimum through the saddle.

        By Theorem 1: the equilibria and their unstable manifolds. Those of the minima are points.
        """
        branch = _long_ways(self)[:, 2]
        low, saddle, high = self.equilibria()
        return np.concatenate([[low], -branch[::-1], [saddle], branch, [high]])

    def manifold(self) -> Array:
        """Return points (n, 2) of the inertial manifold, from left to right.

        The attractor, and outside it the trajectories that two far points have fallen onto.
        """
        left, right = _long_ways(self)[:, :2].transpose(1, 0, 2)
        return np.concatenate([left, self.attractor(), right[::-1]])


@functools.lru_cache(maxsize=4)
def _long_ways(wells: TwoWells) -> Array:
    """Return three ways (n, 3, 2), followed at once and once for all curves.

    From far left, from far right, and from the saddle to the right minimum.
    """
    far = FAR * np.array([1.0, wells.pull / wells.gap])
    rows = np.array([[1.0, wells.pull], [wells.pull, -wells.gap]])
    away = 1e-3 * np.linalg.eigh(rows).eigenvectors[:, -1]
    away *= np.sign(away[0])
    ways = wells.flow(np.stack([-far, far, away]), LONG)
    ways.setflags(write=False)
    return ways
