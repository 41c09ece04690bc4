"""What a choice asks of the engine, declared in one place and looked up in one place.

A choice that asks for nothing declares nothing. A dataclass declares `needs` as an attribute or
property, a function by the decorator `asks`; what wraps another choice hands its needs on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

from ..checks import Count, Whole, checked

F = TypeVar("F", bound=Callable[..., Any])
State = Mapping[str, Tensor]


@runtime_checkable
class Parametrisation(Protocol):
    """What training holds in one round: a hard mask by default, or learned state beside it.

    Made at the start of a round from the network, the living masks, and the scores that the
    earlier round has left (empty at first). The training loop calls the hooks, and nothing else
    knows what is learned. `engine.parametrisation.HardMask` is the plainest one, to inherit from.
    """

    def groups(self) -> list[dict[str, Any]]:
        """Return the optimizer's parameter groups: the first is trained as everything always is."""

    def begin_epoch(self, epoch: int, total: int) -> None:
        """Prepare for epoch 1 … total."""

    def after_backward(self) -> None:
        """Make gradients of what is trained out of those of the network's parameters."""

    def after_step(self) -> None:
        """Put what was trained into the network, with dead weights exactly zero."""

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the network's state dict as a rewind wants it: without learned masks."""

    def state(self) -> dict[str, Tensor]:
        """Return a copy of all that training moves, to be loaded again."""

    def load(self, state: State) -> None:
        """Go back to what `state()` returned."""

    def scores(self) -> dict[str, Tensor]:
        """Return what was learned of each weight, non-negative; empty if nothing is."""


@checked
@dataclass(frozen=True)
class Needs:
    """What a choice asks of the engine. Taught in notebook 07.

    Scores: `biases`, are biases scored too; `images`, how many training images it looks at;
    `weights`, whose weights it looks at, "now" or the name of a snapshot ("init", "dense");
    `learns`, what makes a `Parametrisation` if the score is learned while training; `own_weights`,
    whether what is learned is multiplied into the weights, so that the next round must not go on
    from them.
    Stops: `epochs`, the longest round, which learning-rate schedules need to know, and `dense`, the
    longest dense round where that is another; `restore`, whether the round ends with its "last"
    weights or those of its "best" validation accuracy; `validation`, whether it needs a validation
    split; `at_once`, whether it may stop a round before its first epoch and so is asked there.
    Rewinds: `snapshot`, the epoch of the dense round whose weights it wants; `keeps_weights`,
    whether it goes on from trained weights (None: not said).
    All: `supports(net, images)`, a check that raises ValueError by name where the choice cannot
    work with a network; it gets a copy, before any training. Then the choice is tried too, unless
    it is `dear`: one whose check is its trial.
    """

    biases: bool = False
    images: Count = 1000
    weights: str = "now"
    supports: Callable[[nn.Module, Any], None] | None = None
    dear: bool = False
    learns: Callable[[nn.Module, Mapping[str, Tensor], State], Parametrisation] | None = None
    own_weights: bool = False
    epochs: Whole | None = None
    dense: Whole | None = None
    restore: str = "last"
    validation: bool = False
    at_once: bool = False
    snapshot: Count | None = None
    keeps_weights: bool | None = None

    def __post_init__(self) -> None:
        if self.restore not in ("last", "best"):
            raise ValueError(f"restore={self.restore!r} must be 'last' or 'best'")


def needs(choice: Any) -> Needs:
    """Return what a choice asks of the engine: the one place that looks.

    >>> needs(len) == Needs()
    True
    """
    declared = getattr(choice, "needs", None)
    if declared is None:
        return Needs()
    if not isinstance(declared, Needs):
        raise TypeError(f"needs={declared!r} of {choice!r} must be a Needs")
    return declared


def asks(**values: Any) -> Callable[[F], F]:
    """Declare what a plain function needs: `@asks(biases=True)` above a score that scores them.

    The values are those of `Needs`. Taught in notebook 07.

    >>> @asks(images=50)
    ... def score(net, images): ...
    >>> needs(score).images
    50
    """
    declared = Needs(**values)

    def declare(function: F) -> F:
        function.needs = declared  # type: ignore[attr-defined]
        return function

    return declare
