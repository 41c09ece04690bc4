"""Data, networks, costs and exercises wherever the images lie."""

from __future__ import annotations

import pytest
import torch
from answers import EVERY, solve

import pruninglab as lab
from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.start import exercises as start


def test_data_are_put_on_the_device_and_shuffled_there(device: torch.device) -> None:
    loaded = lab.data.load("mnist", validation=0.9)
    assert loaded.train.inputs.device == loaded.test.targets.device == device
    near = loaded.to("cpu").train
    pairs = [split.batches(64, torch.Generator().manual_seed(0)) for split in (loaded.train, near)]
    for (far_inputs, far_targets), (inputs, targets) in zip(*pairs, strict=True):
        assert torch.equal(far_inputs.cpu(), inputs)
        assert torch.equal(far_targets.cpu(), targets)


def test_costs_follow_the_images(device: torch.device) -> None:
    counts = []
    for place in ("cpu", device):
        net, inputs = lab.nets.lenet_5(seed=0), torch.zeros(2, 1, 28, 28).to(place)
        masks = {name: weight.detach() > 0 for name, weight in net.named_parameters()}
        units = lab.costs.count_flops(net, inputs, masks, skip="units")
        counts.append((units, lab.costs.count_parameters(net, masks)))
        assert next(net.parameters()).device == inputs.device
    assert counts[0] == counts[1]


def test_initial_weights_are_the_same_on_every_device(device: torch.device) -> None:
    near, far = lab.nets.mini_relu(seed=1), lab.nets.mini_relu(seed=1).to(device)
    for net in (near, far):
        lab.nets.init_kaiming_normal(net, seed=3)
    assert far.fc1.weight.device == device
    assert torch.equal(near.fc1.weight, far.fc1.weight.cpu())


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_a_solution_passes_whatever_the_device(exercise: Exercise, device: torch.device) -> None:
    assert exercise.check(solve(exercise)) == "Right."


def test_an_answer_may_lie_on_the_device(device: torch.device) -> None:
    solution = solve(start.CUT)
    assert start.CUT.check(lambda w, n: solution(w, n).to(device)) == "Right."
