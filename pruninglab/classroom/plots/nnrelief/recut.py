"""The α slider: what stays, who still works, the accuracy, and the bounds beside the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from torch import Tensor

from ....costs import active_neurons
from ....ideas.checks import Number, checked
from ....ideas.nnrelief import ALL, ALPHAS, Bounds, Recut
from ...pictures import describe, picture
from ..style import BLUE, GRAY, ORANGE, RED, blank


@picture("04_nnrelief_heatmaps/alpha")
@checked
def alpha_cut(
    recut: Recut, *, alpha: Number = 0.95, layer: str = ALL, figure: Figure | None = None
) -> Figure:
    """Cut at `alpha` and show what stays, who still works, the accuracy and the bounds.

    From left to right: connections that stay, by layer; active units, by layer; accuracy without
    retraining, with the curve over all α; change of the ten outputs, dots for what the judging
    images saw on average and at most, bars for what Eqs. (14) and (13) allow. `layer` is one
    layer's name, or "all layers". Raises ValueError as `Recut.masks` does.
    """
    figure, axes = blank(figure, 11, 3, columns=4, width_ratios=(1, 1, 1.1, 1.3))
    masks = recut.masks(alpha, layer)
    outputs, bounds = recut.outputs(masks), recut.bounds(masks)
    accuracy, change = recut.accuracy(outputs), (outputs - recut.before).abs()
    kept = _draw_kept(axes[0], masks)
    active = active_neurons(masks)
    _draw_active(axes[1], active, recut)
    _draw_accuracy(axes[2], recut, alpha, accuracy, layer)
    _draw_bounds(axes[3], change, bounds)
    figure.subplots_adjust(left=0.04, right=0.995, bottom=0.17, top=0.88, wspace=0.27)
    cut = "all layers are" if layer == ALL else f"only {layer} is"
    return describe(
        figure,
        f"At α = {alpha:g}, where {cut} cut, {kept:.1%} of the connections stay and "
        f"{' → '.join(map(str, active))} units are active, inputs first; without retraining the "
        f"accuracy is {accuracy:.1%}, the whole network's {recut.accuracy(recut.before):.1%}. "
        f"The outputs move by {float(change.mean()):.2f} on average, where the bound allows "
        f"{float(bounds.average.mean()):.2f}.",
    )


def _draw_kept(axes: Axes, masks: dict[str, Tensor]) -> float:
    """Draw the weights that stay in each layer; return the share of all connections."""
    weights = {name: mask for name, mask in masks.items() if mask.dim() > 1}
    kept = np.array([int(mask.sum()) for mask in weights.values()])
    total = np.array([mask.numel() for mask in weights.values()])
    names = [name.removesuffix(".weight") for name in weights]
    axes.barh(names, kept / total, color=BLUE)
    for row, (stays, every) in enumerate(zip(kept, total, strict=True)):
        left = stays / every < 0.5
        axes.text(
            stays / every + (0.03 if left else -0.03), row, f"{stays:,}", va="center",
            ha="left" if left else "right", color="black" if left else "white",
        )  # fmt: skip
    density = sum(int(mask.sum()) for mask in masks.values()) / sum(
        mask.numel() for mask in masks.values()
    )
    axes.set(xlim=(0, 1), title=f"{density:.1%} of the connections stay")
    axes.title.set_fontsize(10)
    axes.invert_yaxis()
    axes.set_xticks((0, 0.5, 1))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return density


def _draw_active(axes: Axes, active: Sequence[int], recut: Recut) -> None:
    layers = list(recut.layers.values())
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    names = ["inputs", *recut.layers]
    shares = [units / size for units, size in zip(active, sizes, strict=True)]
    axes.bar(range(len(sizes)), shares, color=BLUE)
    for place, (units, size) in enumerate(zip(active, sizes, strict=True)):
        axes.text(place, units / size + 0.02, f"{units}\nof {size}", ha="center", fontsize=9)
    axes.set_xticks(range(len(sizes)), names)
    axes.set(ylim=(0, 1.25), title="active units")
    axes.title.set_fontsize(10)
    axes.set_yticks(())


def _draw_accuracy(axes: Axes, recut: Recut, alpha: float, now: float, layer: str) -> None:
    axes.plot(ALPHAS, recut.curve, color=GRAY)
    axes.plot([alpha], [now], "o", color=ORANGE, markersize=9)
    title = f"accuracy {now:.1%}, not retrained"
    axes.set(xlim=(0.28, 1.02), ylim=(0, 1.03), xlabel="α", title=title)
    axes.set_xticks((0.4, 0.6, 0.8, 1.0))
    axes.set_yticks((0, 0.5, 1))
    axes.title.set_fontsize(10)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if layer != ALL:
        axes.text(0.3, 0.03, "gray: all layers cut", fontsize=8, color=GRAY)


def _draw_bounds(axes: Axes, change: Tensor, bounds: Bounds) -> None:
    places = np.arange(change.shape[1])
    lowest, highest = 0.01, 3000.0
    for allowed, shade in ((bounds.pointwise, "#D8D8D8"), (bounds.average, "#9A9A9A")):
        top = allowed.cpu().numpy().clip(lowest)
        shift = -0.2 if shade == "#D8D8D8" else 0.2
        axes.vlines(places + shift, lowest, top, color=shade, linewidth=4)
    for seen, shape, color, shift in (
        (change.amax(dim=0), "^", RED, -0.2),
        (change.mean(dim=0), "o", BLUE, 0.2),
    ):
        axes.plot(places + shift, seen.cpu().numpy().clip(lowest), shape, color=color, ms=4)
    axes.set_yscale("log")
    axes.set_yticks([0.01, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticks(places[::3])
    axes.set(xlabel="output", title="change of the outputs", ylim=(lowest, highest))
    axes.title.set_fontsize(10)
    axes.text(-0.5, 900, "▲ largest, light bar: bound (13)", fontsize=8, color=RED)
    axes.text(-0.5, 300, "● average, dark bar: bound (14)", fontsize=8, color=BLUE)


@picture("04_nnrelief_heatmaps/bounds")
@checked
def bound_bars(
    recut: Recut, *, alpha: Number = 0.95, layer: str, figure: Figure | None = None
) -> Figure:
    """Draw Figure 11 for one cut layer: bounds as bars, every judging image as a dot.

    Left: the change of each output, with the two bounds; images beyond the point-wise one in red.
    Right: how the images spread, as a share of their point-wise bound. Raises ValueError as
    `Recut.masks` does.
    """
    figure, axes = blank(figure, 10, 3.6, columns=2, width_ratios=(2, 1))
    masks = recut.masks(alpha, layer)
    bounds, change, beyond = recut.bounds(masks), recut.change(masks), recut.beyond(masks)
    _draw_changes(axes[0], change.cpu().numpy(), beyond.cpu().numpy(), bounds)
    images = int(beyond.any(dim=1).sum())
    axes[0].set_title(f"lines: bounds (14), dashed (13); {images} of {len(change):,} images beyond")
    shares = (change / bounds.pointwise.clamp_min(1e-12)).flatten().cpu().numpy()
    axes[1].hist(shares, bins=list(np.linspace(0, 1.5, 46)), color=BLUE)
    axes[1].axvline(1, color="k", linestyle="--")
    axes[1].set_yscale("log")
    axes[1].set(title="all outputs and images", xlabel="change / point-wise bound")
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.9, wspace=0.15)
    return describe(
        figure,
        f"Change of the outputs of {len(change):,} images after {layer} was cut at "
        f"α = {alpha:g}, with the average and the point-wise bound of each output: {images} images "
        f"lie beyond the point-wise bound, marked in red; at the median a change is "
        f"{float(np.median(shares)):.0%} of it.",
    )


def _draw_changes(axes: Axes, change: np.ndarray, beyond: np.ndarray, bounds: Bounds) -> None:
    generator = np.random.default_rng(0)
    for place in range(change.shape[1]):
        spread = place + generator.uniform(-0.3, 0.3, len(change))
        for chosen, color in ((~beyond[:, place], BLUE), (beyond[:, place], RED)):
            values, size = change[chosen, place], 2 if color == BLUE else 7
            axes.plot(spread[chosen], values, ".", color=color, ms=size)
        for value, style in ((bounds.average, "-"), (bounds.pointwise, "--")):
            axes.plot([place - 0.4, place + 0.4], [float(value[place])] * 2, style, color="k")
    axes.set(xticks=range(change.shape[1]), xlabel="output", ylabel="change of the output")
