"""Many runs: several recipes, several seeds, one table of rows; here or on many workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from tqdm.auto import tqdm

from ..data import Data
from ..ideas.checks import checked
from .loop import prune
from .recipes import Recipe
from .records import recorded, row_of
from .results import Row, Runs
from .training import Training
from .workers import run_on


@checked
def compare(
    recipes: Mapping[str, Recipe],
    make_net: Callable[[int], nn.Module],
    data: Data,
    *,
    seeds: Sequence[int],
    training: Training = Training(),
    folder: str | Path | None = None,
    workers: Any = None,
) -> Runs:
    """Run every recipe with every seed; return their `Runs`.

    `make_net(seed)` makes the network: all recipes of a seed start from the same weights and see
    the same batches. With `folder` each round is saved there and a stopped comparison goes on
    (`records.recorded`); without it nothing is written. Seeds run one after the other: as one
    batched network (torch.func) they were no faster on two cores, see tests/benchmarks.

    `workers` runs them side by side: a number of processes here, one thread each, or the workers of
    a Dask `distributed.Client`, which must see `folder` under the same path. The numbers are those
    of one process with as many threads; a worker that dies loses the round it was in. Raises
    ValueError without recipes or seeds, TypeError for other workers. Taught in notebooks 02 and 07.
    """
    if not recipes or not seeds:
        raise ValueError(f"recipes and seeds must not be empty: {list(recipes)}, {list(seeds)}")
    todo = [(label, seed) for seed in seeds for label in recipes]
    tasks = [partial(_run, recipes[label], make_net, data, seed, training, folder)
             for label, seed in todo]  # fmt: skip
    finished = _one_by_one(tasks) if workers is None else run_on(workers, tasks)
    runs: dict[int, list[Row]] = {}
    for number, rows in tqdm(finished, desc="runs", total=len(todo), disable=folder is None):
        runs[number] = rows
    return Runs({
        wanted: [runs[number] for number, (label, _) in enumerate(todo) if label == wanted]
        for wanted in recipes
    })  # fmt: skip


def _one_by_one(tasks: Sequence[Callable[[], list[Row]]]) -> Iterator[tuple[int, list[Row]]]:
    return ((number, task()) for number, task in enumerate(tasks))


def _run(
    recipe: Recipe,
    make_net: Callable[[int], nn.Module],
    data: Data,
    seed: int,
    training: Training,
    folder: str | Path | None,
) -> list[Row]:
    net = make_net(seed)
    if folder is not None:
        return list(recorded(net, data, recipe, seed=seed, training=training, folder=folder))
    run = prune(net, data, recipe, seed=seed, training=training)
    return [row_of(finished, seed) for finished in run]
