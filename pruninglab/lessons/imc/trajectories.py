"""Trajectories of a flow, and how near they come to a curve: Eqs. (1) to (3) and (9)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ...checks import NonNegative, checked

Array = NDArray[np.float64]
Field = Callable[[Array], Array]

TIME, STEPS = 4.0, 200
# Below this a distance is that between two points of a drawn curve.
FLOOR = 1e-3


@checked
def times(time: NonNegative = TIME) -> Array:
    """Return when a flow is looked at, (STEPS + 1,): closer at first, where the sharp way moves."""
    return np.asarray(time * np.linspace(0, 1, STEPS + 1) ** 1.3)


def follow(field: Field, starts: Array, moments: Array, longest: float) -> Array:
    """Follow W′ = field(W) from each start (n, 2) by Runge-Kutta: (moments, n, 2).

    `moments` ascend from 0; no step is longer than `longest`.
    """
    path = [starts]
    for length in np.diff(moments):
        parts = max(1, int(np.ceil(length / longest)))
        here = path[-1]
        for _ in range(parts):
            here = _step(field, here, length / parts)
        path.append(here)
    return np.array(path)


def _step(field: Field, here: Array, length: float) -> Array:
    first = field(here)
    second = field(here + length / 2 * first)
    third = field(here + length / 2 * second)
    fourth = field(here + length * third)
    return here + length / 6 * (first + 2 * second + 2 * third + fourth)


@checked
def semi_distance(
    points: Float[np.ndarray, "*times n 2"], curve: Float[np.ndarray, "m 2"]
) -> Array:
    """Return dist(points, curve) of Eq. (3), (times,) ≥ 0: how far the farthest of n points lies.

    `curve` is what lies between neighbours of m ≥ 2 points. Not symmetric: what the curve has far
    away from all points does not count. Source: IMC paper, Eq. (3). Taught in notebook 06.

    >>> curve = np.array([[0.0, 0.0], [9.0, 0.0]])
    >>> float(semi_distance(np.array([[1.0, 1.0], [2.0, -3.0]]), curve))
    3.0
    """
    moments = points.reshape(-1, *points.shape[-2:])
    farthest = np.array([_to_segments(here, curve).max() for here in moments])
    return farthest.reshape(points.shape[:-2])


def _to_segments(points: Array, curve: Array) -> Array:
    """Return how far each of n points lies from the nearest segment of a curve, (n,)."""
    # One coordinate after the other: sums over a last dimension of two are slow.
    (right, up), (along, rising) = curve[:-1].T, np.diff(curve, axis=0).T
    x, y = points[:, :1] - right, points[:, 1:] - up
    length = np.maximum(along**2 + rising**2, np.finfo(float).tiny)
    share = np.clip((x * along + y * rising) / length, 0, 1)
    across = (x - share * along) ** 2 + (y - share * rising) ** 2
    return np.asarray(np.sqrt(across.min(axis=1)))


@checked
def envelope(
    moments: Float[np.ndarray, " times"], distances: Float[np.ndarray, " times"]
) -> tuple[float, float]:
    """Return C₁ and C₂ of Eq. (9): distances ≤ C₁ · exp(−C₂ · moments) · distances[0].

    C₂ is the slope of the logarithm, by least squares over what lies above FLOOR, and C₁ the least
    that makes the inequality true there. A C₂ below 0 says that nothing is attracted. Source: IMC
    paper, Definition 10. Taught in notebook 06.

    >>> moments = np.linspace(0.0, 1.0, 5)
    >>> c1, c2 = envelope(moments, 7 * np.exp(-3 * moments))
    >>> round(c1, 6), round(c2, 6)
    (1.0, 3.0)
    """
    seen = np.isfinite(distances) & (distances > FLOOR)
    seen &= np.cumprod(seen).astype(bool)
    when, logs = moments[seen], np.log(distances[seen])
    rate = -float(np.polyfit(when, logs, 1)[0])
    return float(np.exp((logs + rate * when).max() - logs[0])), rate
