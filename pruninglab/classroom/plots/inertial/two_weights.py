"""A valley of two weights as a picture: everything falls onto one curve, then walks along it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ....ideas.checks import Finite, checked
from ....ideas.inertial.trajectories import TIME, times
from ....ideas.inertial.valley import HIGH, LOW, WIDE, Valley, height_above
from ...pictures import describe, picture
from ..style import BLUE, GRAY, ORANGE, RED, blank

Array = NDArray[np.float64]
NEAR = 0.05


@picture("06_imc_spectral_gaps/two_weights")
@checked
def two_weights(
    *, ratio: Finite = 10.0, bend: Finite = 0.8, start: Finite = 70.0, figure: Figure | None = None
) -> Figure:
    """Show gradient flow on a loss with one flat and one sharp direction.

    Left: the loss, twelve trajectories, the slow manifold onto which they fall, and one trajectory
    from the rim at the angle `start` in degrees. Right: how fast that one nears the manifold, and
    how slowly it then goes along it. `ratio` and `bend` as in `ideas.inertial.Valley`. The title
    weighs the gap against 4K. Raises ValueError as `Valley` and its `flow` do.
    """
    valley = Valley(ratio, bend)
    figure, axes = blank(figure, 9.5, 3.7, columns=2, width_ratios=(1.25, 1))
    angles = np.radians([float(start), *range(15, 375, 30)])
    rim = np.stack([0.95 * WIDE * np.cos(angles), 0.7 + 2.5 * np.sin(angles)], axis=-1)
    paths, manifold = valley.flow(rim), valley.manifold()
    _draw_landscape(axes[0], valley, paths, manifold)
    verdict = _weigh(axes[0], valley)
    distance = height_above(manifold, paths[:, 0])
    _draw_distances(axes[1], distance, np.abs(paths[:, 0, 0]))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.14, top=0.9, wspace=0.24)
    far = np.flatnonzero(distance > NEAR)
    since = times()[far[-1]] if len(far) else 0.0
    return describe(
        figure,
        f"A valley with curvature ratio {ratio:g} and bend {bend:g}: {verdict}. The trajectory "
        f"from {start:g} degrees stays within {NEAR} of the slow manifold, the curve that all "
        f"trajectories share, from time {since:.1f} on; at time {TIME:g} its flat coordinate is "
        f"still {abs(paths[-1, 0, 0]):.2f}.",
    )


def _weigh(axes: Axes, valley: Valley) -> str:
    gap, k = valley.gap, valley.lipschitz()
    verdict = "the theorem speaks" if gap > 4 * k else "the theorem is silent"
    text = f"gap {gap:.1f}, 4K = {4 * k:.1f}: {verdict}"
    axes.set_title(text, fontsize=10)
    return text


def _draw_landscape(axes: Axes, valley: Valley, paths: Array, manifold: Array) -> None:
    u, v = np.meshgrid(np.linspace(-WIDE, WIDE, 45), np.linspace(LOW, HIGH, 40))
    loss = valley.loss(np.stack([u, v], axis=-1))
    levels = np.linspace(-1.5, np.log10(loss.max()), 11)
    axes.contourf(u, v, np.log10(loss + 0.04), levels=levels, cmap="Greys", vmax=2 * levels[-1] + 2)
    for number in range(1, paths.shape[1]):
        axes.plot(*paths[:, number].T, color=GRAY, lw=0.8)
    axes.plot(*manifold.T, color=ORANGE, lw=3, label="slow manifold")
    axes.plot(*paths[:, 0].T, color=BLUE, lw=2, label="your trajectory")
    axes.plot(*paths[0, 0], "o", color=BLUE)
    axes.plot(0, 0, "*", color=RED, ms=11)
    axes.set(xlim=(-WIDE, WIDE), ylim=(LOW, HIGH), xlabel="flat direction (W⁺)")
    axes.set_ylabel("sharp direction (W⁻)")
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=2)


def _draw_distances(axes: Axes, across: Array, along: Array) -> None:
    axes.semilogy(times(), np.maximum(across, 1e-4), color=BLUE, lw=2,
                  label="distance to the manifold")  # fmt: skip
    axes.semilogy(times(), np.maximum(along, 1e-4), color=ORANGE, lw=2,
                  label="flat coordinate: still to go")  # fmt: skip
    axes.set(ylim=(1e-3, 6), xlabel="time", title="first the fall, then the walk")
    axes.title.set_fontsize(10)
    axes.legend(frameon=False, fontsize=8)
