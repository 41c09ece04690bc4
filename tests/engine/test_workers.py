"""Runs on several processes are the runs of one, and a worker that dies loses one round."""

from __future__ import annotations

import copy
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from distributed import Client, LocalCluster
from joblib.externals.loky.process_executor import TerminatedWorkerError
from torch import nn

import pruninglab as lab
from pruninglab.choices.needs import asks
from pruninglab.data import Data
from pruninglab.engine import workers
from pruninglab.engine.workers import run_on

STOP = lab.stops.epochs(1)
Make = Callable[[int], nn.Module]


@pytest.fixture
def make(tiny_net: nn.Module) -> Make:
    # Defined here: what a notebook cell defines travels by value too.
    return lambda seed: copy.deepcopy(tiny_net)


@pytest.fixture
def recipes() -> dict[str, lab.Recipe]:
    return {
        "lottery ticket": lab.recipes.lottery_ticket(0.5, stop=STOP, rounds=2),
        "random": lab.recipes.random_pruning(0.5, stop=STOP, rounds=2),
    }


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def timeless(runs: lab.Runs) -> dict[str, Any]:
    return {label: [[{k: v for k, v in row.items() if k != "seconds"} for row in rows]
                    for rows in seeds] for label, seeds in runs.items()}  # fmt: skip


def dying(log: Path) -> lab.Recipe:
    """Return a recipe that logs the rounds it trains, and kills its process once, in round 2."""

    @asks(epochs=1)
    def stop(state: lab.stops.Progress) -> bool:
        if not state.history[-1].seconds:
            return True  # Tried before the run, when nothing was trained.
        with open(log, "a") as file:
            file.write(f"{state.round}")
        if log.read_text() == "012":
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    return lab.recipes.lottery_ticket(0.5, stop=stop, rounds=3)


def test_two_processes_give_the_numbers_of_one(
    make: Make, recipes: dict[str, lab.Recipe], tiny_data: Data, tmp_path: Path
) -> None:
    alone = lab.compare(recipes, make, tiny_data, seeds=(3, 4))
    together = lab.compare(recipes, make, tiny_data, seeds=(3, 4), folder=tmp_path, workers=2)
    assert timeless(alone) == timeless(together)
    assert list(together) == list(recipes)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_cluster_gives_the_numbers_of_one(
    make: Make, recipes: dict[str, lab.Recipe], tiny_data: Data, client: Client
) -> None:
    alone = lab.compare(recipes, make, tiny_data, seeds=(3, 4))
    assert timeless(alone) == timeless(
        lab.compare(recipes, make, tiny_data, seeds=(3, 4), workers=client)
    )


def test_a_killed_worker_of_a_cluster_loses_one_round(
    make: Make, tiny_data: Data, client: Client, tmp_path: Path
) -> None:
    recipe = dying(tmp_path / "log")
    runs = lab.compare({"dies": recipe}, make, tiny_data, seeds=(0,), workers=client,
                       folder=tmp_path / "runs", key="dies")  # fmt: skip
    assert (tmp_path / "log").read_text() == "01223"
    plain = lab.recipes.lottery_ticket(0.5, stop=STOP, rounds=3)
    assert (
        timeless(runs)["dies"]
        == timeless(lab.compare({"dies": plain}, make, tiny_data, seeds=(0,)))["dies"]
    )


def test_a_killed_process_here_is_an_error_and_the_next_call_goes_on(
    make: Make, tiny_data: Data, tmp_path: Path
) -> None:
    recipe, folder = dying(tmp_path / "log"), tmp_path / "runs"
    with pytest.raises(TerminatedWorkerError):
        lab.compare({"dies": recipe}, make, tiny_data, seeds=(0,), folder=folder, key="dies",
                    workers=2)  # fmt: skip
    runs = lab.compare({"dies": recipe}, make, tiny_data, seeds=(0,), folder=folder, key="dies",
                       workers=2)  # fmt: skip
    assert [row["round"] for row in runs["dies"][0]] == [0, 1, 2, 3]
    assert (tmp_path / "log").read_text() == "01223"


def test_a_record_of_workers_is_read_by_one_process(
    make: Make, recipes: dict[str, lab.Recipe], tiny_data: Data, tmp_path: Path
) -> None:
    """On one thread the key is the same: nothing is trained twice."""
    arguments = {"seeds": (3,), "folder": tmp_path}
    first = lab.compare(recipes, make, tiny_data, **arguments, workers=2)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    again = lab.compare(recipes, make, tiny_data, **arguments, workers=2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == made
    assert first == again


def test_errors_of_a_task_arrive_and_wrong_workers_are_named(client: Client) -> None:
    for some in (2, client):
        with pytest.raises(ZeroDivisionError):
            list(run_on(some, [lambda: 1 / 0, lambda: 1]))
    with pytest.raises(TypeError, match="workers='two'"):
        list(run_on("two", [lambda: 1]))
    with pytest.raises(ValueError, match="workers=0"):
        list(run_on(0, [lambda: 1]))


@pytest.mark.parametrize("what", ["cluster", "client", "workers", "closed before"])
def test_a_cluster_that_is_gone_is_an_error_within_half_a_minute(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 2)
    monkeypatch.setattr(workers, "PULSE", 1)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None,
                     protocol="inproc://") as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        stop = {"cluster": cluster.close, "workers": lambda: cluster.scale(0)}
        if what == "closed before":
            client.close()
        done = run_on(client, [partial(time.sleep, pause) for pause in (0, 4, 4)])
        start = time.monotonic()
        with pytest.raises(ConnectionError, match="workers=<Client"):
            for _ in done:
                stop.get(what, client.close)()
        assert time.monotonic() - start < 30


def test_results_come_as_they_are_done() -> None:
    def slow() -> str:
        time.sleep(1.5)
        return "slow"

    assert list(run_on(2, [slow, lambda: "fast"])) == [(1, "fast"), (0, "slow")]


def test_one_worker_is_a_process_of_one_thread_too() -> None:
    def where() -> tuple[int, int]:
        import torch

        import pruninglab  # noqa: F401

        return os.getpid(), torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        ((_, (process, threads)),) = run_on(1, [where])
    finally:
        torch.set_num_threads(before)
    assert process != os.getpid()
    assert threads == 1


def test_nothing_goes_on_after_an_interrupt(tmp_path: Path) -> None:
    def late() -> None:
        time.sleep(2)
        (tmp_path / "late").touch()

    done = run_on(2, [lambda: 1, late, late, late])
    assert next(done) == (0, 1)
    done.close()
    time.sleep(3)
    assert not list(tmp_path.iterdir())
    assert list(run_on(2, [lambda: 2])) == [(0, 2)]
