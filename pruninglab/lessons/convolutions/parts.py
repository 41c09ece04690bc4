"""What lesson 09 takes out of a ResNet: filters, a branch, a shortcut, the memory of batch norm."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ...checks import Share, check_choice, checked
from ...choices import budgets, scopes, scores
from ...data import Split
from ...engine.masks import Masks, cut_once
from ...modes import copied, evaluating
from ...nets import ResidualBlock

WAYS = {
    "single weights": (scores.magnitude, scopes.global_),
    "whole filters": (scores.units, scopes.layer),
}
# Below it a map is flat: float32 leaves some crumbs of a constant.
FLAT = 1e-6
SCORED = 100
State = Mapping[str, Tensor]
Statistics = Callable[[Tensor], tuple[Tensor, Tensor]]


@checked
def cut(net: nn.Module, images: Split, density: Share, way: str) -> tuple[nn.Module, Masks]:
    """Return a copy that keeps `density` of its weights, and its masks; nothing is retrained.

    `way` is "single weights", the largest of all layers, or "whole filters", the strongest of each
    layer. Raises ValueError for another one. Taught in notebook 09.
    """
    check_choice("way", way, tuple(WAYS))
    score, scope = WAYS[way]
    budget = budgets.fraction(round(1 - density, 6))
    return cut_once(net, images.take(min(SCORED, len(images))), score, budget, scope)


@checked
def maps(net: nn.Module, images: Tensor, layer: str) -> Tensor:
    """Return what the module called `layer` says of `images`, such as (images, maps, h, w).

    Raises ValueError for a name that `net` does not have.
    """
    modules = dict(net.named_modules())
    check_choice("layer", layer, tuple(modules))
    seen: list[Tensor] = []
    handle = modules[layer].register_forward_hook(lambda _, __, said: seen.append(said.detach()))
    try:
        with evaluating(net), torch.no_grad():
            net(images)
    finally:
        handle.remove()
    return seen[0]


@checked
def silent(maps: Tensor) -> Tensor:
    """Say of each map, (maps, height, width), whether it is flat: True where it tells nothing."""
    return maps.flatten(1).std(dim=1) < FLAT


@checked
def mute_branch(block: ResidualBlock) -> ResidualBlock:
    """Return a copy of a block whose two convolutions say 0: only its shortcut speaks."""
    return with_state(block, muted(block.state_dict()))


def muted(state: State) -> dict[str, Tensor]:
    """Return a block's numbers by name, those of its last batch norm at 0."""
    last = ("bn2.weight", "bn2.bias")
    return {name: value * (name not in last) for name, value in state.items()}


def with_state(block: ResidualBlock, state: State) -> ResidualBlock:
    """Return a copy of a block with these numbers."""
    changed = copy.deepcopy(block)
    changed.load_state_dict(dict(state))
    return changed


class Nothing(nn.Module):
    """What takes the place of a shortcut: zeros."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return one 0, which adds nothing anywhere."""
        return inputs.new_zeros(())


@checked
def mute_shortcut(block: ResidualBlock) -> ResidualBlock:
    """Return a copy of a block without its shortcut: only its two convolutions speak."""
    quiet = copy.deepcopy(block)
    quiet.shortcut = Nothing()  # type: ignore[assignment]
    return quiet


@checked
def blocks(net: nn.Module) -> dict[str, ResidualBlock]:
    """Return the residual blocks of a network by name."""
    return {name: part for name, part in net.named_modules() if isinstance(part, ResidualBlock)}


@checked
def with_block(net: nn.Module, name: str, block: nn.Module) -> nn.Module:
    """Return a copy of `net` with another block at this place."""
    changed = copied(net)
    parent, _, last = name.rpartition(".")
    setattr(changed.get_submodule(parent), last, block)
    return changed


def mean_and_variance(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return both for each channel of (images, channels, height, width)."""
    return maps.mean((0, 2, 3)), maps.var((0, 2, 3))


@checked
def recount(
    net: nn.Module, images: Tensor, statistics: Statistics = mean_and_variance
) -> nn.Module:
    """Return a copy, in eval mode, whose batch norms have counted mean and variance anew.

    All `images` pass at once; each batch norm counts what reaches it, then passes it on by the new
    numbers. No weight moves, and no label is seen. Taught in notebook 09.
    """
    counted = copied(net).eval()

    def count(norm: nn.Module, given: tuple[Tensor]) -> None:
        mean, variance = statistics(given[0])
        norm.running_mean, norm.running_var = mean, variance

    norms = [part for part in counted.modules() if isinstance(part, nn.BatchNorm2d)]
    handles = [norm.register_forward_pre_hook(count) for norm in norms]
    try:
        with torch.no_grad():
            counted(images)
    finally:
        for handle in handles:
            handle.remove()
    return counted
