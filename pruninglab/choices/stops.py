"""When is retraining enough? A stop is asked after every epoch: `stop(state) -> bool`.

`state` is the `engine.training.State`. A stop may carry `at_most`, the largest number of epochs in
a round: learning-rate schedules need to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn


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
