"""Runs side by side on two processes of one thread, beside the same ones on one such process.

Told apart: what a pool costs before its first run (once, while torch is loaded), what it costs
between runs, and how much faster two are. Run on an idle machine with two cores: `make bench`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest
import torch

import pruninglab as lab
from pruninglab.engine.results import Row
from pruninglab.engine.workers import run_on

pytestmark = pytest.mark.benchmark
# A minute on one worker.
RUNS, EPOCHS, ROUNDS = 8, 8, 4
FASTER, OVERHEAD = 1.6, 0.05

# Seconds and processor seconds of a run, and its rows.
Timed = tuple[float, float, list[Row]]


def one_run(data: lab.data.Data, seed: int, epochs: int, rounds: int) -> Timed:
    """Time one run where it is done."""
    recipe = lab.recipes.lottery_ticket(0.5, stop=lab.stops.epochs(epochs), rounds=rounds)
    start, busy = time.perf_counter(), time.process_time()
    runs = lab.compare(
        {"run": recipe}, lambda seed: lab.nets.lenet_300_100(seed=seed), data, seeds=[seed]
    )
    return time.perf_counter() - start, time.process_time() - busy, runs["run"][0]


def sweep(workers: int, task: Callable[..., Timed], runs: int) -> tuple[float, list[Timed]]:
    """Return how long a sweep took, and what its runs say."""
    start = time.perf_counter()
    done = list(run_on(workers, [partial(task, seed=seed) for seed in range(runs)]))
    return time.perf_counter() - start, [timed for _, timed in done]


def tell(workers: int, data: lab.data.Data) -> tuple[float, float]:
    """Print what a pool of workers does; return the seconds of the sweep and its overhead."""
    task = partial(one_run, data)
    start, _ = sweep(workers, partial(task, epochs=1, rounds=1), workers)
    seconds, runs = sweep(workers, partial(task, epochs=EPOCHS, rounds=ROUNDS), RUNS)
    inside, busy = (sum(timed[part] for timed in runs) / workers for part in (0, 1))
    trained = sum(row["seconds"] for *_, rows in runs for row in rows) / workers
    overhead = seconds / inside - 1
    print(
        f"\n{workers} worker(s): started in {start:.1f} s; {RUNS} runs {seconds:.1f} s, of which "
        f"{inside:.1f} s inside the runs ({busy:.1f} s of a processor, {trained:.1f} s training "
        f"and cutting, the rest measuring): overhead {overhead:.1%} (≤ {OVERHEAD:.0%})"
    )
    return seconds, overhead


def test_two_workers_beside_one() -> None:
    data = lab.data.load("mnist")
    (one, over_one), (two, over_two) = tell(1, data), tell(2, data)
    here, _ = sweep_here(data)
    print(
        f"two are {one / two:.2f} times as fast as one (≥ {FASTER}), {here / two:.2f} times as "
        f"fast as this process with {torch.get_num_threads()} threads"
    )
    assert one / two >= FASTER
    assert max(over_one, over_two) <= OVERHEAD


def sweep_here(data: lab.data.Data) -> tuple[float, list[Timed]]:
    """Return the same of the runs one after the other, with all threads of this process."""
    start = time.perf_counter()
    runs = [one_run(data, seed, EPOCHS, ROUNDS) for seed in range(RUNS)]
    return time.perf_counter() - start, runs
