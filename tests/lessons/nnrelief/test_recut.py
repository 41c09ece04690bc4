"""A network cut again and again, against the cut of a single α and torch's own forward pass."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from pruninglab.ideas.nnrelief import clean_up, network_importance, share_cut
from pruninglab.lessons.nnrelief.recut import Recut, recut
from pruninglab.lessons.nnrelief.relief import fair_shares, unevenness

Problem = tuple[nn.Module, Tensor, Tensor]


@pytest.fixture
def problem() -> Problem:
    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
    for weight in net.parameters():
        nn.init.normal_(weight, generator=generator)
    inputs, images = (torch.randn(n, 2, 4, generator=generator) for n in (40, 30))
    return net, inputs, images


@pytest.fixture
def cuts(problem: Problem) -> Recut:
    return recut(*problem)


@pytest.mark.parametrize("alpha", [0.2, 0.7, 0.95, 1.0])
def test_masks_are_those_of_one_cut(cuts: Recut, problem: Problem, alpha: float) -> None:
    net, inputs, _ = problem
    masks = {}
    for name, shares in network_importance(net, inputs).items():
        kept = share_cut(shares, alpha)
        masks |= {f"{name}.weight": kept[:, :-1], f"{name}.bias": kept[:, -1]}
    expected, found = clean_up(net, masks, inputs), cuts.masks(alpha)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_one_layer_alone(cuts: Recut) -> None:
    masks = cuts.masks(0.3, "3")
    assert not bool(masks["3.weight"].all())
    # Of the first layer only that goes whose unit nothing listens to any more.
    heard = masks["3.weight"].any(dim=0)
    assert torch.equal(masks["1.weight"], heard[:, None].expand(6, 8))


def test_outputs_and_change_are_the_pruned_network_s(cuts: Recut, problem: Problem) -> None:
    net, _, images = problem
    masks, pruned = cuts.masks(0.6), copy.deepcopy(net)
    with torch.no_grad():
        for name, weight in pruned.named_parameters():
            weight *= masks[name]
        expected, before = pruned(images), net(images)
    torch.testing.assert_close(cuts.outputs(masks), expected)
    torch.testing.assert_close(cuts.change(masks), (expected - before).abs())


def test_no_image_of_the_pruning_set_is_beyond_the_bound(problem: Problem) -> None:
    net, inputs, _ = problem
    own = recut(net, inputs, inputs)
    far = recut(net, inputs, 100 * inputs)
    for alpha in (0.3, 0.8):
        assert not bool(own.beyond(own.masks(alpha)).any())
        assert bool(far.beyond(far.masks(alpha)).any())


def test_fair_shares_and_how_uneven_they_are() -> None:
    even = {"a": torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]), "b": torch.full((1, 4), 0.25)}
    assert fair_shares(even["a"]).tolist() == [[1, 1, 0], [0, 0, 0]]
    assert unevenness(even) == pytest.approx(0)
    # One of n has nearly all: the Gini index is 1 − 1/n.
    lone = torch.tensor([[1.0, 1e-7, 1e-7, 1e-7]])
    assert unevenness({"a": lone}) == pytest.approx(0.75, abs=1e-5)
