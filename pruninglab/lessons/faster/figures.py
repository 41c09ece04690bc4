"""Figures of notebook 08: milliseconds, with their spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter
from torch import Tensor, nn

from ...checks import Share
from ...costs import Latency, Machine, latency
from ...data import Split
from ...devices import move_to
from ...engine.results import Runs, spread
from ...engine.sensitivity import ADDED, TOGETHER
from ...kit.exercise import attempt
from ...kit.page import GRAY, PURPLE, Page, apart, colors, figure
from ...nets import clone
from ..curves import density_axis
from ..palette import LOOK_UPS
from .layouts import LayoutTimes
from .roofline import Product, attainable

# Gray where the zeros stay in place; darker teal, the fewer look-ups a product needs.
LAYOUTS = dict(zip(("dense", "CSR", "blocks", "units removed"), (GRAY, *LOOK_UPS), strict=True))
NAMES = {"dense": "zeros in place", "blocks": "4×4 blocks", "units removed": "rows removed"}
LEAST, MOST = 0.05, 120.0
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


def _shade(label: str) -> str:
    found = (color for name, color in LAYOUTS.items() if name in label)
    return next(found, GRAY)


@figure("08_does_it_run_faster/speed_over_density")
def speed_over_density(page: Page, times: LayoutTimes, *, density: Share = 0.1) -> str:
    """Show how many times as fast as dense each layout is, down to a density, and what is promised.

    Left: the middle of the series, and a band from the worst to the best; the dotted line is what
    the count of operations promises. Right: the same at the density nearest to `density`.
    """
    places = 100 * np.array(times.densities)
    order = np.argsort(-places)
    at = int(np.argmin(np.abs(places - 100 * density)))
    now = order[: int(np.flatnonzero(order == at)[0]) + 1]
    left, right = page(
        8, 3.3, columns=2, width_ratios=(1.5, 1), edges=(0.08, 0.95, 0.16, 0.9), wspace=0.5
    )
    left.plot(places[now], 100 / places[now], ":", color="black", lw=2)
    ends, told = {"promised": (100 / places[at], "black")}, []
    for row, layout in enumerate(times.times):
        speed, color = times.speed(layout), LAYOUTS[layout]
        low, middle, high = np.quantile(speed, (0, 0.5, 1), axis=0)
        left.plot(places[now], middle[now], ".-", color=color, lw=2)
        left.fill_between(places[now], low[now], high[now], color=color, alpha=0.25, lw=0)
        name = NAMES.get(layout, layout)
        ends[name] = (middle[at], color)
        right.barh(row, middle[at], 0.65, color=color)
        right.plot([low[at], high[at]], [row, row], color="black", lw=1.5)
        right.text(
            min(max(high[at], 1) * 1.15, MOST), row, f"{middle[at]:.2g}×",
            va="center", fontsize=9, bbox=PAPER,
        )  # fmt: skip
        told.append(f"{name} {middle[at]:.2g} ({low[at]:.2g} to {high[at]:.2g})")
    left.axhline(1, color=GRAY, lw=0.8)
    heights = apart([math.log(value) for value, _ in ends.values()], 0.5)
    for (name, (_, color)), height in zip(ends.items(), heights, strict=True):
        left.text(places[at] * 0.93, math.exp(height), name, color=color, fontsize=9, va="center",
                  bbox=PAPER)  # fmt: skip
    left.set(xscale="log", yscale="log", xlim=(105, 0.35), ylim=(LEAST, MOST))
    left.set(xlabel="weights that live (%)", ylabel="times as fast as dense")
    left.set_xticks([100, 30, 10, 3, 1], ["100", "30", "10", "3", "1"])
    left.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    right.axvline(1, color=GRAY, lw=0.8)
    right.axvline(100 / places[at], color="black", ls=":", lw=2)
    right.set(xscale="log", xlim=(LEAST, MOST * 3), ylim=(len(times.times) - 0.4, -0.6))
    right.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    right.set_yticks(range(len(times.times)), [NAMES.get(name, name) for name in times.times])
    for axis in (left.xaxis, right.xaxis):
        axis.set_minor_locator(NullLocator())
    right.set(xlabel="times as fast")
    right.set_title(f"{places[at]:g} % of the weights live", fontsize=10)
    return (
        f"How many times as fast as the dense product one layer is. With {places[at]:g}% of its "
        f"weights, operations promise {100 / places[at]:.3g}; measured, the middle of "
        f"{len(times.speed('dense'))} series, worst to best: {', '.join(told)}."
    )


@figure("08_does_it_run_faster/your_promise")
def your_promise(page: Page, weights: Sequence[Tensor], answer: Any) -> str:
    """Show what operations promise over the density: a student's number is a black dot on it.

    `answer(weights)` is the student's, for the weights of a network with zeros in them.
    """
    (axes,) = page(5.2, 2.8, edges=(0.15, 0.97, 0.18, 0.96))
    living = sum(int((weight != 0).sum()) for weight in weights)
    density = living / sum(weight.numel() for weight in weights)
    grid = np.geomspace(1, 0.01, 50)
    axes.plot(100 * grid, 1 / grid, ":", color="black", lw=2)
    axes.set(xscale="log", yscale="log", xlim=(110, 0.9), ylim=(0.7, 140))
    axes.set_xticks([100, 30, 10, 3, 1], ["100", "30", "10", "3", "1"])
    axes.set_yticks([1, 10, 100], ["1", "10", "100"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="weights that live (%)", ylabel="promised: times as fast")
    axes.axvline(100 * density, color=GRAY, lw=0.8)
    said = attempt(answer, list(weights))
    try:
        mine = float(said)
    except (TypeError, ValueError, RuntimeError):
        return f"The promised line, and a network of which {density:.1%} lives."
    axes.plot(100 * density, 1 / density, "o", ms=15, color=LAYOUTS["blocks"])
    axes.plot(100 * density, max(min(mine, 120), 0.75), "o", ms=7, color="black")
    return (
        f"The promised line, and a network of which {density:.1%} lives: {1 / density:.1f} times "
        f"as fast; by your function {mine:.3g}."
    )


@figure("08_does_it_run_faster/your_stopwatch")
def your_stopwatch(
    page: Page, nets: tuple[nn.Module, nn.Module], inputs: Tensor, answer: Any
) -> str:
    """Show twenty times of a dense and a masked network in turn; a student's are black, on top.

    `answer(dense, masked, images)` returns two lists of seconds. Unanswered, axes without dots.
    """
    left, right = page(8, 2.8, columns=2, sharey=True, edges=(0.09, 0.98, 0.18, 0.88), wspace=0.08)
    mine = attempt(answer, *nets, inputs)
    told = []
    for number, (axes, title) in enumerate(((left, "dense"), (right, "nine of ten zero"))):
        axes.set(xlabel="call", xlim=(-1, 21))
        axes.set_title(title, fontsize=10)
        try:
            seconds = [1e3 * float(value) for value in mine[number]]
        except (TypeError, ValueError, IndexError, KeyError, RuntimeError):
            continue
        ours = [1e3 * value for value in latency(nets[number], inputs, repeats=20).seconds]
        axes.plot(range(20), ours, "o", ms=9, color=(GRAY, "#B5B5B5")[number])
        axes.plot(range(len(seconds)), seconds, "o", ms=4, color="black")
        told.append(f"{title} {np.median(seconds):.3g} ms")
    left.set_ylabel("milliseconds")
    left.set_ylim(0, None)
    return f"Twenty calls of two networks. Your medians: {', '.join(told) or 'not measured yet'}."


@figure("08_does_it_run_faster/your_fold")
def your_fold(page: Page, net: nn.Module, split: Split, answer: Any) -> str:
    """Show a network's outputs against those of the smaller one: rows just deleted, and folded.

    `net` is a stack of Linear layers with dead units; `answer(bias, dead, next_weight)` is what a
    student adds to the next bias. Gray: nothing is added. Raises ValueError without dead units.
    """
    (axes,) = page(4.2, 3.6, edges=(0.18, 0.97, 0.15, 0.97))
    move_to(net, split.inputs)
    with torch.no_grad():
        truth = net(split.inputs).flatten().cpu()

        def outputs(fold: Any) -> Tensor | None:
            small = _without_dead(net, fold)
            return None if small is None else small(split.inputs).flatten().cpu()

        plain = outputs(lambda bias, dead, weight: torch.zeros(len(weight)))
        right = outputs(lambda bias, dead, weight: weight[:, dead] @ bias[dead].relu())
        mine = outputs(answer)
    if plain is None or right is None:
        raise ValueError("net has no hidden unit that is dead")
    few = slice(None, None, max(1, len(truth) // 1500))
    axes.plot(truth[few], plain[few], ".", ms=3, color=GRAY)
    ends = [float(truth.min()), float(truth.max())]
    off = float((plain - truth).abs().max())
    axes.set(xlabel="outputs, dead rows still there", ylabel="outputs, rows deleted")
    if mine is None:
        axes.plot(ends, ends, color=LAYOUTS["blocks"], lw=1)
        return f"Rows of dead units just deleted: outputs are wrong by up to {off:.2g}."
    axes.plot(truth[few], right[few], ".", ms=7, color=LAYOUTS["blocks"])
    axes.plot(truth[few], mine[few], ".", ms=2, color="black")
    return (
        f"Rows of dead units just deleted: outputs are wrong by up to {off:.2g}. With your fold by "
        f"up to {float((mine - truth).abs().max()):.2g}."
    )


def _without_dead(net: nn.Module, fold: Any) -> nn.Module | None:
    """Return a stack of Linear layers without its dead units, or None where `fold` says nothing."""
    small = clone(net)
    layers = [module for module in small.modules() if isinstance(module, nn.Linear)]
    for first, second in pairwise(layers):
        dead = (first.weight == 0).all(dim=1)
        said = attempt(fold, first.bias.detach(), dead, second.weight.detach())
        if not isinstance(said, Tensor) or said.shape != second.bias.shape:
            return None
        second.bias.add_(said.to(second.bias.device))
        first.weight = nn.Parameter(first.weight[~dead])
        first.bias = nn.Parameter(first.bias[~dead])
        second.weight = nn.Parameter(second.weight[:, ~dead])
    return small


def _bars(axes: Axes, times: Mapping[str, Latency], shades: Mapping[str, str]) -> None:
    """Draw horizontal bars of medians in milliseconds, quartiles as whiskers.

    A row for each of `shades`, left empty where there is no time.
    """
    labels = list(shades)
    for label, time in times.items():
        place = labels.index(label)
        low, median, high = (1e3 * value for value in time.quartiles)
        axes.barh(place, median, color=shades[label], height=0.65)
        axes.plot([low, high], [place, place], color="black", linewidth=1.5)
        axes.annotate(
            f"{median:.3g}", (max(high, median), place), xytext=(4, 0), fontsize=8,
            textcoords="offset points", verticalalignment="center",
        )  # fmt: skip
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.margins(x=0.2)
    axes.set_xlabel("milliseconds")


@figure("08_does_it_run_faster/networks_in_milliseconds")
def networks_in_milliseconds(page: Page, measured: Mapping[str, Mapping[str, Latency]]) -> str:
    """Draw how long each network takes, a panel for each way of measuring, with quartiles."""
    panels = page(8, 2.9, columns=len(measured), edges=(0.17, 0.98, 0.18, 0.9), wspace=0.15)
    shared = list(dict.fromkeys(name for times in measured.values() for name in times))
    shades = {name: _shade(name) for name in shared}
    for panel, (title, times) in zip(panels, measured.items(), strict=True):
        _bars(panel, times, shades)
        panel.set_title(title, fontsize=10)
        if panel is not panels[0]:
            panel.set_yticklabels([])
    said = "; ".join(
        f"{title}: " + ", ".join(f"{name} {time.short}" for name, time in times.items())
        for title, times in measured.items()
    )
    return f"Median time of a call, quartiles in brackets. {said}."


@figure("08_does_it_run_faster/accuracy_by_the_clock")
def accuracy_by_the_clock(
    page: Page, runs: Runs, *, x: Literal["weights", "milliseconds"] = "weights"
) -> str:
    """Draw test accuracy over the weights that stay, or over measured milliseconds.

    Rows have "density", "milliseconds" and "test_accuracy"; mean ± one standard deviation over the
    seeds.
    """
    (axes,) = page(7.2, 3.4, edges=(0.09, 0.8, 0.16, 0.95))
    places, accuracy = (
        runs.over_rounds("density" if x == "weights" else x),
        runs.over_rounds("test_accuracy"),
    )
    scale, ends = (100.0 if x == "weights" else 1.0), {}
    for label in runs:
        place, right = scale * places[label], 100 * accuracy[label]
        style = "--" if "CSR" in label else "-"
        axes.errorbar(
            place.mean(axis=0), right.mean(axis=0), yerr=spread(right), xerr=spread(place),
            fmt=f".{style}", color=_shade(label), lw=2, elinewidth=0.8,
        )  # fmt: skip
        ends[label] = (float(place.mean(axis=0)[-1]), float(right.mean(axis=0)[-1]))
    axes.set(xscale="log", ylabel="% right")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.invert_xaxis()
    span = float(np.ptp(axes.get_ylim()))
    heights = apart([height for _, height in ends.values()], span / 13)
    for label, height in zip(ends, heights, strict=True):
        axes.text(
            1.02, (height - axes.get_ylim()[0]) / span, label, color=_shade(label), fontsize=9,
            va="center", transform=axes.transAxes,
        )  # fmt: skip
    axes.set_xlabel("weights kept (%)" if x == "weights" else "milliseconds for 256 images")
    unit = "%" if x == "weights" else " ms"
    told = ", ".join(f"{label} {place:.2g}{unit}, {right:.1f}% right"
                     for label, (place, right) in ends.items())  # fmt: skip
    return f"Test accuracy over {x}, mean and standard deviation over seeds. Last round: {told}."


@figure("08_does_it_run_faster/roofline")
def roofline(page: Page, machine: Machine, measured: Mapping[str, tuple[Product, Latency]]) -> str:
    """Draw a machine's roof, and each product where it was measured, quartiles as whiskers.

    Operations a second over operations a byte, both logarithmic; the roof's band is that of its
    quartiles.
    """
    (axes,) = page(7, 4, edges=(0.11, 0.97, 0.14, 0.96))
    least = min([0.05, *(cost.intensity / 2 for cost, _ in measured.values())])
    grid = np.geomspace(least, max([200, *(2 * c.intensity for c, _ in measured.values())]), 200)
    roofs = [
        [1e-9 * attainable(float(x), peak, speed) for x in grid]
        for peak, speed in zip(machine.peak, machine.bandwidth, strict=True)
    ]
    axes.plot(grid, roofs[1], color="black", label="the roof")
    axes.fill_between(grid, roofs[0], roofs[2], color="black", alpha=0.15, linewidth=0)
    said = []
    for (name, (cost, time)), shade in zip(measured.items(), colors(len(measured)), strict=True):
        slow, median, fast = (1e-9 * cost.flops / value for value in reversed(time.quartiles))
        axes.plot([cost.intensity] * 2, [slow, fast], color=shade, linewidth=1.5)
        axes.plot([cost.intensity], [median], "o", color=shade, markersize=9, label=name)
        said.append(f"{name} {median:.3g}")
    axes.set(xscale="log", yscale="log", xlabel="operations for each byte")
    axes.set_ylabel("billion operations a second")
    axes.legend(frameon=False, fontsize=8)
    ridge = machine.peak[1] / machine.bandwidth[1]
    return (
        f"The roof of this machine: it rises with operations for each byte and is flat beyond "
        f"{ridge:.3g}, at {1e-9 * machine.peak[1]:.3g} billion operations a second. Measured: "
        f"{', '.join(said)}."
    )


@figure("08_does_it_run_faster/layer_scan")
def layer_scan(
    page: Page,
    scan: Mapping[str, Sequence[float]],
    densities: Sequence[float],
    *,
    density: Share = 0.1,
) -> str:
    """Draw the accuracy with one layer cut, with all cut, and what the single cuts foretell.

    `scan` as `scan_layers` returns it for `densities`. Left: over the density; right: at the one
    nearest to `density`.
    """
    (left, right) = page(
        9.5, 3.8, columns=2, width_ratios=(1.6, 1), edges=(0.075, 0.985, 0.15, 0.9), wspace=0.45
    )
    at = int(np.argmin([abs(place - density) for place in densities]))
    _draw_scan(left, right, scan, densities, at)
    left.axvline(densities[at], color=PURPLE, linestyle=":", linewidth=1)
    left.set(ylim=(0, 1.02), ylabel="accuracy, nothing retrained", xlabel="weights that stay")
    density_axis(left, densities)
    for axis in (left.yaxis, right.xaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.legend(frameon=False, fontsize=8)
    right.set_title(f"{densities[at]:.0%} of a layer stays", fontsize=10)
    said = ", ".join(f"{_plain(name)} {values[at]:.1%}" for name, values in scan.items())
    return f"Accuracy where {densities[at]:.1%} of a layer stays and nothing is retrained: {said}."


def _draw_scan(
    left: Axes,
    right: Axes,
    scan: Mapping[str, Sequence[float]],
    densities: Sequence[float],
    at: int,
) -> None:
    """Draw each curve of a scan, and beside it a bar for its value at one density."""
    single = [name for name in scan if name not in (TOGETHER, ADDED)]
    shades = dict(zip(single, colors(len(single)), strict=True))
    shades |= {TOGETHER: "black", ADDED: GRAY}
    for place, (name, values) in enumerate(scan.items()):
        style = ":" if name == ADDED else "-"
        left.plot(densities, values, ".", linestyle=style, color=shades[name], label=_plain(name))
        right.barh(place, values[at], color=shades[name], height=0.65)
        right.annotate(f"{values[at]:.1%}", (values[at], place), xytext=(4, 0), fontsize=8,
                       textcoords="offset points", verticalalignment="center")  # fmt: skip
    right.set_yticks(range(len(scan)), [_plain(name) for name in scan], fontsize=8)
    right.invert_yaxis()
    right.set(xlim=(0, 1.18), xlabel="accuracy")


def _plain(name: str) -> str:
    """Return "fc1 alone" for "fc1.weight"; the two sums keep their names."""
    return name if name in (TOGETHER, ADDED) else f"{name.removesuffix('.weight')} alone"
