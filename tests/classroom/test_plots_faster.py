"""The figures of notebook 08 at the corners of their sliders, on made-up times."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import pruninglab as lab
from pruninglab.classroom.pictures import words_of
from pruninglab.classroom.plots import faster
from pruninglab.costs import Latency, Machine
from pruninglab.ideas.roofline import product
from pruninglab.layouts import LayoutTimes

DENSITIES = (1.0, 0.5, 0.1, 0.01)


def took(milliseconds: float) -> Latency:
    seconds = tuple(1e-3 * milliseconds * factor for factor in (0.9, 0.95, 1.0, 1.1, 1.3))
    return Latency(seconds, images=1, threads=2, device="cpu")


def layouts(csr: float) -> LayoutTimes:
    """Dense takes 1 ms; CSR `csr` × density."""
    return LayoutTimes(
        DENSITIES,
        {"dense": [took(1)] * 4, "CSR": [took(csr * density) for density in DENSITIES]},
        {"blocks": "no kernel"},
    )


@pytest.mark.parametrize("density", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("batch", ["batch 1", "batch 256"])
def test_layouts_over_density(density: float, batch: str) -> None:
    measured = {"batch 1": layouts(100.0), "batch 256": layouts(4.0)}
    figure = faster.layouts_over_density(measured, batch=batch, density=density)
    figure.canvas.draw()
    even = 0.01 if batch == "batch 1" else 0.25
    ring = figure.axes[0].lines[-2]
    assert ring.get_xdata()[0] == pytest.approx(even) and ring.get_ydata()[0] == pytest.approx(1)
    nearest = 0.01 if density == 0 else density
    assert f"With {nearest:.0%}: dense 1.000 ms (0.950 … 1.100)" in words_of(figure)
    assert f"CSR below {even:.1%}" in words_of(figure)
    bars = [bar.get_width() for bar in figure.axes[1].patches]
    assert bars == pytest.approx([1, nearest * (100 if batch == "batch 1" else 4)])


def test_a_layout_that_never_breaks_even_says_so() -> None:
    figure = faster.layouts_over_density({"batch 1": layouts(1000.0)}, batch="batch 1")
    assert "CSR at no density that was measured" in words_of(figure)
    with pytest.raises(ValueError, match="batch='batch 2'"):
        faster.layouts_over_density({"batch 1": layouts(1.0)}, batch="batch 2")


def test_networks_in_milliseconds() -> None:
    panels = {"batch 1": {"dense": took(2), "small": took(1)}, "1 thread": {"dense": took(4)}}
    figure = faster.networks_in_milliseconds(panels)
    figure.canvas.draw()
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert widths[0] == pytest.approx([2, 1]) and widths[1] == pytest.approx([4])
    assert "1 thread: dense 4.000 ms (3.800 … 4.400)" in words_of(figure)
    same = [axes.patches[0].get_facecolor() for axes in figure.axes]
    assert same[0] == same[1], "a network has one colour in all panels"
    with pytest.raises(ValueError, match="measured is empty"):
        faster.networks_in_milliseconds({})
    with pytest.raises(ValueError, match="7 panels"):
        faster.networks_in_milliseconds({str(i): panels["batch 1"] for i in range(7)})


def test_accuracy_against_milliseconds() -> None:
    rows = [[{"seed": s, "round": i, "density": 0.5**i, "milliseconds": 2.0 + s - i / 2,
              "test_accuracy": 0.9 - i / 10} for i in range(2)] for s in range(2)]  # fmt: skip
    figure = faster.accuracy_against_milliseconds(lab.Runs({"a": rows}))
    figure.canvas.draw()
    assert "a 2 ms with 80.0%" in words_of(figure)
    left, right = figure.axes
    assert left.get_xscale() == right.get_xscale() == "log"
    assert right.get_xlim()[0] > right.get_xlim()[1], "faster is to the right"
    whiskers = right.collections[0].get_segments()
    assert float(np.ptp(whiskers[0][:, 0])) == pytest.approx(2 * math.sqrt(0.5))


def test_roofline_has_its_ridge_where_both_roofs_meet() -> None:
    machine = Machine(took(1000), took(1000), flops=4e10, bytes=1e10)
    cost = product(300, 784, 1)
    figure = faster.roofline(machine, {"dense": (cost, took(1))})
    figure.canvas.draw()
    x, y = (np.asarray(values) for values in figure.axes[0].lines[0].get_data())
    assert y.max() == pytest.approx(40) and x[np.argmax(y > 39.9)] == pytest.approx(4, rel=0.1)
    dot = figure.axes[0].lines[-1]
    assert dot.get_ydata()[0] == pytest.approx(1e-9 * cost.flops / 1e-3)
    assert re.search(r"flat beyond 4, at 40 billion", words_of(figure))


@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_layer_scan(density: float) -> None:
    scan = {"fc1.weight": [0.9, 0.8], "all together": [0.9, 0.3],
            "single losses added up": [0.9, 0.5]}  # fmt: skip
    figure = faster.layer_scan(scan, [1.0, 0.1], density=density)
    figure.canvas.draw()
    shown = [bar.get_width() for bar in figure.axes[1].patches]
    assert shown == ([0.9] * 3 if density == 1 else [0.8, 0.3, 0.5])
    assert "fc1 alone" in words_of(figure)
    with pytest.raises(ValueError, match="2 values for 3"):
        faster.layer_scan(scan, [1.0, 0.5, 0.1])
