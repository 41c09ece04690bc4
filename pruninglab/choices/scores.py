"""Which weights matter? A score maps a network and a batch to a number per weight.

A score is `score(net, batch) -> dict[str, Tensor]`: parameter names to non-negative tensors that
broadcast to the parameter, so (out, in, 1, 1) scores whole kernels. `batch` is (inputs, targets).
Two attributes are optional: `biases = True` if it scores biases too, and `samples`, how many
training images it wants in the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..ideas.nnrelief import VARIANTS, check_share, network_importance

Batch = tuple[Tensor, Tensor]
Score = Callable[[nn.Module, Batch], dict[str, Tensor]]

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def prunable(net: nn.Module, biases: bool = False) -> dict[str, Tensor]:
    """Return the prunable parameters by name: weights of Linear and Conv layers, in net order.

    `biases` adds the biases of the same layers (NNrelief prunes them too). Raises ValueError if
    the network has no such layer.

    >>> list(prunable(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))))
    ['0.weight', '2.weight']
    """
    found: dict[str, Tensor] = {}
    for name, module in net.named_modules():
        if isinstance(module, PRUNABLE):
            prefix = f"{name}." if name else ""
            found[f"{prefix}weight"] = module.weight
            if biases and module.bias is not None:
                found[f"{prefix}bias"] = module.bias
    if not found:
        raise ValueError("net has no Linear or Conv layer, so nothing can be pruned")
    return found


def magnitude(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """|w|: small weights go first. Ignores the batch. Taught in notebook 00."""
    return {name: weight.detach().abs() for name, weight in prunable(net).items()}


def random(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Uniform noise in [0, 1) from torch's global generator: the baseline that knows nothing.

    `prune` seeds that generator, so a run repeats. Taught in notebook 00.
    """
    return {name: torch.rand_like(weight) for name, weight in prunable(net).items()}


@dataclass(frozen=True)
class at_snapshot:
    """Let `score` judge the weights of an earlier snapshot ("init", "dense"), not today's.

    One-shot pruning ranks by the dense trained weights in every round. The pruning loop hands the
    score a network with the snapshot's weights and today's masks. Taught in notebook 02.
    """

    score: Score
    snapshot: str = "dense"

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return self.score(net, batch)


@dataclass(frozen=True)
class nnrelief:
    """Importance: the share of a neuron's signal that comes through a connection, kernel or bias.

    Looks at the first `samples` training images. `kernels` and `residual` as in
    `ideas.nnrelief.network_importance`. The rows of a neuron sum to 1, so scores compare within a
    neuron only: use scope `neuron`. Raises ValueError for values out of range, and for a layer
    that is neither Linear nor Conv2d (named). Source: NNrelief paper, Eqs. (1) to (3). Taught in
    notebook 04.
    """

    samples: int = 1000
    kernels: str = "frobenius"
    residual: float | None = None
    biases: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.samples, int) or self.samples < 1:
            raise ValueError(f"samples={self.samples!r} must be a whole number, at least 1")
        if self.kernels not in VARIANTS:
            raise ValueError(f"kernels={self.kernels!r} is not known; choose from {VARIANTS}")
        if self.residual is not None:
            check_share(self.residual, "residual")

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        inputs = batch[0][: self.samples]
        scores: dict[str, Tensor] = {}
        named = prunable(net, biases=True)
        for name, shares in network_importance(net, inputs, self.kernels, self.residual).items():
            prefix = f"{name}." if name else ""
            weight = named[f"{prefix}weight"]
            spatial = (1,) * (weight.dim() - 2)
            scores[f"{prefix}weight"] = shares[:, :-1].reshape(*weight.shape[:2], *spatial)
            if f"{prefix}bias" in named:
                scores[f"{prefix}bias"] = shares[:, -1]
        return scores
