"""The figures of notebook 08 at the corners of their sliders, on made-up times."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import pruninglab as lab
from pruninglab.costs import Latency, Machine
from pruninglab.data import Split
from pruninglab.kit.pictures import check_inside, words_of
from pruninglab.lessons.faster import figures
from pruninglab.lessons.faster.layouts import LayoutTimes
from pruninglab.lessons.faster.roofline import product

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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("density", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("csr", [4.0, 20.0])
def test_speed_over_density(density: float, csr: float) -> None:
    figure = figures.speed_over_density(layouts(csr), density=density)
    figure.canvas.draw()
    check_inside(figure)
    nearest = density or 0.01
    words = words_of(figure)
    assert f"promise {1 / nearest:.3g};" in words
    assert "zeros in place 1 (1 to 1)" in words, "each series is compared with its own dense"
    assert f"CSR {1 / (csr * nearest):.2g} (" in words
    shown = figure.axes[0].lines[0].get_xdata()
    assert shown.tolist() == [100 * d for d in DENSITIES if d >= nearest], "no farther than that"


def test_break_even_is_that_of_each_series() -> None:
    assert layouts(4.0).break_even("CSR") == pytest.approx([0.25] * 5)
    assert layouts(1000.0).break_even("CSR") == [None] * 5


def test_students_pictures_of_any_answer() -> None:
    net, split = lab.nets.mini_tanh(seed=0), Split(torch.rand(9, 1, 28, 28), torch.arange(9))
    dead = lab.nets.mini_relu(seed=0)
    with torch.no_grad():
        dead.fc1.weight[:5] = 0
        dead.fc1.bias[:5] = 0.5
    weights = [torch.eye(10)]
    for answer in (None, lambda *given: None, lambda *given: 1 / 0, lambda *given: "no"):
        for figure in (
            figures.your_promise(weights, answer),
            figures.your_stopwatch((net, net), split.inputs, answer),
            figures.your_fold(dead, split, answer),
        ):
            figure.canvas.draw()
            check_inside(figure)
    assert "by your function 10." in words_of(figures.your_promise(weights, lambda w: 10))
    times = figures.your_stopwatch((net, net), split.inputs, lambda *given: ([0.002], [0.001]))
    assert words_of(times).endswith("dense 2 ms, nine of ten zero 1 ms.")
    folded = figures.your_fold(dead, split, lambda b, gone, w: w[:, gone] @ b[gone].relu())
    off = float(re.search(r"up to ([\d.e-]+)\.$", words_of(folded)).group(1))
    assert off < 1e-5 < figures_off(words_of(folded))


def figures_off(words: str) -> float:
    return float(re.search(r"wrong by up to ([\d.e-]+)\. ", words).group(1))


def test_networks_in_milliseconds() -> None:
    panels = {"batch 1": {"dense": took(2), "small": took(1)}, "1 thread": {"dense": took(4)}}
    figure = figures.networks_in_milliseconds(panels)
    figure.canvas.draw()
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert widths[0] == pytest.approx([2, 1]) and widths[1] == pytest.approx([4])
    assert "1 thread: dense 4.000 ms (3.800 … 4.400)" in words_of(figure)
    same = [axes.patches[0].get_facecolor() for axes in figure.axes]
    assert same[0] == same[1], "a network has one colour in all panels"


@pytest.mark.parametrize("x", ["weights", "milliseconds"])
def test_accuracy_by_the_clock(x: str) -> None:
    rows = [[{"seed": s, "round": i, "density": 0.5**i, "milliseconds": 2.0 + s - i / 2,
              "test_accuracy": 0.9 - i / 10} for i in range(2)] for s in range(2)]  # fmt: skip
    figure = figures.accuracy_by_the_clock(lab.Runs({"CSR": rows, "units removed": rows}), x=x)
    figure.canvas.draw()
    check_inside(figure)
    assert f"CSR {'50%' if x == 'weights' else '2 ms'}, 80.0% right" in words_of(figure)
    (axes,) = figure.axes
    assert axes.get_xlim()[0] > axes.get_xlim()[1], "fewer, and faster, to the right"


def test_roofline_has_its_ridge_where_both_roofs_meet() -> None:
    machine = Machine(took(1000), took(1000), flops=4e10, bytes=1e10)
    cost = product(300, 784, 1)
    figure = figures.roofline(machine, {"dense": (cost, took(1))})
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
    figure = figures.layer_scan(scan, [1.0, 0.1], density=density)
    figure.canvas.draw()
    shown = [bar.get_width() for bar in figure.axes[1].patches]
    assert shown == ([0.9] * 3 if density == 1 else [0.8, 0.3, 0.5])
    assert "fc1 alone" in words_of(figure)
