"""Figures of notebook 04, at the corners of their sliders and against the numbers they show."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.classroom.plots import nnrelief
from pruninglab.classroom.plots.nnrelief.recut import ALL, CURVE
from pruninglab.costs import active_neurons
from pruninglab.data import Data
from pruninglab.ideas.nnrelief import clean_up, jaccard, network_importance


@pytest.fixture(scope="module")
def mnist() -> Data:
    return lab.data.load("mnist", device="cpu", normalize=False)


@pytest.fixture(scope="module")
def net(mnist: Data) -> nn.Module:
    net = lab.nets.init_kaiming_normal(lab.nets.lenet_300_100(), seed=0)
    lab.train(net, mnist, stop=lab.stops.epochs(2), training=lab.Training(lab.adam(), 120))
    return net


@pytest.fixture(scope="module")
def recut(net: nn.Module, mnist: Data) -> nnrelief.Recut:
    return nnrelief.prepare(net, mnist.train.inputs[:300], mnist.test.take(400))


@pytest.mark.filterwarnings("error")
def test_alpha_cut_at_the_corners(recut: nnrelief.Recut) -> None:
    figure = None
    for alpha, layer in product((0.01, 0.3, 0.999, 1.0), (ALL, "fc1", "fc2", "fc3")):
        figure = nnrelief.alpha_cut(recut, alpha=alpha, layer=layer, figure=figure)
        figure.canvas.draw()


def test_the_masks_of_the_slider_are_those_of_a_round(
    recut: nnrelief.Recut, net: nn.Module, mnist: Data
) -> None:
    scores = lab.scores.nnrelief(samples=300)(net, mnist.train.take(300))
    masks = lab.Masks.full(net, biases=True)
    masks.shrink(lab.cut(scores, masks, lab.budgets.signal_share(0.8), lab.scopes.neuron))
    masks.shrink(clean_up(net, masks, recut.inputs))
    found = recut.masks(0.8)
    assert all(torch.equal(found[name], masks[name]) for name in masks)
    alone = recut.masks(0.8, "fc3")
    assert bool(alone["fc2.bias"].any()) and float(alone["fc3.weight"].float().mean()) < 0.9


def test_alpha_cut_shows_what_is_there(recut: nnrelief.Recut) -> None:
    figure = nnrelief.alpha_cut(recut, alpha=0.8)
    masks = recut.masks(0.8)
    kept = [int(masks[f"fc{i}.weight"].sum()) for i in (1, 2, 3)]
    assert [text.get_text() for text in figure.axes[0].texts] == [f"{one:,}" for one in kept]
    shown = [int(text.get_text().split("\n")[0]) for text in figure.axes[1].texts]
    assert tuple(shown) == active_neurons(masks)
    pruned = lab.nets.lenet_300_100()
    pruned.load_state_dict(recut.net.state_dict())
    lab.Masks(masks).apply_(pruned)
    expected = lab.accuracy(pruned, recut.split)
    assert float(figure.axes[2].lines[1].get_ydata()[0]) == pytest.approx(expected)
    # The curve passes through the dot, for all layers are cut.
    assert recut.curve[list(CURVE).index(0.8)] == pytest.approx(expected)
    with torch.no_grad():
        moved = (pruned(recut.split.inputs) - recut.net(recut.split.inputs)).abs()
    np.testing.assert_allclose(
        figure.axes[3].lines[0].get_ydata(), moved.amax(dim=0).clamp_min(0.01), rtol=1e-4
    )


def test_bounds_hold_on_the_pruning_set_and_dots_beyond_are_counted(
    recut: nnrelief.Recut, net: nn.Module, mnist: Data
) -> None:
    own = nnrelief.prepare(net, recut.inputs, mnist.train.take(300))
    figure = nnrelief.bound_bars(own, alpha=0.9, layer="fc3")
    figure.canvas.draw()
    assert " 0 of 300 images beyond" in figure.axes[0].get_title()
    masks = recut.masks(0.9, "fc3")
    beyond = (recut.outputs(masks) - recut.before).abs() > 1.0002 * recut.bounds(masks).pointwise
    title = nnrelief.bound_bars(recut, alpha=0.9, layer="fc3").axes[0].get_title()
    assert f"{int(beyond.any(dim=1).sum())} of 400 images beyond" in title


def test_alphas_and_layers_that_there_are_not_are_refused(recut: nnrelief.Recut) -> None:
    with pytest.raises(ValueError, match=r"alpha=0 must lie in \(0, 1\]"):
        nnrelief.alpha_cut(recut, alpha=0)
    with pytest.raises(ValueError, match="layer='fc4' is not known"):
        nnrelief.bound_bars(recut, layer="fc4")


def test_nothing_to_draw_is_refused_by_name(recut: nnrelief.Recut) -> None:
    masks = recut.masks(0.8)
    few = {name: mask for name, mask in masks.items() if name != "fc1.weight"}
    for name, draw, content in (
        ("maps", nnrelief.pixel_maps, {}),
        ("maps", nnrelief.pixel_maps, {"small": torch.ones(3)}),
        ("masks", nnrelief.mask_heatmaps, {"a": masks, "b": few}),
        ("states", nnrelief.relief, {"dense": {}}),
        ("methods", nnrelief.over_runs, {"empty": []}),
        ("found", nnrelief.decay_and_optimizer, {}),
        ("networks", nnrelief.wiring, {"net": {"a": torch.ones(2, 3), "b": torch.ones(2, 4)}}),
    ):
        with pytest.raises(ValueError, match=name):
            draw(content)


def test_prepare_refuses_other_networks() -> None:
    with pytest.raises(ValueError, match="'conv1', 'conv2'"):
        nnrelief.prepare(
            lab.nets.lenet_5(inputs=(1, 16, 16)),
            torch.rand(2, 1, 16, 16),
            lab.data.load("mnist", device="cpu").test,
        )


def test_wiring_draws_the_strongest_and_some_of_the_rest(
    net: nn.Module, recut: nnrelief.Recut
) -> None:
    before = network_importance(net, recut.inputs)
    few = {name: shares * (shares > shares.amax()) for name, shares in before.items()}
    few["fc1"][0, 0] = 1.0
    few["fc3"][:] = 0.0
    figure = nnrelief.wiring({"before": before, "after": few}, lines=40)
    figure.canvas.draw()
    alive = sum(int((shares > 0).sum()) for shares in few.values())
    drawn = [len(one.get_segments()) for one in figure.axes[0].collections[:3]]
    assert drawn == [40, 40, 40]
    assert figure.axes[1].get_title() == f"after: {alive} connections"
    # The strongest connection is drawn last, on top.
    shares = before["fc3"][:, :-1]
    fair = shares * (shares > 0).sum(dim=1, keepdim=True)
    into, out_of = divmod(int(fair.argmax()), shares.shape[1])
    last = figure.axes[0].collections[2].get_segments()[-1]
    assert last[0].tolist() == pytest.approx([2, 1 - out_of / 99])
    assert last[1].tolist() == pytest.approx([3, 0.9 - 0.8 * into / 9])


def test_mask_heatmaps_print_the_jaccard_index(recut: nnrelief.Recut) -> None:
    rules = {"importance": recut.masks(0.8), "other": recut.masks(0.9)}
    figure = nnrelief.mask_heatmaps(rules)
    figure.canvas.draw()
    assert len(figure.axes) == 6
    expected = jaccard(rules["other"]["fc1.weight"], rules["importance"]["fc1.weight"])
    assert f"Jaccard {expected:.2f}" in figure.axes[3].get_title()
    np.testing.assert_array_equal(
        np.asarray(figure.axes[0].images[0].get_array()).astype(bool),
        rules["importance"]["fc1.weight"].numpy(),
    )


def test_pixel_maps_and_relief_draw(net: nn.Module, recut: nnrelief.Recut) -> None:
    nnrelief.pixel_maps({"a": torch.rand(784), "b": torch.zeros(28, 28)}).canvas.draw()
    found = network_importance(net, recut.inputs)
    figure = nnrelief.relief({"dense": found, "none": {k: v * 0 for k, v in found.items()}})
    figure.canvas.draw()
    assert [one.get_title() for one in figure.axes] == ["fc1", "fc2", "fc3"]


def test_over_runs_draws_means_and_spreads() -> None:
    runs = [
        [{"density": 1.0, "error": 0.02}, {"density": kept, "error": error}]
        for kept, error in ((0.1, 0.03), (0.2, 0.05))
    ]
    figure = nnrelief.over_runs({"ours": runs}, {"printed": (0.0151, 0.0007, 0.0198, 0.0007)})
    figure.canvas.draw()
    line = figure.axes[0].containers[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([1, 0.15])
    assert line.get_ydata().tolist() == pytest.approx([0.02, 0.04])
    star = figure.axes[0].containers[1].lines[0]
    assert star.get_xdata()[0] == pytest.approx(0.0151)
    assert figure.axes[0].get_yscale() == "linear"
    wide = nnrelief.over_runs({"ours": [[{"density": 0.5, "error": 0.2}]] * 2, "theirs": runs})
    wide.canvas.draw()
    assert wide.axes[0].get_yscale() == "log"


def test_decay_and_optimizer_draws_every_seed() -> None:
    figure = nnrelief.decay_and_optimizer({"Adam": [(0.3, 0.05), (0.4, 0.07)], "SGD": [(1, 0)] * 2})
    figure.canvas.draw()
    assert [bar.get_width() for bar in figure.axes[0].patches] == pytest.approx([0.35, 1])
    assert figure.axes[1].lines[0].get_xdata().tolist() == [0.05, 0.07]
