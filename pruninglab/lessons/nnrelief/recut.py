"""A network cut again and again: one sort, then the cut at every α is a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ...checks import Number, checked
from ...ideas.nnrelief.bounds import Bounds, error_bounds
from ...ideas.nnrelief.clean_up import clean_up
from ...ideas.nnrelief.cut import entry_share
from ...ideas.nnrelief.network import network_importance

ALL = "all layers"
# Of a change of the outputs so much is rounding: on the pruning set the bound itself is reached.
ROUNDING = 1e-4, 1e-6


@checked
@dataclass(frozen=True, eq=False)
class Recut:
    """A trained stack of Linear layers with ReLU between them, ready to be cut at any α.

    Made by `recut`. `inputs` (samples, …) is the pruning set; `images` (images, …) are those
    that judge, all on the device of the network. `entries` holds the `entry_share` of
    every connection by layer. Taught in notebook 04.
    """

    net: nn.Module
    inputs: Float[Tensor, "samples ..."]
    images: Float[Tensor, "images ..."]
    layers: dict[str, nn.Linear]
    entries: dict[str, Tensor]

    @checked
    def masks(self, alpha: Number, layer: str = ALL) -> dict[str, Tensor]:
        """Cut `layer` (or all) at `alpha` in (0, 1] and clean up; masks by parameter name."""
        masks = {}
        for name, entry in self.entries.items():
            whole = layer not in (ALL, name)
            kept = (entry < (torch.inf if whole else alpha)).to(self.inputs.device) | whole
            masks[f"{name}.weight"], masks[f"{name}.bias"] = kept[:, :-1], kept[:, -1]
        return clean_up(self.net, masks, self.inputs)

    @torch.no_grad()
    @checked
    def outputs(self, masks: Mapping[str, Tensor] | None = None) -> Tensor:
        """Class scores of the judging images under `masks`, (images, classes)."""
        hidden = self.images.flatten(1)
        for place, (name, layer) in enumerate(self.layers.items()):
            hidden = hidden.relu() if place else hidden
            if masks is None:
                hidden = functional.linear(hidden, layer.weight, layer.bias)
            else:
                weight = layer.weight * masks[f"{name}.weight"]
                hidden = functional.linear(hidden, weight, layer.bias * masks[f"{name}.bias"])
        return hidden

    @cached_property
    def before(self) -> Tensor:
        """Class scores of the whole network, (images, classes)."""
        return self.outputs()

    @torch.no_grad()
    @checked
    def bounds(self, masks: Mapping[str, Tensor]) -> Bounds:
        """Bounds on the change of the class scores, Eqs. (13), (14)."""
        parts = [(layer.weight, layer.bias) for layer in self.layers.values()]
        keeps = [(masks[f"{name}.weight"], masks[f"{name}.bias"]) for name in self.layers]
        return error_bounds(parts, keeps, self.inputs.flatten(1))

    @checked
    def change(self, masks: Mapping[str, Tensor]) -> Tensor:
        """How far each class score of each judging image moves, (images, classes)."""
        return (self.outputs(masks) - self.before).abs()

    @checked
    def beyond(self, masks: Mapping[str, Tensor]) -> Tensor:
        """Which changes are larger than the point-wise bound (13), bool (images, classes)."""
        relative, absolute = ROUNDING
        return self.change(masks) > self.bounds(masks).pointwise * (1 + relative) + absolute


@checked
def recut(
    net: nn.Module,
    inputs: Float[Tensor, "samples ..."],
    images: Float[Tensor, "images ..."],
) -> Recut:
    """Judge every connection of `net` once, on `inputs`, so that every later cut is quick.

    All layers with weights are Linear and have a bias. Network and judging images move to where the
    inputs lie. Taught in notebook 04.

    >>> stack = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))
    >>> x = torch.rand(5, 3)
    >>> cuts = recut(stack, x, x)
    >>> bool(cuts.change(cuts.masks(1.0)).any())
    False
    """
    layers = {name: part for name, part in net.named_modules() if isinstance(part, nn.Linear)}
    importance = network_importance(net, inputs)
    entries = {name: entry_share(shares) for name, shares in importance.items()}
    place = inputs.device
    return Recut(net, inputs, images.to(place), layers, entries)
