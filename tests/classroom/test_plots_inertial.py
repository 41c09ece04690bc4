"""Figures of notebook 06 at the corners of their sliders, and what they say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from pruninglab.classroom.pictures import name_of, words_of
from pruninglab.classroom.plots import inertial
from pruninglab.engine.results import Runs
from pruninglab.ideas.inertial import TwoWells, Valley, spectral_density

EIGENVALUES = torch.cat(
    [torch.tensor([5.0, 2.0, -0.5]), torch.linspace(-0.01, 0.3, 60)]
).double()  # fmt: skip
RATES = {-4: 0.01, -2: 0.01, 0: 0.02}


def draw(figure: Figure) -> None:
    figure.canvas.draw()


@pytest.mark.filterwarnings("error")
def test_two_weights_at_every_corner() -> None:
    figure, told = None, set()
    for ratio, bend, start in product((1.0, 20.0), (0.0, 1.2), (0.0, 355.0)):
        figure = inertial.two_weights(ratio=ratio, bend=bend, start=start, figure=figure)
        draw(figure)
        told.add(words_of(figure))
    assert len(told) == 8, "each state is told in its own words"
    assert name_of(figure) == "06_imc_spectral_gaps/two_weights"


def test_two_weights_weighs_the_gap_against_4k() -> None:
    assert "the theorem speaks" in inertial.two_weights(ratio=5, bend=0).axes[0].get_title()
    figure = inertial.two_weights(ratio=5, bend=1)
    verdict = f"gap 4.0, 4K = {4 * Valley(5, 1).lipschitz():.1f}: the theorem is silent"
    assert figure.axes[0].get_title() == verdict
    assert verdict in words_of(figure)


@pytest.mark.filterwarnings("error")
def test_spectrum_at_both_ends() -> None:
    figure = None
    for epoch in (0, 10):
        figure = inertial.spectrum(
            {0: EIGENVALUES, 10: EIGENVALUES / 2}, epoch=epoch, figure=figure
        )
        draw(figure)
    negative = float((EIGENVALUES < 0).float().mean())
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[1] == f"curves down: {negative:.0%}"
    assert f"{negative:.0%} of them negative" in words_of(figure)
    assert "after 10 epochs" in words_of(figure)
    counted = sum(bar.get_height() for bar in figure.axes[1].patches)
    assert counted == len(EIGENVALUES), "every eigenvalue is in the histogram"


@pytest.mark.filterwarnings("error")
def test_gaps_at_every_corner() -> None:
    figure, told = None, set()
    for log_k, log_delta, log_box in product((-13.0, 2.0), (-4, 0), (-4.0, 1.0)):
        figure = inertial.gaps_against_4k(
            EIGENVALUES, RATES, log_k=log_k, log_delta=log_delta, log_box=log_box, figure=figure
        )
        draw(figure)
        told.add(words_of(figure))
    assert len(told) == 8, "each state is told in its own words"


def test_gaps_say_what_step_5_does() -> None:
    figure = inertial.gaps_against_4k(EIGENVALUES, RATES, log_k=-1.0, log_box=1.0)
    between = np.diff(np.sort(-EIGENVALUES.numpy()))
    assert figure.axes[0].get_title() == f"{(between > 0.4).sum()} of 62 gaps are wider than 4K"
    k = int(np.flatnonzero(between > 0.4).max()) + 1
    assert f"k = {k}, {63 - k} kept" in figure.axes[1].get_title()
    assert f"by step (5) k = {k}, {63 - k} kept" in words_of(figure)
    silent = inertial.gaps_against_4k(EIGENVALUES, RATES, log_k=2.0)
    assert "so by step (5) nothing is pruned" in words_of(silent)
    assert figure.axes[0].lines[3].get_ydata()[0] == pytest.approx(4 * 2 * 10 * 0.01)


def test_readings_are_mean_and_spread() -> None:
    def rows(now: float, later: float) -> list[dict]:
        return [{"pruned_test_accuracy": now, "test_accuracy": 0.9},
                {"pruned_test_accuracy": None, "test_accuracy": later}]  # fmt: skip

    runs = Runs({"a": [rows(0.1, 0.5), rows(0.3, 0.5)], "b": [rows(0.2, 0.4), rows(0.2, 0.6)]})
    for show in (inertial.readings, inertial.variants):
        figure = show(runs, np.array([0.91, 0.93]))
        draw(figure)
        widths = [bar.get_width() for bar in figure.axes[0].patches[:4]]
        assert widths == pytest.approx([0.2, 0.2, 0.5, 0.5])
        error = figure.axes[0].collections[0].get_segments()[0][:, 0]
        assert np.ptp(error) / 2 == pytest.approx(np.std([0.1, 0.3], ddof=1))
        assert "has 92%: a 20%, 50%; b 20%, 50%" in words_of(figure)
        assert "as many epochs" in words_of(figure), "not the dense network before retraining"


def test_shares_over_epochs_and_sizes() -> None:
    rows = [[{"seed": seed, "epoch": epoch, "gradient": 0.1 * epoch, "directions": 10**epoch,
              "way": 0.5 if epoch else None, "test_accuracy": 0.2 + 0.1 * epoch}
             for epoch in (0, 1, 2)] for seed in (0, 1)]  # fmt: skip
    figure = inertial.where_the_gradient_lives(Runs({"flat": rows}), {"random": 0.5})
    draw(figure)
    assert figure.axes[1].lines[0].get_xdata().tolist() == [1, 2], "at first there is no way"
    assert "of the gradient flat 20%; of the way from the start flat 50%" in words_of(figure)
    figure = inertial.over_sizes({"own": Runs({"flat": rows}), "other": Runs({"a": rows})}, 100)
    draw(figure)
    assert "With 100 of 100 directions: own flat 40%; other a 40%" in words_of(figure)


def test_sparsities_and_pretraining() -> None:
    rows = [[{"seed": seed, "first": 10**step, "sparsity": 0.3 * step + 0.1, "test_accuracy":
              0.9 - 0.2 * step + 0.1 * seed} for step in (0, 1, 2)] for seed in (0, 1)]  # fmt: skip
    runs, dense = Runs({"flat": rows}), np.array([0.9, 0.94])
    figure = inertial.over_sparsity(runs, dense)
    draw(figure)
    curve, level = figure.axes[0].lines[:2]
    assert curve.get_xydata().tolist() == [[0.1, 0.95], [0.4, 0.75], [0.7, pytest.approx(0.55)]]
    assert level.get_ydata()[0] == pytest.approx(0.92)
    assert "has 92%. At the largest sparsity: flat 55%" in words_of(figure)
    figure = inertial.over_pretraining({"magnitude": runs, "random": runs}, dense)
    draw(figure)
    assert [axes.get_title() for axes in figure.axes] == ["magnitude", "random"]
    assert figure.axes[1].lines[0].get_xdata().tolist() == [1, 10, 100]
    assert "magnitude: flat 55%; random: flat 55%" in words_of(figure)


@pytest.mark.filterwarnings("error")
def test_two_wells_at_both_ends_and_around_4k() -> None:
    figure, told = None, set()
    for gap in (0.5, 4.5, 4.6, 16.0):
        figure = inertial.two_wells(gap=gap, figure=figure)
        draw(figure)
        told.add(words_of(figure))
        speaks = gap > 4 * TwoWells(gap).lipschitz()
        assert figure.axes[0].get_title().endswith("speaks" if speaks else "is silent")
    assert len(told) == 4, "each state is told in its own words"
    assert "manifold like exp(−16.0 t)" in words_of(figure)


def test_other_figures_draw() -> None:
    draw(inertial.before_and_after({"dense": [EIGENVALUES], "pruned": [EIGENVALUES[::2]] * 2}))
    estimate = spectral_density(torch.diag(EIGENVALUES), steps=20, probes=3)
    figure = inertial.quadrature(EIGENVALUES, estimate)
    draw(figure)
    assert "3 × 20" in words_of(figure) and f"{EIGENVALUES.mean():.4f}" in words_of(figure)
    draw(inertial.spectral_masses({"LeNet": estimate}))
    figure = inertial.lipschitz_over_boxes(
        [0.01, 0.1], {"a": [1e-4, 1e-3]}, {"b": [0.1, 1.0]}, 0.3, moved=1.0
    )
    draw(figure)
    assert "a from 1.0e-04 to 1.0e-03; b from 1.0e-01 to 1.0e+00" in words_of(figure)


def test_what_cannot_be_drawn_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="epoch=3 is not among spectra"):
        inertial.spectrum({0: EIGENVALUES}, epoch=3)
    with pytest.raises(ValueError, match=r"spectra\[0\] must be"):
        inertial.spectrum({0: EIGENVALUES / 0})
    with pytest.raises(ValueError, match="log_delta=7"):
        inertial.gaps_against_4k(EIGENVALUES, RATES, log_delta=7)
    with pytest.raises(ValueError, match="log_k=1000"):
        inertial.gaps_against_4k(EIGENVALUES, RATES, log_k=1000)
    with pytest.raises(ValueError, match=r"ratio=0.5 must be at least 1"):
        inertial.two_weights(ratio=0.5)
    with pytest.raises(ValueError, match=r"ratio=1e\+300"):
        inertial.two_weights(ratio=1e300)
    for show in (inertial.readings, inertial.variants, inertial.over_sparsity):
        with pytest.raises(ValueError, match="runs is empty"):
            show(Runs({}), np.ones(2))
    for draw_panels in (inertial.over_sizes, inertial.over_pretraining):
        with pytest.raises(ValueError, match="panels is empty"):
            draw_panels({}, 63 if draw_panels is inertial.over_sizes else np.ones(2))
    with pytest.raises(ValueError, match=r"spectra\['a'\] has no networks"):
        inertial.before_and_after({"a": []})
    uneven = [[{"directions": 1, "test_accuracy": 0.1}], [{"directions": 2, "test_accuracy": 0.1}]]
    with pytest.raises(ValueError, match="runs must all have the same directions"):
        inertial.over_sizes({"own": Runs({"a": uneven})}, 63)
    dense = [{"pruned_test_accuracy": None, "test_accuracy": 0.9}]
    with pytest.raises(ValueError, match=r"runs of \['a'\] have no round after the cut"):
        inertial.readings(Runs({"a": [dense]}), np.ones(2))
    with pytest.raises(ValueError, match="climbed must have a K for each of the 2 boxes"):
        inertial.lipschitz_over_boxes([0.1, 1.0], {}, {"a": [1.0]}, 0.3, 1.0)
