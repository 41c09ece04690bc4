"""What training holds: a hard mask, the plainest `choices.needs.Parametrisation`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..ideas.checks import checked
from .masks import Masks

Weights = dict[str, Tensor]


def copy_weights(net: nn.Module) -> Weights:
    """Return an independent copy of the network's parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


class HardMask:
    """Dead weights are exactly zero before and after every step; nothing is learned.

    To learn a score while training, inherit from it and write the hooks that differ: `parameters`
    has the masked parameters by name. Taught in notebook 07.
    """

    @checked
    def __init__(
        self, net: nn.Module, masks: Mapping[str, Tensor], earlier: Mapping[str, Tensor]
    ) -> None:
        """Take the network as it is, with its dead weights set to zero."""
        self.net, self.masks, self.earlier = net, Masks(masks), earlier
        named = dict(net.named_parameters())
        self.parameters = {name: named[name] for name in masks}
        self.masks.apply_(net)
        self._weights, self._factors = self.masks.factors(net)

    def groups(self) -> list[dict[str, Any]]:
        """Return one group: all parameters of the network."""
        return [{"params": list(self.net.parameters())}]

    def begin_epoch(self, epoch: int, total: int) -> None:
        """Do nothing."""

    def after_backward(self) -> None:
        """Do nothing."""

    @torch.no_grad()
    def after_step(self) -> None:
        """Set to zero what the optimizer has moved."""
        for weight, factor in zip(self._weights, self._factors, strict=True):
            weight.mul_(factor)

    def weights(self) -> Weights:
        """Return a copy of the network's state dict."""
        return copy_weights(self.net)

    def state(self) -> Weights:
        """Return the same: nothing else moves."""
        return copy_weights(self.net)

    @checked
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Give the network the weights that `state()` returned. Raises ValueError for others."""
        wanted = self.net.state_dict()
        if set(state) != set(wanted) or any(state[k].shape != w.shape for k, w in wanted.items()):
            raise ValueError(f"state={list(state)} is not what state() returned: {list(wanted)}")
        self.net.load_state_dict(dict(state))

    def scores(self) -> Weights:
        """Return nothing: nothing is learned."""
        return {}
