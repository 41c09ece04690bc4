"""Figures of notebook 08: milliseconds, with their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter, StrMethodFormatter

from ...costs import Latency, Machine
from ...engine.results import Runs, spread
from ...engine.sensitivity import ADDED, TOGETHER
from ...ideas.checks import Share, checked
from ...ideas.roofline import Product, attainable
from ...layouts import LayoutTimes
from ..pictures import describe, picture
from .curves import check_filled, check_numbers, density_axis
from .style import BLUE, GRAY, GREEN, ORANGE, PURPLE, blank, colors

LAYOUTS = {"dense": GRAY, "CSR": BLUE, "blocks": ORANGE, "units removed": GREEN}
SPARSE = ("CSR", "blocks")


@picture("08_does_it_run_faster/layouts_over_density")
@checked
def layouts_over_density(
    measured: Mapping[str, LayoutTimes],
    *,
    batch: str,
    density: Share = 0.1,
    figure: Figure | None = None,
) -> Figure:
    """Show how long one layer takes in each layout, over the share of its weights that live.

    `measured` by the name of the batch. Left: medians, the quartiles as bands, and a ring where a
    sparse layout breaks even with the dense product. Right: the same at the density nearest to
    `density`. Raises ValueError for a batch that was not measured.
    """
    check_filled(measured=measured)
    if batch not in measured:
        raise ValueError(f"batch={batch!r} must be one of {list(measured)}")
    times = measured[batch]
    check_filled(measured=times.times)
    figure, (left, right) = blank(figure, 9.5, 3.8, columns=2, width_ratios=(1.7, 1))
    for layout in times.times:
        _draw_layout(left, times, layout)
    check_numbers("density", [density], 0, 1)
    at = int(np.argmin([abs(place - density) for place in times.densities]))
    left.axvline(times.densities[at], color=GRAY, linestyle=":", linewidth=1)
    left.set(yscale="log", ylabel="milliseconds", xlabel="weights that live")
    density_axis(left, times.densities)
    left.legend(frameon=False, fontsize=8)
    left.set_title(f"{batch}: rings mark where a sparse layout breaks even", fontsize=10)
    now = {layout: times.times[layout][at] for layout in times.times}
    _bars(right, now, {layout: LAYOUTS[layout] for layout in now})
    right.set_title(f"{times.densities[at]:.0%} of the weights live", fontsize=10)
    figure.subplots_adjust(left=0.075, right=0.985, bottom=0.15, top=0.9, wspace=0.42)
    return describe(figure, _layout_words(times, batch, at))


def _draw_layout(axes: Axes, times: LayoutTimes, layout: str) -> None:
    low, median, high = (
        np.array(values) * 1e3
        for values in zip(*(time.quartiles for time in times.times[layout]), strict=True)
    )
    axes.plot(times.densities, median, ".-", color=LAYOUTS[layout], label=layout)
    axes.fill_between(times.densities, low, high, color=LAYOUTS[layout], alpha=0.2, linewidth=0)
    even = times.break_even(layout) if layout in SPARSE else None
    if even is not None:
        places, dense = np.log(sorted(times.densities)), np.sort(times.densities)
        order = [times.densities.index(value) for value in dense]
        height = np.exp(np.interp(np.log(even), places, np.log(median[order])))
        axes.plot([even], [height], "o", color=LAYOUTS[layout], markersize=13, fillstyle="none")


def _layout_words(times: LayoutTimes, batch: str, at: int) -> str:
    even = {layout: times.break_even(layout) for layout in SPARSE if layout in times.times}
    said = ", ".join(
        f"{layout} below {place:.1%}" if place else f"{layout} at no density that was measured"
        for layout, place in even.items()
    )
    now = ", ".join(f"{layout} {times.times[layout][at].short}" for layout in times.times)
    return (
        f"{batch}, time of one layer over the share of its weights that live. With "
        f"{times.densities[at]:.0%}: {now} (median, quartiles). Break even with the dense product: "
        f"{said or 'no sparse layout works here'}."
    )


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


@picture("08_does_it_run_faster/networks_in_milliseconds")
@checked
def networks_in_milliseconds(
    measured: Mapping[str, Mapping[str, Latency]], *, figure: Figure | None = None
) -> Figure:
    """Draw how long each network takes, a panel for each way of measuring, quartiles as whiskers.

    Raises ValueError for no panels, more than six, or one without bars or with more than seven.
    """
    check_filled(measured=measured)
    if len(measured) > 6:
        raise ValueError(f"measured has {len(measured)} panels; at most 6 can be read")
    figure, panels = blank(figure, 11, 3.3, columns=len(measured))
    shared = list(dict.fromkeys(name for times in measured.values() for name in times))
    shades = dict(zip(shared, colors(len(shared)), strict=True))
    for panel, (title, times) in zip(panels, measured.items(), strict=True):
        check_filled(measured=times)
        _bars(panel, times, shades)
        panel.set_title(title, fontsize=10)
        if panel is not panels[0]:
            panel.set_yticklabels([])
    figure.subplots_adjust(left=0.14, right=0.99, bottom=0.16, top=0.9, wspace=0.15)
    said = "; ".join(
        f"{title}: " + ", ".join(f"{name} {time.short}" for name, time in times.items())
        for title, times in measured.items()
    )
    return describe(figure, f"Median time of a call, quartiles in brackets. {said}.")


@picture("08_does_it_run_faster/accuracy_against_milliseconds")
@checked
def accuracy_against_milliseconds(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw test accuracy against measured time, and beside it against density, for each method.

    Rows have "density", "milliseconds" and "test_accuracy"; mean ± one standard deviation over the
    seeds on both axes. The densest network has a larger dot. Raises ValueError for no methods, more
    than seven, or seeds with different numbers of rounds; KeyError for rows without these.
    """
    check_filled(runs=runs)
    figure, (left, right) = blank(figure, 9.5, 3.9, columns=2)
    for axes, key in ((left, "density"), (right, "milliseconds")):
        _draw_methods(axes, runs, key)
    density_axis(left, np.concatenate([v.mean(axis=0) for v in
                                       runs.over_rounds("density").values()]).tolist())  # fmt: skip
    left.set(xlabel="weights that stay", ylabel="test accuracy")
    right.set(xscale="log", xlabel="milliseconds for a batch")
    # A span of about a decade: powers of ten alone would be too few, ten labels a decade too many.
    right.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    right.xaxis.set_minor_locator(NullLocator())
    right.invert_xaxis()
    left.set_title("as papers draw it", fontsize=10)
    right.set_title("as a user feels it: faster to the right", fontsize=10)
    right.legend(frameon=False, fontsize=8)
    figure.subplots_adjust(left=0.075, right=0.985, bottom=0.15, top=0.9, wspace=0.18)
    ends = ", ".join(
        f"{label} {runs.last('milliseconds')[label].mean():.3g} ms with "
        f"{runs.last('test_accuracy')[label].mean():.1%}"
        for label in runs
    )
    return describe(
        figure,
        "Test accuracy against the share of weights that stay, and against the milliseconds of a "
        f"batch, mean and standard deviation over the seeds. In the last round: {ends}.",
    )


def _draw_methods(axes: Axes, runs: Runs, key: str) -> None:
    """Draw the accuracy of each method over `key`, with bars over the seeds on both axes."""
    places, accuracy = runs.over_rounds(key), runs.over_rounds("test_accuracy")
    for number, (label, shade) in enumerate(zip(runs, colors(len(runs)), strict=True)):
        x, y = places[label], accuracy[label]
        # Methods that share their accuracies lie under each other: the first one is the widest.
        width = max(1.2, 3.5 - number)
        axes.errorbar(
            x.mean(axis=0), y.mean(axis=0), yerr=spread(y), xerr=spread(x), fmt=".-",
            color=shade, label=label, linewidth=width, elinewidth=0.8,
        )  # fmt: skip
        axes.plot(x.mean(axis=0)[0], y.mean(axis=0)[0], "o", color=shade, markersize=8)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


@picture("08_does_it_run_faster/roofline")
@checked
def roofline(
    machine: Machine,
    measured: Mapping[str, tuple[Product, Latency]],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw a machine's roof, and each product where it was measured, quartiles as whiskers.

    Operations a second over operations a byte, both logarithmic; the roof's band is that of its
    quartiles. Raises ValueError for no products or more than seven.
    """
    check_filled(measured=measured)
    figure, (axes,) = blank(figure, 7, 4)
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
    figure.subplots_adjust(left=0.11, right=0.97, bottom=0.14, top=0.96)
    ridge = machine.peak[1] / machine.bandwidth[1]
    return describe(
        figure,
        f"The roof of this machine: it rises with operations for each byte and is flat beyond "
        f"{ridge:.3g}, at {1e-9 * machine.peak[1]:.3g} billion operations a second. Measured: "
        f"{', '.join(said)}.",
    )


@picture("08_does_it_run_faster/layer_scan")
@checked
def layer_scan(
    scan: Mapping[str, Sequence[float]],
    densities: Sequence[float],
    *,
    density: Share = 0.1,
    figure: Figure | None = None,
) -> Figure:
    """Draw the accuracy with one layer cut, with all cut, and what the single cuts foretell.

    `scan` as `scan_layers` returns it for `densities`. Left: over the density; right: at the one
    nearest to `density`. Raises ValueError where it does not fit the densities.
    """
    check_filled(scan=scan)
    check_numbers("densities", densities, 0, 1)
    for name, values in scan.items():
        check_numbers(f"scan[{name!r}]", values, 0, 1)
        if len(values) != len(densities):
            raise ValueError(f"scan[{name!r}] has {len(values)} values for {len(densities)}")
    figure, (left, right) = blank(figure, 9.5, 3.8, columns=2, width_ratios=(1.6, 1))
    at = int(np.argmin([abs(place - density) for place in densities]))
    _draw_scan(left, right, scan, densities, at)
    left.axvline(densities[at], color=PURPLE, linestyle=":", linewidth=1)
    left.set(ylim=(0, 1.02), ylabel="accuracy, nothing retrained", xlabel="weights that stay")
    density_axis(left, densities)
    for axis in (left.yaxis, right.xaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.legend(frameon=False, fontsize=8)
    right.set_title(f"{densities[at]:.0%} of a layer stays", fontsize=10)
    figure.subplots_adjust(left=0.075, right=0.985, bottom=0.15, top=0.9, wspace=0.45)
    said = ", ".join(f"{_plain(name)} {values[at]:.1%}" for name, values in scan.items())
    return describe(
        figure,
        f"Accuracy where {densities[at]:.1%} of a layer stays and nothing is retrained: {said}.",
    )


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
