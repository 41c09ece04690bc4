"""Figures of notebook 04, at the corners of their sliders and against the numbers they show."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.classroom.pictures import name_of, words_of
from pruninglab.classroom.plots import nnrelief
from pruninglab.costs import active_neurons
from pruninglab.data import Data
from pruninglab.engine.results import Runs
from pruninglab.ideas.nnrelief import (
    ALL,
    ALPHAS,
    Recut,
    jaccard,
    network_importance,
    unevenness,
)
from pruninglab.ideas.nnrelief import recut as recut_of


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
    return recut_of(net, mnist.train.inputs[:300], *mnist.test.take(400))


@pytest.mark.filterwarnings("error")
def test_alpha_cut_at_the_corners(recut: Recut) -> None:
    figure, told = None, set()
    for alpha, layer in product((0.01, 0.3, 0.999, 1.0), (ALL, "fc1", "fc2", "fc3")):
        figure = nnrelief.alpha_cut(recut, alpha=alpha, layer=layer, figure=figure)
        figure.canvas.draw()
        told.add(words_of(figure))
    assert len(told) == 16, "each state is told in its own words"
    assert name_of(figure) == "04_nnrelief_heatmaps/alpha"


def test_alpha_cut_shows_what_is_there(recut: Recut, mnist: Data) -> None:
    figure = nnrelief.alpha_cut(recut, alpha=0.8)
    masks = recut.masks(0.8)
    kept = [int(masks[f"fc{i}.weight"].sum()) for i in (1, 2, 3)]
    assert [text.get_text() for text in figure.axes[0].texts] == [f"{count:,}" for count in kept]
    shown = [int(text.get_text().split("\n")[0]) for text in figure.axes[1].texts]
    assert tuple(shown) == active_neurons(masks)
    pruned = lab.nets.clone(recut.net)
    lab.Masks(masks).apply_(pruned)
    expected = lab.accuracy(pruned, mnist.test.take(400))
    assert float(figure.axes[2].lines[1].get_ydata()[0]) == pytest.approx(expected)
    density = lab.Masks(masks).density
    assert f"α = 0.8, where all layers are cut, {density:.1%} of" in words_of(figure)
    assert f"accuracy is {expected:.1%}, the whole network's" in words_of(figure)
    # The curve passes through the dot, for all layers are cut.
    assert recut.curve[ALPHAS.index(0.8)] == pytest.approx(expected)
    with torch.no_grad():
        moved = (pruned(recut.images) - recut.net(recut.images)).abs()
    np.testing.assert_allclose(
        figure.axes[3].lines[0].get_ydata(), moved.amax(dim=0).clamp_min(0.01), rtol=1e-4
    )


def test_bounds_hold_on_the_pruning_set_and_dots_beyond_are_counted(
    recut: Recut, net: nn.Module, mnist: Data
) -> None:
    own = recut_of(net, recut.inputs, *mnist.train.take(300))
    figure = nnrelief.bound_bars(own, alpha=0.9, layer="fc3")
    figure.canvas.draw()
    assert " 0 of 300 images beyond" in figure.axes[0].get_title()
    masks = recut.masks(0.9, "fc3")
    beyond = (recut.outputs(masks) - recut.before).abs() > 1.0002 * recut.bounds(masks).pointwise
    figure, images = nnrelief.bound_bars(recut, alpha=0.9, layer="fc3"), beyond.any(dim=1).sum()
    assert f"{images} of 400 images beyond" in figure.axes[0].get_title()
    assert f"{images} images lie beyond the point-wise bound" in words_of(figure)


def test_nothing_to_draw_is_refused_by_name(recut: Recut) -> None:
    with pytest.raises(ValueError, match="layer='fc4' is not known"):
        nnrelief.bound_bars(recut, layer="fc4")
    masks = recut.masks(0.8)
    few = {name: mask for name, mask in masks.items() if name != "fc1.weight"}
    for name, draw, content in (
        ("maps", nnrelief.pixel_maps, {}),
        ("maps", nnrelief.pixel_maps, {"small": torch.ones(3)}),
        ("masks", nnrelief.mask_heatmaps, {"a": masks, "b": few}),
        ("states", nnrelief.relief, {"dense": {}}),
        ("runs", nnrelief.error_over_rounds, lab.Runs({})),
        ("runs", nnrelief.decay_and_optimizer, lab.Runs({})),
        ("networks", nnrelief.wiring, {"net": {"a": torch.ones(2, 3), "b": torch.ones(2, 4)}}),
    ):
        with pytest.raises(ValueError, match=name):
            draw(content)


def test_wiring_draws_the_strongest_and_some_of_the_rest(net: nn.Module, recut: Recut) -> None:
    before = network_importance(net, recut.inputs)
    few = {name: shares * (shares > shares.amax()) for name, shares in before.items()}
    few["fc1"][0, 0] = 1.0
    few["fc3"][:] = 0.0
    figure = nnrelief.wiring({"before": before, "after": few}, lines=40)
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
    figure = nnrelief.mask_heatmaps(rules)
    figure.canvas.draw()
    assert len(figure.axes) == 6
    expected = jaccard(rules["other"]["fc1.weight"], rules["importance"]["fc1.weight"])
    assert f"Jaccard {expected:.2f}" in figure.axes[3].get_title()
    assert f"other {expected:.2f}, " in words_of(figure)
    np.testing.assert_array_equal(
        np.asarray(figure.axes[0].images[0].get_array()).astype(bool),
        rules["importance"]["fc1.weight"].numpy(),
    )


def test_pixel_maps_and_relief_draw(net: nn.Module, recut: Recut) -> None:
    maps = nnrelief.pixel_maps({"a": torch.rand(784) + 1, "b": torch.zeros(28, 28)})
    maps.canvas.draw()
    assert "a 0%, b 100%" in words_of(maps)
    dense = network_importance(net, recut.inputs)
    figure = nnrelief.relief({"dense": dense, "none": {k: v * 0 for k, v in dense.items()}})
    uneven = f"dense {unevenness(dense):.2f}, none without a living connection"
    assert uneven in words_of(figure)
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
    figure = nnrelief.table_1(runs, (1.51, 0.07), (1.98, 0.07))
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
    figure = nnrelief.error_over_rounds(wide)
    figure.canvas.draw()
    assert figure.axes[0].get_yscale() == "log"
    assert "theirs 3.00% ± 0.00%" in words_of(figure)


def test_decay_and_optimizer_draws_every_seed() -> None:
    seeds = {"Adam": [(0.3, 0.05), (0.4, 0.07)], "SGD": [(1.0, 0.0)] * 2}
    runs = Runs(
        {
            label: [[{"density": kept, "vanished": gone}] for kept, gone in pairs]
            for label, pairs in seeds.items()
        }
    )
    figure = nnrelief.decay_and_optimizer(runs)
    figure.canvas.draw()
    assert [bar.get_width() for bar in figure.axes[0].patches] == pytest.approx([0.35, 1])
    assert figure.axes[1].lines[0].get_xdata().tolist() == [0.05, 0.07]
    assert "SGD 100% and 0%" in words_of(figure)


def test_rivals_share_methods_and_have_a_panel_each() -> None:
    runs = runs_of(ours=[[(1.0, 0.9), (0.1, 0.8)]] * 2, theirs=[[(1.0, 0.9), (0.1, 0.7)]] * 2)
    figure = nnrelief.rivals({"few images": runs, "many": runs})
    figure.canvas.draw()
    assert [panel.get_title() for panel in figure.axes] == ["few images", "many"]
    assert len(figure.legends[0].get_texts()) == 2
    assert "many: ours 20.00% ± 0.00% with 10.0% retained; theirs 30.00%" in words_of(figure)
    with pytest.raises(ValueError, match=r"every one needs the methods \['ours', 'theirs'\]"):
        nnrelief.rivals({"few images": runs, "many": runs.only("ours")})


def test_filter_bounds_are_sorted_by_what_is_allowed() -> None:
    row = {"layer": "conv1", "average": [1.0, 0.5], "lost": [2.0, 1.0], "allowed": [4.0, 2.0]}
    figure = nnrelief.filter_bounds([row, {**row, "layer": "conv2"}])
    figure.canvas.draw()
    drawn = [line.get_ydata().tolist() for line in figure.axes[0].lines]
    assert drawn == [[2.0, 4.0], [1.0, 2.0], [0.5, 1.0]]
    assert "conv1 25% of 2 filters' bound" in words_of(figure)
    with pytest.raises(ValueError, match="filters must be rows with 'layer'"):
        nnrelief.filter_bounds([{"layer": "conv1"}])
