"""Who competes with whom? Neurons apart, layers apart, or the whole network at once.

A scope sorts the scores of a network into competing groups. Each batch of groups is a matrix
(groups, members), so that a budget treats thousands of neurons in one operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Groups:
    """Competing members of some parameters: one row per group.

    `scores` float (groups, members), `alive` bool of the same shape, `kind` "linear", "conv" or
    "mixed". `pieces` says where the columns come from: (parameter name, shape of its scores).
    """

    kind: str
    scores: Tensor
    alive: Tensor
    pieces: tuple[tuple[str, torch.Size], ...]

    def split(self, kept: Tensor) -> dict[str, Tensor]:
        """Cut a bool matrix of the shape of `scores` back into the shapes of the parameters."""
        widths = [shape.numel() // len(self.scores) for _, shape in self.pieces]
        parts = kept.split(widths, dim=1)
        return {
            name: part.reshape(shape)
            for (name, shape), part in zip(self.pieces, parts, strict=True)
        }


def neuron(scores: Mapping[str, Tensor], alive: Mapping[str, Tensor]) -> Iterator[Groups]:
    """Each neuron (output channel) by itself: its incoming weights, and its bias if it is scored.

    `scores` and `alive` map parameter names to tensors of equal shape, outputs first. Yields one
    `Groups` per layer. Taught in notebook 02.
    """
    for names in _by_layer(scores):
        yield _gather(names, scores, alive, groups=len(scores[names[0]]))


def layer(scores: Mapping[str, Tensor], alive: Mapping[str, Tensor]) -> Iterator[Groups]:
    """Each layer by itself, weights and (if scored) biases together. Taught in notebook 02."""
    for names in _by_layer(scores):
        yield _gather(names, scores, alive, groups=1)


def global_(scores: Mapping[str, Tensor], alive: Mapping[str, Tensor]) -> Iterator[Groups]:
    """All weights of the network against each other. Taught in notebook 02."""
    yield _gather(list(scores), scores, alive, groups=1)


def _by_layer(scores: Mapping[str, Tensor]) -> Iterator[list[str]]:
    """List the parameters of each layer: names that agree up to the last dot."""
    for _, names in groupby(scores, key=lambda name: name.rpartition(".")[0]):
        yield list(names)


def _gather(
    names: list[str], scores: Mapping[str, Tensor], alive: Mapping[str, Tensor], groups: int
) -> Groups:
    return Groups(
        kind=_kind([alive[name] for name in names]),
        scores=torch.cat([scores[name].reshape(groups, -1) for name in names], dim=1),
        alive=torch.cat([alive[name].reshape(groups, -1) for name in names], dim=1),
        pieces=tuple((name, scores[name].shape) for name in names),
    )


def _kind(tensors: list[Tensor]) -> str:
    kinds = {"linear" if tensor.dim() == 2 else "conv" for tensor in tensors if tensor.dim() > 1}
    return kinds.pop() if len(kinds) == 1 else "mixed"
