"""The α slider: one sort, then every cut is a comparison; and the bounds beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from torch import Tensor, nn
from torch.nn import functional

from ....costs import active_neurons
from ....data import Split
from ....ideas.checks import Number, check_choice, checked
from ....ideas.nnrelief import (
    Bounds,
    check_share,
    clean_up,
    entry_share,
    error_bounds,
    network_importance,
)
from ..style import BLUE, GRAY, ORANGE, RED, blank

ALL = "all layers"
CURVE = tuple(np.round(np.concatenate([np.arange(0.3, 0.95, 0.05), [0.95, 0.97, 0.99, 1]]), 2))


@checked
@dataclass(frozen=True, eq=False)
class Recut:
    """A trained stack of Linear layers with ReLU between them, ready to be cut at any α.

    Made by `prepare`. `inputs` is the pruning set and `split` the images that judge, both
    (samples, …), on the device of the network. `entries` holds the `entry_share` of every
    connection by layer.
    """

    net: nn.Module
    inputs: Float[Tensor, "samples ..."]
    split: Split
    layers: dict[str, nn.Linear]
    entries: dict[str, Tensor]

    @checked
    def masks(self, alpha: Number, layer: str = ALL) -> dict[str, Tensor]:
        """Cut `layer` (or all of them) at `alpha` and clean up; masks by parameter name.

        Raises ValueError for alpha outside (0, 1], and a layer that the network has not.
        """
        check_share(alpha)
        check_choice("layer", layer, (ALL, *self.layers))
        masks = {}
        for name, entry in self.entries.items():
            kept = entry < (alpha if layer in (ALL, name) else torch.inf)
            kept = kept.to(self.inputs.device)
            whole = layer not in (ALL, name)
            masks[f"{name}.weight"] = kept[:, :-1] | whole
            masks[f"{name}.bias"] = kept[:, -1] | whole
        return clean_up(self.net, masks, self.inputs)

    @torch.no_grad()
    @checked
    def outputs(self, masks: Mapping[str, Tensor] | None = None) -> Tensor:
        """Class scores of the judging images under `masks`."""
        hidden = self.split.inputs.flatten(1)
        for place, (name, layer) in enumerate(self.layers.items()):
            hidden = hidden.relu() if place else hidden
            if masks is None:
                hidden = functional.linear(hidden, layer.weight, layer.bias)
            else:
                weight = layer.weight * masks[f"{name}.weight"]
                hidden = functional.linear(hidden, weight, layer.bias * masks[f"{name}.bias"])
        return hidden

    @cached_property
    def before(self) -> Tensor:
        """Class scores of the whole network."""
        return self.outputs()

    @checked
    def accuracy(self, outputs: Float[Tensor, "images classes"]) -> float:
        """Share of the judging images that these class scores get right."""
        right = outputs.argmax(dim=1) == self.split.targets
        return int(right.sum()) / len(right)

    @torch.no_grad()
    @checked
    def bounds(self, masks: Mapping[str, Tensor]) -> Bounds:
        """Bounds on the change of the class scores, Eqs. (13), (14)."""
        parts = [(layer.weight, layer.bias) for layer in self.layers.values()]
        keeps = [(masks[f"{name}.weight"], masks[f"{name}.bias"]) for name in self.layers]
        return error_bounds(parts, keeps, self.inputs.flatten(1))

    @cached_property
    def curve(self) -> list[float]:
        """Accuracy without retraining at the α of `CURVE`, all layers cut."""
        return [self.accuracy(self.outputs(self.masks(float(alpha)))) for alpha in CURVE]


@checked
def prepare(net: nn.Module, inputs: Float[Tensor, "samples ..."], split: Split) -> Recut:
    """Judge every connection of `net` once, on `inputs`, so that every later cut is quick.

    Network and judging images move to where the inputs lie. Raises ValueError if a layer with
    weights is not Linear or has no bias.
    """
    layers = {name: one for name, one in net.named_modules() if isinstance(one, nn.Linear)}
    found = network_importance(net, inputs)
    odd = [name for name in found if name not in layers or layers[name].bias is None]
    if odd:
        raise ValueError(f"layers {odd} are not Linear with a bias, which this figure needs")
    entries = {name: entry_share(shares) for name, shares in found.items()}
    return Recut(net, inputs, split.to(inputs.device), layers, entries)


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
    outputs = recut.outputs(masks)
    _draw_kept(axes[0], masks)
    _draw_active(axes[1], active_neurons(masks), recut)
    _draw_accuracy(axes[2], recut, alpha, recut.accuracy(outputs), layer)
    moved = (outputs - recut.before).abs()
    _draw_bounds(axes[3], moved, recut.bounds(masks))
    figure.subplots_adjust(left=0.04, right=0.995, bottom=0.17, top=0.88, wspace=0.27)
    return figure


def _draw_kept(axes: Axes, masks: dict[str, Tensor]) -> None:
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
    every_kept, every_one = (
        sum(int(part) for part in parts)
        for parts in zip(*((mask.sum(), mask.numel()) for mask in masks.values()), strict=True)
    )
    axes.set(xlim=(0, 1), title=f"{every_kept / every_one:.1%} of the connections stay")
    axes.title.set_fontsize(10)
    axes.invert_yaxis()
    axes.set_xticks((0, 0.5, 1))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _draw_active(axes: Axes, active: Sequence[int], recut: Recut) -> None:
    layers = list(recut.layers.values())
    sizes = [layers[0].in_features, *(one.out_features for one in layers)]
    names = ["inputs", *recut.layers]
    shares = [one / size for one, size in zip(active, sizes, strict=True)]
    axes.bar(range(len(sizes)), shares, color=BLUE)
    for place, (one, size) in enumerate(zip(active, sizes, strict=True)):
        axes.text(place, one / size + 0.02, f"{one}\nof {size}", ha="center", fontsize=9)
    axes.set_xticks(range(len(sizes)), names)
    axes.set(ylim=(0, 1.25), title="active units")
    axes.title.set_fontsize(10)
    axes.set_yticks(())


def _draw_accuracy(axes: Axes, recut: Recut, alpha: float, now: float, layer: str) -> None:
    axes.plot(CURVE, recut.curve, color=GRAY)
    axes.plot([alpha], [now], "o", color=ORANGE, markersize=9)
    title = f"accuracy {now:.1%}, not retrained"
    axes.set(xlim=(0.28, 1.02), ylim=(0, 1.03), xlabel="α", title=title)
    axes.set_xticks((0.4, 0.6, 0.8, 1.0))
    axes.set_yticks((0, 0.5, 1))
    axes.title.set_fontsize(10)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if layer != ALL:
        axes.text(0.3, 0.03, "gray: all layers cut", fontsize=8, color=GRAY)


def _draw_bounds(axes: Axes, moved: Tensor, bounds: Bounds) -> None:
    places = np.arange(moved.shape[1])
    lowest, highest = 0.01, 3000.0
    for allowed, shade in ((bounds.pointwise, "#D8D8D8"), (bounds.average, "#9A9A9A")):
        top = allowed.cpu().numpy().clip(lowest)
        shift = -0.2 if shade == "#D8D8D8" else 0.2
        axes.vlines(places + shift, lowest, top, color=shade, linewidth=4)
    for seen, shape, color, shift in (
        (moved.amax(dim=0), "^", RED, -0.2),
        (moved.mean(dim=0), "o", BLUE, 0.2),
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
    bounds = recut.bounds(masks)
    moved = (recut.outputs(masks) - recut.before).abs()
    # Beyond by more than rounding: on the pruning set itself the largest change is the bound.
    beyond = moved > bounds.pointwise * (1 + 1e-4) + 1e-6
    generator = np.random.default_rng(0)
    for place in range(moved.shape[1]):
        spread = place + generator.uniform(-0.3, 0.3, len(moved))
        for which, color in ((~beyond[:, place], BLUE), (beyond[:, place], RED)):
            chosen = which.cpu().numpy()
            values = moved[:, place].cpu().numpy()[chosen]
            axes[0].plot(spread[chosen], values, ".", color=color, ms=2 if color == BLUE else 7)
        for value, style in ((bounds.average, "-"), (bounds.pointwise, "--")):
            axes[0].plot([place - 0.4, place + 0.4], [float(value[place])] * 2, style, color="k")
    images = int(beyond.any(dim=1).sum())
    axes[0].set(xticks=range(moved.shape[1]), xlabel="output", ylabel="change of the output")
    axes[0].set_title(f"lines: bounds (14), dashed (13); {images} of {len(moved):,} images beyond")
    shares = (moved / bounds.pointwise.clamp_min(1e-12)).flatten().cpu().numpy()
    axes[1].hist(shares, bins=list(np.linspace(0, 1.5, 46)), color=BLUE)
    axes[1].axvline(1, color="k", linestyle="--")
    axes[1].set_yscale("log")
    axes[1].set(title="all outputs and images", xlabel="change / point-wise bound")
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.9, wspace=0.15)
    return figure
