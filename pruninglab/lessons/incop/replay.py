"""Stops replayed on a record that kept every epoch of every round.

Taught in notebook 03.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from ...checks import NonNegative, checked
from ...engine.results import Runs, Values
from ...ideas.incop import epoch_within
from ...kit.exercise import attempt

Whens = Int[np.ndarray, "seeds rounds"]


@checked
def by_round(watched: Runs, key: str) -> Values:
    """Return what was measured after each epoch, float64 (seeds, rounds, epochs).

    `watched` holds one method's runs, their rows those of all epochs, in order, equally many in
    each round. Raises KeyError for a key that the rows lack.
    """
    (values,), (rounds,) = (watched.over_rounds(name).values() for name in (key, "round"))
    return values.reshape(len(values), len(np.unique(rounds)), -1)


def epochs_used(distances: Values, epsilon: float) -> Whens:
    """Return the epochs that Algorithm 1 trains (seeds, rounds), from 1."""
    return np.array([[epoch_within(values.tolist(), epsilon) for values in run]
                     for run in distances])  # fmt: skip


@checked
def by_epsilon(watched: Runs, measure: str, epsilon: NonNegative) -> Whens:
    """Return the epochs that Algorithm 1 trains (seeds, rounds), from 1, for an ε."""
    return epochs_used(by_round(watched, measure), epsilon)


@checked
def by_rule(watched: Runs, rule: Callable[..., Any]) -> Whens | None:
    """Return after how many epochs a student's rule stops (seeds, rounds); None where it fails.

    `rule(round, epoch, distances, validation)` is asked after each epoch and sees what was so far:
    the distances of this round, and by how many points validation is above the dense network's. The
    last epoch stops without asking.
    """
    far, gap = by_round(watched, "IF relative"), by_round(watched, "validation_gap")
    stops = np.full(far.shape[:2], far.shape[2])
    for seed, row in np.ndindex(*far.shape[:2]):
        for epoch in range(1, far.shape[2]):
            seen = far[seed, row, :epoch].tolist(), (-100 * gap[seed, row, :epoch]).tolist()
            said = attempt(rule, row + 1, epoch, *seen)
            if said is None:
                return None
            if bool(said):
                stops[seed, row] = epoch
                break
    return stops


def at_stop(values: Values, used: Whens) -> Values:
    """Return the values (seeds, rounds, epochs) at the last epoch that is used."""
    return np.take_along_axis(values, used[:, :, None] - 1, axis=2)[:, :, 0]


@checked
def over_one_epoch(watched: Runs, used: Whens | int) -> Values:
    """Return by how many points stops are above "always one epoch", seed by seed: mean of rounds.

    `used` (seeds, rounds) as from `by_epsilon`, or one number of epochs for all.
    """
    right = by_round(watched, "test_accuracy")
    if isinstance(used, int):
        used = np.full(right.shape[:2], used)
    gap = at_stop(right, used) - right[:, :, 0]
    points: Values = 100 * gap.mean(axis=1)
    return points


@checked
def best_on_test(watched: Runs) -> Whens:
    """Return the epoch with the best *test* accuracy of each round (seeds, rounds): a leak."""
    best: Whens = by_round(watched, "test_accuracy").argmax(axis=2) + 1
    return best


@checked
def only_seeds(watched: Runs, seeds: Sequence[int]) -> Runs:
    """Return the runs of these seeds. Raises ValueError where none is left."""
    return Runs({label: [rows for rows in runs if rows[0]["seed"] in seeds]
                 for label, runs in watched.items()})  # fmt: skip


@checked
def gained(accuracy: Values, used: Whens) -> Values:
    """Return what stops gain over "always k epochs" of the same cost, seed by seed, (seeds,).

    `accuracy` (seeds, rounds, epochs) as from `by_round`, `used` (seeds, rounds) the epochs after
    which each round stopped, from 1. The mean over the rounds, less that of always as many epochs
    as the seed used in the mean, interpolated between whole ones.

    >>> gained(np.array([[[0.6, 0.8], [0.5, 0.9]]]), np.array([[1, 2]])).round(3)
    array([0.05])
    """
    every = np.arange(1, accuracy.shape[2] + 1)
    fixed = accuracy.mean(axis=1)
    same = [np.interp(epochs, every, values)
            for epochs, values in zip(used.mean(axis=1), fixed, strict=True)]  # fmt: skip
    return np.asarray(at_stop(accuracy, used).mean(axis=1) - same)
