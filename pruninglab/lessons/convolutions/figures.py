"""Figures of notebook 09: sixteen maps, and what a cut leaves of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn

from ...checks import Share, checked
from ...data import Split
from ...engine.results import Runs
from ...engine.training import accuracy
from ...kit.exercise import attempt
from ...kit.page import GRAY, GREEN, ORANGE, Page, apart, figure
from ..answers import mask
from ..curves import density_axis
from ..palette import color_of
from . import parts

Way = Literal["single weights", "whole filters"]
STYLES = {"single weights": "-", "whole filters": "--"}
FIRST, BEFORE, AFTER = "block1_1.bn1", "block1_1.bn2", "block1_1"
GAP = 1
READ = "images read correctly"
# Rows of the recounting, by what was done after the cut.
STEPS = {"just cut": "none", "counted again": "left", "one epoch": "full"}


@checked
def accuracies(net: nn.Module, split: Split, densities: Sequence[float]) -> dict[str, list[float]]:
    """Return the accuracy on `split` after each way of cutting to each density, not retrained."""
    return {
        way: [accuracy(parts.cut(net, split, density, way)[0], split) for density in densities]
        for way in parts.WAYS
    }


@figure("09_convolutions/maps")
def maps(
    page: Page,
    net: nn.Module,
    split: Split,
    curves: Mapping[str, Sequence[float]],
    densities: Sequence[float],
    *,
    density: Share = 1.0,
    way: Way = "single weights",
) -> str:
    """Show the maps of the first block's first convolution, and the accuracy, at a density.

    Of the first image of `split`; maps that are flat are framed. Right: `curves` at `densities`,
    drawn as far as the slider has come.
    """
    now, _ = parts.cut(net, split, density, way)
    image, middle, right = page(
        8, 3.1, 3, width_ratios=(0.42, 1, 1.15), edges=(0.01, 0.98, 0.17, 0.88), wspace=0.33
    )
    _picture(image, split.inputs[0])
    seen = _maps(now, split, FIRST)
    gone = parts.silent(seen)
    _mosaic(middle, seen, _limits(_maps(net, split, FIRST)), gone)
    middle.set_title(f"16 maps, {int(gone.sum())} of them silent", fontsize=11)
    told = []
    for name, style in STYLES.items():
        come = [(d, a) for d, a in zip(densities, curves[name], strict=True) if d >= density - 1e-9]
        x, y = zip(*come, strict=True)
        right.plot(x, y, style, color=ORANGE, lw=2.5 if name == way else 1.2, label=name)
        if name == way:
            right.plot(x[-1:], y[-1:], "o", color=ORANGE, markersize=9, markeredgecolor="white")
        told.append(f"{name} {y[-1]:.1%}")
    _accuracy_axes(right, densities)
    right.legend(loc="lower left", frameon=False)
    right.set_title(f"{density:.0%} of the weights stay", fontsize=11)
    return (
        f"One picture and the 16 maps that the first block's first convolution draws of it, with "
        f"{density:.0%} of all weights left by {way}, not retrained: {int(gone.sum())} maps are "
        f"flat. Read correctly, at this density: {'; '.join(told)}."
    )


@figure("09_convolutions/sum")
def sum_(page: Page, net: nn.Module, split: Split, *, density: Share = 0.5) -> str:
    """Show the first block's sixteen maps before the shortcut is added, and after it.

    Whole filters are cut to `density`, nothing is retrained; flat maps are framed.
    """
    now, _ = parts.cut(net, split, density, "whole filters")
    image, *panels = page(
        6.4, 2.7, 3, width_ratios=(0.42, 1, 1), edges=(0.01, 0.99, 0.04, 0.87), wspace=0.1
    )
    _picture(image, split.inputs[0])
    told = []
    for axes, layer, words in zip(
        panels, (BEFORE, AFTER), ("before the sum", "after the sum"), strict=True
    ):
        seen = _maps(now, split, layer)
        gone = parts.silent(seen)
        _mosaic(axes, seen, _limits(_maps(net, split, layer)), gone)
        axes.set_title(f"{words}: {int(gone.sum())} silent", fontsize=11)
        told.append(f"{words} {int(gone.sum())}")
    return (
        f"With {density:.0%} of the weights left by whole filters, of the first block's 16 maps "
        f"are silent: {', '.join(told)}."
    )


@figure("09_convolutions/your_silent")
def your_silent(page: Page, net: nn.Module, split: Split, silent: Callable[..., Any]) -> str:
    """Frame the maps that a student's `silent(maps)` names, in black over the package's frames."""
    (axes,) = page(3.2, 3.1, edges=(0.02, 0.98, 0.02, 0.9))
    seen = _maps(net, split, FIRST).cpu()
    gone = parts.silent(seen)
    _mosaic(axes, seen, _limits(seen), gone, 4.0)
    yours = attempt(lambda given: mask(silent(given), gone.shape), seen)
    if yours is not None:
        _frames(axes, seen, yours, "black", 1.5)
    axes.set_title("the package's frames, yours in black", fontsize=11)
    found = "nothing yet" if yours is None else f"{int(yours.sum())} maps"
    return f"Of 16 maps, {int(gone.sum())} are flat and framed; your function frames {found}."


@figure("09_convolutions/your_strength")
def your_strength(page: Page, net: nn.Module, split: Split, strength: Callable[..., Any]) -> str:
    """Line up the sixteen first filters and their maps, the weakest first by a student's score.

    Each filter is a tile of 3 × 3 colours, above the map that it draws. Without an answer they
    stand in the order of the network.
    """
    weight = net.get_parameter("conv1.weight").detach().cpu()
    given = attempt(lambda w: torch.as_tensor(strength(w)).flatten().double(), weight)
    sound = given is not None and given.shape == weight.shape[:1] and bool(given.isfinite().all())
    order = given.argsort() if sound else torch.arange(len(weight))
    upper, lower = page(8, 2.1, 1, edges=(0.01, 0.99, 0.02, 0.84)) * 2
    upper.axis("off")
    upper.set(xlim=(0, len(weight)), ylim=(2.15, -0.05))
    tiles = weight / weight.abs().max() / 2 + 0.5
    drawn = _maps(net, split, "bn1").cpu()
    low, high = _limits(drawn)
    for place, at in enumerate(order.tolist()):
        box = (place + 0.05, place + 0.95)
        upper.imshow(tiles[at].permute(1, 2, 0).numpy(), extent=(*box, 0.95, 0.05))
        upper.imshow(drawn[at].numpy(), extent=(*box, 2.05, 1.15), cmap="gray", vmin=low, vmax=high)
    lower.set(xlim=(0, len(weight)), ylim=(2.15, -0.05), aspect="equal")
    words = "your weakest first" if sound else "in the order of the network"
    upper.set_title(f"16 filters of 3 × 3 colours, and their maps: {words}", fontsize=11)
    right = sound and torch.equal(order, weight.flatten(1).norm(dim=1).argsort())
    told = "they stand by their norms" if right else "they do not stand by their norms"
    return f"The first 16 filters and the map that each draws of one image, {words}; {told}."


@figure("09_convolutions/your_blocks")
def your_blocks(page: Page, net: nn.Module, split: Split, mute: Callable[..., Any]) -> str:
    """Show what each block's two convolutions are worth, and its shortcut: accuracy without it.

    Black marks: the accuracy with the numbers that a student's `mute(state)` gives a block.
    """
    (axes,) = page(6.8, 3.2, edges=(0.11, 0.98, 0.14, 0.88))
    dense = accuracy(net, split)
    axes.axhline(dense, color=GRAY, lw=1)
    axes.text(2.62, dense + 0.02, "whole network", color=GRAY, ha="right")
    told = [f"whole {dense:.1%}"]
    for place, (name, block) in enumerate(parts.blocks(net).items()):
        without = {
            "convolutions": parts.mute_branch(block),
            "shortcut": parts.mute_shortcut(block),
        }
        for shift, color, (what, quiet) in zip(
            (-0.2, 0.2), (ORANGE, GREEN), without.items(), strict=True
        ):
            left = accuracy(parts.with_block(net, name, quiet), split)
            axes.bar(place + shift, left, 0.36, color=color, label="" if place else f"no {what}")
            told.append(f"block {place + 1} without its {what} {left:.1%}")
        yours = attempt(
            lambda state, b=block, n=name: accuracy(
                parts.with_block(net, n, parts.with_state(b, mute(state))), split
            ),
            block.state_dict(),
        )
        if yours is not None:
            axes.plot([place - 0.38, place - 0.02], [yours, yours], color="black", lw=2.5)
            told.append(f"yours {yours:.1%}")
    axes.set_xticks(range(3), [f"block {place}" for place in (1, 2, 3)])
    axes.set(ylim=(0, 1.12), xlim=(-0.6, 2.65))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel(READ)
    axes.legend(loc="upper left", frameon=False, ncol=2, bbox_to_anchor=(0, 1.14))
    return f"Images read correctly: {'; '.join(told)}. Yours in black."


@figure("09_convolutions/your_recount")
def your_recount(
    page: Page,
    cuts: Mapping[float, nn.Module],
    images: Tensor,
    split: Split,
    recount: Callable[..., Any],
) -> str:
    """Show networks cut to each density: as they are, counted again, and by a student's function.

    `cuts` are pruned networks by density. Hollow: just cut; half filled: counted again on `images`.
    `recount(maps)` is the student's mean and variance of each channel.
    """
    (axes,) = page(5.4, 2.9, edges=(0.13, 0.97, 0.18, 0.9))
    rows = {
        "just cut": [accuracy(net, split) for net in cuts.values()],
        "counted again": [accuracy(parts.recount(net, images), split) for net in cuts.values()],
    }
    for step, values in rows.items():
        _steps(axes, list(cuts), values, step, ORANGE, "-")
    yours = [
        attempt(lambda net: accuracy(parts.recount(net, images, recount), split), net)
        for net in cuts.values()
    ]
    if None not in yours:
        axes.plot(list(cuts), yours, color="black", lw=1.5)
    _accuracy_axes(axes, list(cuts))
    axes.legend(loc="lower left", frameon=False)
    axes.set_title("no weight is retrained; yours in black", fontsize=11)
    told = "; ".join(
        f"{density:.0%} left: {cut:.1%}, {again:.1%}"
        for density, cut, again in zip(cuts, *rows.values(), strict=True)
    )
    found = "no line" if None in yours else "a line, " + ", ".join(f"{y:.1%}" for y in yours)
    return f"Read correctly just after the cut, and counted again: {told}. Yours: {found}."


@figure("09_convolutions/healed")
def healed(page: Page, rows: Mapping[str, Mapping[str, Mapping[float, float]]]) -> str:
    """Show accuracies by way of cutting, by what was done then, by density: two panels.

    What was done: "just cut", "counted again", "one epoch".
    """
    panels = page(6.6, 2.8, 2, sharey=True, edges=(0.11, 0.98, 0.19, 0.88), wspace=0.12)
    told = []
    for axes, (way, steps) in zip(panels, rows.items(), strict=True):
        for step, found in steps.items():
            _steps(axes, list(found), list(found.values()), step, ORANGE, STYLES[way])
        _accuracy_axes(axes, [d for found in steps.values() for d in found])
        axes.set_title(way, fontsize=11)
        last = {step: list(found.items())[-1] for step, found in steps.items()}
        told.append(way + ": " + ", ".join(f"{s} {a:.1%}" for s, (_, a) in last.items()))
    panels[1].set_ylabel("")
    panels[0].legend(loc="lower left", frameon=False)
    smallest = min(d for steps in rows.values() for found in steps.values() for d in found)
    return f"Read correctly where {smallest:.0%} of the weights stay. {'; '.join(told)}."


@figure("09_convolutions/papers")
def papers(
    page: Page, runs: Runs, reference: str, densities: Sequence[float] = (0.5, 0.2, 0.1, 0.05)
) -> str:
    """Show how many points each method of a record is ahead of `reference`, over density.

    Paired seed by seed; bars are 95 % intervals of the mean.
    """
    (axes,) = page(7, 3.4, edges=(0.1, 0.64, 0.17, 0.92))
    others = [label for label in runs if label != reference]
    ends, told = {}, []
    drawn: set[str] = set()
    for place, label in enumerate(others):
        gaps = [runs.paired(label, reference, "test_accuracy", density) for density in densities]
        color = color_of(label)
        # Side by side: bars may not hide each other.
        x = [density * 1.02 ** (place - len(others) / 2) for density in densities]
        mean = [100 * gap.mean for gap in gaps]
        bars = [[100 * (gap.mean - gap.interval()[0]) for gap in gaps],
                [100 * (gap.interval()[1] - gap.mean) for gap in gaps]]  # fmt: skip
        style = "--" if color in drawn else "-"
        drawn.add(color)
        axes.errorbar(x, mean, bars, fmt=f"o{style}", color=color, lw=1.3, ms=4, elinewidth=0.8)
        ends[label] = (mean[-1], color, style)
        told.append(f"{label} {mean[-1]:+.1f}")
    axes.axhline(0, color=GRAY, lw=1)
    heights = apart([height for height, _, _ in ends.values()], 2.2)
    for (label, (_, color, style)), height in zip(ends.items(), heights, strict=True):
        words = label if style == "-" else f"{label} (dashed)"
        # Close to the lines: a wide gap would part the names from them on a phone.
        axes.annotate(words, (1.005, height), xycoords=("axes fraction", "data"), color=color,
                      va="center", annotation_clip=False)  # fmt: skip
    density_axis(axes, list(densities))
    axes.set_xticks(list(densities), [f"{density:.0%}" for density in densities])
    axes.set_ylabel("points of test accuracy")
    axes.set_title(f"ahead of {reference}, seed by seed", fontsize=11)
    axes.set_xlabel("weights that stay")
    return (
        f"Points of test accuracy ahead of {reference} where {densities[-1]:.0%} of the weights "
        f"stay: {', '.join(told)}."
    )


def _maps(net: nn.Module, split: Split, layer: str) -> Tensor:
    return parts.maps(net, split.inputs[:1], layer)[0]


def _limits(maps: Tensor) -> tuple[float, float]:
    """Return the black and the white of a gray scale: all but a hundredth at either end."""
    low, high = np.quantile(maps.cpu().numpy(), (0.01, 0.99))
    return float(low), float(high)


def _picture(axes: Axes, image: Tensor) -> None:
    pixels = image.detach().cpu().permute(1, 2, 0).numpy()
    low, high = pixels.min(), pixels.max()
    axes.imshow((pixels - low) / max(high - low, 1e-6))
    axes.set_title("the picture", fontsize=11)
    axes.axis("off")


def _places(maps: Tensor) -> list[tuple[int, int]]:
    """Return where each map of a square of maps begins: row and column of its first pixel."""
    height, width = maps.shape[1:]
    columns = round(len(maps) ** 0.5)
    return [(i // columns * (height + GAP), i % columns * (width + GAP)) for i in range(len(maps))]


def _mosaic(
    axes: Axes, maps: Tensor, limits: tuple[float, float], gone: Tensor, thick: float = 2.0
) -> None:
    """Draw the maps in a square on one gray scale, with frames around those that are flat."""
    height, width = maps.shape[1:]
    places = _places(maps)
    bottom, right = (max(ends) for ends in zip(*places, strict=True))
    sheet = np.full((bottom + height, right + width), np.nan)
    for (top, left), one in zip(places, maps.cpu().numpy(), strict=True):
        sheet[top : top + height, left : left + width] = one
    axes.imshow(sheet, cmap="gray", vmin=limits[0], vmax=limits[1])
    axes.axis("off")
    _frames(axes, maps, gone, ORANGE, thick)


def _frames(axes: Axes, maps: Tensor, gone: Tensor, color: str, thick: float) -> None:
    height, width = maps.shape[1:]
    for (top, left), flat in zip(_places(maps), gone.tolist(), strict=True):
        if flat:
            axes.add_patch(
                Rectangle((left, top), width - 1, height - 1, fill=False, edgecolor=color, lw=thick)
            )


def _steps(
    axes: Axes, x: Sequence[float], y: Sequence[float], step: str, color: str, line: str
) -> None:
    """Draw accuracies with the mark of what was done after the cut."""
    axes.plot(x, y, line, color=color, marker="o", markersize=8, fillstyle=STEPS[step], lw=1.2,
              markerfacecoloralt="white", label=step)  # fmt: skip


def _accuracy_axes(axes: Axes, densities: Sequence[float]) -> None:
    axes.set(xlim=(max(densities) + 0.04, min(densities) - 0.04), ylim=(0, 1.03))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("weights that stay")
    axes.set_ylabel(READ)
