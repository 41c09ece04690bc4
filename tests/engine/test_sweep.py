"""A comparison is its single runs."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.records import row_of


def test_compare_is_its_single_runs(
    tiny_net: nn.Sequential, tiny_data: Data, tmp_path: Path
) -> None:
    recipes = {
        "lottery ticket": lab.recipes.lottery_ticket(0.5, stop=lab.stops.epochs(1), rounds=2),
        "random": lab.recipes.random_pruning(0.5, stop=lab.stops.epochs(1), rounds=2),
    }

    def make(seed: int) -> nn.Module:
        return copy.deepcopy(tiny_net)

    frames = lab.compare(recipes, make, tiny_data, seeds=(3, 4))
    saved = lab.compare(recipes, make, tiny_data, seeds=(3, 4), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    for label, recipe in recipes.items():
        for place, seed in enumerate((3, 4)):
            run = lab.prune(make(seed), tiny_data, recipe, seed=seed)
            for done, live, kept in zip(
                run, frames[label][place], saved[label][place], strict=True
            ):
                expected = row_of(done, seed)
                for row in (expected, live, kept):
                    row.pop("seconds")
                assert expected == live == kept
    with pytest.raises(ValueError, match="must not be empty"):
        lab.compare({}, make, tiny_data, seeds=(0,))
