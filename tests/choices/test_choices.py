"""Scores, budgets, stops and rewinds, each against a hand-made answer."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pruninglab.choices import budgets, rewinds, scopes, scores, stops
from pruninglab.choices.scopes import Groups
from pruninglab.data import Data, Split
from pruninglab.engine.masks import Masks
from pruninglab.engine.training import Epoch, State


def test_magnitude_is_the_absolute_weight(tiny_net: nn.Sequential) -> None:
    found = scores.magnitude(tiny_net, Split(torch.empty(0), torch.empty(0).long()))
    assert list(found) == ["1.weight", "3.weight"]
    assert torch.equal(found["1.weight"], tiny_net[1].weight.abs())
    assert not found["1.weight"].requires_grad


def test_random_scores_follow_the_global_seed(tiny_net: nn.Sequential) -> None:
    batch = Split(torch.empty(0), torch.empty(0).long())
    torch.manual_seed(1)
    first = scores.random(tiny_net, batch)["1.weight"]
    second = scores.random(tiny_net, batch)["1.weight"]
    torch.manual_seed(1)
    assert torch.equal(first, scores.random(tiny_net, batch)["1.weight"])
    assert not torch.equal(first, second)


def test_a_net_without_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="no Linear or Conv"):
        scores.prunable(nn.Sequential(nn.ReLU()))


@settings(deadline=None, max_examples=100)
@given(living=st.integers(0, 10_000), percent=st.integers(0, 100))
def test_fraction_counts_exactly(living: int, percent: int) -> None:
    """Independent arithmetic: whole percents of whole numbers need no floating point."""
    alive = torch.arange(10_000)[None] < living
    kept = budgets.fraction(percent / 100)(Groups(torch.rand(1, 10_000), alive))
    assert kept.tolist() == [living - living * percent // 100]
    assert kept.dtype == torch.int64


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_fraction_refuses(share: float) -> None:
    with pytest.raises(ValueError, match="share="):
        budgets.fraction(share)


def test_count_stops_at_nothing_left() -> None:
    alive = torch.tensor([[True, True, True], [True, False, False]])
    assert budgets.count(2)(Groups(torch.rand(2, 3), alive)).tolist() == [1, 0]
    with pytest.raises(ValueError, match="number=-1"):
        budgets.count(-1)


def test_scopes_group_and_split_back() -> None:
    values = {
        "conv.weight": torch.arange(16.0).reshape(2, 2, 2, 2),
        "fc.weight": torch.arange(6.0).reshape(3, 2),
        "fc.bias": torch.arange(3.0),
    }
    alive = {name: torch.ones_like(value, dtype=torch.bool) for name, value in values.items()}
    shapes = {
        scopes.neuron: [(2, 8), (3, 3)],
        scopes.layer: [(1, 16), (1, 9)],
        scopes.global_: [(1, 25)],
    }
    for scope, expected in shapes.items():
        found = list(scope(values, alive))
        assert [tuple(groups.scores.shape) for groups in found] == expected
        back = {}
        for groups in found:
            back |= groups.split(groups.scores)
        assert all(torch.equal(back[name], values[name]) for name in values)
    assert [groups.kind for groups in scopes.layer(values, alive)] == ["conv", "linear"]
    assert [groups.kind for groups in scopes.global_(values, alive)] == ["mixed"]


def state_after(net: nn.Module, data: Data, accuracies: list[float]) -> State:
    history = [Epoch(i + 1, 1.0, accuracy, 0.1) for i, accuracy in enumerate(accuracies)]
    return State(net, data, Masks.full(net), epoch=len(history), history=history)


def test_stops(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    rising = state_after(tiny_net, tiny_data, [0.5, 0.8])
    assert not stops.epochs(3)(rising)
    assert stops.epochs(2)(rising)


@pytest.mark.parametrize(
    ("at_most", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_stops_refuse(at_most: object, error: type[Exception]) -> None:
    for make in (stops.epochs, lambda n: stops.accuracy_within(0.1, n)):
        with pytest.raises(error, match=f"at_most={at_most}"):
            make(at_most)
    with pytest.raises(ValueError, match=r"delta=1\.5"):
        stops.accuracy_within(1.5, 3)


def test_rewinds_restore_parameters_and_buffers() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    saved = {name: torch.full_like(value, 3) for name, value in net.state_dict().items()}
    before = {name: value.clone() for name, value in net.state_dict().items()}
    rewinds.fine_tune(net, {"init": saved})
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    for rewind, name in (
        (rewinds.to_init, "init"),
        (rewinds.to_dense, "dense"),
        (rewinds.to_epoch(2), "epoch 2"),
    ):
        net.load_state_dict(before)
        rewind(net, {name: saved})
        assert float(net[1].running_mean[0]) == 3
        assert net[0].weight[0, 0].item() == 3


def test_reinitialise_draws_new_weights(tiny_net: nn.Sequential) -> None:
    before = tiny_net[1].weight.clone()
    rewinds.reinitialise(tiny_net, {})
    assert not torch.equal(before, tiny_net[1].weight)


def test_to_epoch_refuses(tiny_net: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="epoch=0"):
        rewinds.to_epoch(0)
    with pytest.raises(KeyError, match="epoch 7"):
        rewinds.to_epoch(7)(tiny_net, {})
