"""Exercises of notebook 09."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...kit.exercise import Exercise, call, close, expect, tensor
from ...nets import ResidualBlock, seeded
from ..answers import by_name, mask
from .parts import FLAT, mute_branch, muted, with_state


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


def _check_mute(answer: Any) -> None:
    block = _block()
    state = block.state_dict()
    given = by_name(call(answer, state), {name: value.shape for name, value in state.items()})
    with seeded(2):
        images = torch.randn(3, 4, 6, 6)
    with torch.no_grad():
        said = with_state(block, given)(images).double()
        before, right = block(images).double(), mute_branch(block)(images).double()
        bias_only = with_state(block, muted(state) | {"bn2.bias": state["bn2.bias"]})(images)
    expect(not close(said, before), "it says what it said before: set bn2's weight and bias to 0")
    expect(not close(said, bias_only.double()),
           "batch norm still speaks: its bias is added after all; zero it")  # fmt: skip
    still = "batch norm still speaks after the second convolution: weight and bias of bn2, both 0"
    expect(close(said, right), still)


def _check_recount(answer: Any) -> None:
    with seeded(4):
        sets = [2 + 3 * torch.randn(9, 4, 5, 6), torch.rand(7, 3, 8, 8), torch.randn(5, 2, 2, 2)]
    for maps in sets:
        channels = maps.shape[1]
        hint = "return two things: a mean and a variance for each channel"
        given = call(answer, maps)
        expect(isinstance(given, (tuple, list)) and len(given) == 2, hint)
        mean, variance = (tensor(part, hint).double() for part in given)
        expect(mean.shape == variance.shape == (channels,), f"one number a channel, {channels} "
               "here: over images, height and width, dim=(0, 2, 3)")  # fmt: skip
        true, spread = maps.mean((0, 2, 3)).double(), maps.var((0, 2, 3)).double()
        biased = maps.var((0, 2, 3), correction=0).double()
        expect(not close(mean, spread), "the mean comes first, then the variance")
        expect(close(mean, true), "the mean of each channel, over images, height and width")
        expect(not close(variance, spread.sqrt()) and not close(variance, biased.sqrt()),
               "that is the standard deviation: batch norm keeps its square")  # fmt: skip
        expect(close(variance, spread) or close(variance, biased),
               "the variance of each channel, over the same three: .var((0, 2, 3))")  # fmt: skip


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
    "Write `mute(state)`: the numbers of a residual block, by name, so that only its shortcut "
    "speaks.",
    _check_mute,
    """
def mute(state):
    quiet = {name: value.clone() for name, value in state.items()}
    quiet["bn2.weight"].zero_()
    quiet["bn2.bias"].zero_()
    return quiet
""",
)
RECOUNT = Exercise(
    "count again",
    "Write `recount(maps)`: mean and variance of each channel of (images, channels, height, "
    "width).",
    _check_recount,
    """
def recount(maps):
    mean = maps.mean((0, 2, 3))
    variance = maps.var((0, 2, 3))
    return mean, variance
""",
    hidden=lambda g: (torch.randn(6, 3, 4, 5, generator=g),),
)
