"""A network cut again and again: one sort, then the cut at every α is a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from ..checks import Number, check_choice, checked
from .bounds import Bounds, error_bounds
from .clean_up import clean_up
from .cut import check_share, entry_share
from .network import network_importance

ALL = "all layers"
ALPHAS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8,
          0.85, 0.9, 0.95, 0.97, 0.99, 1.0)  # fmt: skip
# Of a change of the outputs so much is rounding: on the pruning set the bound itself is reached.
ROUNDING = 1e-4, 1e-6


@checked
@dataclass(frozen=True, eq=False)
class Recut:
    """A trained stack of Linear layers with ReLU between them, ready to be cut at any α.

    Made by `recut`. `inputs` (samples, …) is the pruning set; `images` (images, …) and `targets`
    are those that judge, all on the device of the network. `entries` holds the `entry_share` of
    every connection by layer. Taught in notebook 04.
    """

    net: nn.Module
    inputs: Float[Tensor, "samples ..."]
    images: Float[Tensor, "images ..."]
    targets: Int64[Tensor, " images"]
    layers: dict[str, nn.Linear]
    entries: dict[str, Tensor]

    @checked
    def masks(self, alpha: Number, layer: str = ALL) -> dict[str, Tensor]:
        """Cut `layer` (or all of them) at `alpha` and clean up; masks by parameter name.

        Raises ValueError for alpha outside (0, 1], and a layer that the network has not.
        """
        check_share(alpha)
        check_choice("layer", layer, (ALL, *self.layers))
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
        self._check_masks(masks)
        hidden = self.images.flatten(1)
        for place, (name, layer) in enumerate(self.layers.items()):
            hidden = hidden.relu() if place else hidden
            if masks is None:
                hidden = functional.linear(hidden, layer.weight, layer.bias)
            else:
                weight = layer.weight * masks[f"{name}.weight"]
                hidden = functional.linear(hidden, weight, layer.bias * masks[f"{name}.bias"])
        return hidden

    def _check_masks(self, masks: Mapping[str, Tensor] | None) -> None:
        wanted = {f"{name}.{part}" for name in self.layers for part in ("weight", "bias")}
        if masks is not None and wanted - set(masks):
            raise ValueError(f"masks must have {sorted(wanted)}; they have {sorted(masks)}")

    @cached_property
    def before(self) -> Tensor:
        """Class scores of the whole network, (images, classes)."""
        return self.outputs()

    @checked
    def accuracy(self, outputs: Float[Tensor, "images classes"]) -> float:
        """Share of the judging images that these class scores get right."""
        if len(outputs) != len(self.targets) or not outputs.shape[1]:
            raise ValueError(
                f"outputs {tuple(outputs.shape)} are not of {len(self.targets)} images"
            )
        right = outputs.argmax(dim=1) == self.targets
        return int(right.sum()) / len(right)

    @torch.no_grad()
    @checked
    def bounds(self, masks: Mapping[str, Tensor]) -> Bounds:
        """Bounds on the change of the class scores, Eqs. (13), (14)."""
        self._check_masks(masks)
        parts = [(layer.weight, layer.bias) for layer in self.layers.values()]
        keeps = [(masks[f"{name}.weight"], masks[f"{name}.bias"]) for name in self.layers]
        return error_bounds(parts, keeps, self.inputs.flatten(1))

    @cached_property
    def curve(self) -> list[float]:
        """Accuracy without retraining at each α of `ALPHAS`, all layers cut."""
        return [self.accuracy(self.outputs(self.masks(alpha))) for alpha in ALPHAS]

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
    targets: Int64[Tensor, " images"],
) -> Recut:
    """Judge every connection of `net` once, on `inputs`, so that every later cut is quick.

    Network and judging images move to where the inputs lie. Raises ValueError if a layer with
    weights is not Linear or has no bias. Taught in notebook 04.

    >>> stack = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))
    >>> x, y = torch.rand(5, 3), torch.zeros(5, dtype=torch.int64)
    >>> cuts = recut(stack, x, x, y)
    >>> bool(cuts.change(cuts.masks(1.0)).any())
    False
    """
    layers = {name: part for name, part in net.named_modules() if isinstance(part, nn.Linear)}
    importance = network_importance(net, inputs)
    odd = [name for name in importance if name not in layers or layers[name].bias is None]
    if odd:
        raise ValueError(f"layers {odd} are not Linear with a bias, which this needs")
    entries = {name: entry_share(shares) for name, shares in importance.items()}
    place = inputs.device
    return Recut(net, inputs, images.to(place), targets.to(place), layers, entries)
