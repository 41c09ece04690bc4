"""Two wells as a picture: an attractor, the manifold around it, and how fast all falls onto it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ....checks import Positive
from ....kit.page import BLUE, GRAY, ORANGE, RED, Page, figure
from ..trajectories import TIME, envelope, semi_distance, times
from ..wells import TwoWells

Array = NDArray[np.float64]
WIDE, HIGH = 4.0, 2.5
SEEN = slice(None, None, 5)


@figure("06_imc_spectral_gaps/two_wells")
def two_wells(page: Page, *, gap: Positive = 8.0) -> str:
    """Show a flow that is not linear, with one flat and one sharp direction and two minima.

    Left: trajectories from a rim, the inertial manifold, the global attractor on it and its three
    equilibria. Right: dist of Eq. (3) from all trajectories to either, over time, with the bound of
    Eq. (9). The title weighs `gap` against 4K. Raises ValueError as `wells.TwoWells` does.
    """
    wells = TwoWells(gap)
    axes = page(
        8.6, 3.3, columns=2, width_ratios=(1.25, 1), edges=(0.07, 0.98, 0.14, 0.9), wspace=0.24
    )
    angles = np.radians(np.arange(15, 375, 30))
    paths = wells.flow(np.stack([WIDE * np.cos(angles), HIGH * np.sin(angles)], axis=-1))
    manifold, attractor = wells.manifold(), wells.attractor()
    _draw_plane(axes[0], wells, paths, manifold, attractor)
    k = wells.lipschitz()
    verdict = (
        f"gap {gap:.1f}, 4K = {4 * k:.1f}: the theorem {'speaks' if gap > 4 * k else 'is silent'}"
    )
    axes[0].set_title(verdict, fontsize=10)
    seen = manifold[np.abs(manifold[:, 0]) < 2 * WIDE]
    rates = [
        _draw_fall(axes[1], paths, seen, ORANGE, "inertial manifold"),
        _draw_fall(axes[1], paths, attractor, RED, "global attractor"),
    ]
    axes[1].set(ylim=(1e-3, 6), xlabel="time", ylabel="dist, Eq. (3)")
    axes[1].legend(frameon=False, fontsize=8, loc="lower right")
    return (
        f"Two minima and a saddle between them; {verdict}. The trajectories near the inertial "
        f"manifold like exp(−{rates[0]:.1f} t), and along it the global attractor like "
        f"exp(−{rates[1]:.1f} t)."
    )


def _draw_plane(
    axes: Axes, wells: TwoWells, paths: Array, manifold: Array, attractor: Array
) -> None:
    u, v = np.meshgrid(np.linspace(-WIDE, WIDE, 45), np.linspace(-HIGH, HIGH, 40))
    loss = wells.loss(np.stack([u, v], axis=-1))
    axes.contourf(
        u, v, np.sqrt(loss - loss.min()), levels=11, cmap="Greys", vmax=2 * loss.max() ** 0.5
    )
    for number in range(paths.shape[1]):
        axes.plot(*paths[:, number].T, color=BLUE, lw=0.9)
    axes.plot(*paths[0].T, ".", color=BLUE, ms=4)
    axes.plot(*manifold.T, color=ORANGE, lw=2, label="inertial manifold")
    axes.plot(*attractor.T, color=RED, lw=4, label="global attractor")
    low, saddle, high = wells.equilibria()
    axes.plot(*np.stack([low, high], axis=1), "*", color="black", ms=10, label="minimum")
    axes.plot(*saddle, "o", color="black", mfc="white", ms=7, label="saddle")
    axes.set(xlim=(-WIDE, WIDE), ylim=(-HIGH, 1.35 * HIGH), xlabel="flat direction (W⁺)")
    # No number where the legend stands.
    axes.set(yticks=range(-2, 3), ylabel="sharp direction (W⁻)")
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=4, columnspacing=0.8,
                handlelength=1.2, handletextpad=0.5)  # fmt: skip


def _draw_fall(axes: Axes, paths: Array, curve: Array, color: str, label: str) -> float:
    """Draw the distance over time and its exponential bound; return C₂."""
    moments, distances = times(TIME)[SEEN], semi_distance(paths[SEEN], curve)
    c1, c2 = envelope(moments, distances)
    axes.semilogy(moments, np.maximum(distances, 1e-4), color=color, lw=2, label=f"to the {label}")
    bound = c1 * np.exp(-c2 * moments) * distances[0]
    axes.semilogy(moments, np.maximum(bound, 1e-4), ":", color=GRAY,
                  label=f"{c1:.2f} · exp(−{c2:.1f} t) · dist at 0")  # fmt: skip
    return c2
