"""From which weights does the next round start? A rewind is `rewind(net, snapshots) -> None`.

`snapshots` maps "init", "dense" (trained, never pruned) and "epoch k" to state dicts. Rewinding
restores parameters and buffers, batch-norm statistics too. The masks are applied afterwards. `net`
is a copy, in eval mode; of it only the numbers count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..checks import Count, checked
from ..devices import accurate
from ..ideas.weights import load_weights
from .needs import Needs, asks

Snapshots = Mapping[str, Mapping[str, Tensor]]
Rewind = Callable[[nn.Module, Snapshots], None]

# Two spreads of n numbers each that differ by this over √n in their logarithm are not of one law.
UNLIKELY = 6.0


def _load(net: nn.Module, snapshots: Snapshots, name: str) -> None:
    """Give the network a snapshot's weights; name both if they do not fit."""
    if name not in snapshots:
        raise KeyError(f"snapshots have no {name!r}, only {list(snapshots)}")
    try:
        load_weights(net, snapshots[name])
    except ValueError as error:
        raise ValueError(f"net does not fit snapshots[{name!r}]: {error}") from error


@asks(keeps_weights=False)
@checked
def to_init(net: nn.Module, snapshots: Snapshots) -> None:
    """Back to the weights before any training: the lottery ticket. Taught in notebook 02."""
    _load(net, snapshots, "init")


@asks(keeps_weights=True)
@checked
def to_dense(net: nn.Module, snapshots: Snapshots) -> None:
    """Back to the trained dense weights. Taught in notebook 02."""
    _load(net, snapshots, "dense")


@asks(keeps_weights=True)
@checked
def fine_tune(net: nn.Module, snapshots: Snapshots) -> None:
    """Go on from the weights that were just pruned: rewind nothing. Taught in notebook 04."""


@asks(keeps_weights=False)
@checked
def reinitialise(net: nn.Module, snapshots: Snapshots) -> None:
    """Draw new weights: only the mask is inherited.

    Each module draws with its own `reset_parameters`. What has none (tokens, a scale of a layer),
    and what the network's constructor initialised otherwise, which shows in its spread, gets its
    first values again, shuffled: constants stay. What is frozen stays as it is. Uses torch's global
    generator, which `prune` seeds. Raises ValueError for a parameter that cannot be drawn, by name,
    where `snapshots` have no "init". Taught in notebook 06.
    """
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    own = _reset(net)
    init = snapshots.get("init", {})
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            parameter.data.copy_(before[name])
        elif name in init:
            first = init[name].to(parameter)
            if id(parameter) not in own or not _alike(first, parameter.detach()):
                order = torch.randperm(first.numel()).to(first.device)
                parameter.data.copy_(first.flatten()[order].view_as(first))
        elif id(parameter) not in own:
            raise ValueError(f"net: {name!r} cannot be drawn: its module has no reset_parameters")


def _reset(net: nn.Module) -> set[int]:
    """Let modules draw their own parameters; return which those are."""
    drawn: set[int] = set()
    for module in net.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
            drawn |= {id(parameter) for parameter in module.parameters(recurse=False)}
    return drawn


def _alike(first: Tensor, drawn: Tensor) -> bool:
    """Tell whether the first values may come from the law of those that were drawn."""
    spreads = [float(accurate(values).std(correction=0)) for values in (first, drawn)]
    if not all(spreads):
        return torch.equal(first, drawn)
    return abs(math.log(spreads[0] / spreads[1])) < UNLIKELY / math.sqrt(first.numel())


@checked
@dataclass(frozen=True)
class to_epoch:
    """Back to the weights after epoch `epoch` of the first, dense round. Taught in notebook 05.

    Raises ValueError for an epoch below 1, and KeyError when rewinding if the first round was
    shorter than that; `Recipe.check` refuses it before training where the stop says how long that
    round can be.
    """

    epoch: Count

    @property
    def needs(self) -> Needs:
        """The snapshot of that epoch."""
        return Needs(snapshot=self.epoch, keeps_weights=False)

    @checked
    def __call__(self, net: nn.Module, snapshots: Snapshots) -> None:
        name = f"epoch {self.epoch}"
        if name not in snapshots:
            raise KeyError(f"snapshots have no {name!r}: the first round was shorter than that")
        _load(net, snapshots, name)
