"""Figures of notebook 03: probes, the sets S and M, and what each stop is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from ...checks import NonNegative, Positive, Share, checked
from ...engine.results import Runs, Values, spread
from ...kit.page import BLUE, GRAY, RED, Page, colors, figure
from .replay import by_round
from .sets import Scan, overlap, probe_correlation

FLOWS = {"IF": "information flow", "GF": "gradient flow"}


@figure("03_incop_flows/probes")
def probes(page: Page, watched: Runs, *, count: Positive = 4) -> str:
    """Draw how far the flows are from the dense ones after each epoch, as several probes see it.

    `watched` as in `flows.stop_at`, with "IF relative" for the first probe, "IF probe 1" for the
    next, …, and the same for GF. Drawn is the first seed; the correlation of two probes' curves is
    the mean over the pairs, ± the standard deviation over seeds.
    """
    axes = page(8.2, 2.8, columns=2, edges=(0.07, 0.99, 0.16, 0.9), wspace=0.13)
    words = []
    for panel, (flow, name) in zip(axes, FLOWS.items(), strict=True):
        seen = curves_of(watched, flow, int(count))
        each = np.array([probe_correlation(torch.tensor(run)) for run in seen.swapaxes(0, 1)])
        for curve, color in zip(seen[:, 0], colors(len(seen)), strict=True):
            panel.plot(np.arange(1, len(curve) + 1), curve, ".-", color=color, markersize=4)
        panel.set(xlabel="epochs of retraining, round by round", ylim=(0, None))
        panel.set_title(f"{name}: correlation {each.mean():.2f} ± {spread(each):.2f}")
        words.append(f"{name} {each.mean():.2f} ± {spread(each):.2f}")
    axes[0].set_ylabel("relative distance")
    return (
        f"Relative distance from the dense flow after each epoch, one line for each of "
        f"{int(count)} probes. Correlation of two probes' curves over seeds: {', '.join(words)}."
    )


@checked
def curves_of(watched: Runs, flow: str, count: Positive) -> Values:
    """Return relative distances as each probe saw them, float64 (probes, seeds, epochs).

    Raises KeyError for a flow or a number of probes that the rows lack.
    """
    keys = [f"{flow} relative", *(f"{flow} probe {probe}" for probe in range(1, int(count)))]
    each = [by_round(watched, key) for key in keys]
    return np.stack([values.reshape(len(values), -1) for values in each])


@figure("03_incop_flows/in_sets")
def in_sets(
    page: Page,
    watched: Runs,
    *,
    measure: str = "IF relative",
    share: Share = 0.5,
    delta: NonNegative = 0.0,
) -> str:
    """Show which epochs lie in S (flow within ε) and in M (accuracy at most δ below the dense one).

    `watched` as in `flows.stop_at`, its rows with "validation_gap". ε is `share` of the largest
    distance. Right: shares of all epochs, mean ± standard deviation over seeds
    (`lessons.incop.sets.overlap`).
    """
    distances, gaps = by_round(watched, measure), by_round(watched, "validation_gap")
    epsilon = share * float(distances.max())
    flat = [torch.tensor(values.reshape(len(values), -1)) for values in (distances, gaps)]
    found = overlap(flat[0], flat[1], epsilon, delta)
    axes = page(
        9.0, 3.1, columns=2, width_ratios=(1.5, 1.0), edges=(0.09, 0.98, 0.16, 0.9), wspace=0.5
    )
    axes[0].axvspan(0, epsilon, color=RED, alpha=0.15, linewidth=0)
    axes[0].axhspan(-delta, 1, color=BLUE, alpha=0.12, linewidth=0)
    axes[0].plot(flat[0].flatten(), -flat[1].flatten(), ".", color="k", markersize=3, alpha=0.6)
    low, high = -gaps.max(), -gaps.min()
    axes[0].set(xlim=(0, 1.05 * distances.max()), ylim=(low - 0.004, high + 0.004),
                xlabel=f"{measure}: distance from the dense flow")  # fmt: skip
    axes[0].set_title("S (left of ε, red) and M (blue): an epoch is a point")
    axes[0].set_ylabel("validation accuracy − dense")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    bars = {"in M, of all": found.in_m, "in M, of those in S": found.m_of_s,
            "in S, of all": found.in_s, "in S, of those in M": found.s_of_m}  # fmt: skip
    words = _bars(axes[1], {label: values.numpy() for label, values in bars.items()})
    return (
        f"With ε = {epsilon:.3g} for {measure} and δ = {delta:g}, over {len(gaps)} seeds: {words}."
    )


def _bars(axes: Axes, shares: Mapping[str, Values]) -> str:
    """Draw shares, mean ± std over the seeds that have them; return them in words."""
    words = []
    for (label, values), color in zip(shares.items(), (BLUE, BLUE, RED, RED), strict=True):
        known = values[~np.isnan(values)]
        mean, std = (float(known.mean()), float(spread(known))) if len(known) else (0.0, 0.0)
        axes.barh(label, mean, xerr=std, color=color, alpha=0.5 if "all" in label else 1.0,
                  error_kw={"capsize": 2})  # fmt: skip
        words.append(f"{label} {mean:.0%} ± {std:.0%}" if len(known) else f"{label}: none")
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.1), title="shares of the epochs")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return ", ".join(words)


@figure("03_incop_flows/sets_on_plane")
def sets_on_plane(
    page: Page, scans: Mapping[str, Scan], *, epsilon: Positive = 0.5, delta: NonNegative = 0.01
) -> str:
    """Draw the paper's Figure 2 as measured: S and M on planes through three networks of a run.

    A scan has "distance", from the dense flow, and "gap", the accuracy below the dense network's;
    its corners are the network just cut, after one epoch, and after the last.
    """
    axes = page(
        4.0 * len(scans) + 0.6, 3.6, columns=len(scans), edges=(0.06, 0.98, 0.24, 0.9), wspace=0.2
    )
    words = []
    for panel, (name, made) in zip(axes, scans.items(), strict=True):
        in_s, in_m = made.values["distance"] - epsilon, made.values["gap"] - delta
        for level, color in ((in_m, BLUE), (in_s, RED)):
            grid = (made.x.cpu().numpy(), made.y.cpu().numpy(), level.cpu().numpy())
            panel.contourf(*grid, levels=[-np.inf, 0], colors=[color], alpha=0.25)
            if float(level.min()) < 0 < float(level.max()):
                panel.contour(*grid, levels=[0], colors=[color])
        corners = made.corners.cpu().numpy()
        panel.plot(*corners.T, "k.-", markersize=9)
        for corner, label in zip(corners, ("cut", "1 epoch", "last"), strict=True):
            panel.annotate(label, corner, xytext=(4, 5), textcoords="offset points")
        shares = [float((level <= 0).double().mean()) for level in (in_s, in_m)]
        panel.set(title=f"{name}: S {shares[0]:.0%}, M {shares[1]:.0%}", xlabel="‖w − cut‖")
        words.append(f"{name}, S fills {shares[0]:.0%} and M {shares[1]:.0%} of the picture")
    patches = [Patch(color=color, alpha=0.25) for color in (RED, BLUE)]
    names = [f"S: flow within {epsilon:.2f}", f"M: accuracy at most {100 * delta:.2f} points below"]
    page.figure.legend(patches, names, loc="lower center", ncols=2, frameon=False)
    return (
        "Planes of weights through the network just cut, after one epoch and after the last, with "
        f"the sets S (red, ε = {epsilon:g}) and M (blue, δ = {delta:g}): {'; '.join(words)}."
    )


@figure("03_incop_flows/worth")
def worth(page: Page, runs: Runs, fixed: Sequence[str], density: Positive) -> str:
    """Draw what each method gains over the first fixed rule at one density, and what it cost.

    `fixed` names the rules of always k epochs, drawn in black. Gains are paired differences of the
    test accuracy, costs the epochs of retraining until it was as sparse; mean ± standard deviation
    over seeds.
    """
    height = 0.28 * len(runs) + 0.9
    edge = max(0.08, 0.36 / height)
    axes = page(9.6, height, columns=2, sharey=True, width_ratios=(1.6, 1.0),
                edges=(0.18, 0.98, edge, 1 - edge), wspace=0.06)  # fmt: skip
    spent = runs.with_costs().at_density("cost", density)
    gains = {label: runs.paired(label, fixed[0], "test_accuracy", density) for label in runs}
    first = {label: np.array([rows[0]["epochs"] for rows in seeds])
             for label, seeds in runs.items()}  # fmt: skip
    cost = {label: spent[label] - first[label] for label in runs}
    for label, gain in gains.items():
        color = "k" if label in fixed else BLUE
        axes[0].errorbar(100 * gain.mean, label, xerr=100 * gain.std, fmt="o", color=color,
                         capsize=2, markersize=5)  # fmt: skip
        axes[1].barh(label, cost[label].mean(), xerr=spread(cost[label]), color=color,
                     error_kw={"capsize": 2, "ecolor": GRAY})  # fmt: skip
    axes[0].axvline(0, color=GRAY, linewidth=1)
    axes[0].invert_yaxis()
    axes[0].set_title(f"points over {fixed[0]}, at {density:.0%} of the weights")
    axes[1].set_title("epochs of retraining up to there")
    listed = ", ".join(
        f"{label} {100 * gain.mean:+.2f} ± {100 * gain.std:.2f}, {cost[label].mean():.0f} epochs"
        for label, gain in gains.items()
    )
    return (
        f"Test accuracy gained over {fixed[0]} at a density of {density:.0%}, in points, against "
        f"the epochs of retraining, over {gains[fixed[0]].seeds} seeds: {listed}."
    )
