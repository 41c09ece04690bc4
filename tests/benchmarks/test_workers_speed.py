"""Runs side by side on two processes of one thread, beside the same one after the other.

Run on an idle machine with two cores: `make bench`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ratios import best_seconds

import pruninglab as lab

pytestmark = pytest.mark.benchmark
STOP = lab.stops.epochs(8)
RECIPES = {"ticket": lab.recipes.lottery_ticket(0.5, stop=STOP, rounds=3)}


@pytest.fixture(autouse=True)
def warm() -> Iterator[None]:
    """Start both workers and let them load torch: a sweep pays for that once."""
    compare(lab.data.load("mnist"), 2, lab.recipes.lottery_ticket(stop=lab.stops.epochs(1)), 2)
    yield


def compare(data: lab.data.Data, workers: int, recipe: lab.Recipe, seeds: int) -> lab.Runs:
    return lab.compare({"run": recipe}, lambda seed: lab.nets.lenet_300_100(seed=seed), data,
                       seeds=range(seeds), workers=workers)  # fmt: skip


def test_two_workers_beside_one() -> None:
    data, recipe = lab.data.load("mnist"), RECIPES["ticket"]
    one, two = best_seconds(
        lambda: compare(data, 1, recipe, 4), lambda: compare(data, 2, recipe, 4), repeats=2
    )
    runs = compare(data, 1, recipe, 4)
    training = sum(float(values.sum()) for values in runs.over_rounds("seconds").values())
    print(f"\none worker {one:.1f} s, of which {training:.1f} s training; two {two:.1f} s: "
          f"{one / two:.2f} times faster, overhead {one / training - 1:.1%}")  # fmt: skip
    assert one / two >= 1.6
    assert one / training <= 1.05
