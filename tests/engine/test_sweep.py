"""A comparison is its single runs."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
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


def square(net: nn.Module, images: Any) -> dict:
    return {name: w.square() for name, w in lab.scores.magnitude(net, images).items()}


def cube(net: nn.Module, images: Any) -> dict:
    return {name: -(w**3) + 9 for name, w in lab.scores.magnitude(net, images).items()}


def timeless(runs: lab.Runs) -> dict:
    return {label: [[{**row, "seconds": 0} for row in rows] for rows in seeds]
            for label, seeds in runs.items()}  # fmt: skip


def rivals() -> dict[str, lab.Recipe]:
    known = lab.recipes.lottery_ticket(0.5, stop=lab.stops.epochs(1), rounds=1)
    return {"known": known, "square": known.but(score=square), "cube": known.but(score=cube)}


def test_what_is_not_known_is_said_once_and_runs_anew(
    tiny_net: nn.Sequential, tiny_data: Data, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"seeds": (0, 1), "folder": tmp_path}
    with pytest.warns(UserWarning, match="square.*cube.*key=") as said:
        runs = lab.compare(rivals(), lambda seed: copy.deepcopy(tiny_net), tiny_data, **arguments)
    assert len(said) == 1
    assert len(list(tmp_path.iterdir())) == 2, "only what is known is saved"
    plain = lab.compare(rivals(), lambda seed: copy.deepcopy(tiny_net), tiny_data, seeds=(0, 1))
    assert timeless(runs) == timeless(plain)


def test_under_one_key_every_label_has_its_own_runs(
    tiny_net: nn.Sequential, tiny_data: Data, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"seeds": (0, 1), "folder": tmp_path, "key": "first try"}
    runs = lab.compare(rivals(), lambda seed: copy.deepcopy(tiny_net), tiny_data, **arguments)
    assert len(list(tmp_path.iterdir())) == 6
    assert timeless(runs)["square"] != timeless(runs)["cube"]
    again = lab.compare(rivals(), lambda seed: copy.deepcopy(tiny_net), tiny_data, **arguments)
    assert again == runs, "to the last digit of the seconds: read back"
    with pytest.raises(ValueError, match="key="):
        lab.compare(rivals(), lambda seed: copy.deepcopy(tiny_net), tiny_data, seeds=(0,), key="")


@pytest.mark.parametrize("saved", [False, True])
def test_a_bar_is_always_shown_and_gone_in_the_end(
    tiny_net: nn.Sequential, tiny_data: Data, tmp_path: Path, saved: bool,
    capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    recipes, folder = {"known": rivals()["known"]}, tmp_path if saved else None
    lab.compare(recipes, lambda seed: copy.deepcopy(tiny_net), tiny_data, seeds=(0,), folder=folder)
    said = capsys.readouterr()
    assert "/2 [" in said.err and not said.out
    assert not said.err.rpartition("\r")[2].strip(), "the last line is empty"


@pytest.mark.parametrize("patience", [0, 3600])
def test_training_and_pruning_show_a_bar_when_they_take_long(
    tiny_net: nn.Sequential, tiny_data: Data, patience: float,
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("pruninglab.engine.progress.bar.__kwdefaults__", {"after": patience})
    threads = threading.active_count()
    lab.train(tiny_net, tiny_data, stop=lab.stops.epochs(2))
    training = capsys.readouterr().err
    rounds = [done.index for done in lab.prune(tiny_net, tiny_data, rivals()["known"], seed=0)]
    pruning = capsys.readouterr().err
    assert ("training" in training) == ("pruning" in pruning) == (patience == 0)
    assert rounds == [0, 1] and threading.active_count() == threads
    assert not pruning.rpartition("\r")[2].strip(), "the last line is empty"
    assert list(lab.prune(tiny_net, tiny_data, rivals()["known"], seed=0, progress=False))
    assert not capsys.readouterr().err


CELL = """
import torch, pruninglab, pruninglab as lab
from pruninglab.data import Data, Split
images = Split(torch.rand(9, 1, 28, 28), torch.arange(9))
data = Data("few", images, images, images, tuple("abcdefghij"))
recipe = lab.recipes.lottery_ticket(0.5, stop=lab.stops.epochs(1), rounds=1)
runs = lab.compare({"ticket": recipe}, lambda seed: lab.nets.mini_relu(seed=seed), data, seeds=[0])
pruninglab.engine.progress.bar.__kwdefaults__ = {"after": 0}
for done in lab.prune(lab.nets.mini_relu(seed=0), data, recipe, seed=0):
    pass
print("done")
"""


def test_nothing_of_the_bar_stays_in_a_saved_notebook() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [out for out in notebook.cells[0].outputs if out.get("data") != {}]
    assert [(out.output_type, out.get("text")) for out in outputs] == [("stream", "done\n")]
