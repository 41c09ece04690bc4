"""What training holds: a hard mask, the plainest `choices.needs.Parametrisation`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import checked
from ..ideas.weights import Weights, copy_weights, everything, load_weights
from .masks import Masks


class HardMask:
    """Dead weights are exactly zero before and after every step; nothing is learned.

    To learn a score while training, inherit from it and write the hooks that differ: `parameters`
    has by name the masked parameters that are trained, not those that are frozen. Whatever
    `scores` are made of belongs into `state` and `load`. Taught in notebook 07.
    """

    @checked
    def __init__(
        self, net: nn.Module, masks: Mapping[str, Tensor], earlier: Mapping[str, Tensor]
    ) -> None:
        """Take the network as it is, with its dead weights set to zero."""
        self.net, self.masks, self.earlier = net, Masks(masks), earlier
        named = dict(net.named_parameters())
        self.parameters = {name: named[name] for name in masks if named[name].requires_grad}
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
        """Return a copy of the network's weights, as `net.load_state_dict` takes them."""
        return copy_weights(self.net)

    def state(self) -> dict[str, Tensor]:
        """Return the same in one flat dict: nothing else moves."""
        return everything(copy_weights(self.net))

    @checked
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Give the network the weights that `state()` returned. Raises ValueError for others."""
        load_weights(self.net, state)

    def scores(self) -> dict[str, Tensor]:
        """Return nothing: nothing is learned."""
        return {}
