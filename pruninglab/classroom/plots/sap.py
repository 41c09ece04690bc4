"""Figures of notebook 02."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from torch import Tensor, nn

from ...choices import scopes, scores
from ...choices.budgets import pq_bound
from ...data import Split
from ...engine.masks import Masks, cut_once
from ...engine.results import Runs, spread
from ...engine.training import accuracy
from ...ideas.checks import Number, check_choice, checked
from ...ideas.pqi import chord_at_zero, log_moments
from ..memory import once
from ..pictures import describe, picture
from .curves import band, check_filled, check_numbers, density_axis, ends
from .style import BLUE, CYCLE, GRAY, ORANGE, RED, blank, colors

LINES = ("-", "--", "-.", ":")
SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)


@picture("02_sap/one_round")
@checked
def one_round(
    net: nn.Module,
    split: Split,
    *,
    p: Number = 0.5,
    q: Number = 1.0,
    eta: Number = 0.0,
    gamma: Number = 1.0,
    beta: Number = 0.9,
    scope: str = "layer",
    figure: Figure | None = None,
) -> Figure:
    """Show what one round of SAP takes from a trained network, and what is left of its accuracy.

    Left: how many weights each layer keeps and loses. Middle: the share that each neuron loses,
    sorted within its layer. Right: accuracy on `split` before and after, nothing retrained. Where
    p = q there is no index, and the figure says so. Raises ValueError for an unknown scope, and
    what `pq_bound` refuses.
    """
    check_choice("scope", scope, tuple(scopes.SCOPES))
    figure, axes = blank(figure, 9.5, 3.1, columns=3, width_ratios=(1.2, 1.2, 0.7))
    if p == q:
        axes[1].text(0.5, 0.5, "p = q: there is no index\nand no bound", ha="center")
        return describe(figure, f"With p = q = {p:.2f} there is no index, no bound and no round.")
    budget = pq_bound(p, q, eta, gamma, beta)
    pruned, masks = cut_once(net, split, scores.magnitude, budget, scopes.SCOPES[scope])
    _draw_layers(axes[0], masks)
    _draw_neurons(axes[1], masks)
    values = (once(accuracy, net, split), accuracy(pruned, split))
    axes[2].bar(("before", "after"), values, color=(BLUE, ORANGE))
    for bar, value in enumerate(values):
        axes[2].text(bar, value + 0.02, f"{value:.1%}", ha="center", fontsize=10)
    axes[2].set(ylim=(0, 1.1), title="test accuracy")
    axes[2].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.16, top=0.9, wspace=0.33)
    return describe(
        figure,
        f"One round of SAP in scope {scope} with p = {p:g}, q = {q:g}, η = {eta:g}, γ = {gamma:g}, "
        f"β = {beta:g}: {masks.density:.1%} of the weights stay, and the test accuracy goes from "
        f"{values[0]:.1%} to {values[1]:.1%}.",
    )


def _draw_layers(axes: Axes, masks: Masks) -> None:
    names = [name.removesuffix(".weight") for name in masks]
    kept = np.array([int(mask.sum()) for mask in masks.values()])
    total = np.array([mask.numel() for mask in masks.values()])
    axes.barh(names, kept / total, color=BLUE)
    axes.barh(names, 1 - kept / total, left=kept / total, color=ORANGE)
    for row, (stays, every) in enumerate(zip(kept, total, strict=True)):
        text = f"loses {every - stays:,} of {every:,}"
        axes.text(0.03, row, text, va="center", color="white", weight="bold", fontsize=9)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlim=(0, 1), title=f"{masks.density:.1%} of the weights stay")


def _draw_neurons(axes: Axes, masks: Masks) -> None:
    for (name, mask), color in zip(masks.items(), colors(len(masks)), strict=True):
        lost = 1 - mask.cpu().flatten(1).double().mean(dim=1).sort().values.numpy()
        label = name.removesuffix(".weight")
        axes.plot(np.linspace(0, 1, len(lost)), lost, color=color, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1), title="share that each neuron loses")
    axes.set(xlabel="neurons, most robbed first")
    axes.set_xticks(())
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=9, loc="upper right")


@checked
def panels_of(
    runs: Runs, panels: Mapping[str, str], x: str = "round", figure: Figure | None = None
) -> Figure:
    """Draw one panel per measured quantity: {title: key of the rows}, mean ± std over seeds.

    `x` is "round" or "density"; what a cut left is drawn at the density after the cut. Raises
    KeyError for rows without a key, ValueError for another `x`, nothing to draw, and seeds with
    different numbers of rows.
    """
    check_filled(runs=runs, panels=panels)
    check_choice("x", x, ("round", "density"))
    figure, axes = blank(figure, 3.6 * len(panels) + 0.4, 3.4, columns=len(panels))
    for panel, (title, key) in zip(axes, panels.items(), strict=True):
        cut = x == "density" and key.startswith("pruned_")
        band(panel, runs, key, x="pruned_density" if cut else x)
        panel.set_title(title)
    axes[0].legend(frameon=False, fontsize=8)
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.16, top=0.9, wspace=0.22)
    return figure


@picture("02_sap/fall_rise_fall")
@checked
def fall_rise_fall(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw PQ Index, Gini index and test accuracy of the retrained networks over the rounds."""
    panels = {
        "PQ Index, retrained": "pqi.global.all",
        "Gini index, retrained": "gini.global.all",
        "test accuracy, retrained": "test_accuracy",
    }
    figure = panels_of(runs, panels, figure=figure)
    return describe(
        figure,
        "PQ Index, Gini index and test accuracy over the rounds, mean and standard deviation over "
        f"the seeds. Test accuracy in the last round: {ends(runs, 'test_accuracy')}.",
    )


@picture("02_sap/retrained_and_pruned")
@checked
def retrained_and_pruned(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw Figure 2 (b): accuracy and PQ Index just after the cut, and what the cut took of them.

    Against density; `runs` as `papers.sap.with_cuts` returns them.
    """
    panels = {
        "accuracy, just pruned": "pruned_test_accuracy",
        "accuracy: retrained − just pruned": "cut.accuracy",
        "PQ Index, just pruned": "pruned_pqi.global.all",
        "PQ Index: retrained − just pruned": "cut.pqi",
    }
    figure = panels_of(runs, panels, "density", figure)
    for panel in (figure.axes[1], figure.axes[3]):
        panel.axhline(0, color=GRAY, linewidth=0.8, zorder=0)
    losses = runs.over_rounds("cut.accuracy")
    words = ", ".join(f"{label} {np.nanmean(losses[label]):.1%}" for label in runs)
    return describe(
        figure,
        "Accuracy and PQ Index of networks just after the cut, and the retrained ones minus these, "
        "against the share of weights that stay, mean and standard deviation over the seeds. A cut "
        f"costs on average: {words} of accuracy.",
    )


@picture("02_sap/full_fashion_mnist")
@checked
def full_fashion_mnist(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw the committed record: accuracy, PQ Index and Gini index against density."""
    panels = {
        "test accuracy": "test_accuracy",
        "PQ Index": "pqi.global.all",
        "Gini index": "gini.global.all",
    }
    figure = panels_of(runs, panels, "density", figure)
    return describe(
        figure,
        "Test accuracy, PQ Index and Gini index on full Fashion-MNIST against the share of weights "
        "that stay, mean and standard deviation over the seeds. Where each method ends: "
        f"{ends(runs, 'density')} of the weights, with {ends(runs, 'test_accuracy')} right.",
    )


@picture("02_sap/ablations")
@checked
def ablations(studies: Mapping[str, Runs], *, figure: Figure | None = None) -> Figure:
    """Draw one panel per parameter: test accuracy against density, a curve for each of its values.

    `studies` is {parameter: runs}, mean over seeds, ± std as bars. Raises ValueError for nothing to
    draw, and for a network of which nothing lives.
    """
    check_filled(studies=studies, runs=min(studies.values(), key=len, default=()))
    figure, axes = blank(figure, 3.0 * len(studies) + 0.4, 3.3, columns=len(studies), sharey=True)
    smallest = min(float(last.mean()) for runs in studies.values()
                   for last in runs.last("density").values())  # fmt: skip
    for panel, (name, runs) in zip(axes, studies.items(), strict=True):
        density, right = runs.over_rounds("density"), runs.over_rounds("test_accuracy")
        for label, color in zip(runs, colors(len(runs)), strict=True):
            mean, std = right[label].mean(axis=0), spread(right[label])
            panel.errorbar(density[label].mean(axis=0), mean, std, fmt="o-", ms=3, capsize=2,
                           color=color, label=label)  # fmt: skip
        density_axis(panel, [1.0, smallest])
        panel.set(title=name, xlabel="weights that stay")
        panel.legend(frameon=False, fontsize=8, loc="lower left")
    # Room for the legends below the curves.
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(low - 0.4 * (high - low), high)
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].set_ylabel("test accuracy")
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.17, top=0.9, wspace=0.08)
    words = "; ".join(ends(runs, "density") for runs in studies.values())
    return describe(
        figure,
        "Test accuracy against the share of weights that stay, a panel for each parameter, mean "
        f"and standard deviation over the seeds. Weights that stay in the last round: {words}.",
    )


@picture("02_sap/scopes")
@checked
def density_of_layers(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw the density of each layer over the rounds, one panel per method (or scope).

    Mean ± std over seeds. Raises ValueError for rows without the density of a layer. Source: SAP
    paper, Figure 4 (b).
    """
    figure = _layer_panels(runs, "layer_density", "density of the layer", figure)
    for panel in figure.axes:
        panel.set_ylim(0, None)
    return describe(
        figure,
        "Density of each layer over the rounds, mean and standard deviation over the seeds. In the "
        f"last round: {_last_of_layers(runs, 'layer_density', '.1%')}.",
    )


@picture("02_sap/index_of_layers")
@checked
def index_of_layers(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw the PQ Index of each retrained layer over the rounds, one panel per method (or scope).

    Mean ± std over seeds. Raises ValueError for rows without the index of a layer. Source: SAP
    paper, Figure 4 (c).
    """
    figure = _layer_panels(runs, "pqi.layer", "PQ Index of the layer", figure)
    return describe(
        figure,
        "PQ Index of each retrained layer over the rounds, mean and standard deviation over the "
        f"seeds. In the last round: {_last_of_layers(runs, 'pqi.layer', '.3f')}.",
    )


def _layer_panels(runs: Runs, key: str, label: str, figure: Figure | None) -> Figure:
    check_filled(runs=runs)
    figure, axes = blank(figure, 3.2 * len(runs) + 0.4, 3.1, columns=len(runs), sharey=True)
    names = _layers_of(runs, key)
    for panel, method in zip(axes, runs, strict=True):
        for name, color in zip(names, colors(len(names)), strict=True):
            band(panel, runs.only(method), f"{key}.{name}", x="round", colors=[color])
            panel.lines[-1].set_label(name.removesuffix(".weight"))
        panel.set(title=method)
        panel.xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel(label)
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.16, top=0.9, wspace=0.08)
    return figure


def _layers_of(runs: Runs, key: str) -> list[str]:
    """Return the names of the layers that the rows have under `key`; none is a ValueError."""
    values: Any = next(iter(runs.values()))[0][0]
    for part in key.split("."):
        values = values.get(part, {})
    check_filled(runs=values)
    return list(values)


def _last_of_layers(runs: Runs, key: str, form: str) -> str:
    last = {name: runs.last(f"{key}.{name}") for name in _layers_of(runs, key)}
    return ", ".join(
        f"{method} {name.removesuffix('.weight')} {values[method].mean():{form}}"
        for method in runs
        for name, values in last.items()
    )


@picture("02_sap/rivals_in_each_scope")
@checked
def rivals_in_each_scope(scopes: Mapping[str, Runs], *, figure: Figure | None = None) -> Figure:
    """Draw accuracy against density, a panel for each scope: {scope: runs}, mean ± std over seeds.

    Raises ValueError for nothing to draw. Source: SAP paper, Figure 4 (a).
    """
    check_filled(scopes=scopes, runs=min(scopes.values(), key=len, default=()))
    figure, axes = blank(figure, 3.4 * len(scopes) + 0.4, 3.4, columns=len(scopes), sharey=True)
    for panel, (name, runs) in zip(axes, scopes.items(), strict=True):
        band(panel, runs, "test_accuracy")
        panel.set_title(name)
    axes[0].set_ylabel("test accuracy, retrained")
    axes[0].legend(frameon=False, fontsize=8)
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.16, top=0.9, wspace=0.08)
    words = "; ".join(f"{name}: {ends(runs, 'density')}" for name, runs in scopes.items())
    return describe(
        figure,
        "Test accuracy of four methods against the share of weights that stay, a panel for each "
        f"scope, mean and standard deviation over the seeds. Weights in the end: {words}.",
    )


@picture("02_sap/grid")
@checked
def index_for_many_p_and_q(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw the PQ Index over the rounds for each (p, q), a panel per method.

    Mean over seeds; p is the colour, q the line. `runs` as `papers.sap.with_grid` returns them.
    Raises ValueError for rows without a grid. Source: SAP paper, Figures 7 to 10.
    """
    check_filled(runs=runs)
    pairs = _layers_of(runs, "grid")
    values = {pair: runs.over_rounds(f"grid.{pair}") for pair in pairs}
    p_and_q = [pair.strip("()").split(", ") for pair in pairs]
    tints = dict(zip(dict.fromkeys(p for p, _ in p_and_q), CYCLE, strict=False))
    lines = dict(zip(dict.fromkeys(q for _, q in p_and_q), LINES, strict=False))
    figure, axes = blank(figure, 3.0 * len(runs) + 1.2, 3.4, columns=len(runs), sharey=True)
    for panel, label in zip(axes, runs, strict=True):
        for pair, (p, q) in zip(pairs, p_and_q, strict=True):
            means = values[pair][label].mean(axis=0)
            panel.plot(means, lines[q], color=tints[p], lw=1.3, label=f"p = {p}, q = {q}")
        panel.set(title=label, xlabel="round")
    axes[0].set_ylabel("PQ Index of all weights, retrained")
    axes[-1].legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.subplots_adjust(left=0.07, right=0.88, bottom=0.16, top=0.9, wspace=0.08)
    return describe(
        figure,
        f"PQ Index over the rounds for {len(pairs)} pairs of p and q, a panel per method, mean "
        f"over the seeds. In the last round with {pairs[0]}: {ends(runs, f'grid.{pairs[0]}')}.",
    )


@picture("02_sap/ruler")
@checked
def ruler(
    w: Real[Tensor, "*shape"], *, p: Number = 0.5, q: Number = 1.0, figure: Figure | None = None
) -> Figure:
    """Show what (p, q) take from the weights `w` as a ruler laid on a convex curve at p and q.

    The curve is ln mean (|w|/mean|w|)^t; where the ruler meets t = 0 is ln(r/d), with η = 0. Where
    p = q there is no ruler, and the figure says so. Raises ValueError for p or q outside [0, 10],
    and as `log_moments` does.
    """
    check_numbers("p, q", [p, q], 0, 10)
    figure, (axes,) = blank(figure, 6.0, 3.8)
    if p == q:
        axes.text(0.5, 0.5, "p = q: a ruler needs two points", ha="center")
        return describe(figure, f"With p = q = {p:g} there is no ruler, no bound and no round.")
    t = np.linspace(0, 1.1 * max(p, q, 1.0), 45)
    curve = log_moments(w, t.tolist()).cpu().numpy()
    start = chord_at_zero(w, p, q)
    at_p, at_q = log_moments(w, [p, q]).tolist()
    axes.plot(t, curve, color=BLUE, label="the weights")
    axes.axline((0, start), (q, at_q), color=ORANGE, label="the ruler")
    axes.plot([p, q], [at_p, at_q], "o", color=ORANGE)
    stays = math.exp(start)
    axes.plot([0], [start], "D", color=RED, clip_on=False, zorder=5)
    axes.annotate(f"{stays:.1%} must stay", (0, start), (12, -4), textcoords="offset points",
                  color=RED, va="top")  # fmt: skip
    _share_axis(axes, min(start, float(curve.min())))
    axes.set(xlim=(0, t[-1]), xlabel="t")
    axes.legend(frameon=False, loc="upper left")
    figure.subplots_adjust(left=0.14, right=0.98, bottom=0.14, top=0.97)
    return describe(
        figure,
        f"A convex curve of the weights' moments and a straight ruler through it at p = {p:g} and "
        f"q = {q:g}; it meets the left edge at {stays:.1%}, the share that must stay.",
    )


def _share_axis(axes: Axes, lowest: float) -> None:
    """Label a logarithmic share on the left edge, as many as have room above `lowest`."""
    low, high = axes.get_ylim()
    low, high = min(low, 1.3 * lowest - 0.05), max(high, -0.6 * lowest)
    shares = [SHARES[0]]
    for share in SHARES[1:]:
        if low < math.log(share) < math.log(shares[-1]) - 0.06 * (high - low):
            shares.append(share)
    axes.set_yticks([math.log(share) for share in shares], [f"{share:.0%}" for share in shares])
    axes.set_ylim(low, high)
    axes.set_ylabel("on the left edge: share that stays")
