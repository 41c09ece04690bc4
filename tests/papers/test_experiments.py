"""What every paper's command promises: as printed or smaller, resumable, named by its settings."""

from __future__ import annotations

import json
import runpy
import sys
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import pruninglab as lab
from pruninglab.choices.stops import accuracy_within, first_then, flow_within
from pruninglab.data import Data
from pruninglab.engine import records
from pruninglab.papers import EXPERIMENTS, concave, experiment, imc
from pruninglab.papers.experiment import Experiment, Settings

SMALL: dict[str, tuple[str, Settings]] = {
    "sap": ("mlp", {"epochs": 1, "rounds": 1, "seeds": 2}),
    "sap-scopes": ("mlp", {"epochs": 1, "rounds": 1, "seeds": 1}),
    "sap-layers": ("mlp", {"epochs": 1, "rounds": 1, "seeds": 1}),
    "sap-grid": ("mlp", {"epochs": 1, "rounds": 1, "seeds": 1}),
    "incop": ("mlp", {"epochs": 2, "rounds": 1, "seeds": 1}),
    "incop-epochs": ("mlp", {"epochs": 2, "rounds": 1, "seeds": 1}),
    "incop-stops": ("mlp", {"epochs": 3, "rounds": 1, "seeds": 1}),
    "nnrelief": ("lenet_300_100", {"epochs": 3, "rounds": 2, "seeds": 2}),
    "nnrelief-kernels": ("lenet_5", {"epochs": 1, "rounds": 1, "seeds": 1}),
    "nnrelief-one-cut": ("adam_5e-4", {"epochs": 1, "rounds": 0, "seeds": 2}),
    "nnrelief-rivals": ("lenet_300_100", {"epochs": 1, "rounds": 1, "seeds": 1}),
    "nnrelief-rivals-tuned": ("lenet_300_100", {"epochs": 1, "rounds": 1, "seeds": 1}),
    "concave": ("lenet_300_100", {"epochs": 2, "rounds": 1, "seeds": 1}),
    "concave-optimizers": ("lenet_300_100", {"epochs": 1, "rounds": 1, "seeds": 1}),
    "imc": ("mini-tanh", {"first": 1, "later": 2, "seeds": 1}),
    "imc-sparsity": ("mini-tanh", {"first": 1, "later": 2, "seeds": 1}),
    "imc-epochs": ("mini-tanh", {"first": 1, "later": 2, "seeds": 1}),
    "imc-dense": ("mini-tanh", {"epochs": 2, "rounds": 0, "seeds": 1}),
}
ADAPTIVE = (flow_within, accuracy_within)
PAPERS = pytest.mark.parametrize("paper", EXPERIMENTS)
# The head-to-head has no fixed epochs and reads its own trials: test_head_to_head.py runs it.
OWN_EPOCHS = pytest.mark.parametrize("paper", SMALL)
COMMITTED = sorted(experiment.RECORDS.rglob("*.json"))


def of_few_images(made: Experiment) -> Experiment:
    """Return the experiment on a few of the images that it would have loaded."""

    def load(name: str, net: str, small: bool) -> Data:
        data = made.load_data(name, net, small)
        few = [split.take(300) for split in (data.train, data.validation, data.test)]
        return Data(data.name, *few, classes=data.classes)

    return replace(made, load_data=load)


@dataclass(frozen=True)
class Small:
    """A small run of a paper's command, all in one folder."""

    paper: Experiment
    net: str
    settings: Settings
    options: list[str]

    @property
    def name(self) -> str:
        return self.paper.record_name("mnist", self.net, self.all_settings, True)

    @property
    def all_settings(self) -> Settings:
        return {**self.paper.printed[self.net], **self.settings}


def patched(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let commands write into `folder`, and let the two longest run a few of their methods."""
    patch.setattr(experiment, "RECORDS", folder / "records")
    patch.setattr(experiment, "RUNS", folder / "runs")
    patch.setattr(imc, "REWINDS", {"fine-tune": lab.rewinds.fine_tune})
    patch.setattr(imc, "RELATIVE", (0.0,))
    few = replace(concave.SETTINGS["lenet_300_100"], l1=(2e-4,), log=(1e-4,), densities=(0.1,))
    patch.setitem(concave.SETTINGS, "lenet_300_100", few)


@pytest.fixture(scope="module", params=SMALL)
def command(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Small, Path]:
    """Run each paper's command once, in a folder of its own."""
    net, settings = SMALL[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    options = ["--small", "--data", "mnist", "--net", net]
    for key, value in settings.items():
        options += [f"--{key}", str(value)]
    made = Small(of_few_images(EXPERIMENTS[request.param]), net, settings, options)
    with pytest.MonkeyPatch.context() as patch:
        patched(patch, folder)
        made.paper.main(options)
    return made, folder


@pytest.fixture
def small(command: tuple[Small, Path], monkeypatch: pytest.MonkeyPatch) -> Small:
    """Return a command that has been run, with its folder still in use."""
    made, folder = command
    patched(monkeypatch, folder)
    return made


# So short a training may drop every weight of a layer, and the loop says so.
pytestmark = pytest.mark.filterwarnings("ignore:no weight lives")


def test_the_command_saves_what_it_was_asked_for(small: Small) -> None:
    record = small.paper.record(small.name)
    about = {"data": "mnist", "net": small.net, "small": True}
    assert record.settings == {**small.all_settings, **about}
    assert record.environment == lab.environment()
    recipes = small.paper.methods(small.net, small.all_settings)
    assert list(record.runs) == list(recipes)
    for label, seeds in record.runs.items():
        assert [rows[0]["seed"] for rows in seeds] == list(range(small.settings["seeds"]))
        numbers = list(range(recipes[label].rounds + 1))
        assert all([row["round"] for row in rows] == numbers for rows in seeds)
        top = list(dict.fromkeys(key.partition(".")[0] for key in small.paper.keep))
        assert all(list(row) == top for rows in seeds for row in rows)


def test_epochs_trained_are_epochs_asked(small: Small) -> None:
    asked = small.settings
    recipes = small.paper.methods(small.net, small.all_settings)
    for label, seeds in small.paper.record(small.name).runs.items():
        stop = recipes[label].stop
        later = asked.get("later", asked.get("epochs"))
        later = stop.later if isinstance(stop, first_then) else later
        for first, *others in seeds:
            assert first["epochs"] == asked.get("first", asked.get("epochs"))
            for row in others:
                adaptive = isinstance(stop, ADAPTIVE)
                assert row["epochs"] == later or (adaptive and 1 <= row["epochs"] < later)


def test_a_record_that_is_there_is_left_alone(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small.paper.path(small.name)
    before = path.read_bytes()
    monkeypatch.setattr(experiment, "compare", lambda *a, **k: pytest.fail("ran again"))
    small.paper.main(small.options)
    assert "is there already" in capsys.readouterr().out
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_command_that_was_stopped_trains_nothing_twice(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small.paper.path(small.name)
    before = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    small.paper.main(small.options)
    assert path.read_bytes() == before


@OWN_EPOCHS
def test_no_cap_stands_between_the_settings_and_the_epochs(paper: str) -> None:
    made = EXPERIMENTS[paper]
    for net, printed in made.printed.items():
        for changed in ({}, {"epochs": 3}, {"epochs": 1000}, {"first": 300, "later": 400}):
            settings = printed | {key: changed[key] for key in printed if key in changed}
            first = settings.get("first", settings.get("epochs"))
            longest = max(first, settings.get("later", 0))
            training = made.training(net, settings)
            assert training.max_epochs is None
            for recipe in made.methods(net, settings).values():
                assert training.longest(recipe.stop, dense=True) == first
                assert training.longest(recipe.stop) == longest
                assert recipe.rounds == settings.get("rounds", 1)


@OWN_EPOCHS
def test_no_rounds_are_no_rounds(paper: str) -> None:
    for net, printed in EXPERIMENTS[paper].printed.items():
        if "rounds" in printed:
            recipes = EXPERIMENTS[paper].methods(net, printed | {"rounds": 0})
            assert {recipe.rounds for recipe in recipes.values()} == {0}


def test_the_command_takes_zero_for_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(experiment, "RUNS", tmp_path / "runs")
    sap = of_few_images(EXPERIMENTS["sap"])
    sap.main(
        [
            "--small",
            "--data",
            "mnist",
            "--net",
            "mlp",
            "--rounds",
            "0",
            "--epochs",
            "0",
            "--seeds",
            "1",
        ]
    )
    runs = sap.record("mnist_mlp_0-epochs_0-rounds_1-seeds_small").runs
    for rows in runs.over_rounds("epochs").values():
        assert rows.tolist() == [[0]]


@PAPERS
def test_other_settings_have_another_name(paper: str) -> None:
    made, names = EXPERIMENTS[paper], []
    for net, printed in made.printed.items():
        values = [
            (value, value * (1 + 1e-12) + 1e-12, 0.0) if isinstance(value, float) else
            tuple({value, value + 1, 0}) for value in printed.values()
        ]  # fmt: skip
        for data, choice, small in product(
            ("mnist", "cifar10"), product(*map(set, values)), (False, True)
        ):
            settings = dict(zip(printed, choice, strict=True))
            names.append(made.record_name(data, net, settings, small))
    assert len(set(names)) == len(names)
    assert all(set(name).isdisjoint("/\\ :*?<>|") for name in names)


@PAPERS
def test_by_default_the_command_runs_the_papers_networks_as_printed(
    paper: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, asked = EXPERIMENTS[paper], []
    monkeypatch.setattr(experiment, "RECORDS", tmp_path)
    monkeypatch.setattr(Experiment, "run", lambda self, *options: asked.append(options))
    made.main([])
    assert asked == [
        (data, net, made.printed[net], False)
        for net in made.printed_nets
        for data in made.data[net]
    ]


@PAPERS
@pytest.mark.parametrize("option", ["--seeds -1", "--seeds 1.5", "--net none", "--data none"])
def test_nonsense_is_refused(paper: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        EXPERIMENTS[paper].main(option.split())
    assert option.split()[0] in capsys.readouterr().err


@pytest.mark.parametrize("value", ["nan", "inf", "much"])
def test_a_number_that_no_record_can_hold_is_refused_before_any_run(value: str) -> None:
    with pytest.raises(SystemExit):
        EXPERIMENTS["incop"].main(["--epsilon-if", value])


@PAPERS
def test_help_tells_the_printed_settings(paper: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        EXPERIMENTS[paper].main(["--help"])
    text = capsys.readouterr().out
    for settings in EXPERIMENTS[paper].printed.values():
        assert all(f"--{key}" in text and str(value) in text for key, value in settings.items())


@pytest.mark.parametrize("arguments", [[], ["--help"], ["nothing"]])
def test_the_package_lists_its_papers(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["papers", *arguments])
    if arguments == ["nothing"]:
        with pytest.raises(SystemExit, match="'nothing' is none of them"):
            runpy.run_module("pruninglab.papers", run_name="__main__")
    else:
        runpy.run_module("pruninglab.papers", run_name="__main__")
    text = capsys.readouterr().out
    assert all(f"  {made.name}" in text and made.about in text for made in EXPERIMENTS.values())


@PAPERS
def test_an_unknown_record_is_refused_with_the_list(paper: str) -> None:
    there = sorted(path.stem for path in COMMITTED if path.parent.name == paper)
    with pytest.raises(FileNotFoundError, match="no record 'nothing'") as refusal:
        lab.papers.record(paper, "nothing")
    assert str(there) in str(refusal.value)


def test_an_unknown_paper_is_refused_with_the_list() -> None:
    with pytest.raises(KeyError, match=r"paper='inertial' is not known.*'imc'"):
        lab.papers.record("inertial", "mnist_mini-tanh_small")


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_records_say_where_they_come_from(path: Path) -> None:
    made, content = EXPERIMENTS[path.parent.name], path.read_text(encoding="utf-8")
    record = lab.papers.record(made.name, path.stem)
    about: dict[str, Any] = record.settings
    assert {"device", "threads", "python", "torch"} <= set(record.environment)
    assert len(content) < 200_000 and json.loads(content)["settings"] == about
    settings = {key: about[key] for key in made.printed[about["net"]]}
    assert made.record_name(about["data"], about["net"], settings, about["small"]) == path.stem
    # Trials choose settings on one seed; nothing is claimed of them.
    assert settings["seeds"] >= 3 or made.name == "head-to-head-trials"
    recipes = made.methods(about["net"], about)
    assert list(record.runs) == list(recipes)
    for label, densities in record.runs.over_rounds("density").items():
        assert densities.shape == (settings["seeds"], recipes[label].rounds + 1)
        # A threshold may find nothing to cut in a round.
        assert (densities[:, :-1] >= densities[:, 1:]).all() and (densities[:, 0] == 1).all()
        for seed, rows in enumerate(record.runs[label], made.first_seed):
            assert [(row["seed"], row["round"]) for row in rows] == [
                (seed, number) for number in range(recipes[label].rounds + 1)
            ]
            assert {key.partition(".")[0] for key in made.keep} == set(rows[0])
            first = settings.get("first", settings.get("epochs", settings.get("dense")))
            assert rows[0]["epochs"] == first
            assert rows[-1].get("pruned_test_accuracy") is None
