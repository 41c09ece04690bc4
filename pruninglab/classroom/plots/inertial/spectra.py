"""Eigenvalues of real networks: the spectrum, its gaps, and what the 4K rule makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ....ideas.checks import Finite, NonNegative, Number, Positive, Whole, checked
from ....ideas.inertial import Spectrum, gaps, spectral_cut, staircase
from ...pictures import describe, picture
from ..style import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, blank, colors

LINEAR = 1e-3
PRINTED = 0.47


@picture("06_imc_spectral_gaps/spectrum")
@checked
def spectrum(
    spectra: Mapping[int, Real[Tensor, " _"]], *, epoch: Whole = 0, figure: Figure | None = None
) -> Figure:
    """Show all eigenvalues of H after `epoch` epochs, in order, and how they are spread.

    `spectra` maps epochs to eigenvalues, float (d,). Left: sorted, sharpest first, on a scale that
    is linear near zero and logarithmic beyond. Right: the same as a histogram. The axes are the
    same for all epochs, so that a slider shows what moves. Raises ValueError for an epoch that
    `spectra` has not, and for empty spectra, NaN or infinity.
    """
    for number, eigenvalues in spectra.items():
        _check_spectrum(f"spectra[{number}]", eigenvalues)
    if epoch not in spectra:
        raise ValueError(f"epoch={epoch} is not among spectra: {list(spectra)}")
    figure, axes = blank(figure, 9.5, 3.4, columns=2, width_ratios=(1.3, 1))
    every = np.concatenate([_on_cpu(values) for values in spectra.values()])
    values = np.sort(_on_cpu(spectra[epoch]))[::-1]
    places = np.arange(1, len(values) + 1)
    negative = values < 0
    for part, color, label in ((~negative, BLUE, "up"), (negative, ORANGE, "down")):
        text = f"curves {label}: {part.mean():.0%}"
        axes[0].plot(places[part], values[part], ".", color=color, ms=4, label=text)
    axes[0].set_yscale("symlog", linthresh=LINEAR)
    axes[0].set(xlabel="number, sharpest first", ylabel="eigenvalue of H", title=_after(epoch))
    axes[0].set(ylim=(2 * every.min() - LINEAR, 2 * every.max()))
    axes[0].legend(frameon=False, fontsize=9)
    edges = _symlog_edges(float(every.min()), float(every.max()))
    axes[1].hist(values[~negative], edges, color=BLUE)
    axes[1].hist(values[negative], edges, color=ORANGE)
    axes[1].set_xscale("symlog", linthresh=LINEAR)
    axes[1].set_yscale("log")
    axes[1].set_xticks([-0.1, -LINEAR, LINEAR, 0.1, 10], ["−0.1", "−0.001", "0.001", "0.1", "10"])
    axes[1].set(ylim=(0.7, len(values)), xlabel="eigenvalue of H", title="bulk and outliers")
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.15, top=0.9, wspace=0.2)
    return describe(
        figure,
        f"All {len(values):,} eigenvalues of the Hessian {_after(epoch)}, in order and as a "
        f"histogram: from {values[-1]:.2g} to {values[0]:.2g}, {negative.mean():.0%} of them "
        f"negative, {(np.abs(values) < LINEAR).mean():.0%} within {LINEAR:g} of zero.",
    )


def _on_cpu(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def _check_spectrum(name: str, values: Tensor, least: int = 1) -> None:
    if values.dim() != 1 or len(values) < least or not bool(values.isfinite().all()):
        raise ValueError(f"{name} must be (d,), finite, with at least {least} eigenvalues")


def _after(epoch: int) -> str:
    return "before training" if epoch == 0 else f"after {epoch} epochs"


def _symlog_edges(low: float, high: float) -> list[float]:
    up = np.geomspace(LINEAR, max(2 * high, 2 * LINEAR), 18)
    down = -np.geomspace(max(-2 * low, 2 * LINEAR), LINEAR, 10)
    return [*down, *np.linspace(-LINEAR, LINEAR, 9)[1:-1], *up]


@picture("06_imc_spectral_gaps/quadrature")
@checked
def quadrature(
    exact: Real[Tensor, " d"], estimate: Spectrum, *, figure: Figure | None = None
) -> Figure:
    """Show how Lanczos quadrature sees a spectrum that is known: shares below, and extremes.

    `exact` are all eigenvalues, float (d,). Left: the share of eigenvalues below each value. Right:
    each place with its mass, beside the exact eigenvalues. Raises ValueError for no eigenvalues.
    """
    _check_spectrum("exact", exact)
    figure, axes = blank(figure, 9, 3.2, columns=2)
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
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.17, top=0.88, wspace=0.3)
    probes, steps = probed.shape
    return describe(
        figure,
        f"{len(values):,} exact eigenvalues beside Lanczos quadrature with probes × steps = "
        f"{probes} × {steps}: the shares below each value nearly agree, the mean eigenvalue is "
        f"{values.mean():.4f} and {estimate.mean():.4f}, the largest {values[-1]:.4f} and "
        f"{probed.max():.4f}; the bulk is summed up in a few places.",
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


@picture("06_imc_spectral_gaps/density")
@checked
def spectral_masses(estimates: Mapping[str, Spectrum], *, figure: Figure | None = None) -> Figure:
    """Show the masses of Lanczos quadrature of networks too large for a full spectrum."""
    figure, (axes,) = blank(figure, 7.5, 3.2)
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
    figure.subplots_adjust(left=0.11, right=0.98, bottom=0.16, top=0.95)
    return describe(
        figure,
        f"Masses of the Lanczos spectra, on an axis that is linear near zero. {'; '.join(told)}.",
    )


@picture("06_imc_spectral_gaps/gaps")
@checked
def gaps_against_4k(
    eigenvalues: Real[Tensor, " d"],
    rates: Mapping[int, Number],
    *,
    log_k: Finite = -1.0,
    log_delta: int = -2,
    log_box: Finite = 0.0,
    figure: Figure | None = None,
) -> Figure:
    """Show every gap against 4K, and the sparsity that step (5) makes of each K.

    `rates` maps log10 Δ to the ‖∇H‖ of Eq. (23), so that Eq. (22) gives K = 2B · rate with
    B = 10^`log_box`. `log_k` is the K that you choose. Left: gaps, sharpest first. Right: the
    staircase of k / d over K, with yours and the paper's. Raises ValueError for a Δ that `rates`
    has not, and for fewer than two eigenvalues.
    """
    _check_spectrum("eigenvalues", eigenvalues, least=2)
    for name, power in (("log_k", log_k), ("log_box", log_box)):
        if abs(power) > 100:
            raise ValueError(f"{name}={power} must lie between -100 and 100")
    if log_delta not in rates or not rates[log_delta] >= 0:
        raise ValueError(f"log_delta={log_delta} has no rate ≥ 0 in rates={dict(rates)}")
    figure, axes = blank(figure, 9.5, 3.6, columns=2)
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
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.15, top=0.9, wspace=0.22)
    return describe(
        figure,
        f"{wide.sum()} of {len(wide):,} gaps between neighbouring eigenvalues are wider than 4K "
        f"with your K = {chosen:.2g}, so by step (5) {verdict}. Eqs. (22), (23) give K = "
        f"{estimated:.2g} with Δ = {10.0**log_delta:g} and B = {10.0**log_box:.2g}. Over all K the "
        f"sparsity is a staircase.",
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


@picture("06_imc_spectral_gaps/lipschitz")
@checked
def lipschitz_over_boxes(
    boxes: Sequence[Positive],
    estimates: Mapping[str, Sequence[NonNegative]],
    climbed: Mapping[str, Sequence[NonNegative]],
    largest_gap: Positive,
    moved: Positive,
    *,
    figure: Figure | None = None,
) -> Figure:
    """Show K against the size of the box: the paper's estimates, and what the ascent found.

    `estimates` and `climbed` map labels to one K per box. Above a quarter of the largest gap no k
    qualifies. `moved` is how far training moved a weight at most. Raises ValueError for no boxes,
    and for curves of another length.
    """
    for name, curves in (("estimates", estimates), ("climbed", climbed)):
        if not boxes or any(len(values) != len(boxes) for values in curves.values()):
            raise ValueError(f"{name} must have a K for each of the {len(boxes)} boxes")
    figure, (axes,) = blank(figure, 7.5, 3.7)
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
    figure.subplots_adjust(left=0.1, right=0.66, bottom=0.15, top=0.95)
    ends = [
        f"{label} from {values[0]:.1e} to {values[-1]:.1e}"
        for label, values in (*estimates.items(), *climbed.items())
    ]
    return describe(
        figure,
        f"Lipschitz constant K against the size of the box, from {boxes[0]:g} to {boxes[-1]:g}: "
        f"{'; '.join(ends)}. Above {largest_gap / 4:.1e}, a quarter of the largest gap, no gap "
        f"qualifies; training moved a weight by {moved:.2g} at most.",
    )


@picture("06_imc_spectral_gaps/before_and_after")
@checked
def before_and_after(
    spectra: Mapping[str, Sequence[Real[Tensor, " _"]]], *, figure: Figure | None = None
) -> Figure:
    """Show sorted eigenvalues of several networks against each one's share of its directions.

    `spectra` map a label to the eigenvalues of its networks, one (d,) for each seed: a thin line
    each. Raises ValueError for labels without networks, empty spectra, NaN or infinity.
    """
    for label, seeds in spectra.items():
        if not seeds:
            raise ValueError(f"spectra[{label!r}] has no networks")
        for values in seeds:
            _check_spectrum(f"spectra[{label!r}]", values)
    figure, (axes,) = blank(figure, 7.5, 3.5)
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
    figure.subplots_adjust(left=0.11, right=0.98, bottom=0.15, top=0.96)
    return describe(
        figure,
        "Sorted eigenvalues against the share of the directions, a line for each seed. Within "
        f"{LINEAR:g} of zero lie on average {'; '.join(told)}.",
    )
