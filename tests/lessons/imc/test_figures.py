"""Figures of notebook 06 at the corners of their sliders, and what they say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from pruninglab.data import Split
from pruninglab.engine.results import Runs
from pruninglab.engine.training import accuracy
from pruninglab.ideas.imc import spectral_density
from pruninglab.kit.pictures import check_inside, name_of, words_of
from pruninglab.lessons.imc import figures
from pruninglab.lessons.imc.directions import KEPT, accuracies, price
from pruninglab.lessons.imc.wells import TwoWells
from pruninglab.nets import mini_tanh

EIGENVALUES = torch.cat(
    [torch.tensor([5.0, 2.0, -0.5]), torch.linspace(-0.01, 0.3, 60)]
).double()  # fmt: skip
CURVES = {
    "flat": [k for k in KEPT],
    "flat by |curvature|": [0.9] * len(KEPT),
    "sharp": [0.1] * len(KEPT),
}
RATES = {-4: 0.01, -2: 0.01, 0: 0.02}


def draw(figure: Figure) -> None:
    figure.canvas.draw()


@pytest.mark.filterwarnings("error")
def test_the_price_of_a_cut_is_curvature_times_size_squared() -> None:
    figure = None
    for ratio, sharp in ((1.0, "0.5"), (4.0, "2"), (20.0, "10")):
        figure = figures.price_of_a_cut(ratio=ratio, figure=figure)
        draw(figure)
        check_inside(figure)
        assert f"adds 2 to the loss, the sharp one {sharp}," in words_of(figure)
    assert name_of(figure) == "06_imc_spectral_gaps/price_of_a_cut"


@pytest.mark.filterwarnings("error")
def test_first_the_fall_then_the_walk() -> None:
    told = []
    for time in (0.0, 0.1, 0.3, 4.0):
        figure = figures.fall_and_walk(time=time)
        draw(figure)
        check_inside(figure)
        told.append(words_of(figure))
    distances = [float(words.split("ball is ")[1].split(" ")[0]) for words in told]
    assert distances[0] > 1 > distances[1] > 0.05 > distances[2] > distances[3]


@pytest.mark.filterwarnings("error")
def test_spectrum_at_both_ends() -> None:
    figure = None
    for epoch in (0, 10):
        figure = figures.spectrum({0: EIGENVALUES, 10: EIGENVALUES / 2}, epoch=epoch, figure=figure)
        draw(figure)
        check_inside(figure)
    negative = float((EIGENVALUES < 0).float().mean())
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == [f"{1 - negative:.0%} curve up", f"{negative:.0%} curve down"]
    assert f"{negative:.0%} of them negative" in words_of(figure)
    assert "after 10 epochs" in words_of(figure)


@pytest.mark.filterwarnings("error")
def test_what_is_forgotten_at_both_ends() -> None:
    for kept in (KEPT[0], 0.53, KEPT[-1]):
        figure = figures.forgotten_over_kept(CURVES, kept=kept)
        draw(figure)
        check_inside(figure)
        assert f"With {kept:.0%} kept" in words_of(figure)
        assert f"flat {kept:.0%}, flat by |curvature| 90%, sharp 10%." in words_of(figure)
        assert len(figure.axes[0].lines[0].get_xdata()) == KEPT.index(kept) + 1


ANSWERS = {
    "none": lambda *given: None,
    "fails": lambda *given: 1 / 0,
    "a number": lambda *given: 1.0,
    "not a number": lambda first, *given: first[..., 0] * torch.nan,
}


def test_a_students_pictures_of_any_answer() -> None:
    net, split = mini_tanh(seed=0), Split(torch.rand(30, 1, 28, 28), torch.arange(30) % 10)
    count = sum(parameter.numel() for parameter in net.parameters())
    eye = torch.eye(count, dtype=torch.float64)
    spaces, dice = {"flat": eye[:, :500], "all": eye}, torch.rand(count).double()
    for answer in (*ANSWERS.values(), lambda w, b, d: w * torch.nan):
        for figure in (
            figures.your_forgetting(net, split, spaces, dice, answer),
            figures.your_mass(answer),
            figures.your_price(net, split, eye, answer),
        ):
            draw(figure)
            check_inside(figure)
    figure = figures.your_forgetting(
        net, split, spaces, dice, lambda w, b, d: w + b @ (b.T @ (d - w))
    )
    colours, mine = ([bar.get_width() for bar in figure.axes[0].patches[i::2]] for i in (0, 1))
    assert colours == mine, "right: as long as the colour"
    figure = figures.your_mass(lambda v, k: v[:, :k].square().sum(1))
    assert "lie 92% of weight 1 and 8% of weight 2; by your function 92% and 8%" in words_of(figure)
    figure = figures.your_price(net, split, eye, price)
    there, own = (line.get_ydata().tolist() for line in figure.axes[0].lines[2:])
    assert there == own


def test_all_forgotten_is_the_other_network() -> None:
    net, other = mini_tanh(seed=0), mini_tanh(seed=1)
    split = Split(torch.rand(30, 1, 28, 28), torch.arange(30) % 10)
    count = sum(parameter.numel() for parameter in net.parameters())
    eye = torch.eye(count, dtype=torch.float64)
    dice = torch.nn.utils.parameters_to_vector(other.parameters()).detach()
    found = accuracies(net, split, {"all": eye}, dice, (1.0, 0.0))["all"]
    assert found == [accuracy(net, split), accuracy(other, split)]


def rows(now: float, later: float) -> list[dict]:
    return [{"pruned_test_accuracy": now, "test_accuracy": 0.9},
            {"pruned_test_accuracy": None, "test_accuracy": later}]  # fmt: skip


def test_just_cut_and_retrained_are_means_over_seeds() -> None:
    runs = Runs({"random, a": [rows(0.1, 0.5), rows(0.3, 0.5)],
                 "magnitude": [rows(0.2, 0.4), rows(0.2, 0.6)]})  # fmt: skip
    figure = figures.just_cut_and_retrained(runs, np.array([0.91, 0.93]))
    draw(figure)
    check_inside(figure)
    assert "has 92%: random 20%, 50%; magnitude 20%, 50%" in words_of(figure)
    assert "as many epochs" in words_of(figure), "not the dense network before retraining"


def test_densities_and_pretraining() -> None:
    rows = [[{"seed": seed, "first": 10**step, "sparsity": 0.3 * step + 0.27, "test_accuracy":
              0.9 - 0.2 * step + 0.1 * seed} for step in (0, 1, 2)] for seed in (0, 1)]  # fmt: skip
    runs, dense = Runs({"flat leverage": rows, "random": rows}), np.array([0.9, 0.94])
    for density, last in ((0.73, 95), (None, 55)):
        figure = figures.over_density(runs, dense, density=density)
        draw(figure)
        check_inside(figure)
        assert f"kept: letter: mass in flat {last}%, random {last}%" in words_of(figure)
    figure = figures.over_pretraining({"magnitude": runs, "random": runs}, dense)
    draw(figure)
    assert [axes.get_title() for axes in figure.axes] == ["magnitude", "random"]
    assert figure.axes[1].lines[0].get_xdata().tolist() == [1, 10, 100]


@pytest.mark.filterwarnings("error")
def test_gaps_at_every_corner() -> None:
    figure, told = None, set()
    for log_k, log_delta, log_box in product((-13.0, 2.0), (-4, 0), (-4.0, 1.0)):
        figure = figures.gaps_against_4k(
            EIGENVALUES, RATES, log_k=log_k, log_delta=log_delta, log_box=log_box, figure=figure
        )
        draw(figure)
        told.add(words_of(figure))
    assert len(told) == 8, "each state is told in its own words"


def test_gaps_say_what_step_5_does() -> None:
    figure = figures.gaps_against_4k(EIGENVALUES, RATES, log_k=-1.0, log_box=1.0)
    between = np.diff(np.sort(-EIGENVALUES.numpy()))
    assert figure.axes[0].get_title() == f"{(between > 0.4).sum()} of 62 gaps are wider than 4K"
    k = int(np.flatnonzero(between > 0.4).max()) + 1
    assert f"k = {k}, {63 - k} kept" in figure.axes[1].get_title()
    assert f"by step (5) k = {k}, {63 - k} kept" in words_of(figure)
    silent = figures.gaps_against_4k(EIGENVALUES, RATES, log_k=2.0)
    assert "so by step (5) nothing is pruned" in words_of(silent)
    assert figure.axes[0].lines[3].get_ydata()[0] == pytest.approx(4 * 2 * 10 * 0.01)


def test_shares_over_epochs_and_sizes() -> None:
    rows = [[{"seed": seed, "epoch": epoch, "gradient": 0.1 * epoch, "directions": 10**epoch,
              "way": 0.5 if epoch else None, "test_accuracy": 0.2 + 0.1 * epoch}
             for epoch in (0, 1, 2)] for seed in (0, 1)]  # fmt: skip
    figure = figures.where_the_gradient_lives(Runs({"flat": rows}), {"random": 0.5})
    draw(figure)
    assert figure.axes[1].lines[0].get_xdata().tolist() == [1, 2], "at first there is no way"
    assert "of the gradient flat 20%; of the way from the start flat 50%" in words_of(figure)
    figure = figures.over_sizes({"own": Runs({"flat": rows}), "other": Runs({"a": rows})}, 100)
    draw(figure)
    assert "With 100 of 100 directions: own flat 40%; other a 40%" in words_of(figure)


@pytest.mark.filterwarnings("error")
def test_two_wells_at_both_ends_and_around_4k() -> None:
    figure, told = None, set()
    for gap in (0.5, 4.5, 4.6, 16.0):
        figure = figures.two_wells(gap=gap, figure=figure)
        draw(figure)
        told.add(words_of(figure))
        speaks = gap > 4 * TwoWells(gap).lipschitz()
        assert figure.axes[0].get_title().endswith("speaks" if speaks else "is silent")
    assert len(told) == 4, "each state is told in its own words"
    assert "manifold like exp(−16.0 t)" in words_of(figure)


def test_other_figures_draw() -> None:
    draw(figures.before_and_after({"dense": [EIGENVALUES], "pruned": [EIGENVALUES[::2]] * 2}))
    estimate = spectral_density(torch.diag(EIGENVALUES), steps=20, probes=3)
    figure = figures.quadrature(EIGENVALUES, estimate)
    draw(figure)
    assert "3 × 20" in words_of(figure) and f"{EIGENVALUES.mean():.4f}" in words_of(figure)
    draw(figures.spectral_masses({"LeNet": estimate}))
    figure = figures.lipschitz_over_boxes(
        [0.01, 0.1], {"a": [1e-4, 1e-3]}, {"b": [0.1, 1.0]}, 0.3, moved=1.0
    )
    draw(figure)
    assert "a from 1.0e-04 to 1.0e-03; b from 1.0e-01 to 1.0e+00" in words_of(figure)
