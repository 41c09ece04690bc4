"""Many runs: several recipes, several seeds, one table of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from torch import nn
from tqdm.auto import tqdm

from ..data import Data
from ..ideas.checks import checked
from .loop import prune
from .recipes import Recipe
from .records import recorded, row_of
from .results import Row, Runs
from .training import Training


@checked
def compare(
    recipes: Mapping[str, Recipe],
    make_net: Callable[[int], nn.Module],
    data: Data,
    *,
    seeds: Sequence[int],
    training: Training = Training(),
    folder: str | Path | None = None,
) -> Runs:
    """Run every recipe with every seed; return their `Runs`.

    `make_net(seed)` makes the network: all recipes of a seed start from the same weights and see
    the same batches. With `folder` each round is saved there and a stopped comparison goes on
    (`records.recorded`); without it nothing is written. Seeds run one after the other: as one
    batched network (torch.func) they were no faster on two cores, see tests/benchmarks. Raises
    ValueError without recipes or seeds. Taught in notebook 02.
    """
    if not recipes or not seeds:
        raise ValueError(f"recipes and seeds must not be empty: {list(recipes)}, {list(seeds)}")
    rows: dict[str, list[list[Row]]] = {label: [] for label in recipes}
    todo = [(seed, label) for seed in seeds for label in recipes]
    for seed, label in tqdm(todo, desc="runs", disable=folder is None):
        run = _rows(recipes[label], make_net(seed), data, seed, training, folder)
        rows[label].append(list(run))
    return Runs(rows)


def _rows(
    recipe: Recipe,
    net: nn.Module,
    data: Data,
    seed: int,
    training: Training,
    folder: str | Path | None,
) -> Iterator[Row]:
    if folder is not None:
        return recorded(net, data, recipe, seed=seed, training=training, folder=folder)
    run = prune(net, data, recipe, seed=seed, training=training)
    return (row_of(done, seed) for done in run)
