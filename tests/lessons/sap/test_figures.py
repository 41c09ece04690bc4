"""Figures of lesson 02 and its audit at the corners of their sliders, and what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import pruninglab as lab
from pruninglab.ideas.sap import pq_index, retained_bound
from pruninglab.kit.pictures import check_inside, name_of, words_of
from pruninglab.lessons.palette import BLACK
from pruninglab.lessons.pq_index.rounds import turns
from pruninglab.lessons.sap import bites, figures, figures_of_audit
from pruninglab.papers.sap import with_cuts, with_grid

NAME = "fashion-mnist_mlp_3-epochs_20-rounds_3-seeds_small"
SMALL = lab.papers.record("sap-grid", "fashion-mnist_mlp_3-epochs_3-seeds_small")
FULL = with_cuts(lab.papers.record("sap", "fashion-mnist_mlp_3-epochs_3-seeds").runs)


def looked_at(figure: Figure) -> str:
    figure.canvas.draw()
    check_inside(figure)
    assert name_of(figure).startswith("02_sap/")
    return words_of(figure)


@pytest.mark.parametrize("round", [1, 6, 18, 30])
def test_pace(round: int) -> None:
    words = looked_at(figures.pace(SMALL.runs, round=round))
    for label in ("lottery ticket", "SAP (1, 2)", "SAP (½, 1)"):
        density = SMALL.runs.over_rounds("density")[label][:, round].mean()
        assert f"{label} {density:.1%}" in words


def test_the_answers_to_the_tasks_of_the_first_figure() -> None:
    density = {label: values.mean(axis=0) for label, values in
               SMALL.runs.over_rounds("density").items()}  # fmt: skip
    sap, ticket = density["SAP (1, 2)"], density["lottery ticket"]
    assert (1 - sap[1:] / sap[:-1] < 0.2).argmax() + 1 == 4
    assert (ticket < sap)[1:].argmax() + 1 == 10


@pytest.mark.parametrize("walk", [[], [1.0, 0.75, 0.5], [1.0, 1.0]])
def test_your_lane(walk: list[float]) -> None:
    words = looked_at(figures.your_lane(SMALL.runs, walk))
    assert ("yours" in words) == bool(walk)


def test_ten_frozen_weights_come_to_rest_at_four() -> None:
    ten = torch.tensor(bites.TEN)
    assert bites.survivors(bites.bite, ten, 5) == [10, 5, 4, 4, 4, 4]
    assert bites.survivors(lambda w, alive: None, ten, 5) == [10]
    assert bites.survivors(lambda w, alive: 99, ten, 2) == [10, 0, 0]
    assert bites.survivors(lambda w, alive: -1, ten, 1) == [10, 10]


@pytest.mark.parametrize("answer", [None, bites.bite, lambda w, alive: None, lambda w, alive: 2,
                                    lambda w, alive: 1 / 0, lambda w, alive: "two"])  # fmt: skip
def test_frozen_draws_any_answer_in_black(answer: Any) -> None:
    figure = figures.frozen(answer)
    words = looked_at(figure)
    black = [line for panel in figure.axes for line in panel.lines if line.get_color() == BLACK]
    assert len(black) == (2 if "Your bite" in words else 0)
    if answer is bites.bite:
        assert "Your bite leaves 5, 4, 4 of the ten" in words


def test_the_bite_grows_with_its_order_and_is_what_sap_takes() -> None:
    net = lab.nets.sap_mlp(seed=0)
    shares = bites.by_order(net, 9)
    assert list(shares.values()) == sorted(shares.values())
    w = torch.cat([weight.flatten() for weight in lab.scores.prunable(net).values()])
    for order in (min(shares), max(shares)):
        p, q = bites.pair_of(order)
        kept = retained_bound(1.0, float(pq_index(w, p, q)), p, q)
        assert shares[order] == pytest.approx(1 - kept, abs=1e-6)
    for order in (0.1, 1.0, 4.0):
        assert f"order {order:.3g}" in looked_at(
            figures.orders({"a": shares, "b": shares}, order=order)
        )


@pytest.mark.parametrize("method", ["lottery ticket", "SAP (½, 1)", "SAP (1, 2)"])
def test_saw(method: str) -> None:
    words = looked_at(figures.saw(FULL, method=method))
    assert "after 30 of 30 cuts" in words and method in words


def test_no_gap_of_the_lesson_is_twice_its_spread() -> None:
    studies, densities = {"9,000 images": SMALL.runs, "60,000 images": FULL}, [0.5, 0.2, 0.05, 0.02]
    words = looked_at(figures.gaps(studies, densities))
    for runs in studies.values():
        for density in densities:
            gap = runs.paired("SAP (1, 2)", "lottery ticket", "test_accuracy", density)
            assert abs(gap.mean) < 2 * gap.std
            assert f"{100 * gap.mean:+.2f} ± {100 * gap.std:.2f}" in words
    scopes = lab.papers.sap.by_scope(lab.papers.record("sap-scopes", NAME).runs)
    assert "layer at 5%" not in looked_at(figures.gaps(scopes, [0.5, 0.05]))


def test_turn_marks_stops_only_where_there_are_some() -> None:
    assert "Empty axes" in looked_at(figures.turn(SMALL.runs, lambda values: None))
    assert "your stop" not in looked_at(figures.turn(SMALL.runs))
    right = figures.turn(SMALL.runs, lambda values: turns(values, patience=2))
    assert looked_at(right).count("your stop") == 3
    on_top = [line for line in right.axes[0].lines if line.get_color() == BLACK]
    below = [
        line for line in right.axes[0].lines if line.get_marker() == "o" and line not in on_top
    ]
    assert [line.get_xydata().tolist() for line in on_top] == [
        line.get_xydata().tolist() for line in below]  # fmt: skip


def test_figures_of_the_audit() -> None:
    assert "one-shot 12.3%" in looked_at(figures_of_audit.hypothesis(FULL))
    assert "accuracy" in looked_at(figures_of_audit.cuts(FULL))
    layers = lab.papers.record("sap-layers", NAME).runs
    fc3 = layers.last("layer_density.fc3.weight")["global"].mean()
    assert f"fc3 neuron 27.9, layer 26.1, global {100 * fc3:.3g}" in looked_at(
        figures_of_audit.layers(layers))  # fmt: skip
    assert "0.96" in looked_at(figures_of_audit.scales(with_grid(SMALL)))
    assert figures_of_audit._rank_correlation(np.arange(4.0), np.arange(4.0) ** 3) == 1
