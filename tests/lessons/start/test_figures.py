"""Figures of notebook 00 at the corners of their sliders, with right answers, wrong ones, none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from answers import solve
from matplotlib.figure import Figure
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.kit.pictures import check_inside, name_of, words_of
from pruninglab.lessons.start import exercises, figures

SHARES = [1, 0.5, 0.1, 0.01]


@pytest.fixture(scope="module")
def mnist() -> Data:
    return lab.data.load("mnist", device="cpu")


@pytest.fixture(scope="module")
def net(mnist: Data) -> nn.Module:
    net = lab.nets.lenet_300_100(seed=0)
    lab.train(net, mnist, stop=lab.stops.epochs(1), seed=0)
    return net


@pytest.fixture(scope="module")
def cliff(net: nn.Module, mnist: Data) -> list[float]:
    return figures.accuracy_at(net, mnist.test, SHARES)


def draw(figure: Figure) -> str:
    figure.canvas.draw()
    check_inside(figure)
    return words_of(figure)


@pytest.mark.parametrize("density", [1, 0.1, 0.01, 0])
@pytest.mark.parametrize("foggy", [True, False])
def test_weights_that_stay(
    net: nn.Module, mnist: Data, cliff: Sequence[float], density: float, foggy: bool
) -> None:
    known = () if foggy else (SHARES, cliff)
    figure = figures.weights_that_stay(net, mnist.test, *known, density=density)
    words = draw(figure)
    pruned = figures.keep_share(net, mnist.test, density)
    tiles = np.asarray(figure.axes[0].images[0].get_array().filled(np.nan))
    assert (~np.isnan(tiles)).sum() == int((pruned.fc1.weight[: figures.MOSAIC] != 0).sum())
    shown = figure.axes[1].lines[-1].get_ydata()[0]
    assert shown == lab.accuracy(pruned, mnist.test)
    if density in SHARES:
        assert shown == cliff[SHARES.index(density)]
    assert name_of(figure) == "00_start_here/how_many_weights_stay"
    assert words.startswith(f"{density:.0%} of the weights") and f"{shown:.1%} of the test" in words


def test_keep_share_keeps_exactly_the_largest(net: nn.Module, mnist: Data) -> None:
    kept = torch.cat(
        [
            w.flatten()
            for w in lab.scores.prunable(figures.keep_share(net, mnist.test, 0.1)).values()
        ]
    )
    every = torch.cat([w.flatten() for w in lab.scores.prunable(net).values()]).detach()
    assert int((kept != 0).sum()) == round(0.1 * len(every))
    smallest_kept, largest_gone = kept[kept != 0].abs().min(), every[kept == 0].abs().max()
    assert smallest_kept.item() >= largest_gone.item()


def by_threshold(weight: Tensor, gone: int) -> Tensor:
    return weight.abs() > weight.abs().flatten().sort().values[gone]


def last_ties_go(weight: Tensor, gone: int) -> Tensor:
    flipped = solve(exercises.CUT)(weight.flatten().flip(0), gone)
    return flipped.flip(0).reshape(weight.shape)


def far_too_slow(weight: Tensor, gone: int) -> Tensor:
    left = weight.abs().flatten().tolist()
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    for _ in range(gone):
        place = min(range(len(left)), key=left.__getitem__)
        mask[place], left[place] = False, float("inf")
    return mask.reshape(weight.shape)


@pytest.mark.parametrize(
    ("keep", "went", "told"),
    [
        (solve(exercises.CUT), "1 should go: 1 went; 2 should go: 2 went", "lies on it"),
        (last_ties_go, "1 should go: 1 went; 2 should go: 2 went", "lies on it"),
        (by_threshold, "1 should go: 3 went; 2 should go: 3 went", "lies on it"),
        (lambda w, n: w == w, "1 should go: 0 went; 2 should go: 0 went", "leaves it"),
        (far_too_slow, "1 should go: 1 went; 2 should go: 2 went", "no curve of yours"),
        (lambda w, n: None, "1 should go: nothing yet", "no curve of yours"),
        (lambda w, n: w / 0, "1 should go: nothing yet", "no curve of yours"),
        (lambda w: 1 / 0, "1 should go: nothing yet", "no curve of yours"),
    ],
)
def test_your_cut(
    net: nn.Module, mnist: Data, cliff: Sequence[float], keep, went: str, told: str
) -> None:
    figure = figures.your_cut(keep, net, mnist.test, SHARES, cliff)
    words = draw(figure)
    assert went in words and told in words
    boxes = figure.axes[0].patches
    colors = [box.get_edgecolor()[:3] for box in boxes if not box.get_hatch()]
    if keep in (solve(exercises.CUT), last_ties_go):
        assert colors.count((0, 0, 0)) == 7 + 6 + 5 and len(colors) == 2 * (7 + 6 + 5)


@pytest.mark.parametrize("answered", [True, False])
def test_your_scores(net: nn.Module, mnist: Data, cliff: Sequence[float], answered: bool) -> None:
    def nothing(weight: Tensor) -> None: ...

    chance, upside = (
        solve(exercise) if answered else nothing for exercise in (exercises.CHANCE, exercises.SCORE)
    )
    curves = {"the largest stay": cliff, "chance": [0.9, 0.4, 0.1, 0.1],
              "the smallest stay": [0.9, 0.1, 0.1, 0.1]}  # fmt: skip
    figure = figures.your_scores(chance, upside, net, mnist.test, curves, SHARES)
    words = draw(figure)
    assert "chance: 50%, the smallest stay: 50%" in words
    assert ("chance and upside down" if answered else "nothing yet") in words
    assert len(figure.axes[0].lines) == (5 if answered else 3)


def test_a_random_order_is_the_same_each_time(net: nn.Module, mnist: Data) -> None:
    ours, again = (figures.accuracy_at(net, mnist.test, [0.5], lab.scores.random) for _ in "ab")
    assert ours == again


def rows(seed: int, *values: float) -> list[dict[str, float]]:
    return [{"seed": seed, "density": 0.5**i, "pruned_density": 0.5 ** (i + 1),
             "test_accuracy": value, "pruned_test_accuracy": value - 0.01 * i}
            for i, value in enumerate(values)]  # fmt: skip


RUNS = lab.Runs({"lottery ticket": [rows(0, 0.9, 0.92, 0.91), rows(1, 0.9, 0.94, 0.93)]})


@pytest.mark.parametrize("cuts", [0, 1, 2, 5])
def test_healing(cliff: Sequence[float], cuts: int) -> None:
    words = draw(figures.healing(RUNS, SHARES, cliff, cuts=cuts))
    if cuts:
        last = min(cuts, 2)
        assert f"{last} cuts" in words and "in points: 0.00" in words
        assert (
            f"{0.5**last:.1%} of the weights stay: {0.9 if last == 1 else 0.92:.1%} just" in words
        )
    else:
        assert words == "All weights, trained: 90.0% of the digits are read correctly."


@pytest.mark.parametrize("yours", [(), [(1.0, 0.9), (0.5, 0.2)]])
def test_your_row(yours: Sequence[tuple[float, float]]) -> None:
    words = draw(figures.your_row(RUNS, yours))
    assert "lottery ticket 92.0% in the last round, ± 1.4% over 2 seeds" in words
    assert ("-71.0 points from its seed" if yours else "No row of yours yet") in words


def test_methods_compared() -> None:
    runs = lab.Runs({**RUNS, "random": [rows(0, 0.5, 0.4, 0.5)] * 2})
    words = draw(figures.methods_compared(runs))
    assert words.endswith("In the last round: lottery ticket 92.0%, random 50.0%.")
