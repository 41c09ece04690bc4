"""Exercises of notebook 09."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...kit.exercise import Exercise, NotYet, call, close, expect, tensor
from ...nets import ResidualBlock, seeded
from ..answers import mask
from .parts import FLAT, mute_branch, mute_shortcut, recount


def _some_maps() -> list[Tensor]:
    """Return maps of which some are flat: black, evenly gray, and with the crumbs of rounding."""
    with seeded(0):
        many, few = torch.randn(16, 8, 8), 3 + 0.01 * torch.randn(5, 4, 6)
    many[3], many[7] = 0.0, -0.4
    few[1] = 0.7 + 1e-8 * torch.arange(24.0).reshape(4, 6)
    return [many, few, few[2:]]


def _check_silent(answer: Any) -> None:
    for maps in _some_maps():
        spread = maps.flatten(1).std(dim=1)
        found = mask(call(answer, maps), spread.shape)
        flat = spread < FLAT
        black = (maps == 0).flatten(1).all(dim=1)
        expect(
            not torch.equal(found, black) or torch.equal(black, flat),
            "a silent map is flat, not always black: batch norm adds a constant; ask its spread",
        )
        expect(not torch.equal(found, ~flat), "that is who speaks: silent is a spread of nothing")
        expect(torch.equal(found, flat), "a map is silent if its spread is below 1e-6")


def _check_strength(answer: Any) -> None:
    with seeded(0):
        shapes = ((6, 3, 3, 3), (3, 6, 3, 3), (4, 2, 1, 1))
        weights = [torch.randn(shape) for shape in shapes]
    for weight in weights:
        count = len(weight)
        given = tensor(call(answer, weight))
        expect(given.numel() == count, f"one number a filter: {count} here, in this shape: "
               f"({count}, 1, 1, 1)")  # fmt: skip
        expect(given.shape == (count, 1, 1, 1), f"give it the shape ({count}, 1, 1, 1): "
               "then one number stands for a whole filter")  # fmt: skip
        flat, given = weight.flatten(1), given.flatten().double()
        expect(bool((given >= 0).all()), "a strength is at least 0: the signs would cancel")
        right = flat.norm(dim=1), flat.square().sum(1), flat.square().mean(1).sqrt()
        expect(
            any(close(given, size.double()) for size in right),
            "the root of the sum of squares of each filter: flatten(1), then norm(dim=1)",
        )


def _block() -> ResidualBlock:
    with seeded(1):
        block = ResidualBlock(4, 4, 1)
        for part in (block.bn1, block.bn2):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias)
            part.running_mean.normal_()  # type: ignore[union-attr]
    return block.eval()


def _says(answer: Any, given: nn.Module, images: Tensor) -> Tensor:
    """Return what a network of the student's says, in the mode in which it was returned."""
    changed = call(answer, given)
    expect(isinstance(changed, nn.Module), "return the block: a copy of it, changed")
    with torch.no_grad():
        return tensor(changed(images)).double()


def _check_mute(answer: Any) -> None:
    block = _block()
    with seeded(2):
        images = torch.randn(3, 4, 6, 6)
    said = _says(answer, block, images)
    with torch.no_grad():
        before, right = block(images).double(), mute_branch(block)(images).double()
        without, talks = mute_shortcut(block)(images).double(), mute_branch(block)
        talks.bn2.bias.copy_(block.bn2.bias)
        bias_only = talks(images).double()
    expect(said.shape == right.shape, "the block keeps its shape: mute it, do not take it out")
    expect(
        not close(said, before), "it says what it said before: set the weight and bias of bn2 to 0"
    )
    expect(not close(said, without), "you muted the shortcut: mute what stands beside it")
    expect(
        not close(said, bias_only), "batch norm still speaks: its bias is added after all; zero it"
    )
    still = "batch norm still speaks after the second convolution: weight and bias of bn2, both 0"
    expect(close(said, right), still)


def _net() -> nn.Sequential:
    with seeded(3):
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5)
        ).eval()


def _check_recount(answer: Any) -> None:
    net = _net()
    with seeded(4):
        images = 2 + 3 * torch.randn(40, 3, 8, 8)
    changed = call(answer, net, images)
    expect(isinstance(changed, nn.Module), "return the network: a copy of it, recounted")
    right, before, found = (part.state_dict() for part in (recount(net, images), net, changed))
    expect(found.keys() == right.keys(), "return a copy of the network that you were given")
    counted = [name for name in right if "running" in name]
    weights = [name for name in right if "running" not in name and "num_batches" not in name]
    expect(all(close(found[k], right[k]) for k in weights), "no weight moves: count, do not train")
    expect(not all(close(found[k], before[k]) for k in counted),
           "the old numbers remain: put it into train mode, then let the images pass")  # fmt: skip
    for name in counted:
        expect(
            close(found[name], right[name]),
            "some of the old numbers remain: forget them with reset_running_stats(), and set "
            "momentum = None, which means the plain average",
        )
    if any(module.training for module in changed.modules()):
        raise NotYet("end with eval(): in train mode an answer depends on the images beside it")


SILENT = Exercise(
    "who is silent?",
    "Write `silent(maps)`: True for each map, (maps, height, width), that is flat.",
    _check_silent,
    """
def silent(maps):
    spread = maps.flatten(1).std(dim=1)
    return spread < 1e-6
""",
    hidden=lambda g: (torch.randn(6, 4, 4, generator=g)
                      * (torch.rand(6, 1, 1, generator=g) < 0.5),),
)  # fmt: skip
STRENGTH = Exercise(
    "how strong is a filter?",
    "Write `strength(weight)`: one number a filter, (filters, 1, 1, 1), from a weight of the shape "
    "(filters, channels, height, width).",
    _check_strength,
    """
def strength(weight):
    size = weight.flatten(1).norm(dim=1)
    return size[:, None, None, None]
""",
    hidden=lambda g: (torch.randn(5, 2, 3, 3, generator=g),),
)
MUTE = Exercise(
    "mute a block",
    "Write `mute(block)`: a copy of a residual block of which only the shortcut speaks.",
    _check_mute,
    """
def mute(block):
    quiet = lab.nets.clone(block)
    with torch.no_grad():
        quiet.bn2.weight.zero_()
        quiet.bn2.bias.zero_()
    return quiet
""",
)
RECOUNT = Exercise(
    "count again",
    "Write `recount(net, images)`: a copy of the network whose batch norms have counted mean and "
    "variance anew, on these images.",
    _check_recount,
    """
def recount(net, images):
    counted = lab.nets.clone(net)
    for part in counted.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None
    counted.train()
    with torch.no_grad():
        counted(images)
    return counted.eval()
""",
)
