"""Pixels, heatmaps of masks, relief, and runs over rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter
from torch import Tensor

from ....engine.results import Runs, spread
from ....ideas.checks import Count, NonNegative, checked
from ....ideas.nnrelief import fair_shares, jaccard, unevenness
from ...pictures import describe, picture
from ..style import BLUE, GRAY, ORANGE, SKY, blank, colors

Point = tuple[NonNegative, NonNegative]


@picture("04_nnrelief_heatmaps/pixels")
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
            raise ValueError(
                f"maps[{title!r}] has {values.numel()} numbers, not side² with side={side}"
            )
    figure, axes = blank(figure, 2.6 * len(maps), 2.9, columns=len(maps))
    white = []
    for panel, (title, values) in zip(axes, maps.items(), strict=True):
        image = values.detach().cpu().reshape(side, side).numpy()
        highest = max(float(image.max()), 1e-12)
        panel.imshow(image, cmap="Blues", vmin=0, vmax=highest)
        panel.set_title(title, fontsize=10)
        panel.set_axis_off()
        white.append(f"{title} {(image < 0.01 * highest).mean():.0%}")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=0.88, wspace=0.05)
    return describe(
        figure,
        f"Images of {side} by {side} pixels, dark where a pixel counts. Pixels that count for less "
        f"than a hundredth of the strongest: {', '.join(white)}.",
    )


@picture("04_nnrelief_heatmaps/heatmaps")
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
    first, *others = rules = list(masks)
    names = [name for name, mask in masks[first].items() if mask.dim() == 2]
    if not names or any(set(names) - set(masks[rule]) for rule in rules):
        raise ValueError(f"masks: every rule needs masks of the same weights, {names}")
    figure, axes = blank(figure, 9.5, 1.8 * len(rules), columns=len(rules) * len(names))
    panels = iter(axes)
    for row, rule in enumerate(rules):
        places = _places(row, len(rules), len(names))
        for name, place in zip(names, places, strict=True):
            panel, mask = next(panels), masks[rule][name]
            panel.set_position(place)
            _draw_mask(panel, mask)
            like = "" if rule == first else f", Jaccard {jaccard(mask, masks[first][name]):.2f}"
            label = f"{rule}: " if name == names[0] else ""
            shown = name.removesuffix(".weight")
            panel.set_title(f"{label}{shown} {float(mask.float().mean()):.0%}{like}", fontsize=9)
    alike = "; ".join(f"{rule} {_indices(masks[rule], masks[first], names)}" for rule in others)
    return describe(
        figure,
        f"Kept connections of {len(names)} layers as heatmaps, inputs to the right: {first} keeps "
        + ", ".join(f"{float(masks[first][name].float().mean()):.0%}" for name in names)
        + f" of them. Jaccard index with {first} by layer: {alike or 'no other rule'}.",
    )


def _indices(masks: Mapping[str, Tensor], others: Mapping[str, Tensor], names: list[str]) -> str:
    return ", ".join(f"{jaccard(masks[name], others[name]):.2f}" for name in names)


def _places(row: int, rows: int, columns: int) -> list[tuple[float, float, float, float]]:
    """Return where the panels of a row lie: the first layer is the widest."""
    widths, edge, gap = (0.53, 0.24, 0.15), 0.02, 0.018
    bottom, height, places = 1 - (row + 1) / rows + 0.02, 0.78 / rows, []
    for column in range(columns):
        width = widths[min(column, len(widths) - 1)]
        places.append((edge, bottom, width, height))
        edge += width + gap
    return places


def _draw_mask(axes: Axes, mask: Tensor) -> None:
    dark = ListedColormap(["white", BLUE])
    image = mask.cpu().numpy()
    axes.imshow(image, aspect="auto", cmap=dark, vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks(())
    axes.set_yticks(())
    axes.spines[:].set_visible(True)


@picture("04_nnrelief_heatmaps/relief")
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
    figure.subplots_adjust(left=0.02, right=0.99, bottom=0.17, top=0.9, wspace=0.08)
    uneven = ", ".join(f"{name} {_uneven(state)}" for name, state in states.items())
    return describe(
        figure,
        f"Histograms of importance in units of a fair share, for {len(layers)} layers; the mean "
        f"Gini index, 0 if all count alike, is: {uneven}.",
    )


def _uneven(importance: Mapping[str, Tensor]) -> str:
    living = any(bool(shares.any()) for shares in importance.values())
    return f"{unevenness(importance):.2f}" if living else "without a living connection"


@picture("04_nnrelief_heatmaps/rounds")
@checked
def error_over_rounds(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw test error against what is retained, a curve per method: mean ± std over seeds.

    Both ways. `runs` have "density" and "test_accuracy" in [0, 1]. Errors that span more than a
    factor of 4 get a logarithmic axis. Raises ValueError if there are no methods.
    """
    figure, axes = _errors(figure, runs, {})
    axes.legend(frameon=False)
    return describe(
        figure,
        f"Test error against retained connections, mean and standard deviation over seeds. In the "
        f"last round: {_last(runs)}.",
    )


@picture("04_nnrelief_heatmaps/table_1")
@checked
def table_1(
    runs: Runs, printed_kept: Point, printed_error: Point, *, figure: Figure | None = None
) -> Figure:
    """Draw test error against what is retained, as `error_over_rounds`, and the paper's Table 1.

    `printed_kept` and `printed_error` are (mean, std) in percent, as the paper prints them; they
    make a star.
    """
    kept, error = ((mean / 100, std / 100) for mean, std in (printed_kept, printed_error))
    figure, axes = _errors(figure, runs, {"printed, Table 1": (kept, error)})
    axes.legend(frameon=False)
    return describe(
        figure,
        f"Test error against retained connections, mean and standard deviation over seeds. In the "
        f"last round: {_last(runs)}. A star marks the paper's {error[0]:.2%} at {kept[0]:.2%}.",
    )


@picture("04_nnrelief_heatmaps/rivals")
@checked
def rivals(comparisons: Mapping[str, Runs], *, figure: Figure | None = None) -> Figure:
    """Draw test error against what is retained, a panel per comparison, a curve per method.

    Mean and standard deviation over seeds, both ways; each panel has its own scale of errors. All
    `comparisons` have "density" and "test_accuracy" in [0, 1] and the same methods. Raises
    ValueError if there are none, or if one has other methods than the first.
    """
    _check_given("comparisons", comparisons)
    labels = list(next(iter(comparisons.values())))
    if any(list(runs) != labels for runs in comparisons.values()):
        raise ValueError(f"comparisons: every one needs the methods {labels}")
    figure, axes = blank(figure, 3.7 * len(comparisons), 3.6, columns=len(comparisons))
    for panel, (title, runs) in zip(axes, comparisons.items(), strict=True):
        _draw_errors(panel, runs, {})
        panel.set_title(title, fontsize=10)
        panel.set_ylabel("test error" if panel is axes[0] else "")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, ncols=len(labels), loc="lower center", frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.23, top=0.92, wspace=0.2)
    told = ". ".join(f"{title}: {_last(runs)}" for title, runs in comparisons.items())
    return describe(
        figure,
        "Test error against retained connections, mean and standard deviation over seeds, in the "
        f"last round. {told}.",
    )


def _last(runs: Runs) -> str:
    density, accuracy = runs.last("density"), runs.last("test_accuracy")
    return "; ".join(
        f"{label} {1 - accuracy[label].mean():.2%} ± {spread(accuracy[label]):.2%} with "
        f"{density[label].mean():.1%} retained"
        for label in runs
    )


def _errors(
    figure: Figure | None, runs: Runs, printed: Mapping[str, tuple[Point, Point]]
) -> tuple[Figure, Axes]:
    _check_given("runs", runs)
    figure, (axes,) = blank(figure, 7, 4)
    _draw_errors(axes, runs, printed)
    figure.subplots_adjust(left=0.12, right=0.97, bottom=0.15, top=0.95)
    return figure, axes


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


@picture("04_nnrelief_heatmaps/optimizers")
@checked
def decay_and_optimizer(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw what one cut keeps, and what training itself made vanish, for each way of training.

    `runs` have "density" (after the cut) and "vanished", shares in [0, 1]; the last row of each
    seed is a dot, bars are means. Raises ValueError if there are none.
    """
    _check_given("runs", runs)
    labels, told = list(runs), []
    figure, axes = blank(figure, 10, 1.3 + 0.3 * len(labels), columns=2, sharey=True)
    for panel, key, title, color in zip(
        axes, ("density", "vanished"),
        ("retained after one cut", "first layer: |w| below 1e-5"), (SKY, ORANGE), strict=True,
    ):  # fmt: skip
        values = runs.last(key)
        panel.barh(labels, [values[label].mean() for label in labels], color=color)
        for row, label in enumerate(labels):
            panel.plot(values[label], [row] * len(values[label]), "o", color="black", ms=4)
        panel.set_title(title)
        panel.set_xlim(left=-0.005)
        panel.xaxis.set_major_locator(MaxNLocator(5))
        panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        told.append({label: f"{values[label].mean():.0%}" for label in labels})
    axes[0].invert_yaxis()
    figure.subplots_adjust(left=0.27, right=0.98, bottom=0.14, top=0.88, wspace=0.06)
    retained, vanished = told
    lines = [f"{label} {retained[label]} and {vanished[label]}" for label in labels]
    return describe(
        figure,
        "Connections retained after one cut, and first-layer weights below 1e-5, mean over seeds: "
        f"{'; '.join(lines)}.",
    )


@picture("04_nnrelief_heatmaps/filters")
@checked
def filter_bounds(filters: Sequence[Mapping[str, Any]], *, figure: Figure | None = None) -> Figure:
    """Draw how far a cut moves each filter beside what Eq. (10) allows, a panel per layer.

    `filters` are the rows of a record: "layer", and a list over its filters each of "average" (the
    mean change of the map), "lost" (the signal that went) and "allowed", S_j (1 − α). Filters are
    sorted by what is allowed. Raises ValueError for no rows, and rows that lack one of these.
    """
    keys = ("allowed", "lost", "average")
    if not filters or any({"layer", *keys} - set(row) for row in filters):
        raise ValueError(f"filters must be rows with 'layer', {', '.join(map(repr, keys))}")
    layers = list(dict.fromkeys(row["layer"] for row in filters))
    figure, axes = blank(figure, 9, 3.2, columns=len(layers))
    styles = {
        "allowed": ("-", GRAY, "allowed, $S_j(1-\\alpha)$"),
        "lost": (".", ORANGE, "signal that goes"),
        "average": (".", BLUE, "average change"),
    }
    told = []
    for panel, layer in zip(axes, layers, strict=True):
        rows = [row for row in filters if row["layer"] == layer]
        values = {key: np.concatenate([row[key] for row in rows]) for key in keys}
        order = np.argsort(values["allowed"])
        for key, (shape, color, label) in styles.items():
            panel.plot(values[key][order], shape, color=color, label=label, ms=5)
        panel.set(title=f"{layer}, {len(rows)} seeds", xlabel="filters, by what is allowed")
        share = np.median(values["average"] / values["allowed"])
        told.append(f"{layer} {share:.0%} of {len(order)} filters' bound at the median")
    axes[0].set_ylabel("change of the map (norm)")
    axes[0].legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.16, top=0.9, wspace=0.15)
    return describe(
        figure,
        f"How far one cut moves each filter, below what Eq. (10) allows: {'; '.join(told)}.",
    )


def _check_given(name: str, mapping: Mapping[str, Any]) -> None:
    empty = [key for key, part in mapping.items() if not isinstance(part, Tensor) and not len(part)]
    if not mapping or empty:
        raise ValueError(f"{name} is empty{f' at {empty}' if empty else ''}: nothing to draw")
