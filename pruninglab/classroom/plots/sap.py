"""Figures of notebook 02."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from torch import nn

from ...choices import scopes, scores
from ...choices.budgets import pq_bound
from ...data import Split
from ...engine.masks import Masks, cut_once
from ...engine.results import Runs, spread
from ...engine.training import accuracy
from ...ideas.checks import Number, check_choice, checked
from ..pictures import describe, picture
from .curves import band, check_filled, density_axis, ends
from .style import BLUE, ORANGE, blank, colors


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
    values = (accuracy(net, split), accuracy(pruned, split))
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
    """Draw accuracy and PQ Index against density, retrained and just after the cut."""
    panels = {
        "accuracy, retrained": "test_accuracy",
        "accuracy, just pruned": "pruned_test_accuracy",
        "PQ Index, retrained": "pqi.global.all",
        "PQ Index, just pruned": "pruned_pqi.global.all",
    }
    figure = panels_of(runs, panels, "density", figure)
    return describe(
        figure,
        "Accuracy and PQ Index against the share of weights that stay, of retrained networks and "
        "of the same networks just after the cut, mean and standard deviation over the seeds. Test "
        f"accuracy after the last retraining: {ends(runs, 'test_accuracy')}.",
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

    Mean ± std over seeds. Raises ValueError for rows without the density of a layer.
    """
    check_filled(runs=runs)
    figure, axes = blank(figure, 3.2 * len(runs) + 0.4, 3.1, columns=len(runs), sharey=True)
    words = []
    for panel, label in zip(axes, runs, strict=True):
        names = list(runs[label][0][0].get("layer_density", ()))
        check_filled(runs=names)
        for name, color in zip(names, colors(len(names)), strict=True):
            band(panel, runs.only(label), f"layer_density.{name}", x="round", colors=[color])
            panel.lines[-1].set_label(name.removesuffix(".weight"))
            last = runs.last(f"layer_density.{name}")[label].mean()
            words.append(f"{label} {panel.lines[-1].get_label()} {last:.1%}")
        panel.set(title=label, ylim=(0, None))
        panel.xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("density of the layer")
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.16, top=0.9, wspace=0.08)
    return describe(
        figure,
        "Density of each layer over the rounds, mean and standard deviation over the seeds. In the "
        f"last round: {', '.join(words)}.",
    )
