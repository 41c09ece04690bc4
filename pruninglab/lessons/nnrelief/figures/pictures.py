"""Heatmaps of masks, relief, and runs over rounds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator, PercentFormatter
from torch import Tensor

from ....checks import NonNegative
from ....engine.results import Runs, spread
from ....ideas.nnrelief import jaccard
from ....kit.page import GRAY, Page, colors, figure
from ...palette import amounts
from ..relief import fair_shares, unevenness

Point = tuple[NonNegative, NonNegative]


@figure("04_nnrelief_heatmaps/heatmaps")
def mask_heatmaps(page: Page, masks: Mapping[str, Mapping[str, Tensor]]) -> str:
    """Draw Figure 10, folded: how many neurons keep each pixel, a map per rule.

    `masks` maps a rule's name to bool masks by parameter name; the first one is that of the pixels.
    The first rule is the one that the others are compared with, layer by layer, by Jaccard index.
    """
    rules = list(masks)
    first = rules[0]
    names = [name for name, mask in masks[first].items() if mask.dim() == 2]
    axes = page(3 * len(rules), 3.5, columns=len(rules), edges=(0.01, 0.99, 0.12, 0.9), wspace=0.05)
    most = max(int(masks[rule][names[0]].sum(dim=0).max()) for rule in rules)
    told = []
    for panel, rule in zip(axes, rules, strict=True):
        counts = masks[rule][names[0]].sum(dim=0).cpu().double()
        counts[counts == 0] = np.nan  # paper
        panel.imshow(counts.reshape(round(len(counts) ** 0.5), -1).numpy(), cmap=amounts(), vmin=0,
                     vmax=max(most, 1))  # fmt: skip
        panel.set(xticks=(), yticks=())
        panel.spines[:].set(visible=True, color="#C8C8C8")
        alike = ", ".join(f"{jaccard(masks[rule][name], masks[first][name]):.2f}" for name in names)
        panel.set_title(rule, fontsize=11)
        panel.set_xlabel("" if rule == first else f"Jaccard by layer {alike}")
        told.append(f"{rule} {alike}")
    kept = ", ".join(f"{float(masks[first][name].float().mean()):.0%}" for name in names)
    return (
        f"Maps of how many neurons keep each pixel, a map per rule; {first} keeps {kept} of "
        f"{len(names)} layers. Jaccard index with {first} by layer: "
        f"{'; '.join(told[1:]) or 'no other rule'}."
    )


@figure("04_nnrelief_heatmaps/relief")
def relief(page: Page, states: Mapping[str, Mapping[str, Float[Tensor, "_ _"]]]) -> str:
    """Draw the histograms of importance: does it even out? One panel per layer.

    `states` maps a name ("dense", "cut", …) to importances by layer, (out, in + 1), 0 where a
    connection is dead. Drawn: importance × living connections of the neuron, on a log scale, so
    that 1 is a fair share.
    """
    layers = list(next(iter(states.values())))
    axes = page(
        3.5 * len(layers), 3.1, columns=len(layers), edges=(0.02, 0.99, 0.17, 0.9), wspace=0.08
    )
    bins = list(np.logspace(-4, 2, 61))
    for panel, layer in zip(axes, layers, strict=True):
        for (name, importance), color in zip(states.items(), colors(len(states)), strict=True):
            fair = fair_shares(importance[layer].detach().cpu())
            living = fair[fair > 0].numpy()
            weights = np.full(len(living), 1 / max(len(living), 1))
            panel.hist(
                living.clip(bins[0], bins[-1]), bins=bins, weights=weights, histtype="step",
                color=color, label=name, linewidth=1.6,
            )  # fmt: skip
        panel.axvline(1, color=GRAY, linestyle=":")
        panel.set_xscale("log")
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set(title=layer, xlabel="importance, 1 = a fair share")
        panel.set_yticks(())
    axes[0].legend(frameon=False, fontsize=9, loc="upper left")
    uneven = ", ".join(f"{name} {unevenness(state):.2f}" for name, state in states.items())
    return (
        f"Histograms of importance in units of a fair share, for {len(layers)} layers; the mean "
        f"Gini index, 0 if all count alike, is: {uneven}."
    )


@figure("04_nnrelief_heatmaps/rounds")
def error_over_rounds(page: Page, runs: Runs) -> str:
    """Draw test error against what is retained, a curve per method: mean ± std over seeds.

    Both ways. `runs` have "density" and "test_accuracy" in [0, 1]. Errors that span more than a
    factor of 4 get a logarithmic axis.
    """
    _errors(page, runs, {}).legend(frameon=False)
    return (
        f"Test error against retained connections, mean and standard deviation over seeds. In the "
        f"last round: {_last(runs)}."
    )


@figure("04_nnrelief_heatmaps/table_1")
def table_1(page: Page, runs: Runs, printed_kept: Point, printed_error: Point) -> str:
    """Draw test error against what is retained, as `error_over_rounds`, and the paper's Table 1.

    `printed_kept` and `printed_error` are (mean, std) in percent, as the paper prints them; they
    make a star.
    """
    kept, error = ((mean / 100, std / 100) for mean, std in (printed_kept, printed_error))
    _errors(page, runs, {"printed, Table 1": (kept, error)}).legend(frameon=False)
    return (
        f"Test error against retained connections, mean and standard deviation over seeds. In the "
        f"last round: {_last(runs)}. A star marks the paper's {error[0]:.2%} at {kept[0]:.2%}."
    )


def _last(runs: Runs) -> str:
    density, accuracy = runs.last("density"), runs.last("test_accuracy")
    return "; ".join(
        f"{label} {1 - accuracy[label].mean():.2%} ± {spread(accuracy[label]):.2%} with "
        f"{density[label].mean():.1%} retained"
        for label in runs
    )


def _errors(page: Page, runs: Runs, printed: Mapping[str, tuple[Point, Point]]) -> Axes:
    (axes,) = page(7, 4, edges=(0.12, 0.97, 0.15, 0.95))
    _draw_errors(axes, runs, printed)
    return axes


def _draw_errors(axes: Axes, runs: Runs, printed: Mapping[str, tuple[Point, Point]]) -> None:
    shades = colors(len(runs) + len(printed))
    kept, accuracy = runs.over_rounds("density"), runs.over_rounds("test_accuracy")
    means = [point for points in printed.values() for point in points]
    smallest = min([*(values.min() for values in kept.values()), *(mean for mean, _ in means[::2])])
    errors = [*(mean for mean, _ in means[1::2])]
    for label, color in zip(runs, shades, strict=False):
        error = 1 - accuracy[label]
        errors += [float(error.min()), float(error.max())]
        axes.errorbar(
            kept[label].mean(0), error.mean(0), spread(error), spread(kept[label]),
            fmt="o-", ms=4, capsize=2, color=color, label=label,
        )  # fmt: skip
    for (label, (x, y)), color in zip(printed.items(), shades[len(runs) :], strict=True):
        axes.errorbar(x[0], y[0], y[1], x[1], fmt="*", ms=12, capsize=2, color=color, label=label)
    _finish_errors(axes, float(smallest), errors)


def _finish_errors(axes: Axes, smallest: float, errors: list[float]) -> None:
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 0.3, 0.1, 0.03, 0.01, 0.003) if tick >= smallest * 0.9]
    axes.set_xticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(1.15, smallest / 1.2)
    if max(errors) > 4 * min(errors) > 0:
        axes.set_yscale("log")
        axes.set_yticks([0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3])
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(0.9 * min(errors), 1.15 * max(errors))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.set(xlabel="connections retained", ylabel="test error")
