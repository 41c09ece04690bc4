"""InCoP's stop: against hand-made states, and in whole runs."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.choices import rewinds, stops
from pruninglab.data import Data
from pruninglab.engine.training import Epoch, State
from pruninglab.ideas.incop import information_flow

TRAINING = lab.Training(batch_size=30)


def state_of(net: nn.Module, data: Data, round: int = 1, epoch: int = 1) -> State:
    dense = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    masks = lab.Masks.full(net)
    return State(net, data, masks, round, epoch, snapshots={"dense": dense})


def doubled(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        net[1].weight.mul_(2)
        net[1].bias.mul_(2)
    return net


def test_the_dense_network_is_at_distance_zero(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    state = state_of(tiny_net, tiny_data)
    # One state for all: each flow has its own reference in the memory.
    for flow in (stops.information(), stops.information("pearson", "pre"), stops.gradient):
        for distance in ("l2", "relative", "cosine"):
            stop = stops.flow_within(0.0, 9, flow, distance)
            assert stop.measure(state) == 0
            assert stop(state)


def test_distance_is_that_of_the_flows(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    """Twice the first layer is twice its ReLU outputs: the flow is found independently."""
    probe = tiny_data.train.inputs[:50]
    before = information_flow(tiny_net, probe)["1→3"]
    state = state_of(tiny_net, tiny_data)
    doubled(state.net)
    after = information_flow(state.net, probe)["1→3"]
    for distance, expected in {
        "l2": float((after - before).norm()),
        "relative": float((after - before).norm() / before.norm()),
    }.items():
        stop = stops.flow_within(expected * 1.01, 9, distance=distance, samples=50)
        assert stop.measure(state) == pytest.approx(expected)
        assert stop(state)
        assert not dataclasses.replace(stop, epsilon=expected * 0.99)(state)


def test_the_probe_is_as_large_as_asked(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    seen: list[int] = []

    def flow(net: nn.Module, inputs: Tensor, targets: Tensor, masks: object) -> dict:
        seen.append(len(inputs))
        return {"bias": net[3].bias.detach().double()}

    stops.flow_within(1.0, 9, flow, samples=7)(state_of(tiny_net, tiny_data))
    assert seen == [7, 7]


def test_gradient_is_masked_and_the_reference_is_not(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    state = state_of(tiny_net, tiny_data)
    state.masks.shrink({"3.weight": torch.zeros(3, 6, dtype=torch.bool)})
    probe = tiny_data.train.take(1000)
    loss = nn.functional.cross_entropy(tiny_net(probe.inputs), probe.targets)
    gradient = torch.autograd.grad(loss, tiny_net[3].weight)[0]
    # Same weights: what differs is the gradient of the layer that is masked away.
    found = stops.flow_within(0.0, 9, stops.gradient).measure(state)
    assert found == pytest.approx(float(gradient.norm()), rel=1e-5)


def test_round_zero_trains_for_all_epochs(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    stop = stops.flow_within(float("inf"), 3)
    assert not stop(state_of(tiny_net, tiny_data, round=0, epoch=1))
    assert stop(state_of(tiny_net, tiny_data, round=0, epoch=3))
    assert stop(state_of(doubled(tiny_net), tiny_data, round=1, epoch=1))
    assert stops.flow_within(0.0, 3)(state_of(tiny_net, tiny_data, round=1, epoch=3))


@pytest.mark.parametrize("make", [lab.recipes.incop_if, lab.recipes.incop_gf])
def test_larger_epsilon_never_trains_longer(
    make: object, tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    """One retraining under the same masks and batches, so the distances are the same."""
    used = []
    for epsilon in (0.0, 0.3, 0.6, 1.0, 2.0, 1e9):
        recipe = make(epsilon, 6, rounds=1)  # type: ignore[operator]
        run = lab.prune(copy.deepcopy(tiny_net), tiny_data, recipe, seed=0, training=TRAINING)
        used.append([len(done.history) for done in run])
    assert all(rounds[0] == 6 for rounds in used)
    retrained = [rounds[1] for rounds in used]
    assert retrained == sorted(retrained, reverse=True)
    assert retrained[0] == 6 and retrained[-1] == 1


def test_incop_is_sap_with_another_stop() -> None:
    sap = lab.recipes.sap(0.5, 1.0, stop=stops.epochs(6), rewind=rewinds.fine_tune, rounds=15)
    for incop, flow in (
        (lab.recipes.incop_if(0.3, 6), stops.information()),
        (lab.recipes.incop_gf(0.3, 6), stops.gradient),
    ):
        assert incop == dataclasses.replace(sap, stop=stops.flow_within(0.3, 6, flow))
        differing = [name for name, cell in incop.row().items() if sap.row()[name] != cell]
        assert differing == ["stop"]


def test_every_option_of_the_recipes_arrives() -> None:
    options = {"distance": "cosine", "scope": lab.scopes.global_, "rewind": rewinds.to_dense}
    for recipe in (
        lab.recipes.incop_if(0.1, 4, 1.0, 2.0, kind="pearson", rounds=2, **options),
        lab.recipes.incop_gf(0.1, 4, 1.0, 2.0, rounds=2, **options),
    ):
        assert recipe.budget == lab.budgets.pq_bound(1.0, 2.0)
        assert (recipe.scope, recipe.rewind) == (lab.scopes.global_, rewinds.to_dense)
        assert (recipe.rounds, recipe.stop.distance) == (2, "cosine")
    assert lab.recipes.incop_if(0.1, 4, kind="pearson").stop.flow == stops.information("pearson")


def test_a_resumed_run_stops_at_the_same_epochs(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    """The reference is measured anew from the snapshot: the resumed memory is empty."""
    recipe = lab.recipes.incop_if(0.5, 5, distance="relative", rounds=3)
    options = {"seed": 0, "training": TRAINING}
    whole = list(lab.prune(copy.deepcopy(tiny_net), tiny_data, recipe, **options))
    first = lab.prune(copy.deepcopy(tiny_net), tiny_data, recipe, **options)
    next(first)
    start = next(first).checkpoint
    rest = list(lab.prune(copy.deepcopy(tiny_net), tiny_data, recipe, start=start, **options))
    expected = [(len(done.history), done.test_accuracy) for done in whole[2:]]
    assert [(len(done.history), done.test_accuracy) for done in rest] == expected


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epsilon": -0.1}, ValueError, "epsilon=-0.1 must be at least 0"),
        ({"epsilon": float("nan")}, ValueError, "epsilon=nan"),
        ({"at_most": 1.5}, TypeError, "at_most=1.5"),
        ({"distance": "l1"}, ValueError, "distance='l1'.*'cosine'"),
        ({"samples": 0}, ValueError, "samples=0"),
    ],
)
def test_bad_input_is_refused(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        stops.flow_within(**({"epsilon": 0.1, "at_most": 5} | options))


def test_bad_kind_of_flow_is_refused() -> None:
    with pytest.raises(ValueError, match="kind='spearman'"):
        stops.information("spearman")
    with pytest.raises(ValueError, match="at='middle'"):
        stops.information(at="middle")


def test_a_net_of_one_layer_is_refused_before_any_training(tiny_data: Data) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(ValueError, match="at least two"):
        lab.prune(net, tiny_data, lab.recipes.incop_if(0.1, 50), seed=0, training=TRAINING)


def test_accuracy_within_looks_at_the_dense_network(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    state = state_of(tiny_net, tiny_data)
    dense = lab.accuracy(tiny_net, tiny_data.validation)
    for now, delta, expected in ((dense, 0.0, True), (dense - 0.05, 0.04, False)):
        state.history = [Epoch(1, 0.1, now, 0.0)]
        assert stops.accuracy_within(delta, 9)(state) is expected
    state.history = [Epoch(1, 0.1, dense - 0.05, 0.0)]
    assert stops.accuracy_within(0.06, 9)(state)
    assert stops.accuracy_within(0.0, 1)(state)
    assert not stops.accuracy_within(1.0, 9)(state_of(tiny_net, tiny_data, round=0))
    with pytest.raises(ValueError, match="delta="):
        stops.accuracy_within(-0.1, 9)


def test_the_probe_begins_where_asked(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    inputs, targets = tiny_data.train
    seen: list[Tensor] = []

    def flow(net: nn.Module, images: Tensor, labels: Tensor, masks: object) -> dict:
        seen.append(images)
        assert torch.equal(labels, targets[3 : 3 + len(images)])
        return {"bias": net[3].bias.detach().double()}

    stops.flow_within(1.0, 9, flow, samples=7, skip=3)(state_of(tiny_net, tiny_data))
    assert all(torch.equal(images, inputs[3:10]) for images in seen) and len(seen) == 2


def test_each_probe_has_its_own_reference(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    state = state_of(tiny_net, tiny_data)
    for skip in (0, 5, 9):
        assert stops.flow_within(0.0, 9, samples=20, skip=skip).measure(state) == 0


def test_a_probe_beyond_the_images_is_refused_before_training(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    stop = stops.flow_within(1.0, 2, skip=len(tiny_data.train))
    with pytest.raises(ValueError, match=rf"skip={len(tiny_data.train)} leaves no probe"):
        next(lab.prune(tiny_net, tiny_data, lab.Recipe(stop=stop), seed=0, training=TRAINING))
