"""A killed run goes on where it stopped; a damaged record is never trusted."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data, Split
from pruninglab.engine import records
from pruninglab.engine.records import Record, identity, recorded, sparsity_indices
from pruninglab.engine.training import State
from pruninglab.ideas.sap import gini_index, pq_index

TRAINING = lab.Training(batch_size=30)
RECIPE = lab.recipes.sap(1.0, 2.0, stop=lab.stops.epochs(2), rounds=4)


def make_net() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def make_data() -> Data:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(150, 1, 2, 2, generator=generator)
    targets = inputs.flatten(1)[:, :3].argmax(dim=1)
    parts = [Split(inputs[a:b], targets[a:b]) for a, b in ((0, 90), (90, 120), (120, 150))]
    return Data("argmax", *parts, classes=("a", "b", "c"))


def rows(
    folder: Path, recipe: lab.Recipe = RECIPE, seed: int = 0, key: str | None = None
) -> list[dict]:
    return list(
        recorded(
            make_net(), make_data(), recipe, seed=seed, training=TRAINING, folder=folder, key=key
        )
    )


def numbers(found: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in found]


def test_a_row_says_what_the_round_said(tmp_path: Path) -> None:
    run = lab.prune(make_net(), make_data(), RECIPE, seed=0, training=TRAINING)
    for done, row in zip(run, rows(tmp_path), strict=True):
        assert (row["round"], row["density"], row["epochs"]) == (done.index, done.density, 2)
        assert row["test_accuracy"] == done.test_accuracy
        cut = done.index < RECIPE.rounds
        assert row["pruned_test_accuracy"] == (done.pruned_test_accuracy if cut else None)
        assert (row["pruned_pqi"]["global"]["all"] is not None) == cut
        assert row["layer_density"] == done.alive.layer_density()
        assert row["nonzero_dead"] == 0


def test_sparsity_per_scope_against_single_vectors() -> None:
    w = {"a.weight": torch.randn(4, 5), "b.weight": torch.randn(2, 3)}
    masks = {name: torch.rand(weight.shape) < 0.7 for name, weight in w.items()}
    masks["a.weight"][1] = False
    living = [w[name][masks[name]] for name in w]
    found = sparsity_indices({name: w[name] * masks[name] for name in w}, masks)
    assert found["pqi"]["global"]["all"] == pytest.approx(
        float(pq_index(torch.cat(living), 0.5, 1.0))
    )
    assert found["gini"]["layer"]["b.weight"] == pytest.approx(float(gini_index(living[1])))
    neurons = [row[mask] for row, mask in zip(w["a.weight"], masks["a.weight"], strict=True)]
    expected = [float(pq_index(row, 0.5, 1.0)) for row in neurons if len(row)]
    assert found["pqi"]["neuron"]["a.weight"] == pytest.approx(sum(expected) / len(expected))
    dead = {name: torch.zeros_like(mask) for name, mask in masks.items()}
    assert sparsity_indices(w, dead)["pqi"]["global"]["all"] is None


def test_a_finished_run_is_read_back_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rows(tmp_path)
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    assert rows(tmp_path) == first


def test_stopping_after_any_round_changes_no_number(tmp_path: Path) -> None:
    whole = numbers(rows(tmp_path / "whole"))
    for stop_after in range(1, 5):
        folder = tmp_path / str(stop_after)
        run = recorded(make_net(), make_data(), RECIPE, seed=0, training=TRAINING, folder=folder)
        for _ in range(stop_after):
            next(run)
        run.close()
        assert numbers(rows(folder)) == whole


def slow_run(folder: Path, threads: int) -> None:
    """Run with a pause in every epoch, so that a signal can hit anywhere."""
    torch.set_num_threads(threads)  # a record is of one number of threads
    rows(folder, slow_recipe(), key="slow")


def pausing_stop(state: State) -> bool:
    time.sleep(0.02)
    return state.epoch >= 2


def slow_recipe() -> lab.Recipe:
    choices = (RECIPE.score, RECIPE.budget, RECIPE.scope, pausing_stop, RECIPE.rewind)
    return lab.Recipe(*choices, rounds=12)


def start(target: Callable, *arguments: object) -> multiprocessing.Process:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_is_resumed_with_the_same_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    process = start(slow_run, folder, torch.get_num_threads())
    deadline = time.monotonic() + 1200
    while not list(folder.glob("*/record.json")):
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(0.08)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    (path,) = folder.glob("*/record.json")
    done = len(json.loads(path.read_text())["rows"])
    assert 1 <= done < 13, "the signal must hit in the middle"
    again = numbers(rows(folder, slow_recipe(), key="slow"))
    assert again == numbers(rows(tmp_path / "whole", slow_recipe(), key="slow"))
    left = [path.name for path in path.parent.iterdir() if not path.name.startswith(".")]
    assert sorted(left) == ["record.json", "round_012.safetensors", "round_013.safetensors"]


def test_two_processes_on_one_record_do_no_harm(tmp_path: Path) -> None:
    pair = [start(slow_run, tmp_path / "both", torch.get_num_threads()) for _ in range(2)]
    for process in pair:
        process.join()
        assert process.exitcode == 0
    assert numbers(rows(tmp_path / "both", slow_recipe(), key="slow")) == numbers(
        rows(tmp_path / "one", slow_recipe(), key="slow")
    )


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_short, flip, Path.unlink])
@pytest.mark.parametrize("file", ["record.json", "round_005.safetensors"])
def test_a_damaged_record_is_set_aside(tmp_path: Path, damage: Callable, file: str) -> None:
    whole = numbers(rows(tmp_path))
    (folder,) = tmp_path.iterdir()
    damage(folder / file)
    if not (folder / "record.json").exists():
        assert numbers(rows(tmp_path)) == whole
        return
    with pytest.warns(RuntimeWarning, match="damaged"):
        again = rows(tmp_path)
    assert numbers(again) == whole
    assert (tmp_path / f"{folder.name}.damaged-1").is_dir(), "nothing is lost"


def test_whatever_changes_a_number_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    # A device that this machine may not have.
    where = lab.environment("cpu")
    monkeypatch.setattr(records, "environment", lambda on: {**where, "device": str(on)})
    net, data = make_net(), make_data()
    cpu = torch.device("cpu")

    def key(**changes: object) -> str:
        options = {
            "net": net, "data": data, "recipe": RECIPE, "seed": 0, "training": TRAINING,
            "device": cpu,
        }  # fmt: skip
        return identity(**(options | changes))["key"]

    other_net = make_net()
    with torch.no_grad():
        other_net[1].weight[0, 0] += 1e-3
    keys = [
        key(),
        key(seed=1),
        key(net=other_net),
        key(data=Data("argmax", data.train.take(89), data.validation, data.test, data.classes)),
        key(training=lab.Training(batch_size=31)),
        key(training=lab.Training(optimizer=lab.sgd(lr=0.2), batch_size=30)),
        key(recipe=lab.recipes.sap(1.0, 2.0, stop=lab.stops.epochs(2), rounds=5)),
        key(device=torch.device("cuda")),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == key(net=make_net(), data=make_data())


def test_a_record_of_another_run_is_not_taken(tmp_path: Path) -> None:
    rows(tmp_path)
    (folder,) = tmp_path.iterdir()
    what = identity(make_net(), make_data(), RECIPE, 1, TRAINING, torch.device("cpu"))
    with pytest.warns(RuntimeWarning, match="another run"):
        assert Record(folder).load(what) == ([], None)
