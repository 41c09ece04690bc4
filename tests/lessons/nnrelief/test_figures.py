"""Figures of notebook 04, at the corners of their sliders and against the numbers they show."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.results import Runs
from pruninglab.ideas.nnrelief import jaccard, network_importance
from pruninglab.kit.pictures import check_inside, words_of
from pruninglab.lessons.nnrelief import exercises, figures
from pruninglab.lessons.nnrelief.recut import Recut
from pruninglab.lessons.nnrelief.recut import recut as recut_of
from pruninglab.lessons.nnrelief.relief import unevenness


@pytest.fixture(scope="module")
def mnist() -> Data:
    return lab.data.load("mnist", device="cpu", normalize=False)


@pytest.fixture(scope="module")
def net(mnist: Data) -> nn.Module:
    net = lab.nets.init_kaiming_normal(lab.nets.lenet_300_100(), seed=0)
    lab.train(net, mnist, stop=lab.stops.epochs(2), training=lab.Training(lab.adam(), 120))
    return net


@pytest.fixture(scope="module")
def recut(net: nn.Module, mnist: Data) -> Recut:
    return recut_of(net, mnist.train.inputs[:300], mnist.test.take(400).inputs)


Layer = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def first(net: nn.Module, recut: Recut) -> Layer:
    return net.fc1.weight.detach(), net.fc1.bias.detach(), recut.inputs


def named(exercise: exercises.Exercise, name: str) -> Any:
    names = {"torch": torch}
    exec(exercise.solution, names)
    return names[name]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alpha", [0.5, 0.99])
def test_wires_to_pixels_keep_equally_many_per_neuron(first: Layer, alpha: float) -> None:
    weight, bias, images = first
    kept, largest = figures.kept_wires(weight, bias, images, alpha)
    assert torch.equal(kept.sum(dim=1), largest.sum(dim=1))
    assert not kept[:, images.flatten(1).amax(dim=0) == 0].any()
    gone = weight.abs().masked_fill(largest, 0).amax(dim=1)
    assert (weight.abs().masked_fill(~largest, torch.inf).amin(dim=1) >= gone).all()
    figure = figures.wires_to_pixels(weight, bias, images, alpha=alpha)
    check_inside(figure)
    shown = np.nan_to_num(np.asarray(figure.axes[1].images[0].get_array().filled(0)))
    np.testing.assert_array_equal(shown, kept.sum(dim=0).reshape(28, 28))
    assert f"{kept.float().mean():.1%} of the wires stay" in words_of(figure)
    assert "NNrelief 0." in words_of(figure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("neuron", "alpha"), list(product((0, 299), (0.05, 1.0))))
def test_one_neuron_at_the_corners(first: Layer, neuron: int, alpha: float) -> None:
    figure = figures.one_neuron(*first, neuron=neuron, alpha=alpha)
    check_inside(figure)
    count = int(figure.axes[0].lines[2].get_xdata()[0])
    running = figure.axes[0].lines[0].get_ydata()
    assert running[count - 1] >= alpha - 1e-6
    assert count == 1 or running[count - 2] < alpha + 1e-6
    assert f": {count} of them carry" in words_of(figure)


TOY = exercises.W, exercises.B, exercises.X
NONSENSE = [None, lambda *_: None, lambda *_: "words", lambda *_: torch.ones(2), 3]


def test_a_right_answer_covers_the_package_and_a_wrong_one_is_seen(first: Layer) -> None:
    shares, cut = named(exercises.SHARES, "shares"), named(exercises.CUT, "cut")
    assert "0 of your 5 shares differ" in words_of(figures.five_wires(*TOY, yours=shares))
    sizes = figures.five_wires(*TOY, yours=lambda w, b, x: torch.cat([w, b]).abs() / 10.5)
    assert "5 of your 5 shares differ" in words_of(sizes)
    check_inside(sizes)
    weight, bias, images = first
    part = weight[:20], bias[:20], images
    right = figures.your_cut(*part, shares=shares, cut=cut)
    assert " 0 of 784 pixels differ" in words_of(right)
    wrong = figures.your_cut(*part, shares=shares, cut=lambda signal, alpha: signal > 0)
    assert " 0 of 784 pixels differ" not in words_of(wrong)
    check_inside(right), check_inside(wrong)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("answer", NONSENSE)
def test_without_an_answer_only_the_question_is_drawn(first: Layer, answer: object) -> None:
    check_inside(figures.five_wires(*TOY, yours=answer))
    waits = figures.your_cut(*first, shares=answer, cut=answer)
    check_inside(waits)
    assert "waits for your functions" in words_of(waits)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("weights", "told"),
    [(..., "example: weights 1 and 1"), ("a", "example"), ((1, 2, 3), "example"),
     ((1, 0.4), "stay: 1."), ((1, 3), "stay: 1 and 2"), ((-2, 0), "stay: 1."),
     ((0, 5), "stay: 2."), ((-1e5, 1e-5), "stay: 1."), ((float("nan"), 1), "example")],
)  # fmt: skip
def test_fooled_draws_any_weights(weights: object, told: str) -> None:
    figure = figures.fooled(weights)
    check_inside(figure)
    assert told in words_of(figure)


def test_after_a_fooled_cut_there_is_one_dot() -> None:
    lines = figures.fooled((1, 0.4)).axes[0].lines
    before, after = ([line.get_xdata()[0] for line in lines[i : i + 2]] for i in (1, 4))
    assert before == pytest.approx([1, 1.2])
    assert after == [1, 1]


def test_bounds_hold_on_the_pruning_set_and_dots_beyond_are_counted(
    recut: Recut, net: nn.Module, mnist: Data
) -> None:
    own = recut_of(net, recut.inputs, mnist.train.take(300).inputs)
    figure = figures.bound_bars(own, alpha=0.9, layer="fc3")
    figure.canvas.draw()
    assert " 0 of 300 images beyond" in figure.axes[0].get_title()
    masks = recut.masks(0.9, "fc3")
    beyond = (recut.outputs(masks) - recut.before).abs() > 1.0002 * recut.bounds(masks).pointwise
    figure, images = figures.bound_bars(recut, alpha=0.9, layer="fc3"), beyond.any(dim=1).sum()
    assert f"{images} of 400 images beyond" in figure.axes[0].get_title()
    assert f"{images} images lie beyond the point-wise bound" in words_of(figure)


def test_wiring_draws_the_strongest_and_some_of_the_rest(net: nn.Module, recut: Recut) -> None:
    before = network_importance(net, recut.inputs)
    few = {name: shares * (shares > shares.amax()) for name, shares in before.items()}
    few["fc1"][0, 0] = 1.0
    few["fc3"][:] = 0.0
    figure = figures.wiring({"before": before, "after": few}, lines=40)
    figure.canvas.draw()
    alive = sum(int((shares > 0).sum()) for shares in few.values())
    drawn = [len(lines.get_segments()) for lines in figure.axes[0].collections[:3]]
    assert drawn == [40, 40, 40]
    assert figure.axes[1].get_title() == f"after: {alive} connections"
    assert f"after, {alive} connections" in words_of(figure)
    # The strongest connection is drawn last, on top.
    shares = before["fc3"][:, :-1]
    fair = shares * (shares > 0).sum(dim=1, keepdim=True)
    into, out_of = divmod(int(fair.argmax()), shares.shape[1])
    last = figure.axes[0].collections[2].get_segments()[-1]
    assert last[0].tolist() == pytest.approx([2, 1 - out_of / 99])
    assert last[1].tolist() == pytest.approx([3, 0.9 - 0.8 * into / 9])


def test_mask_heatmaps_print_the_jaccard_index(recut: Recut) -> None:
    rules = {"importance": recut.masks(0.8), "other": recut.masks(0.9)}
    figure = figures.mask_heatmaps(rules)
    check_inside(figure)
    assert len(figure.axes) == 2
    expected = jaccard(rules["other"]["fc1.weight"], rules["importance"]["fc1.weight"])
    assert f"by layer {expected:.2f}, " in figure.axes[1].get_xlabel()
    assert f"other {expected:.2f}, " in words_of(figure)
    np.testing.assert_array_equal(
        np.asarray(figure.axes[0].images[0].get_array().filled(0)),
        rules["importance"]["fc1.weight"].sum(dim=0).reshape(28, 28).double().numpy(),
    )


def test_relief_draws(net: nn.Module, recut: Recut) -> None:
    dense = network_importance(net, recut.inputs)
    figure = figures.relief({"dense": dense})
    assert f"dense {unevenness(dense):.2f}" in words_of(figure)
    figure.canvas.draw()
    assert [panel.get_title() for panel in figure.axes] == ["fc1", "fc2", "fc3"]


def runs_of(**accuracies: list[list[tuple[float, float]]]) -> Runs:
    return Runs(
        {
            label: [
                [{"seed": i, "density": kept, "test_accuracy": accuracy} for kept, accuracy in rows]
                for i, rows in enumerate(seeds)
            ]
            for label, seeds in accuracies.items()
        }
    )


def test_errors_are_means_and_spreads() -> None:
    runs = runs_of(ours=[[(1.0, 0.98), (0.1, 0.97)], [(1.0, 0.98), (0.2, 0.95)]])
    figure = figures.table_1(runs, (1.51, 0.07), (1.98, 0.07))
    figure.canvas.draw()
    line = figure.axes[0].containers[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([1, 0.15])
    assert line.get_ydata().tolist() == pytest.approx([0.02, 0.04])
    star = figure.axes[0].containers[1].lines[0]
    assert (star.get_xdata()[0], star.get_ydata()[0]) == pytest.approx((0.0151, 0.0198))
    assert figure.axes[0].get_yscale() == "linear"
    assert "ours 4.00% ± 1.41% with 15.0% retained" in words_of(figure)
    assert "1.98% at 1.51%" in words_of(figure)
    wide = runs_of(ours=[[(0.5, 0.8)]] * 2, theirs=[[(1.0, 0.98), (0.1, 0.97)]] * 2)
    figure = figures.error_over_rounds(wide)
    figure.canvas.draw()
    assert figure.axes[0].get_yscale() == "log"
    assert "theirs 3.00% ± 0.00%" in words_of(figure)


def test_rivals_show_paired_gaps_in_points() -> None:
    ours = [[(1.0, 0.9), (0.05, 0.8)]] * 2
    theirs = [[(1.0, 0.9), (0.05, 0.81)], [(1.0, 0.9), (0.05, 0.83)]]
    chance = [[(1.0, 0.9), (0.05, 0.72)]] * 2
    runs = Runs(dict(runs_of(NNrelief=ours, random=chance)) | {
        "magnitude, global": runs_of(a=theirs)["a"], "magnitude, by neuron": runs_of(a=ours)["a"],
    })  # fmt: skip
    figure = figures.rivals({"few": runs, "many": runs}, images="few")
    check_inside(figure)
    gap = runs.paired("magnitude, global", "NNrelief", "test_accuracy", density=0.25)
    drawn = figure.axes[1].containers[0].lines[0].get_ydata()
    assert drawn[0] == pytest.approx(100 * gap.mean)
    assert f"whole network {100 * gap.mean:+.1f}, " in words_of(figure)
    assert "by neuron +0.0, +0.0, +0.0" in words_of(figure)
    heights = sorted(text.get_position()[1] for text in figure.axes[0].texts)
    assert np.diff(heights).min() > 0.02


def test_filter_bounds_are_sorted_by_what_is_allowed() -> None:
    row = {"layer": "conv1", "average": [1.0, 0.5], "lost": [2.0, 1.0], "allowed": [4.0, 2.0]}
    figure = figures.filter_bounds([row, {**row, "layer": "conv2"}])
    figure.canvas.draw()
    drawn = [line.get_ydata().tolist() for line in figure.axes[0].lines]
    assert drawn == [[2.0, 4.0], [1.0, 2.0], [0.5, 1.0]]
    assert "conv1 25% of 2 filters' bound" in words_of(figure)
