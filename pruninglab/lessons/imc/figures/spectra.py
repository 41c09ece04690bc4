"""Eigenvalues of real networks: the spectrum, its gaps, and what the 4K rule makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ....checks import Finite, NonNegative, Number, Positive, Whole
from ....ideas.imc import Spectrum, gaps, spectral_cut, staircase
from ....kit.page import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, Page, colors, figure
from ...palette import DOWN, UP

LINEAR = 1e-3
PRINTED = 0.47


@figure("06_imc_spectral_gaps/spectrum")
def spectrum(page: Page, spectra: Mapping[int, Real[Tensor, " _"]], *, epoch: Whole = 0) -> str:
    """Show all eigenvalues of H after `epoch` epochs, sharpest first.

    `spectra` maps epochs to eigenvalues, float (d,), on a scale that is linear near zero and
    logarithmic beyond. The axes are the same for all epochs, so that a slider shows what moves.
    """
    (axes,) = page(7.2, 3.2, edges=(0.125, 0.98, 0.16, 0.91))
    every = np.concatenate([_on_cpu(values) for values in spectra.values()])
    values = np.sort(_on_cpu(spectra[epoch]))[::-1]
    places = np.arange(1, len(values) + 1)
    down = values < 0
    axes.axhline(0, color=GRAY, lw=0.8)
    for part, color, label in ((~down, UP, "up"), (down, DOWN, "down")):
        axes.plot(places[part], values[part], ".", color=color, ms=4)
        if part.any():
            axes.text(min(places[part].mean(), 0.85 * len(values)), 0.1 if label == "up" else -0.7,
                      f"{part.mean():.0%} curve {label}", color=color, ha="center")  # fmt: skip
    axes.set_yscale("symlog", linthresh=LINEAR)
    axes.set_yticks(
        [-0.1, -LINEAR, 0, LINEAR, 0.1, 1], ["−0.1", "−0.001", "0", "0.001", "0.1", "1"]
    )
    axes.set(xlabel="direction, sharpest first", ylabel="curvature")
    axes.set_title(_after(epoch), fontsize=10)
    axes.set(ylim=(min(3 * every.min(), -1) - LINEAR, 2 * every.max()))
    return (
        f"All {len(values):,} eigenvalues of the Hessian {_after(epoch)}, in order: from "
        f"{values[-1]:.2g} to {values[0]:.2g}, {down.mean():.0%} of them negative, "
        f"{(np.abs(values) < LINEAR).mean():.0%} within {LINEAR:g} of zero."
    )


def _on_cpu(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def _after(epoch: int) -> str:
    return "before training" if epoch == 0 else f"after {epoch} epochs"


@figure("06_imc_spectral_gaps/quadrature")
def quadrature(page: Page, exact: Real[Tensor, " d"], estimate: Spectrum) -> str:
    """Show how Lanczos quadrature sees a spectrum that is known: shares below, and extremes.

    `exact` are all eigenvalues, float (d,). Left: the share of eigenvalues below each value. Right:
    each place with its mass, beside the exact eigenvalues.
    """
    axes = page(9, 3.2, columns=2, edges=(0.08, 0.98, 0.17, 0.88), wspace=0.3)
    values = np.sort(_on_cpu(exact))
    axes[0].plot(values, np.arange(1, len(values) + 1) / len(values), color=BLUE, lw=3, alpha=0.5,
                 label="exact")  # fmt: skip
    grid = np.concatenate(
        [np.linspace(values[0], 0, 50), np.geomspace(1e-7, max(values[-1], 1e-6), 150)]
    )
    axes[0].plot(
        grid, [estimate.below(float(value)) for value in grid], color=ORANGE, label="Lanczos"
    )
    axes[0].set_xscale("symlog", linthresh=LINEAR)
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].set(xlabel="eigenvalue of H", title="share of eigenvalues below")
    axes[0].legend(frameon=False, loc="upper left")
    probed = _on_cpu(estimate.places)
    _draw_places(axes[1], values, probed)
    probes, steps = probed.shape
    return (
        f"{len(values):,} exact eigenvalues beside Lanczos quadrature with probes × steps = "
        f"{probes} × {steps}: the shares below each value nearly agree, the mean eigenvalue is "
        f"{values.mean():.4f} and {estimate.mean():.4f}, the largest {values[-1]:.4f} and "
        f"{probed.max():.4f}; the bulk is summed up in a few places."
    )


def _draw_places(axes: Axes, values: np.ndarray, probed: np.ndarray) -> None:
    """Draw a line per eigenvalue, and below a row of lines per probe."""
    axes.vlines(values, 0.3, 1, color=BLUE, alpha=0.5)
    for row, places in enumerate(probed):
        axes.vlines(places, -row - 0.8, -row - 0.1, color=ORANGE)
    axes.set_yticks([0.65, -len(probed) / 2], ["exact", "Lanczos,\na row per probe"])
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xticks([-0.1, 0, 0.1, 1, 10], ["−0.1", "0", "0.1", "1", "10"])
    axes.set(xlim=(1.3 * values[0] - 0.03, 1.3 * values[-1]), xlabel="eigenvalue of H")
    axes.set_title("the outliers are hit, the bulk is summed up")


@figure("06_imc_spectral_gaps/density")
def spectral_masses(page: Page, estimates: Mapping[str, Spectrum]) -> str:
    """Show the masses of Lanczos quadrature of networks too large for a full spectrum."""
    (axes,) = page(7.5, 3.2, edges=(0.11, 0.98, 0.16, 0.95))
    told = []
    for (label, estimate), color in zip(estimates.items(), colors(len(estimates)), strict=True):
        mass = _on_cpu(estimate.masses.flatten()) / len(estimate.places)
        axes.plot(_on_cpu(estimate.places.flatten()), mass, ".", color=color, label=label)
        near = estimate.below(LINEAR) - estimate.below(-LINEAR)
        largest = float(estimate.places.max())
        told.append(f"{label}: {near:.0%} within {LINEAR:g} of zero, largest {largest:.2g}")
    axes.set_xscale("symlog", linthresh=LINEAR)
    axes.set_yscale("log")
    axes.set(ylim=(1e-8, 2), xlabel="eigenvalue of H", ylabel="share of the spectrum")
    axes.legend(frameon=False)
    return f"Masses of the Lanczos spectra, on an axis that is linear near zero. {'; '.join(told)}."


@figure("06_imc_spectral_gaps/gaps")
def gaps_against_4k(
    page: Page,
    eigenvalues: Real[Tensor, " d"],
    rates: Mapping[int, Number],
    *,
    log_k: Finite = -1.0,
    log_delta: int = -2,
    log_box: Finite = 0.0,
) -> str:
    """Show every gap against 4K, and the sparsity that step (5) makes of each K.

    `rates` maps log10 Δ to the ‖∇H‖ of Eq. (23), so that Eq. (22) gives K = 2B · rate with
    B = 10^`log_box`. `log_k` is the K that you choose. Left: gaps, sharpest first. Right: the
    staircase of k / d over K, with yours and the paper's.
    """
    axes = page(9.5, 3.6, columns=2, edges=(0.08, 0.98, 0.15, 0.9), wspace=0.22)
    chosen, estimated = 10.0**log_k, 2 * 10.0**log_box * rates[log_delta]
    between = _on_cpu(gaps(eigenvalues))
    places = np.arange(1, len(between) + 1)
    wide = between > 4 * chosen
    axes[0].semilogy(places[~wide], np.maximum(between[~wide], 1e-16), ".", color=GRAY, ms=3)
    axes[0].semilogy(places[wide], between[wide], ".", color=BLUE, ms=5)
    axes[0].axhline(4 * chosen, color=RED, label="4K, yours")
    label = f"4K by Eqs. (22), (23), Δ = {10.0**log_delta:g}"
    axes[0].axhline(4 * estimated, color=PURPLE, ls="--", label=label)
    axes[0].set(ylim=(1e-13, 1e4), xlabel="k, sharpest first", ylabel="λ of k + 1 minus λ of k")
    axes[0].set_title(f"{wide.sum()} of {len(wide)} gaps are wider than 4K", fontsize=10)
    axes[0].legend(frameon=False, fontsize=8, loc="upper right")
    verdict = _draw_staircase(axes[1], eigenvalues, chosen, estimated)
    return (
        f"{wide.sum()} of {len(wide):,} gaps between neighbouring eigenvalues are wider than 4K "
        f"with your K = {chosen:.2g}, so by step (5) {verdict}. Eqs. (22), (23) give K = "
        f"{estimated:.2g} with Δ = {10.0**log_delta:g} and B = {10.0**log_box:.2g}. Over all K the "
        f"sparsity is a staircase."
    )


def _draw_staircase(axes: Axes, eigenvalues: Tensor, chosen: float, estimated: float) -> str:
    grid = torch.logspace(-13, 3, 400, dtype=torch.float64)
    sparsity = np.array([(k or 0) / len(eigenvalues) for k in staircase(eigenvalues, grid)])
    axes.step(grid.numpy(), sparsity, color=BLUE, where="post")
    axes.axhline(PRINTED, color=GRAY, ls=":")
    axes.text(1e-12, PRINTED + 0.02, "the paper's sparsity", fontsize=8, color=GRAY)
    axes.axvline(1e-12, color=GREEN, label="the paper's K")
    axes.axvline(max(estimated, 1e-13), color=PURPLE, ls="--", label="K by Eqs. (22), (23)")
    k = spectral_cut(eigenvalues, chosen)
    axes.plot(chosen, (k or 0) / len(eigenvalues), "o", color=RED, label="yours")
    axes.set_xscale("log")
    axes.set(xlim=(5e-14, 1e3), ylim=(-0.03, 1.05), xlabel="K")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    text = "no gap: nothing is pruned" if k is None else f"k = {k:,}, {len(eigenvalues) - k:,} kept"
    axes.set_title(f"sparsity by step (5): {text}", fontsize=10)
    axes.legend(frameon=False, fontsize=8, loc=(0.12, 0.1))
    return text.replace("no gap: ", "")


@figure("06_imc_spectral_gaps/lipschitz")
def lipschitz_over_boxes(
    page: Page,
    boxes: Sequence[Positive],
    estimates: Mapping[str, Sequence[NonNegative]],
    climbed: Mapping[str, Sequence[NonNegative]],
    largest_gap: Positive,
    moved: Positive,
) -> str:
    """Show K against the size of the box: the paper's estimates, and what the ascent found.

    `estimates` and `climbed` map labels to one K per box. Above a quarter of the largest gap no k
    qualifies. `moved` is how far training moved a weight at most.
    """
    (axes,) = page(7.5, 3.7, edges=(0.1, 0.66, 0.15, 0.95))
    marked = zip((ORANGE, GREEN, PURPLE), estimates.items(), strict=False)
    for color, (label, values) in marked:
        axes.loglog(boxes, values, "--", color=color, label=label)
    for color, (label, values) in zip((BLUE, RED), climbed.items(), strict=False):
        axes.loglog(boxes, values, "o-", color=color, label=label)
    axes.axhline(largest_gap / 4, color=GRAY)
    axes.text(moved / 1.1, largest_gap / 4 * 1.2, "above this line no gap qualifies", fontsize=9,
              ha="right")  # fmt: skip
    axes.axvline(moved, color=GRAY, ls=":")
    axes.text(moved / 1.1, 2e-6, "so far training\nmoved a weight", fontsize=9, ha="right")
    axes.set(ylim=(1e-6, None), xlabel="size of the box, B", ylabel="Lipschitz constant K")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ends = [
        f"{label} from {values[0]:.1e} to {values[-1]:.1e}"
        for label, values in (*estimates.items(), *climbed.items())
    ]
    return (
        f"Lipschitz constant K against the size of the box, from {boxes[0]:g} to {boxes[-1]:g}: "
        f"{'; '.join(ends)}. Above {largest_gap / 4:.1e}, a quarter of the largest gap, no gap "
        f"qualifies; training moved a weight by {moved:.2g} at most."
    )


@figure("06_imc_spectral_gaps/before_and_after")
def before_and_after(page: Page, spectra: Mapping[str, Sequence[Real[Tensor, " _"]]]) -> str:
    """Show sorted eigenvalues of several networks against each one's share of its directions.

    `spectra` map a label to the eigenvalues of its networks, one (d,) for each seed: a thin line
    each.
    """
    (axes,) = page(7.5, 3.5, edges=(0.11, 0.98, 0.15, 0.96))
    told = []
    for (label, seeds), color in zip(spectra.items(), colors(len(spectra)), strict=True):
        every = [np.sort(_on_cpu(values))[::-1] for values in seeds]
        for number, order in enumerate(every):
            place = (np.arange(len(order)) + 0.5) / len(order)
            text = f"{label}, d = {len(order):,}" if number == 0 else None
            axes.plot(place, order, color=color, lw=1, label=text)
        near = np.mean([(np.abs(order) < LINEAR).mean() for order in every])
        largest = np.mean([order[0] for order in every])
        told.append(f"{label} {near:.0%} of {len(every[0]):,}, largest {largest:.2g}")
    axes.set_yscale("symlog", linthresh=LINEAR)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlabel="share of the directions, sharpest first", ylabel="eigenvalue of H")
    axes.axhline(0, color=GRAY, lw=0.8)
    axes.legend(frameon=False, fontsize=9)
    return (
        "Sorted eigenvalues against the share of the directions, a line for each seed. Within "
        f"{LINEAR:g} of zero lie on average {'; '.join(told)}."
    )
