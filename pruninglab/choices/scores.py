"""Which weights matter? A score maps a network and a batch to a number per weight.

A score is `score(net, batch) -> dict[str, Tensor]`: parameter names to non-negative tensors that
broadcast to the parameter, so (out, in, 1, 1) scores whole kernels. `batch` is (inputs, targets).
Two attributes are optional: `biases = True` if it scores biases too, and `samples`, how many
training images it wants in the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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
