"""When is retraining enough? A stop is asked after every epoch: `stop(state) -> bool`.

`state` is the `engine.training.State`. A stop may carry `at_most`, the largest number of epochs in
a round: learning-rate schedules need to know it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..ideas.checks import check_choice
from ..ideas.flows import (
    DISTANCES,
    KINDS,
    PLACES,
    Flow,
    flow_distance,
    gradient_flow,
    information_flow,
)


class Progress(Protocol):
    """What a stop may look at: `engine.training.State`, described here so imports run downwards."""

    net: nn.Module
    data: Any
    masks: Any
    round: int
    epoch: int
    history: list[Any]
    snapshots: dict[str, Any]
    memory: dict[Any, Any]


Stop = Callable[[Any], bool]
FlowOf = Callable[[nn.Module, Tensor, Tensor, Mapping[str, Tensor]], Flow]


@dataclass(frozen=True)
class epochs:
    """Stop after `at_most` epochs. Raises ValueError for a negative or fractional number."""

    at_most: int

    def __post_init__(self) -> None:
        check_epochs(self.at_most)

    def __call__(self, state: Progress) -> bool:
        return state.epoch >= self.at_most


@dataclass(frozen=True)
class accuracy_reaches:
    """Stop when the validation accuracy reaches `target` in [0, 1], or after `at_most` epochs.

    Validation decides, never the test set. Raises ValueError for a value out of range. Taught in
    notebook 03.
    """

    target: float
    at_most: int

    def __post_init__(self) -> None:
        if not 0 <= self.target <= 1:
            raise ValueError(f"target={self.target} must lie in [0, 1]")
        check_epochs(self.at_most)

    def __call__(self, state: Progress) -> bool:
        reached = bool(state.history) and state.history[-1].validation_accuracy >= self.target
        return reached or state.epoch >= self.at_most


@dataclass(frozen=True)
class best_of:
    """Stop after `at_most` epochs and go back to the epoch with the best validation accuracy.

    The earliest one if several are equally good. The authors of NNrelief choose the epoch on the
    test set; validation decides here. Raises ValueError for a negative or fractional number, and
    if there is no validation split. Taught in notebook 04.
    """

    at_most: int

    def __post_init__(self) -> None:
        check_epochs(self.at_most)

    def __call__(self, state: Progress) -> bool:
        reached = [epoch.validation_accuracy for epoch in state.history]
        if math.isnan(reached[-1]):
            raise ValueError("best_of needs a validation split to choose an epoch by")
        if reached[-1] > max(reached[:-1], default=-1.0):
            weights = state.net.state_dict()
            state.memory["best"] = {key: value.clone() for key, value in weights.items()}
        if state.epoch < self.at_most:
            return False
        state.net.load_state_dict(state.memory.pop("best"))
        return True


@dataclass(frozen=True)
class first_then:
    """Stop the dense round after `first` epochs, and each later round after `later`.

    IMC trains the dense network for 10 epochs only. A schedule of the learning rate is laid out
    over the longer of the two: the dense round is the beginning of a full training. Raises
    ValueError for a negative or fractional number. Taught in notebook 06.
    """

    first: int
    later: int

    def __post_init__(self) -> None:
        check_epochs(self.first)
        check_epochs(self.later)

    @property
    def at_most(self) -> int:
        """The longest round."""
        return max(self.first, self.later)

    def __call__(self, state: Progress) -> bool:
        return state.epoch >= (self.later if state.round else self.first)


@dataclass(frozen=True)
class accuracy_within:
    """Stop when the validation accuracy is at most δ below the dense network's, or at `at_most`.

    The accuracy-based stop that InCoP argues against. Round 0 makes the reference, so it trains
    for `at_most` epochs. Raises ValueError for δ outside [0, 1]. Source: InCoP paper, Section 2.3,
    the set M. Taught in notebook 03.
    """

    delta: float
    at_most: int

    def __post_init__(self) -> None:
        if not 0 <= self.delta <= 1:
            raise ValueError(f"delta={self.delta} must lie in [0, 1]")
        check_epochs(self.at_most)

    def __call__(self, state: Progress) -> bool:
        if state.epoch >= self.at_most or state.round == 0:
            return state.epoch >= self.at_most
        if self not in state.memory:
            validation = state.data.validation
            with torch.no_grad():
                outputs = _dense_network(state)(validation.inputs).argmax(dim=1)
            state.memory[self] = int((outputs == validation.targets).sum()) / len(validation)
        return state.history[-1].validation_accuracy >= state.memory[self] - self.delta


@dataclass(frozen=True)
class information:
    """Information flow as `flow_within` asks for it: what passes between consecutive layers.

    `kind` and `at` as in `ideas.flows.information_flow`, else ValueError. Source: InCoP paper,
    Eq. (2). Taught in notebook 03.
    """

    kind: str = "raw"
    at: str = "post"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        check_choice("at", self.at, PLACES)

    def __call__(
        self, net: nn.Module, inputs: Tensor, targets: Tensor, masks: Mapping[str, Tensor]
    ) -> Flow:
        return information_flow(net, inputs, kind=self.kind, at=self.at)


def gradient(net: nn.Module, inputs: Tensor, targets: Tensor, masks: Mapping[str, Tensor]) -> Flow:
    """Gradient flow as `flow_within` asks for it: InCoP paper, Eq. (3). Taught in notebook 03."""
    return gradient_flow(net, inputs, targets, masks)


@dataclass(frozen=True)
class flow_within:
    """InCoP: stop when the flow is within ε of the trained dense network's, or after `at_most`.

    `flow` is `information()`, `gradient`, or any function of (net, inputs, targets, masks) that
    returns tensors by name; `distance` as in `ideas.flows.flow_distance`. Both networks see the
    first `samples` training images. Round 0 makes the reference, so it trains for `at_most`
    epochs. A larger ε stops earlier: the paper's Section 3.1 says the opposite of its supplement,
    and the supplement is right.

    Raises ValueError for ε < 0 or NaN, an unknown distance, or no samples. Source: InCoP paper,
    Algorithm 1. Taught in notebook 03.
    """

    epsilon: float
    at_most: int
    flow: FlowOf = information()
    distance: str = "l2"
    samples: int = 1000

    def __post_init__(self) -> None:
        if not self.epsilon >= 0:
            raise ValueError(f"epsilon={self.epsilon} must be at least 0")
        check_epochs(self.at_most)
        check_choice("distance", self.distance, DISTANCES)
        if not isinstance(self.samples, int) or self.samples < 1:
            raise ValueError(f"samples={self.samples!r} must be a whole number, at least 1")

    def __call__(self, state: Progress) -> bool:
        if state.round == 0:
            if state.epoch == 1:
                # A network without a flow is refused now, not after the whole dense training.
                self._flow(state, state.net, state.masks)
            return state.epoch >= self.at_most
        return state.epoch >= self.at_most or self.measure(state) <= self.epsilon

    def measure(self, state: Progress) -> float:
        """Return how far the network of `state` is from the dense one; from round 1 on."""
        key = (self.flow, self.samples)
        if key not in state.memory:
            dense = _dense_network(state)
            everyone = {name: torch.ones_like(mask) for name, mask in state.masks.items()}
            state.memory[key] = self._flow(state, dense, everyone)
        now = self._flow(state, state.net, state.masks)
        return flow_distance(now, state.memory[key], self.distance)

    def _flow(self, state: Progress, net: nn.Module, masks: Mapping[str, Tensor]) -> Flow:
        probe = state.data.train.take(self.samples)
        return self.flow(net, probe.inputs, probe.targets, masks)


def _dense_network(state: Progress) -> nn.Module:
    """Return a copy of the network with the weights that round 0 ended with, in eval mode."""
    dense = copy.deepcopy(state.net).eval()
    dense.load_state_dict(state.snapshots["dense"])
    return dense


def check_epochs(at_most: int) -> None:
    """Raise ValueError unless `at_most` is a whole number of epochs, at least 0."""
    if not isinstance(at_most, int) or isinstance(at_most, bool) or at_most < 0:
        raise ValueError(f"at_most={at_most!r} must be a whole number of epochs, at least 0")


def pqi_turns(values: Sequence[float], patience: int = 1) -> int | None:
    """Return the round at which to stop *pruning*: where the PQ Index begins to rise, or None.

    `values` are the indices of the retrained networks, round by round. The answer is the round of
    the lowest index so far, as soon as `patience` later rounds (at least 1, else ValueError) are
    all above it. Unlike the other stops of this file it ends the run, not the retraining of a
    round. Source: SAP paper, Appendix A, named there as future work. Taught in notebook 02.

    >>> pqi_turns([0.17, 0.09, 0.05, 0.07, 0.04])
    2
    >>> pqi_turns([0.17, 0.09, 0.05, 0.07, 0.04], patience=2) is None
    True
    """
    if patience < 1:
        raise ValueError(f"patience={patience} must be at least 1")
    lowest = 0
    for place, value in enumerate(values):
        if value < values[lowest]:
            lowest = place
        elif place - lowest >= patience:
            return lowest
    return None
