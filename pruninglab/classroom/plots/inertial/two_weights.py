"""A loss of two weights as a picture: a valley that bends, and everything that falls into it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....ideas.checks import Finite, NonNegative, checked
from ..style import BLUE, GRAY, ORANGE, RED, blank

WIDE, LOW, HIGH = 3.0, -2.0, 3.5
TIME, STEPS = 4.0, 200
STIFFEST = 1e6


@checked
def slope_and_curvature(
    points: Float[np.ndarray, "... 2"], ratio: Finite, bend: Finite
) -> tuple[np.ndarray, ...]:
    """Return gradient (…, 2) and Hessian (…, 2, 2) of the loss at points (…, 2).

    L(u, v) = ½ (u² + ratio · (v − bend · (1 − cos u))²): along u it is flat, across it is sharp. At
    the minimum (0, 0) the Hessian is diag(1, ratio).
    """
    u, v = points[..., 0], points[..., 1]
    rest = v - bend * (1 - np.cos(u))
    side = bend * np.sin(u)
    gradient = np.stack([u - ratio * rest * side, ratio * rest], axis=-1)
    across = -ratio * side
    along = 1 + ratio * (side**2 - rest * bend * np.cos(u))
    rows = [[along, across], [across, np.full_like(u, ratio)]]
    return gradient, np.moveaxis(np.array(rows), (0, 1), (-2, -1))


@checked
def lipschitz_in_the_picture(ratio: Finite, bend: Finite) -> float:
    """Return K of F over what the picture shows: the largest ‖H(w) − H(0)‖₂ on a fine grid."""
    grid = np.meshgrid(np.linspace(-WIDE, WIDE, 61), np.linspace(LOW, HIGH, 56))
    _, hessians = slope_and_curvature(np.stack(grid, axis=-1), ratio, bend)
    change = hessians - np.diag([1.0, ratio])
    return float(np.abs(np.linalg.eigvalsh(change)).max())


@checked
def flow(
    starts: Float[np.ndarray, "n 2"], ratio: Finite, bend: Finite, time: NonNegative = TIME
) -> np.ndarray:
    """Follow W′ = −∇L(W) from each start (n, 2) by Runge-Kutta: (STEPS + 1, n, 2).

    Raises ValueError for a ratio, bend or time that would take more than a million steps.
    """
    if abs(ratio) * (1 + abs(bend)) ** 2 * max(time, 1) > STIFFEST:
        raise ValueError(f"ratio={ratio}, bend={bend}, time={time} are too large to follow")
    path = [starts]
    # Steps that begin short, where the sharp direction still moves.
    times = time * np.linspace(0, 1, STEPS + 1) ** 1.3
    for length in np.diff(times):
        parts = max(1, int(np.ceil(length * ratio * (1 + bend**2) / 2)))
        here = path[-1]
        for _ in range(parts):
            here = _step(here, length / parts, ratio, bend)
        path.append(here)
    return np.array(path)


def _step(w: np.ndarray, length: float, ratio: float, bend: float) -> np.ndarray:
    def fall(w: np.ndarray) -> np.ndarray:
        return -slope_and_curvature(w, ratio, bend)[0]

    first = fall(w)
    second = fall(w + length / 2 * first)
    third = fall(w + length / 2 * second)
    fourth = fall(w + length * third)
    return w + length / 6 * (first + 2 * second + 2 * third + fourth)


@checked
def two_weights(
    *, ratio: Finite = 10.0, bend: Finite = 0.8, start: Finite = 70.0, figure: Figure | None = None
) -> Figure:
    """Show gradient flow on a loss with one flat and one sharp direction.

    Left: the loss, twelve trajectories, the slow manifold onto which they fall, and one trajectory
    from the rim at the angle `start` in degrees. Right: how fast that one nears the manifold, and
    how slowly it then goes along it. `ratio` ≥ 1 is the curvature across over the one along, `bend`
    how crooked the valley is. The title weighs the gap against 4K. Raises ValueError for a ratio
    below 1, and as `flow` does.
    """
    if not ratio >= 1:
        raise ValueError(f"ratio={ratio} must be at least 1")
    figure, axes = blank(figure, 9.5, 3.7, columns=2, width_ratios=(1.25, 1))
    angles = np.radians([start, *range(15, 375, 30)])
    rim = np.stack([0.95 * WIDE * np.cos(angles), 0.7 + 2.5 * np.sin(angles)], axis=-1)
    far = np.array([[-WIDE, 0.0], [WIDE, 0.0]])
    far[:, 1] = bend * (1 - np.cos(WIDE))
    paths = flow(rim, ratio, bend)
    slow = flow(far, ratio, bend, time=3 * TIME)
    manifold = np.concatenate([slow[:, 0], [[0.0, 0.0]], slow[::-1, 1]])
    _draw_landscape(axes[0], ratio, bend)
    for number in range(1, len(rim)):
        axes[0].plot(*paths[:, number].T, color=GRAY, lw=0.8)
    axes[0].plot(*manifold.T, color=ORANGE, lw=3, label="slow manifold")
    axes[0].plot(*paths[:, 0].T, color=BLUE, lw=2, label="your trajectory")
    axes[0].plot(*paths[0, 0], "o", color=BLUE)
    axes[0].plot(0, 0, "*", color=RED, ms=11)
    axes[0].set(xlim=(-WIDE, WIDE), ylim=(LOW, HIGH), xlabel="flat direction (W⁺)")
    axes[0].set_ylabel("sharp direction (W⁻)")
    axes[0].legend(frameon=False, fontsize=8, loc="upper center", ncols=2)
    gap, k = ratio - 1, lipschitz_in_the_picture(ratio, bend)
    verdict = "the theorem speaks" if gap > 4 * k else "the theorem is silent"
    axes[0].set_title(f"gap {gap:.1f}, 4K = {4 * k:.1f}: {verdict}", fontsize=10)
    _draw_distances(axes[1], paths[:, 0], manifold)
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.14, top=0.9, wspace=0.24)
    return figure


def _draw_landscape(axes: Axes, ratio: float, bend: float) -> None:
    u, v = np.meshgrid(np.linspace(-WIDE, WIDE, 45), np.linspace(LOW, HIGH, 40))
    loss = (u**2 + ratio * (v - bend * (1 - np.cos(u))) ** 2) / 2
    levels = np.linspace(-1.5, np.log10(loss.max()), 11)
    axes.contourf(u, v, np.log10(loss + 0.04), levels=levels, cmap="Greys", vmax=2 * levels[-1] + 2)


def _draw_distances(axes: Axes, path: np.ndarray, manifold: np.ndarray) -> None:
    times = TIME * np.linspace(0, 1, STEPS + 1) ** 1.3
    order = manifold[:, 0].argsort()
    there = np.interp(path[:, 0], manifold[order, 0], manifold[order, 1])
    across = np.maximum(np.abs(path[:, 1] - there), 1e-4)
    axes.semilogy(times, across, color=BLUE, lw=2, label="distance to the manifold")
    axes.semilogy(times, np.maximum(np.abs(path[:, 0]), 1e-4), color=ORANGE, lw=2,
                  label="flat coordinate: still to go")  # fmt: skip
    axes.set(ylim=(1e-3, 6), xlabel="time", title="first the fall, then the walk")
    axes.title.set_fontsize(10)
    axes.legend(frameon=False, fontsize=8)
