"""Many runs: several recipes, several seeds, one table of rows; here or on many workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..checks import Label, checked, warn
from ..data import Data
from .fingerprint import known
from .loop import prune
from .progress import bar
from .recipes import Recipe
from .records import recorded, row_of, runs_anew
from .results import Row, Runs
from .training import Training
from .workers import run_on

MakeNet = Callable[[int], nn.Module]


@checked
def compare(
    recipes: Mapping[str, Recipe],
    make_net: MakeNet,
    data: Data,
    *,
    seeds: Sequence[int],
    training: Training = Training(),
    folder: str | Path | None = None,
    key: Label | None = None,
    workers: Any = None,
) -> Runs:
    """Run every recipe with every seed; return their `Runs`. A bar shows how far it is.

    `make_net(seed)` makes the network: all recipes of a seed start from the same weights and see
    the same batches. With `folder` each round is saved there and a stopped comparison goes on, for
    all that is known by name (`records.recorded`); what is not runs anew each time, and a warning
    says so, unless you give `key`, a text that stands for it together with the recipe's label.
    Without `folder` nothing is written. Seeds run one after the other: as one batched network
    (torch.func) they were no faster on two cores, see tests/benchmarks.

    `workers` runs them side by side: a number of processes here, one thread each, or the workers of
    a Dask `distributed.Client`, which must see `folder` under the same path. The numbers are those
    of one process with as many threads; a worker that dies loses the round it was in. Raises
    ValueError without recipes or seeds and for an empty key, TypeError for other workers,
    ConnectionError for a cluster that is gone. Taught in notebooks 02 and 07.
    """
    if not recipes or not seeds:
        raise ValueError(f"recipes and seeds must not be empty: {list(recipes)}, {list(seeds)}")
    unknown = _unknown(recipes, make_net, data, seeds[0], training) if folder and not key else {}
    if any(unknown.values()):
        warn(runs_anew(list(dict.fromkeys(chain(*unknown.values())))), UserWarning)
    saved = {
        label: {"folder": folder, "key": key and json.dumps([key, label])}
        for label in recipes if folder and not unknown.get(label)
    }  # fmt: skip
    todo = [
        _Run(label, seed, recipe, make_net, data, training, saved.get(label))
        for seed in seeds for label, recipe in recipes.items()
    ]  # fmt: skip
    runs: dict[int, list[Row]] = {number: [] for number in range(len(todo))}
    with bar(sum(run.recipe.rounds + 1 for run in todo), "round", after=0) as shown:
        for number, rows in _finished(todo, workers):
            runs[number] += rows
            shown.set_description(f"{todo[number].label}, seed {todo[number].seed}", refresh=False)
            shown.update(len(rows))
    return Runs({
        label: [runs[number] for number, run in enumerate(todo) if run.label == label]
        for label in recipes
    })  # fmt: skip


@dataclass(frozen=True)
class _Run:
    """One recipe with one seed; to iterate is to run it, a row per round."""

    label: str
    seed: int
    recipe: Recipe
    make_net: MakeNet
    data: Data
    training: Training
    saved: dict[str, Any] | None

    def __iter__(self) -> Iterator[Row]:
        net = self.make_net(self.seed)
        how: dict[str, Any] = {"seed": self.seed, "training": self.training}
        if self.saved is not None:
            yield from recorded(net, self.data, self.recipe, **how, **self.saved)
        else:
            for finished in prune(net, self.data, self.recipe, progress=False, **how):
                yield row_of(finished, self.seed)


def _finished(todo: Sequence[_Run], workers: Any) -> Iterator[tuple[int, list[Row]]]:
    """Yield rows as they are there, with the number of their run."""
    if workers is None:
        return ((number, [row]) for number, run in enumerate(todo) for row in run)
    return run_on(workers, [partial(list, run) for run in todo])


def _unknown(
    recipes: Mapping[str, Recipe], make_net: MakeNet, data: Data, seed: int, training: Training
) -> dict[str, list[str]]:
    """Say for each recipe what of its runs is not known by name."""
    with torch.random.fork_rng(devices=()):  # One more network changes no number.
        shared = {"training": training, "data": data, "net": make_net(seed)}
    everywhere = [words for what, part in shared.items() for words in known(part, what)[1]]
    return {
        label: known(recipe, f"recipes[{label!r}]")[1] + everywhere
        for label, recipe in recipes.items()
    }
