"""Figures of notebook 02."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from torch import Tensor, nn

from ...choices import scopes, scores
from ...choices.budgets import pq_bound
from ...data import Split
from ...engine.masks import cut_once
from ...engine.training import accuracy
from ...ideas.checks import Number, check_choice, checked
from .curves import Rows, check_filled, density_axis, table_of
from .style import BLUE, ORANGE, blank, colors

Frames = Mapping[str, Sequence[Rows]]
SCOPES = {"neuron": scopes.neuron, "layer": scopes.layer, "global": scopes.global_}


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
    check_choice("scope", scope, tuple(SCOPES))
    figure, axes = blank(figure, 9.5, 3.1, columns=3, width_ratios=(1.2, 1.2, 0.7))
    if p == q:
        axes[1].text(0.5, 0.5, "p = q: there is no index\nand no bound", ha="center")
        return figure
    budget = pq_bound(p, q, eta, gamma, beta)
    pruned, keep = cut_once(net, split, scores.magnitude, budget, SCOPES[scope])
    _draw_layers(axes[0], keep)
    _draw_neurons(axes[1], keep)
    values = (accuracy(net, split), accuracy(pruned, split))
    axes[2].bar(("before", "after"), values, color=(BLUE, ORANGE))
    for place, value in enumerate(values):
        axes[2].text(place, value + 0.02, f"{value:.1%}", ha="center", fontsize=10)
    axes[2].set(ylim=(0, 1.1), title="test accuracy")
    axes[2].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.16, top=0.9, wspace=0.33)
    return figure


def _draw_layers(axes: Axes, keep: Mapping[str, Tensor]) -> None:
    names = [name.removesuffix(".weight") for name in keep]
    kept = np.array([int(mask.sum()) for mask in keep.values()])
    total = np.array([mask.numel() for mask in keep.values()])
    axes.barh(names, kept / total, color=BLUE)
    axes.barh(names, 1 - kept / total, left=kept / total, color=ORANGE)
    for row, (stays, every) in enumerate(zip(kept, total, strict=True)):
        text = f"loses {every - stays:,} of {every:,}"
        axes.text(0.03, row, text, va="center", color="white", weight="bold", fontsize=9)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(xlim=(0, 1), title=f"{kept.sum() / total.sum():.1%} of the weights stay")


def _draw_neurons(axes: Axes, keep: Mapping[str, Tensor]) -> None:
    for (name, mask), color in zip(keep.items(), colors(len(keep)), strict=True):
        lost = 1 - mask.cpu().flatten(1).double().mean(dim=1).sort().values.numpy()
        label = name.removesuffix(".weight")
        axes.plot(np.linspace(0, 1, len(lost)), lost, color=color, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1), title="share that each neuron loses")
    axes.set(xlabel="neurons, most robbed first")
    axes.set_xticks(())
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=9, loc="upper right")


@checked
def over_rounds(
    frames: Frames,
    panels: Mapping[str, str],
    *,
    x: str = "round",
    figure: Figure | None = None,
) -> Figure:
    """Draw one panel per measured quantity: {title: key of the rows}, mean ± std over seeds.

    `frames` is {method: [rows of a seed, …]} as `sweep.compare` gives it, of rows from
    `papers.sap.summary_of`. `x` is "round" or "density". Keys that end in "accuracy" are drawn in
    percent; rounds in which a quantity is not defined (None) are left out. Raises ValueError for
    rows without a number of a key, and seeds with different numbers of rows.
    """
    check_filled(frames=frames, panels=panels)
    check_choice("x", x, ("round", "density"))
    figure, axes = blank(figure, 3.6 * len(panels) + 0.4, 3.4, columns=len(panels))
    for one, (title, key) in zip(axes, panels.items(), strict=True):
        for (label, seeds), color in zip(frames.items(), colors(len(frames)), strict=True):
            place, mean, spread = _mean_and_spread(seeds, key, x)
            one.plot(place, mean, ".-", color=color, label=label)
            one.fill_between(place, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        one.set(title=title, xlabel="round" if x == "round" else "weights that stay")
        if "accuracy" in key:
            one.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        if x == "density":
            density_axis(one, [1.0, _smallest(frames)])
    axes[0].legend(frameon=False, fontsize=8)
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.16, top=0.9, wspace=0.22)
    return figure


def _mean_and_spread(seeds: Sequence[Rows], key: str, x: str) -> tuple[np.ndarray, ...]:
    runs = table_of("frames", seeds, key)
    defined = ~np.isnan(runs).any(axis=0)
    place = np.arange(runs.shape[1], dtype=float)
    if x == "density":
        place = table_of("frames", seeds, "density").mean(axis=0)
    runs = runs[:, defined]
    return place[defined], runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))


def _smallest(frames: Frames) -> float:
    """Return the smallest density that the first seed of a method reaches."""
    return min(table_of("frames", seeds[:1], "density").min() for seeds in frames.values())


@checked
def ablations(
    studies: Mapping[str, Mapping[str, Sequence[Rows]]], *, figure: Figure | None = None
) -> Figure:
    """Draw one panel per parameter: accuracy against density, a curve for each of its values.

    `studies` is {parameter: frames}, mean over seeds, ± std as bars in both directions. Raises
    ValueError for rows without density and accuracy.
    """
    check_filled(studies=min((studies, *studies.values()), key=len))
    figure, axes = blank(figure, 3.0 * len(studies) + 0.4, 3.3, columns=len(studies), sharey=True)
    smallest = min(_smallest(frames) for frames in studies.values())
    for one, (name, frames) in zip(axes, studies.items(), strict=True):
        for (label, seeds), color in zip(frames.items(), colors(len(frames)), strict=True):
            density, _, _ = _mean_and_spread(seeds, "density", "density")
            _, mean, spread = _mean_and_spread(seeds, "accuracy", "round")
            one.errorbar(density, mean, spread, fmt="o-", ms=3, capsize=2, color=color, label=label)
        density_axis(one, [1.0, smallest])
        one.set(title=name, xlabel="weights that stay")
        one.legend(frameon=False, fontsize=8, loc="lower left")
    # Room for the legends below the curves.
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(low - 0.4 * (high - low), high)
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[0].set_ylabel("test accuracy")
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.17, top=0.9, wspace=0.08)
    return figure


@checked
def layers_over_rounds(
    frames: Frames, key: str, ylabel: str, *, figure: Figure | None = None
) -> Figure:
    """Draw a quantity of each layer over the rounds, one panel per method (or scope).

    `key` names a quantity of the full rows that is there per layer: "layer_density", "pqi" or
    "gini". Mean ± std over seeds. Raises ValueError for rows without it.
    """
    check_filled(frames=frames)
    figure, axes = blank(figure, 3.2 * len(frames) + 0.4, 3.1, columns=len(frames), sharey=True)
    for one, (label, seeds) in zip(axes, frames.items(), strict=True):
        layers = [[_per_layer(row, key) for row in rows] for rows in seeds]
        check_filled(frames=layers and layers[0])
        names = list(layers[0][0])
        for name, color in zip(names, colors(len(names)), strict=True):
            runs = table_of("frames", layers, name)
            mean, spread = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1))
            rounds = np.arange(len(mean))
            one.plot(rounds, mean, ".-", color=color, label=name.removesuffix(".weight"))
            one.fill_between(rounds, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        one.set(title=label, xlabel="round", ylim=(0, None))
        one.xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel(ylabel)
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.16, top=0.9, wspace=0.08)
    return figure


def _per_layer(row: Mapping[str, Any], key: str) -> Mapping[str, float | None]:
    values = row.get(key) if key == "layer_density" else (row.get(key) or {}).get("layer")
    if not values:
        raise ValueError(f"frames must have rows with key={key!r} of each layer, not {list(row)}")
    return values
