"""SAP's methods, as Table 3 has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.results import Runs
from pruninglab.ideas.sap import pq_index
from pruninglab.lessons.pq_index.rounds import turns
from pruninglab.papers import sap


def test_the_methods_are_those_of_the_paper() -> None:
    settings = {"epochs": 200, "rounds": 30}
    rows = {label: str(recipe) for label, recipe in sap.methods("mlp", settings).items()}
    assert rows["SAP (½, 1)"] == (
        "magnitude × pq_bound(p=0.5, q=1.0) × global_ × epochs(200) × to_init, 30 rounds"
    )
    assert "fraction(0.2)" in rows["lottery ticket"]


def test_the_settings_are_those_of_table_3() -> None:
    printed = sap.EXPERIMENT.printed
    assert [printed[net]["rounds"] for net in ("mlp", "resnet18")] == [30, 15]
    assert {(settings["epochs"], settings["seeds"]) for settings in printed.values()} == {(200, 4)}
    assert sap.EXPERIMENT.printed_nets == ("linear", "mlp", "cnn", "resnet18")
    assert sap.EXPERIMENT.data["mlp"] == ("fashion-mnist", "cifar10")


def runs_of(accuracy: list[float], pruned: list[float | None]) -> Runs:
    """Return one seed's rows of these accuracies, the density halved from round to round."""
    rows = [
        {"seed": 0, "density": 0.5**i, "test_accuracy": right, "pruned_test_accuracy": cut,
         "pqi": {"global": {"all": 0.5}},
         "pruned_pqi": {"global": {"all": None if cut is None else 0.75}}}
        for i, (right, cut) in enumerate(zip(accuracy, pruned, strict=True))
    ]  # fmt: skip
    return Runs({"a": [rows]})


def test_what_a_cut_took() -> None:
    runs = sap.with_cuts(runs_of([0.9, 0.8, 0.6], [0.7, 0.75, None]))
    first, second, last = runs["a"][0]
    assert first["cut"] == pytest.approx({"share": 0.5, "accuracy": 0.2, "pqi": -0.25})
    assert (first["pruned_density"], second["cut"]["accuracy"]) == (0.5, pytest.approx(0.05))
    assert last["cut"] == {"share": None, "accuracy": None, "pqi": None}
    assert last["pruned_density"] is None
    with pytest.raises(KeyError, match="pruned_test_accuracy"):
        sap.with_cuts(Runs({"a": [[{"density": 1.0, "test_accuracy": 0.5}] * 2]}))


def test_the_methods_compete_in_every_scope() -> None:
    settings = {"epochs": 200, "rounds": 30}
    rows = sap.methods_in_each_scope("mlp", settings)
    assert len(rows) == 12 and rows["neuron: SAP (1, 2)"].scope is lab.scopes.neuron
    for label, recipe in sap.methods("mlp", settings).items():
        assert str(rows[f"global: {label}"]) == str(recipe)
    assert list(sap.sap_in_each_scope("mlp", settings)) == ["neuron", "layer", "global"]
    with pytest.raises(ValueError, match="'SAP', which names no scope"):
        sap.by_scope(Runs({"SAP": [[{"density": 1.0}]]}))


def test_indices_are_those_of_the_living_weights(tiny_net: nn.Module, tiny_data: Data) -> None:
    recipe = lab.recipes.lottery_ticket(0.5, stop=lab.stops.epochs(1), rounds=1)
    _, finished = lab.prune(tiny_net, tiny_data, recipe, seed=0)
    living = torch.cat([finished.trained[name][alive] for name, alive in finished.alive.items()])
    by_hand = [float(pq_index(living, p, q)) for p, q in sap.GRID]
    assert sap.indices(finished) == pytest.approx(by_hand, rel=1e-3)
    nothing = replace(finished, trained={name: 0 * w for name, w in finished.trained.items()})
    assert sap.indices(nothing) == [None] * len(sap.GRID)


GRID = "fashion-mnist_mlp_3-epochs_3-seeds_small"


def test_the_grid_of_the_record_has_the_engines_own_index() -> None:
    runs = sap.with_grid(lab.papers.record("sap-grid", GRID))
    ours, engines = (runs.over_rounds(key) for key in ("grid.(0.5, 1)", "pqi.global.all"))
    for label in runs:
        assert ours[label] == pytest.approx(engines[label], rel=1e-3)
    with pytest.raises(KeyError, match="measured has no grid"):
        sap.with_grid(lab.papers.record("sap", "fashion-mnist_mlp_3-epochs_3-seeds"))


def test_the_record_says_what_the_notebook_says() -> None:
    runs = sap.with_cuts(lab.papers.record("sap", "fashion-mnist_mlp_3-epochs_3-seeds").runs)
    raised = {label: (gaps < 0).any(axis=1) for label, gaps in runs.over_rounds("cut.pqi").items()}
    assert raised["one-shot"].all() and not any(raised[label].any() for label in list(runs)[1:])
    index, right = runs.over_rounds("pqi.global.all"), runs.over_rounds("test_accuracy")
    turned = {label: [turns(row[row == row].tolist(), patience=2) for row in rows]
              for label, rows in index.items()}  # fmt: skip
    assert turned["SAP (½, 1)"] == [None] * 3
    assert all(turn for label in ("one-shot", "lottery ticket", "SAP (1, 2)")
               for turn in turned[label])  # fmt: skip
    assert (right["SAP (1, 2)"][:, -1] > 0.8).all(), "the index fell again, and nothing collapsed"
    for values, accuracy in zip(index["one-shot"], right["one-shot"], strict=True):
        half = (accuracy < (accuracy[0] + 0.1) / 2).argmax()
        assert abs(int(values.argmax()) - int(half)) <= 2
