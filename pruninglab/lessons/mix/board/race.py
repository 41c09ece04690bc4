"""Your recipe beside magnitude and random: the same density and the same epochs, round by round."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from ....choices import scopes, scores
from ....choices.needs import Needs
from ....choices.scopes import Groups
from ....choices.scores import Score
from ....choices.stops import Progress
from ....data import Data
from ....engine.loop import Round, prune
from ....engine.objectives import Objective
from ....engine.recipes import Recipe
from ....engine.results import Row
from ....engine.training import Training

YOURS = "yours"
REFERENCES: Mapping[str, Score] = {"magnitude": scores.magnitude, "random": scores.random}
Rows = dict[str, list[Row]]


class Stopped(Exception):
    """Somebody has asked to stop."""


@dataclass
class Pace:
    """What a run has done so far: epochs of each round, and the density after each cut."""

    epochs: list[int] = field(default_factory=list)
    densities: list[float] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class as_many:
    """A budget that leaves as many as the run has left that sets the pace."""

    pace: Pace

    def __call__(self, groups: Groups) -> Tensor:
        members = groups.alive.shape[1]
        return groups.living.clamp_max(round(self.pace.densities[groups.round] * members))


@dataclass(frozen=True, eq=False)
class as_long:
    """A stop after as many epochs as the run took that sets the pace."""

    pace: Pace

    @property
    def needs(self) -> Needs:
        """The length of this round, which is known: the learning rate falls over all of it."""
        return Needs(epochs=self.pace.epochs[-1], at_once=self.pace.epochs[-1] == 0)

    def __call__(self, state: Progress) -> bool:
        return state.epoch >= self.pace.epochs[-1]


@dataclass(frozen=True, eq=False)
class until:
    """An objective that raises Stopped at the next batch after `stop` is set."""

    stop: threading.Event
    objective: Objective

    def __call__(self, net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        if self.stop.is_set():
            raise Stopped
        return self.objective(net, inputs, targets)


def race(
    make_net: Callable[[int], nn.Module],
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    training: Training,
    stop: threading.Event,
    tell: Callable[[str], None] = lambda words: None,
) -> Iterator[Rows]:
    """Run `recipe`, with magnitude and random beside it; yield all rows so far after each round.

    A reference takes each round after the recipe has taken it: for as many epochs, then cut to the
    same density, all layers together, and rewound as the recipe is. Equal density and equal cost
    therefore hold in every round, whatever the recipe's budget and stop decide. All three have the
    seed's first weights and batches. `tell` hears what runs now. Raises Stopped at most a batch
    and a cut after `stop` is set, and what `prune` refuses before any training.
    """
    training = replace(training, objective=until(stop, training.objective))
    pace = Pace()
    row = {name: Recipe(score, as_many(pace), scopes.global_, as_long(pace),
                        recipe.rewind, recipe.rounds)
           for name, score in REFERENCES.items()}  # fmt: skip
    rows: Rows = {name: [] for name in (YOURS, *row)}
    how: dict[str, Any] = {"seed": seed, "training": training, "progress": False}
    runs = {YOURS: prune(make_net(seed), data, recipe, **how)}
    for number in range(recipe.rounds + 1):
        for name in rows:
            if stop.is_set():
                raise Stopped
            tell(f"round {number} of {recipe.rounds}: {name}")
            if name not in runs:
                runs[name] = prune(make_net(seed), data, row[name], **how)
            done = next(runs[name])
            if name == YOURS:
                pace.epochs.append(len(done.history))
                pace.densities.append(done.pruned_density)
            rows[name].append(_short(done, seed))
            yield rows


def _short(done: Round, seed: int) -> Row:
    """Return what the board shows of a round: a row of `Runs`."""
    return {
        "seed": seed,
        "round": done.index,
        "density": done.density,
        "layer_density": done.alive.layer_density(),
        "validation_accuracy": done.validation_accuracy,
        "test_accuracy": done.test_accuracy,
        "epochs": len(done.history),
    }
