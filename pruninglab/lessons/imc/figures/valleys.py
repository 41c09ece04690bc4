"""Two weights in a valley as pictures: what a cut costs, and the fall before the walk."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ....checks import Finite, NonNegative
from ....kit.page import GRAY, Page, figure
from ...palette import BROWN, FLAT, SHARP
from ..trajectories import TIME, times
from ..valley import HIGH, LOW, WIDE, Valley, height_above

Array = NDArray[np.float64]

STAR = (2.0, 1.0)
HIGHEST = 20.0
NEAR = 0.05


@figure("06_imc_spectral_gaps/price_of_a_cut")
def price_of_a_cut(page: Page, *, ratio: Finite = 2.0) -> str:
    """Show what it costs to set the flat or the sharp of two weights to zero.

    Left: a straight valley; the star has 2 along the flat direction, 1 along the sharp one, and
    both cuts are arrows. Right: ½ · curvature · size² of both, up to this `ratio` of curvatures.
    """
    valley, (flat, sharp) = Valley(ratio, 0.0), STAR
    plane, costs = page(7, 2.9, columns=2, edges=(0.095, 0.93, 0.17, 0.9), wspace=0.3)
    u, v = np.meshgrid(np.linspace(-2.6, 2.6, 60), np.linspace(-1.6, 1.6, 50))
    # The star lies off the floor of the valley: the loss is measured from there, in all directions.
    loss = valley.loss(np.stack([u - flat, v - sharp], axis=-1))
    levels = np.array([0.1, 0.5, 2, 6, 15, 35])
    plane.contour(u, v, loss, levels=levels, colors=GRAY, linewidths=0.7, alpha=0.7)
    plane.plot(*STAR, "*", color=BROWN, ms=13)
    for end, color, text, place in (
        ((0.0, sharp), FLAT, "flat weight to 0", (0.2, 1.15)),
        ((flat, 0.0), SHARP, "sharp\nweight\nto 0", (1.3, 0.12)),
    ):
        plane.annotate("", end, STAR, arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.5})
        plane.text(*place, text, color=color, fontsize=9)
    plane.axhline(0, color="black", lw=0.6)
    plane.axvline(0, color="black", lw=0.6)
    plane.set(xlim=(-1, 2.6), ylim=(-0.8, 1.6), xlabel="flat weight", ylabel="sharp weight")
    plane.set_title("two cuts from the star", fontsize=10)
    seen = np.linspace(1, ratio, 50)
    dear, cheap = seen * sharp**2 / 2, np.full_like(seen, flat**2 / 2)
    for values, color, text in ((cheap, FLAT, "flat"), (dear, SHARP, "sharp")):
        costs.plot(seen, values, color=color, lw=2.5)
        costs.plot(ratio, values[-1], "o", color=color)
        above = (values[-1] >= cheap[-1]) if text == "sharp" else dear[-1] < cheap[-1]
        costs.annotate(text, (ratio, values[-1]), xytext=(7, 2 if above else -9), color=color,
                       textcoords="offset points", fontsize=10)  # fmt: skip
    costs.set(xlim=(1, HIGHEST), ylim=(0, 11), xlabel="curvature, sharp / flat")
    costs.set_xticks((1, 5, 10, 15, 20))
    costs.set_title("what a cut adds to the loss", fontsize=10)
    return (
        f"A star at 2 along the flat weight and 1 along the sharp one, curvatures 1 and {ratio:g}. "
        f"Setting the flat weight to zero adds {cheap[-1]:.3g} to the loss, the sharp one "
        f"{dear[-1]:.3g}, though its way is half as long."
    )


@figure("06_imc_spectral_gaps/fall_and_walk")
def fall_and_walk(page: Page, *, time: NonNegative = 0.0) -> str:
    """Show gradient flow in a bent valley up to a `time`: first the fall, then the walk.

    Left: twelve trajectories and the curve onto which all fall. Right: for one of them the distance
    to that curve and what is still to go along it.
    """
    valley = Valley(10.0, 0.8)
    axes = page(
        7, 2.9, columns=2, width_ratios=(1.15, 1), edges=(0.085, 0.98, 0.17, 0.9), wspace=0.28
    )
    angles = np.radians([50.0, *range(15, 375, 30)])
    rim = np.stack([0.95 * WIDE * np.cos(angles), 0.7 + 2.5 * np.sin(angles)], axis=-1)
    moments, paths, curve = times(), valley.flow(rim), valley.manifold()
    now = max(int(np.searchsorted(moments, time, side="right")), 1)
    _draw_landscape(axes[0], valley, paths[:now], curve)
    across, along = height_above(curve, paths[:, 0]), np.abs(paths[:, 0, 0])
    for values, color, text, place in (
        (along, FLAT, "flat: still to go", (1.5, 1.8)),
        (across, SHARP, "sharp: distance to the curve", (0.55, 0.011)),
    ):
        axes[1].semilogy(moments[:now], np.maximum(values[:now], 1e-4), color=color, lw=2.5)
        axes[1].text(*place, text, color=color, fontsize=9)
    axes[1].axhline(NEAR, color=GRAY, ls=":")
    axes[1].text(TIME, NEAR * 1.15, f"{NEAR}", color=GRAY, fontsize=8, ha="right")
    axes[1].set(xlim=(-0.05, TIME), ylim=(1e-3, 6), xlabel="time")
    axes[1].set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    axes[1].set_title("one ball", fontsize=10)
    return (
        f"A bent valley with curvatures 1 and 10. At time {moments[now - 1]:.2g} the ball is "
        f"{across[now - 1]:.2g} away from the curve onto which all balls fall, and "
        f"{along[now - 1]:.2g} of its flat coordinate is still to go."
    )


def _draw_landscape(axes: Axes, valley: Valley, paths: Array, curve: Array) -> None:
    u, v = np.meshgrid(np.linspace(-WIDE, WIDE, 45), np.linspace(LOW, HIGH, 40))
    loss = valley.loss(np.stack([u, v], axis=-1))
    levels = np.linspace(-1.5, np.log10(loss.max()), 7)
    axes.contourf(u, v, np.log10(loss + 0.04), levels=levels, cmap="Greys", vmax=2 * levels[-1] + 2)
    axes.plot(*curve.T, color=FLAT, lw=3, alpha=0.6)
    axes.text(-2.9, 1.95, "the curve", color=BROWN, fontsize=9)
    for number in range(1, paths.shape[1]):
        axes.plot(*paths[:, number].T, color=GRAY, lw=0.9)
        axes.plot(*paths[-1, number], ".", color=GRAY, ms=5)
    axes.plot(*paths[:, 0].T, color=SHARP, lw=2)
    axes.plot(*paths[-1, 0], "o", color=SHARP, ms=7)
    axes.set(xlim=(-WIDE, WIDE), ylim=(LOW, HIGH), xlabel="flat weight", ylabel="sharp weight")
    axes.set_title("twelve balls and one", fontsize=10)
