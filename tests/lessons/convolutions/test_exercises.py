"""Exercises of notebook 09: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import copy

import pytest
import torch
from answers import hears, solve
from torch import Tensor, nn

from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.convolutions import parts
from pruninglab.lessons.convolutions.exercises import MUTE, RECOUNT, SILENT, STRENGTH
from pruninglab.nets import ResidualBlock


def by_range(maps: Tensor) -> Tensor:
    return maps.amax((1, 2)) - maps.amin((1, 2)) < 1e-6


def silenced(block: ResidualBlock, *names: str) -> ResidualBlock:
    quiet = copy.deepcopy(block)
    with torch.no_grad():
        for name in names:
            quiet.get_parameter(name).zero_()
    return quiet


def in_place(block: ResidualBlock) -> ResidualBlock:
    with torch.no_grad():
        block.bn2.weight.zero_(), block.bn2.bias.zero_()
    return block


def relu_of_the_shortcut(block: ResidualBlock) -> nn.Module:
    return nn.Sequential(copy.deepcopy(block.shortcut), nn.ReLU())


def counted(net: nn.Module, images: Tensor, momentum: float | None, forget: bool) -> nn.Module:
    net = copy.deepcopy(net)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = momentum
            if forget:
                part.reset_running_stats()
    net.train()
    with torch.no_grad():
        net(images)
    return net


def left_in_training(net: nn.Module, images: Tensor) -> nn.Module:
    return counted(net, images, None, forget=True)


def trained(net: nn.Module, images: Tensor) -> nn.Module:
    net = parts.recount(net, images)
    with torch.no_grad():
        net[0].weight.mul_(0.9)
    return net


def itself(net: nn.Module, images: Tensor) -> nn.Module:
    counted_here = counted(net, images, None, forget=True)
    net.load_state_dict(counted_here.state_dict())
    return net


TABLE = [
    (SILENT, parts.silent, None),
    (SILENT, by_range, None),
    (SILENT, lambda m: torch.tensor([float(x.std()) < 1e-6 for x in m]), None),
    (SILENT, lambda m: (m == 0).flatten(1).all(1), "flat, not always black"),
    (SILENT, lambda m: m.flatten(1).std(dim=1) > 1e-6, "that is who speaks"),
    (SILENT, lambda m: m.flatten(1).std(dim=0) < 1e-6, "the mask needs the shape"),
    (SILENT, lambda m: m.flatten(1).std(dim=1), "True and False"),
    (SILENT, lambda m: m.flatten(1).std(dim=1) < 0.1, "below 1e-6"),
    (STRENGTH, lambda w: w.flatten(1).norm(dim=1)[:, None, None, None], None),
    (STRENGTH, lambda w: w.square().sum((1, 2, 3), keepdim=True), None),
    (STRENGTH, lambda w: w.square().mean((1, 2, 3), keepdim=True).sqrt(), None),
    (STRENGTH, lambda w: w.flatten(1).norm(dim=1), "give it the shape"),
    (STRENGTH, lambda w: w.flatten(1).norm(dim=0), "one number a filter"),
    (STRENGTH, lambda w: w.abs(), "one number a filter"),
    (STRENGTH, lambda w: w.mean((1, 2, 3), keepdim=True), "the signs would cancel"),
    (STRENGTH, lambda w: w.abs().amax((1, 2, 3), keepdim=True), "root of the sum of squares"),
    (MUTE, parts.mute_branch, None),
    (MUTE, relu_of_the_shortcut, None),
    (MUTE, lambda b: silenced(b, "bn2.weight", "bn2.bias", "conv2.weight"), None),
    (MUTE, lambda b: silenced(b, "conv2.weight"), "batch norm still speaks"),
    (MUTE, lambda b: silenced(b, "bn2.weight"), "batch norm still speaks"),
    (MUTE, lambda b: silenced(b, "bn2.bias"), "batch norm still speaks"),
    (MUTE, lambda b: silenced(b, "bn1.weight", "bn1.bias"), "batch norm still speaks"),
    (MUTE, copy.deepcopy, "says what it said before"),
    (MUTE, parts.mute_shortcut, "you muted the shortcut"),
    (MUTE, in_place, "overwrites"),
    (MUTE, lambda b: torch.zeros(3), "return the block"),
    (RECOUNT, parts.recount, None),
    (RECOUNT, lambda n, x: counted(n, x, 1.0, forget=False).eval(), None),
    (RECOUNT, left_in_training, "end with eval()"),
    (RECOUNT, lambda n, x: counted(n, x, 0.1, forget=False).eval(), "some of the old numbers"),
    (RECOUNT, lambda n, x: counted(n, x, 0.1, forget=True).eval(), "some of the old numbers"),
    (RECOUNT, lambda n, x: copy.deepcopy(n), "the old numbers remain"),
    (RECOUNT, trained, "no weight moves"),
    (RECOUNT, itself, "overwrites"),
    (RECOUNT, lambda n, x: nn.Linear(1, 1), "a copy of the network"),
    (RECOUNT, lambda n, x: x, "return the network"),
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [SILENT, STRENGTH, MUTE, RECOUNT])
def test_solutions_and_stubs(exercise: Exercise) -> None:
    hears(exercise, solve(exercise), None)
    assert "Not answered yet" in exercise.check(lambda *given: None)
