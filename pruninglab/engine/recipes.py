"""A pruning method as one row of the table, and the baselines. `str(recipe)` prints the row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor, nn

from ..checks import Share, Whole, checked
from ..choices import budgets, rewinds, scopes, scores, stops
from ..choices.afters import Shrink
from ..choices.budgets import Budget
from ..choices.needs import Parametrisation, needs
from ..choices.rewinds import Rewind
from ..choices.scopes import Scope
from ..choices.scores import Score
from ..choices.stops import Epoch, Stop
from ..data import Data
from ..ideas.weights import copy_weights, everything, load_weights
from ..modes import at_once, lent
from .masks import Masks, cut, scored
from .parametrisation import HardMask
from .training import (
    State,
    Training,
    ask,
    check_trainable,
    naming,
    reproducible,
    threads_for,
    try_step,
)

CHOICES = ("score", "budget", "scope", "stop", "rewind")


class Choices(TypedDict, total=False):
    """What of a named recipe can be chosen otherwise: any cell of its row, and the rounds."""

    score: Score
    budget: Budget
    scope: Scope
    stop: Stop
    rewind: Rewind
    rounds: int
    after: tuple[Shrink, ...]


@checked
@dataclass(frozen=True)
class Recipe:
    """A pruning method: score × budget × scope × stop × rewind, for a number of rounds.

    Each choice is a plain callable; choices/ has those of the papers, and a function from a
    notebook cell is as good. The defaults are the lottery ticket. `rounds` counts prunings;
    training happens once more than that. `after` lists what shrinks the masks further once a cut is
    made (`afters.clean_up`). Raises TypeError for a choice that cannot be called, ValueError for a
    bad number of rounds. Taught in notebook 00.

    >>> print(lottery_ticket(0.2, rounds=3))
    magnitude × fraction(0.2) × layer × epochs(5) × to_init, 3 rounds
    """

    score: Score = scores.magnitude
    budget: Budget = budgets.fraction(0.2)
    scope: Scope = scopes.layer
    stop: Stop = stops.epochs(5)
    rewind: Rewind = rewinds.to_init
    rounds: Whole = 10
    after: tuple[Shrink, ...] = ()

    def but(self, **choices: Unpack[Choices]) -> Recipe:
        """Return the recipe with some choices made otherwise.

        >>> print(Recipe().but(rewind=rewinds.fine_tune, rounds=1))
        magnitude × fraction(0.2) × layer × epochs(5) × fine_tune, 1 rounds
        """
        return replace(self, **choices)

    def row(self) -> dict[str, str]:
        """Return the recipe's cells of the table by the name of the choice."""
        return {name: cell(choice) for name, choice in self.choices().items()}

    def choices(self) -> dict[str, Any]:
        """Return the five choices by name."""
        return {name: vars(self)[name] for name in CHOICES}

    def __str__(self) -> str:
        ending = "".join(f", then {cell(shrink)}" for shrink in self.after)
        return f"{' × '.join(self.row().values())}, {self.rounds} rounds{ending}"

    @checked
    def check(self, net: nn.Module, data: Data, training: Training | None = None) -> None:
        """Refuse, before any training, what cannot work: raises ValueError, TypeError or KeyError.

        Looks at what the choices declare (`choices.needs`), then tries all of them once on a copy
        of the network: a step of the training, the stop, the score, a cut, what comes after it, the
        rewind, and a few images of each split. Of a choice that is `dear` only its check is asked.
        Taught in notebook 07.
        """
        training = training or Training()
        with torch.inference_mode(False), threads_for(net), at_once(training.batch_size):
            trial = check_trainable(net, data, self.stop)
            self._check_choices(training)
            for what, choice in self._named():
                if (supports := needs(choice).supports) is not None:
                    with naming(what), lent(trial) as judged:
                        supports(judged, data.train)
            with reproducible(0, -1):
                self._try(trial, data, training)

    def _named(self) -> list[tuple[str, Any]]:
        """Return all choices, each with the name under which it is refused."""
        named = [*self.choices().items(), *(("after", shrink) for shrink in self.after)]
        return [(f"{name}={cell(choice)}", choice) for name, choice in named]

    def _check_choices(self, training: Training) -> None:
        """Refuse choices that do not go together."""
        wants, rewind = needs(self.score), needs(self.rewind)
        dense = training.longest(self.stop, dense=True)
        if rewind.snapshot is not None and rewind.snapshot > dense:
            raise ValueError(
                f"rewind={cell(self.rewind)} wants epoch {rewind.snapshot}, but with "
                f"stop={cell(self.stop)} the dense round has at most {dense}"
            )
        if wants.learns and wants.weights != "now":
            raise ValueError(
                f"score={cell(self.score)} is learned while the weights of today train, so it "
                f"cannot judge those of the snapshot {wants.weights!r}"
            )
        if wants.own_weights and rewind.keeps_weights is not False:
            raise ValueError(
                f"rewind={cell(self.rewind)} goes on from m ⊙ θ, or does not say, and "
                f"score={cell(self.score)} goes on from m: choose to_init, to_epoch or reinitialise"
            )

    def _try(self, net: nn.Module, data: Data, training: Training) -> None:
        """Go through a round as the loop would, in its order."""
        wants, names = needs(self.score), dict(zip(CHOICES, self._named(), strict=False))
        state = State(net, data, Masks.full(net, biases=wants.biases), round=1, epoch=1)
        state.history = [Epoch(1, 1.0, 0.5, 0.0)]
        state.snapshots = {"init": copy_weights(net)}
        untrained = not training.longest(self.stop, dense=True) or wants.weights == "init"
        values = self._values(state) if untrained and not wants.learns else {}
        with naming(names["score"][0]):
            held = (wants.learns or HardMask)(net, state.masks, {})
            if not isinstance(held, Parametrisation):
                raise TypeError(f"it makes {held!r}, no Parametrisation")
        if training.longest(self.stop):
            try_step(net, held, data, training, restore=needs(self.stop).restore == "best")
        state.snapshots |= {"dense": copy_weights(net)}
        if (epoch := needs(self.rewind).snapshot) is not None:
            state.snapshots[f"epoch {epoch}"] = held.weights()
        if not needs(self.stop).dear:
            with naming(names["stop"][0]):
                # As in the first round, from which a stop that remembers begins.
                ask(self.stop, replace(state, round=0))
        with naming(names["score"][0]):
            values = held.scores() if wants.learns else values or self._values(state)
        state.masks.shrink(cut(values, state.masks, self.budget, self.scope))
        for shrink in self.after:
            with naming(f"after={cell(shrink)}"), lent(net) as judged:
                smaller = shrink(judged, state.masks.clone(), data.train.take(wants.images).clone())
                if not isinstance(smaller, Mapping):
                    raise TypeError(f"it returns {smaller!r}, not masks by name")
                state.masks.shrink(smaller)
        with naming(names["rewind"][0]), lent(net) as rewound:
            self.rewind(rewound, state.snapshots)
            load_weights(net, everything(rewound))

    def _values(self, state: State) -> dict[str, Tensor]:
        """Return what the score says; magnitudes where it is dear."""
        dear = needs(self.score).dear
        return scored(state.net, state.data.train, scores.magnitude if dear else self.score)


def cell(choice: Any) -> str:
    """Return how a choice is printed: a function by its name, a dataclass with its values.

    >>> cell(budgets.fraction(0.2)), cell(scopes.global_), cell(stops.accuracy_within(0.1, 5))
    ('fraction(0.2)', 'global_', 'accuracy_within(delta=0.1, at_most=5)')
    >>> cell(budgets.ladder((0.5, 0.1)))
    'ladder((0.5, 0.1))'
    """
    if isinstance(choice, (str, int, float)):
        return repr(choice)
    if isinstance(choice, tuple):
        return f"({', '.join(map(cell, choice))})"
    if not is_dataclass(choice):
        return str(choice.__name__ if hasattr(choice, "__name__") else type(choice).__name__)
    # A value that is the default goes without saying, but for p and q.
    values = {f.name: cell(vars(choice)[f.name]) for f in fields(choice)
              if f.name in ("p", "q") or vars(choice)[f.name] != f.default}  # fmt: skip
    inside = [f"{name}={value}" for name, value in values.items()]
    if len(fields(choice)) == 1:
        inside = list(values.values())
    return f"{type(choice).__name__}({', '.join(inside)})"


@checked
def lottery_ticket(share: Share = 0.2, **choices: Unpack[Choices]) -> Recipe:
    """Iterative magnitude pruning: `share` of the living goes each round, then back to the start.

    Source: Frankle & Carbin (2018), the baseline of all five papers. Taught in notebook 02.
    """
    return Recipe(budget=budgets.fraction(share)).but(**choices)


@checked
def one_shot(share: Share = 0.2, **choices: Unpack[Choices]) -> Recipe:
    """Rank once, by the dense trained weights, and prune further along that ranking each round.

    It differs from the lottery ticket in the score only. The SAP paper says that one-shot does not
    retrain, its code does; `rewind=to_dense, stop=epochs(...)` chooses. Taught in notebook 02.
    """
    score = scores.at_snapshot(scores.magnitude, "dense")
    return Recipe(score, budgets.fraction(share)).but(**choices)


@checked
def random_pruning(share: Share = 0.2, **choices: Unpack[Choices]) -> Recipe:
    """Prune at random: what any method must beat. Taught in notebook 00."""
    return Recipe(scores.random, budgets.fraction(share)).but(**choices)
