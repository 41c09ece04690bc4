"""Pixels, heatmaps of masks, relief, and runs over rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter
from torch import Tensor

from ....ideas.checks import Count, Number, checked
from ....ideas.nnrelief import jaccard
from ..style import BLUE, GRAY, ORANGE, SKY, blank, colors

Runs = Sequence[Sequence[Mapping[str, Any]]]


@checked
def pixel_maps(
    maps: Mapping[str, Tensor], *, side: Count = 28, figure: Figure | None = None
) -> Figure:
    """Draw one image per map: a number for each of the `side` × `side` inputs.

    `maps` maps a title to side² numbers, of any shape and on any device. Each has its own scale,
    0 is white. Raises ValueError for no maps, and one of another size.
    """
    _check_given("maps", maps)
    for title, values in maps.items():
        if values.numel() != side**2:
            raise ValueError(f"maps[{title!r}] has {values.numel()} numbers, not {side} × {side}")
    figure, axes = blank(figure, 2.6 * len(maps), 2.9, columns=len(maps))
    for one, (title, values) in zip(axes, maps.items(), strict=True):
        image = values.detach().cpu().reshape(side, side).numpy()
        one.imshow(image, cmap="Blues", vmin=0, vmax=max(float(image.max()), 1e-12))
        one.set_title(title, fontsize=10)
        one.set_axis_off()
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.88, wspace=0.05)
    return figure


@checked
def mask_heatmaps(
    masks: Mapping[str, Mapping[str, Tensor]], *, figure: Figure | None = None
) -> Figure:
    """Draw Figure 10: which connections each rule keeps, one row per rule, one column per layer.

    `masks` maps a rule's name to bool masks by parameter name; weights of two dimensions are
    drawn. Inputs run to the right, neurons down. The first rule is the one that the others are
    compared with: their titles give the Jaccard index. Raises ValueError if there are no rules or
    weights, or if a rule lacks one of the first one's.
    """
    _check_given("masks", masks)
    rules = list(masks)
    names = [name for name, mask in masks[rules[0]].items() if mask.dim() == 2]
    if not names or any(set(names) - set(masks[rule]) for rule in rules):
        raise ValueError(f"masks: every rule needs masks of the same weights, {names}")
    figure, axes = blank(figure, 9.5, 1.8 * len(rules), columns=len(rules) * len(names))
    dark = ListedColormap(["white", BLUE])
    widths, left, gap = (0.53, 0.24, 0.15), 0.02, 0.018
    for row, rule in enumerate(rules):
        edge = left
        for column, name in enumerate(names):
            one = axes[row * len(names) + column]
            mask = masks[rule][name]
            share = widths[min(column, len(widths) - 1)]
            top = 1 - (row + 1) / len(rules)
            one.set_position((edge, top + 0.02, share, 0.78 / len(rules)))
            edge += share + gap
            one.imshow(
                mask.cpu().numpy(),
                aspect="auto",
                cmap=dark,
                vmin=0,
                vmax=1,
                interpolation="nearest",
            )
            like = "" if row == 0 else f", Jaccard {jaccard(mask, masks[rules[0]][name]):.2f}"
            label = f"{rule}: " if column == 0 else ""
            shown = name.removesuffix(".weight")
            one.set_title(f"{label}{shown} {float(mask.float().mean()):.0%}{like}", fontsize=9)
            one.set_xticks(())
            one.set_yticks(())
            one.spines[:].set_visible(True)
    return figure


@checked
def relief(
    states: Mapping[str, Mapping[str, Float[Tensor, "_ _"]]], *, figure: Figure | None = None
) -> Figure:
    """Draw the histograms of importance: does it even out? One panel per layer.

    `states` maps a name ("dense", "cut", …) to importances by layer, (out, in + 1), 0 where a
    connection is dead. Drawn: importance × living connections of the neuron, on a log scale, so
    that 1 is a fair share. Raises ValueError if there are no states or layers, or if a state lacks
    one of the first one's.
    """
    _check_given("states", states)
    layers = list(next(iter(states.values())))
    if not layers or any(set(layers) - set(state) for state in states.values()):
        raise ValueError(f"states: every state needs the same layers, {layers}")
    figure, axes = blank(figure, 3.5 * len(layers), 3.1, columns=len(layers))
    bins = list(np.logspace(-4, 2, 61))
    for one, layer in zip(axes, layers, strict=True):
        for (name, found), color in zip(states.items(), colors(len(states)), strict=True):
            shares = found[layer].detach().cpu()
            fair = (shares * (shares > 0).sum(dim=1, keepdim=True))[shares > 0].numpy()
            weights = np.full(len(fair), 1 / max(len(fair), 1))
            one.hist(
                fair.clip(bins[0], bins[-1]), bins=bins, weights=weights, histtype="step",
                color=color, label=name, linewidth=1.6,
            )  # fmt: skip
        one.axvline(1, color=GRAY, linestyle=":")
        one.set_xscale("log")
        one.xaxis.set_minor_locator(NullLocator())
        one.set(title=layer, xlabel="importance, 1 = a fair share")
        one.set_yticks(())
    axes[0].legend(frameon=False, fontsize=9, loc="upper left")
    figure.subplots_adjust(left=0.02, right=0.99, bottom=0.17, top=0.9, wspace=0.08)
    return figure


@checked
def over_runs(
    methods: Mapping[str, Runs],
    printed: Mapping[str, tuple[Number, Number, Number, Number]] | None = None,
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw error against what is retained, a curve per method: mean ± std over seeds, both ways.

    `methods` maps a label to runs (seeds, rounds) of rows with "density" and "error" in [0, 1].
    `printed` maps a label to (retained, ±, error, ±), a point from a paper. Errors that span more
    than a factor of 4 get a logarithmic axis. Raises ValueError if there are no methods.
    """
    _check_given("methods", methods)
    figure, (axes,) = blank(figure, 7, 4)
    shades = colors(len(methods) + len(printed or {}))
    smallest, errors = 1.0, [values[2] for values in (printed or {}).values()]
    for (label, runs), color in zip(methods.items(), shades, strict=False):
        kept, error = (
            np.array([[row[key] for row in rows] for rows in runs], dtype=float)
            for key in ("density", "error")
        )
        few = min(1, len(runs) - 1)
        smallest = min(smallest, kept.min())
        errors += [float(error.min()), float(error.max())]
        axes.errorbar(
            kept.mean(0), error.mean(0), error.std(0, ddof=few), kept.std(0, ddof=few),
            fmt="o-", ms=4, capsize=2, color=color, label=label,
        )  # fmt: skip
    for (label, values), color in zip((printed or {}).items(), shades[len(methods) :], strict=True):
        kept_at, kept_std, error_at, error_std = values
        axes.errorbar(
            kept_at, error_at, error_std, kept_std, fmt="*", ms=12, capsize=2, color=color,
            label=label,
        )  # fmt: skip
        smallest = min(smallest, kept_at)
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 0.3, 0.1, 0.03, 0.01, 0.003) if tick >= smallest * 0.9]
    axes.set_xticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(1.15, smallest / 1.2)
    if max(errors) > 4 * min(errors) > 0:
        axes.set_yscale("log")
        axes.set_yticks([0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2])
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(0.9 * min(errors), 1.15 * max(errors))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.set(xlabel="connections retained", ylabel="test error")
    axes.legend(frameon=False)
    figure.subplots_adjust(left=0.12, right=0.97, bottom=0.15, top=0.95)
    return figure


@checked
def decay_and_optimizer(
    found: Mapping[str, Sequence[tuple[Number, Number]]],
    titles: tuple[str, str] = ("retained after one cut", "first layer: |w| below 1e-5"),
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw what one cut keeps, and what training itself made vanish, for each way of training.

    `found` maps a label to two shares in [0, 1] of each seed; seeds are dots, bars means. Raises
    ValueError if there are none.
    """
    _check_given("found", found)
    figure, axes = blank(figure, 9, 2.9, columns=2, sharey=True)
    labels = list(found)
    for one, column, title in zip(axes, (0, 1), titles, strict=True):
        values = np.array([[seed[column] for seed in found[label]] for label in labels])
        one.barh(labels, values.mean(axis=1), color=(SKY, ORANGE)[column])
        for row, seeds in enumerate(values):
            one.plot(seeds, [row] * len(seeds), "o", color="black", ms=4)
        one.set_title(title)
        one.set_xlim(left=-0.005)
        one.xaxis.set_major_locator(MaxNLocator(5))
        one.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes[0].invert_yaxis()
    figure.subplots_adjust(left=0.2, right=0.98, bottom=0.12, top=0.88, wspace=0.06)
    return figure


def _check_given(name: str, mapping: Mapping[str, Any]) -> None:
    empty = [key for key, part in mapping.items() if not isinstance(part, Tensor) and not len(part)]
    if not mapping or empty:
        raise ValueError(f"{name} is empty{f' at {empty}' if empty else ''}: nothing to draw")
