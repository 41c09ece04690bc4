"""When is retraining enough? A stop is asked after every epoch: `stop(state) -> bool`.

`state` is a `Progress`; its network is a copy, in eval mode. The longest round that a stop allows
it declares (`needs.Needs`): learning-rate schedules need to know it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import Count, Positive, Share, Whole, check_choice, checked
from ..data import Data, Split
from ..ideas import incop
from ..ideas.accuracy import share_right
from ..ideas.incop import Flow, flow_distance, gradient_flow, information_flow
from ..ideas.weights import load_weights
from ..modes import copied
from .needs import Needs, needs


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set: mean training loss, accuracy in [0, 1], seconds."""

    epoch: int
    loss: float
    validation_accuracy: float
    seconds: float


@dataclass
class Progress:
    """Where a run stands: what a stop may look at.

    `round` 0 is the dense one; `epoch` counts from 1 within the round; `history` is this round's;
    `spent` counts the epochs of all earlier rounds.
    `memory` lives as long as the run: a stop keeps there what it measured once. It is a cache and
    must be recomputable from `snapshots`, for a resumed run starts with an empty one.
    """

    net: nn.Module
    data: Data
    masks: Mapping[str, Tensor]
    round: int = 0
    epoch: int = 0
    history: list[Epoch] = field(default_factory=list)
    snapshots: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    memory: dict[Any, Any] = field(default_factory=dict)
    spent: int = 0


Stop = Callable[[Any], bool]
FlowOf = Callable[[nn.Module, Tensor, Tensor, Mapping[str, Tensor]], Flow]


@checked
@dataclass(frozen=True)
class epochs:
    """Stop after `at_most` epochs, at least 0. Taught in notebook 00."""

    at_most: Whole

    @property
    def needs(self) -> Needs:
        """The longest round; with 0 epochs the round ends at once."""
        return Needs(epochs=self.at_most, at_once=self.at_most == 0)

    @checked
    def __call__(self, state: Progress) -> bool:
        return state.epoch >= self.at_most


@checked
@dataclass(frozen=True)
class best_of:
    """Stop after `at_most` epochs and go back to the epoch with the best validation accuracy.

    The earliest one if several are equally good; with a learned mask, to its mask too. The loop
    restores, however the round ended. The authors of NNrelief choose the epoch on the test set;
    validation decides here. Taught in notebook 04.
    """

    at_most: Whole

    @property
    def needs(self) -> Needs:
        """The longest round, a validation split, and the best weights in the end."""
        return Needs(epochs=self.at_most, restore="best", validation=True)

    @checked
    def __call__(self, state: Progress) -> bool:
        return state.epoch >= self.at_most


@checked
@dataclass(frozen=True)
class first_then:
    """Stop the dense round after `first` epochs, and each later round after `later`.

    IMC trains the dense network for 10 epochs only. A schedule of the learning rate is laid out
    over the longer of the two: the dense round is the beginning of a full training. `first=0`
    prunes an untrained network, `later=0` retrains none. Taught in notebook 06.
    """

    first: Whole
    later: Whole

    @property
    def needs(self) -> Needs:
        """The longest round and the dense one; either may end at once."""
        longest = max(self.first, self.later)
        return Needs(epochs=longest, dense=self.first, at_once=not (self.first and self.later))

    @checked
    def __call__(self, state: Progress) -> bool:
        return state.epoch >= (self.later if state.round else self.first)


@checked
@dataclass(frozen=True)
class at_pace:
    """So many epochs for the dense network, and so many more for each time its weights are halved.

    At density d a run has spent `dense` + `per_halving` · log₂(1/d) epochs, rounded: whoever prunes
    faster trains longer after each cut, and at equal density all methods have cost the same. A
    round has at least one epoch, so only cuts of less than half an epoch's worth cost more.
    `earlier` tells what of the earlier rounds this network has cost: "all" of them; "dense", where
    every round starts again from the trained dense network; "none", where it ranks and starts from
    untrained weights. Raises ValueError for another. Taught in notebook 07.

    >>> alive = {"w": torch.tensor([[True, False], [False, False]])}
    >>> halved_twice = Progress(nn.Linear(2, 2), None, alive, round=1, epoch=4, spent=3)
    >>> at_pace(3, 2)(halved_twice), at_pace(3, 2, "none")(halved_twice)
    (True, False)
    """

    dense: Count
    per_halving: Positive
    earlier: str = "all"

    def __post_init__(self) -> None:
        check_choice("earlier", self.earlier, ("all", "dense", "none"))

    @property
    def needs(self) -> Needs:
        """The dense round; how long the others are, the density says."""
        return Needs(dense=self.dense)

    @checked
    def __call__(self, state: Progress) -> bool:
        living = sum(int(mask.sum()) for mask in state.masks.values())
        members = sum(mask.numel() for mask in state.masks.values())
        wanted = round(self.dense + self.per_halving * math.log2(members / max(living, 1)))
        paid = {"all": state.spent, "dense": min(state.spent, self.dense), "none": 0}
        return paid[self.earlier] + state.epoch >= wanted


@checked
@dataclass(frozen=True)
class sooner:
    """Stop as soon as one of two stops would. Taught in notebook 07.

    Raises ValueError where one of them wants its best epoch back and the other does not.
    """

    first: Stop
    second: Stop

    def __post_init__(self) -> None:
        if needs(self.first).restore != needs(self.second).restore:
            raise ValueError(f"first={self.first}, second={self.second}: one wants its best epoch")

    @property
    def needs(self) -> Needs:
        """What both need; the longest round is the shorter of the two."""
        wants = needs(self.first), needs(self.second)
        return Needs(
            epochs=_least(each.epochs for each in wants),
            dense=_least(each.epochs if each.dense is None else each.dense for each in wants),
            restore=wants[0].restore,
            validation=any(each.validation for each in wants),
            at_once=any(each.at_once for each in wants),
            supports=self._check,
            dear=any(each.dear for each in wants),
        )

    def _check(self, net: nn.Module, images: Split) -> None:
        for stop in (self.first, self.second):
            if (supports := needs(stop).supports) is not None:
                supports(net, images)

    @checked
    def __call__(self, state: Progress) -> bool:
        # Before the first epoch only those are asked that may end a round there.
        asked = [s for s in (self.first, self.second) if state.epoch or needs(s).at_once]
        return any(stop(state) for stop in asked)


def _least(epochs: Iterable[int | None]) -> int | None:
    return min((count for count in epochs if count is not None), default=None)


@checked
@dataclass(frozen=True)
class accuracy_within:
    """Stop when the validation accuracy is at most δ below the dense network's, or at `at_most`.

    The accuracy-based stop that InCoP argues against. Round 0 makes the reference, so it trains
    for `at_most` epochs. Raises ValueError for δ outside [0, 1]. Source: InCoP paper, Section 2.3,
    the set M. Taught in notebook 03.
    """

    delta: Share
    at_most: Whole

    @property
    def needs(self) -> Needs:
        """The longest round, and a validation split."""
        return Needs(epochs=self.at_most, validation=True)

    @checked
    def __call__(self, state: Progress) -> bool:
        if state.epoch >= self.at_most or state.round == 0:
            return state.epoch >= self.at_most
        if self not in state.memory:
            state.memory[self] = share_right(_dense_network(state), *state.data.validation)
        dense: float = state.memory[self]
        return state.history[-1].validation_accuracy >= dense - self.delta


@checked
@dataclass(frozen=True)
class information:
    """Information flow as `flow_within` asks for it: what passes between consecutive layers.

    `kind` and `at` as in `ideas.incop.information_flow`, else ValueError. Source: InCoP paper,
    Eq. (2). Taught in notebook 03.
    """

    kind: str = "raw"
    at: str = "post"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, incop.KINDS)
        check_choice("at", self.at, incop.PLACES)

    @checked
    def __call__(
        self, net: nn.Module, inputs: Tensor, targets: Tensor, masks: Mapping[str, Tensor]
    ) -> Flow:
        return information_flow(net, inputs, kind=self.kind, at=self.at)


def gradient(net: nn.Module, inputs: Tensor, targets: Tensor, masks: Mapping[str, Tensor]) -> Flow:
    """Gradient flow as `flow_within` asks for it: InCoP paper, Eq. (3). Taught in notebook 03."""
    return gradient_flow(net, inputs, targets, masks)


@checked
@dataclass(frozen=True)
class flow_within:
    """InCoP: stop when the flow is within ε of the trained dense network's, or after `at_most`.

    `flow` is `information()`, `gradient`, or any function of (net, inputs, targets, masks) that
    returns tensors by name; `distance` as in `ideas.incop.flow_distance`. Both networks see the
    same probe, `samples` training images from number `skip` on. Round 0 makes the reference, so it
    trains for `at_most` epochs. A larger ε stops earlier: the paper's Section 3.1 says the opposite
    of its supplement, and the supplement is right.

    Raises ValueError for ε < 0 or NaN, an unknown distance, or no samples; `skip` beyond the
    training images is refused before any training. Source: InCoP paper,
    Algorithm 1. Taught in notebook 03.
    """

    epsilon: float
    at_most: Whole
    flow: FlowOf = information()
    distance: str = "l2"
    samples: Count = 1000
    skip: Whole = 0

    def __post_init__(self) -> None:
        if not self.epsilon >= 0:
            raise ValueError(f"epsilon={self.epsilon} must be at least 0")
        check_choice("distance", self.distance, incop.DISTANCES)

    @property
    def needs(self) -> Needs:
        """The longest round, and a network that has such a flow."""
        return Needs(epochs=self.at_most, supports=self._check, dear=True)

    def _check(self, net: nn.Module, images: Split) -> None:
        if self.skip >= len(images):
            raise ValueError(f"skip={self.skip} leaves no probe of {len(images)} training images")
        weights = {name: weight for name, weight in net.named_parameters() if weight.dim() > 1}
        masks = {name: torch.ones_like(w, dtype=torch.bool) for name, w in weights.items()}
        inputs, targets = images.take(2)
        self.flow(net, inputs, targets, masks)

    @checked
    def __call__(self, state: Progress) -> bool:
        if state.round == 0:
            return state.epoch >= self.at_most
        return state.epoch >= self.at_most or self.measure(state) <= self.epsilon

    @checked
    def measure(self, state: Progress) -> float:
        """Return how far the network of `state` is from the dense one; from round 1 on."""
        key = (self.flow, self.samples, self.skip)
        if key not in state.memory:
            dense = _dense_network(state)
            everyone = {name: torch.ones_like(mask) for name, mask in state.masks.items()}
            state.memory[key] = self._flow(state, dense, everyone)
        now = self._flow(state, state.net, state.masks)
        return flow_distance(now, state.memory[key], self.distance)

    def _flow(self, state: Progress, net: nn.Module, masks: Mapping[str, Tensor]) -> Flow:
        inputs, targets = state.data.train
        images = slice(self.skip, self.skip + self.samples)
        return self.flow(net, inputs[images], targets[images], masks)


def _dense_network(state: Progress) -> nn.Module:
    """Return a copy of the network with the weights that round 0 ended with, in eval mode."""
    dense = copied(state.net).eval()
    load_weights(dense, state.snapshots["dense"])
    return dense
