"""A pruning method as one row of the table, and the baselines. `str(recipe)` prints the row."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from typing import Any, TypedDict

from torch import nn
from typing_extensions import Unpack

from ..choices import budgets, rewinds, scopes, scores, stops
from ..choices.afters import Shrink
from ..choices.budgets import Budget
from ..choices.needs import Parametrisation, needs
from ..choices.rewinds import Rewind
from ..choices.scopes import Scope
from ..choices.scores import Score
from ..choices.stops import Stop
from ..data import Data, Split
from ..ideas.checks import Share, Whole, checked
from ..ideas.devices import move_to
from .masks import Masks, cut
from .training import Training, check_trainable, reproducible

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

        Looks at what the choices declare (`choices.needs`), then cuts a copy of the network once. A
        score that declares `supports` is not tried: it may be dear. Taught in notebook 07.
        """
        training = training or Training()
        check_trainable(net, data, self.stop)
        self._check_choices(training)
        trial = copy.deepcopy(net)
        move_to(trial, data.train.inputs)
        for choice in (*self.choices().values(), *self.after):
            if (supports := needs(choice).supports) is not None:
                supports(trial, data.train)
        with reproducible(0, -1):
            self._try(trial, data.train)

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

    def _try(self, net: nn.Module, images: Split) -> None:
        """Cut once as the loop would; by magnitude where the score has said what it cannot do."""
        wants = needs(self.score)
        masks = Masks.full(net, biases=wants.biases)
        images = images.take(wants.images)
        if wants.learns is not None:
            held = wants.learns(net, masks, {})
            if not isinstance(held, Parametrisation):
                raise TypeError(f"score={cell(self.score)} makes {held!r}, no Parametrisation")
            values = held.scores()
        else:
            judge = self.score if wants.supports is None else scores.magnitude
            values = judge(net.eval(), images)
        masks.shrink(cut(values, masks, self.budget, self.scope))
        for shrink in self.after:
            smaller = shrink(net, masks, images)
            if not isinstance(smaller, Mapping):
                raise TypeError(f"after={cell(shrink)} returns {smaller!r}, not masks by name")
            masks.shrink(smaller)


def cell(choice: Any) -> str:
    """Return how a choice is printed: a function by its name, a dataclass with its values.

    >>> cell(budgets.fraction(0.2)), cell(scopes.global_), cell(stops.accuracy_reaches(0.9, 5))
    ('fraction(0.2)', 'global_', 'accuracy_reaches(target=0.9, at_most=5)')
    >>> cell(budgets.ladder((0.5, 0.1)))
    'ladder((0.5, 0.1))'
    """
    if isinstance(choice, (str, int, float)):
        return repr(choice)
    if isinstance(choice, tuple):
        return f"({', '.join(map(cell, choice))})"
    if not is_dataclass(choice):
        return str(choice.__name__ if hasattr(choice, "__name__") else type(choice).__name__)
    values = {f.name: cell(vars(choice)[f.name]) for f in fields(choice) if _tells(choice, f)}
    inside = [f"{name}={value}" for name, value in values.items()]
    if len(fields(choice)) == 1:
        inside = list(values.values())
    return f"{type(choice).__name__}({', '.join(inside)})"


def _tells(choice: Any, field: Field[Any]) -> bool:
    """Leave a value out of the printed cell if it is the default, but for p and q."""
    return field.name in ("p", "q") or vars(choice)[field.name] != field.default


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
