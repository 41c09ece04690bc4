"""Who competes with whom? Neurons apart, layers apart, or the whole network at once.

A scope sorts the scores of a network into competing groups. Each batch of groups is a matrix
(groups, members), so that a budget treats thousands of neurons in one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Bool, Num
from torch import Tensor

from ..checks import Count, Whole, checked


@checked
@dataclass(frozen=True, eq=False)
class Groups:
    """Competing members of some parameters: one row per group. What a budget looks at.

    `scores` (groups, members), `alive` bool of the same shape, `kind` "linear", "conv" or "mixed".
    `pieces` says where the columns come from: (parameter name, shape of its scores). `round` of
    `rounds` is this cut's, counted from 0: what a schedule looks at.

    >>> Groups(torch.tensor([[3.0, 1.0]]), torch.tensor([[True, False]])).living
    tensor([1])
    """

    scores: Num[Tensor, "groups members"]
    alive: Bool[Tensor, "groups members"]
    kind: str = "mixed"
    pieces: tuple[tuple[str, torch.Size], ...] = ()
    round: Whole = 0
    rounds: Count = 1

    @property
    def living(self) -> Tensor:
        """How many members of each group live, int64 (groups,)."""
        return self.alive.sum(dim=1)

    @checked
    def split(self, kept: Tensor) -> dict[str, Tensor]:
        """Cut a bool matrix of the shape of `scores` back into the shapes of the parameters."""
        if kept.shape != self.scores.shape:
            raise ValueError(f"kept has shape {tuple(kept.shape)}, not {tuple(self.scores.shape)}")
        widths = [shape.numel() // len(self.scores) for _, shape in self.pieces]
        parts = kept.split(widths, dim=1)
        return {
            name: part.reshape(shape)
            for (name, shape), part in zip(self.pieces, parts, strict=True)
        }


Scope = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Iterator[Groups]]


@checked
def neuron(scores: Mapping[str, Tensor], alive: Mapping[str, Tensor]) -> Iterator[Groups]:
    """Each neuron (output channel) by itself: its incoming weights, and its bias if it is scored.

    `scores` and `alive` map parameter names to tensors of equal shape, outputs first. Yields one
    `Groups` per layer. Taught in notebook 02.
    """
    for names in _by_layer(scores):
        yield _gather(names, scores, alive, groups=len(scores[names[0]]))


@checked
def layer(scores: Mapping[str, Tensor], alive: Mapping[str, Tensor]) -> Iterator[Groups]:
    """Each layer by itself, weights and (if scored) biases together. Taught in notebook 02."""
    for names in _by_layer(scores):
        yield _gather(names, scores, alive, groups=1)


@checked
def global_(scores: Mapping[str, Tensor], alive: Mapping[str, Tensor]) -> Iterator[Groups]:
    """All weights of the network against each other. Taught in notebook 02."""
    yield _gather(list(scores), scores, alive, groups=1)


@checked
@dataclass(frozen=True)
class blocks_of:
    """Each `size` neighbours in a row of a layer by themselves: 2:4 is `blocks_of(4)`, `count(2)`.

    A row is what feeds a neuron, or an output channel with its kernels laid out one after the
    other. Biases do not take part. Raises ValueError, by name, for a row that is no whole number of
    blocks, and for scores that are not one per weight. Taught in notebook 07.

    >>> groups = next(blocks_of(4)({"w": torch.rand(2, 8)}, {"w": torch.ones(2, 8).bool()}))
    >>> groups.scores.shape
    torch.Size([4, 4])
    """

    size: Count = 4

    @checked
    def __call__(
        self, scores: Mapping[str, Tensor], alive: Mapping[str, Tensor]
    ) -> Iterator[Groups]:
        for name, score in scores.items():
            if score.dim() == 1:
                continue
            row = score[0].numel()
            if row % self.size:
                raise ValueError(
                    f"scores[{name!r}] has rows of {row}, not a whole number of blocks of "
                    f"size={self.size}"
                )
            yield _gather([name], scores, alive, groups=score.numel() // self.size)


SCOPES: dict[str, Scope] = {"neuron": neuron, "layer": layer, "global": global_}


def _by_layer(scores: Mapping[str, Tensor]) -> Iterator[list[str]]:
    """List the parameters of each layer: names that agree up to the last dot."""
    for _, names in groupby(scores, key=lambda name: name.rpartition(".")[0]):
        yield list(names)


def _gather(
    names: list[str], scores: Mapping[str, Tensor], alive: Mapping[str, Tensor], groups: int
) -> Groups:
    if not names:
        raise ValueError("scores is empty: there is nothing to compete")
    for name in names:
        if name not in alive:
            raise KeyError(f"alive has no mask for {name!r}, which is in scores")
    kinds = {"linear" if alive[name].dim() == 2 else "conv" for name in names
             if alive[name].dim() > 1}  # fmt: skip
    return Groups(
        kind=kinds.pop() if len(kinds) == 1 else "mixed",
        scores=torch.cat([scores[name].reshape(groups, -1) for name in names], dim=1),
        alive=torch.cat([alive[name].reshape(groups, -1) for name in names], dim=1),
        pieces=tuple((name, scores[name].shape) for name in names),
    )
