"""Figures of notebook 01 at the corners of their sliders; any answer is drawn."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from answers import solve
from matplotlib.figure import Figure
from torch import Tensor

import pruninglab as lab
from pruninglab.ideas.sap import pq_index
from pruninglab.kit.pictures import check_inside, words_of
from pruninglab.lessons.pq_index import exercises
from pruninglab.lessons.pq_index import figures as pqi

VECTORS = lab.lessons.pq_index.examples.example_vectors()
SOCIETIES = {
    "eight households": torch.tensor([16, 9, 4, 4, 1, 1, 1, 0.25]),
    "all equal": torch.full((8,), 4.0),
    "one owns all": torch.tensor([16.0, 0, 0, 0, 0, 0, 0, 0]),
}
W = torch.tensor([9.0, 4.0, 1.0, 0.0])


def draw(figure: Figure) -> str:
    figure.canvas.draw()
    check_inside(figure)
    return words_of(figure)


@pytest.mark.parametrize(
    ("society", "p", "q"), list(product(SOCIETIES, (0.05, 0.5, 1.0), (1.0, 4.0)))
)
def test_two_averages(society: str, p: float, q: float) -> None:
    figure = pqi.two_averages(SOCIETIES, society=society, p=p, q=q)
    words = draw(figure)
    if p == q:
        assert "the index is 0" in words
        return
    block, w = figure.axes[1].patches[-1], SOCIETIES[society].double()
    equals, height = block.get_width(), block.get_height()
    for e in (p, q):
        assert equals * height**e == pytest.approx(float((w**e).sum()))
    assert f"the PQ Index, of {float(pq_index(w, p, q)):.3f}" in words


def test_the_tasks_of_the_first_slider_have_the_answers_that_are_meant() -> None:
    w = SOCIETIES["eight households"]
    gaps = {p / 20: float(pq_index(w, p / 20, 1.0)) for p in range(1, 20)}
    assert max(p for p, gap in gaps.items() if gap >= 0.4) == 0.25
    worth = {q / 10: lab.sap.effective_number(w, q / 10) for q in range(11, 41)}
    assert min(q for q, equals in worth.items() if equals < 3) == 3.4


def sums(w: Tensor, e: float) -> Tensor:
    return (w**e).sum() ** (1 / e)


@pytest.mark.parametrize(
    ("mean", "told"),
    [
        (solve(exercises.POWER_MEAN), "2.25, 3.5"),
        (sums, "36, 14"),
        (lambda w, e: None, "nothing yet, nothing yet"),
        (lambda w, e: w**e, "nothing yet, nothing yet"),
        (lambda w, e: 1e9, "1e+09, 1e+09"),
    ],
)
def test_your_averages(mean, told: str) -> None:
    assert draw(pqi.your_averages(mean, W)).endswith(f"In black, yours: {told}.")


@pytest.mark.parametrize("e", [0.1, 1.0, 4.0])
def test_who_is_heard(e: float) -> None:
    words = draw(pqi.who_is_heard(torch.ones(10), e=e))
    assert "poorer half 50%, middle 40%, richest tenth 10%" in words


@pytest.mark.parametrize(("p", "q"), list(product((0.1, 1.0), (1.0, 3.0))))
def test_one_axis(p: float, q: float) -> None:
    words = draw(pqi.one_axis(VECTORS | {"layer fc1": torch.rand(9)}, p=p, q=q))
    assert "constant 0.000" in words and (p == q) == ("one-hot 0.000" in words)


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (solve(exercises.MEASURE), "breaks D1. For Robin Hood"),
        (lambda w: pq_index(w, 1.0, 2.0), "nothing broke"),
        (lambda w: w.sum() / 0 if len(w) > 5 else w.max(), "breaks D1"),
        (lambda w: None, "not answered yet"),
        (lambda w: 1 / 0, "not answered yet"),
    ],
)
def test_your_measure(measure, told: str) -> None:
    assert told in draw(pqi.your_measure(measure))


@pytest.mark.parametrize(
    ("go", "told"),
    [(solve(exercises.GO), "2 go"), (lambda w: 6, "6 go"), (lambda w: 99, "99 go"),
     (lambda w: None, "nothing yet"), (lambda w: 2.5, "nothing yet")],
)  # fmt: skip
def test_your_number(go, told: str) -> None:
    words = draw(pqi.your_number(go, SOCIETIES["eight households"]))
    assert "worth 5.80 equals: at least 6 stay, 2 go" in words
    assert words.endswith(f"Yours, in black: {told}.")


def test_robin_hood_falls_inside_the_range_and_rises_outside() -> None:
    society = torch.tensor([3.0, 2.5, 20.0, 20.0, 20.0])
    figure = pqi.robin_hood_curves(society, [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0)])
    ends = [line.get_ydata()[-1] for line in figure.axes[0].lines[:3]]
    assert ends[0] < 0 and ends[1] < 0 < ends[2]
    assert "p = 0.5, q = 1: falls; p = 1, q = 2: falls; p = 2, q = 4: rises" in words_of(figure)


def test_other_figures_of_notebook_01() -> None:
    rows = {"good": dict.fromkeys(lab.lessons.pq_index.properties.PROPERTIES, True)}
    rows["bad"] = rows["good"] | {"D4": False}
    figure = pqi.property_grid(rows)
    figure.canvas.draw()
    assert words_of(figure).endswith("Only squares: good.")


@pytest.mark.parametrize("vector", ["Gaussian", "one giant", "constant", "one-hot"])
@pytest.mark.parametrize("gone", [0.0, 0.5, 1.0])
def test_the_cut_and_the_poverty_line(vector: str, gone: float) -> None:
    giant = torch.tensor([100.0] + [1.0] * 100)
    figure = pqi.cut_moves_index(VECTORS | {"one giant": giant}, vector=vector, gone=gone)
    draw(figure)
    words = words_of(figure)
    if vector == "constant" or gone == 1:
        assert "those who stay are equal" in words
    elif vector == "one giant":
        assert "the next cut raises the index" in words
        assert f"from 0.401 to {0.529 if gone else 0.401}" in words
    else:
        assert "the next cut lowers the index" in words
    x, y = (np.asarray(values) for values in figure.axes[1].lines[-2].get_data())
    dot = figure.axes[1].lines[-1]
    assert float(dot.get_ydata()[0]) == pytest.approx(np.interp(dot.get_xdata()[0], x, y), abs=0.02)
