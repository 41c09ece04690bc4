"""InCoP's methods and the images of its networks."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.papers import incop


def test_methods_differ_from_sap_in_the_stop_only() -> None:
    methods = incop.methods("mlp", incop.PRINTED)
    assert len(methods) == 9
    rows = {name: recipe.row() for name, recipe in methods.items()}
    sap = rows["SAP (1, 2)"]
    for label in ("InCoP-IF (1, 2)", "InCoP-GF (1, 2)", "accuracy (1, 2)", "one epoch (1, 2)"):
        assert [name for name in sap if rows[label][name] != sap[name]] == ["stop"]
    assert sap["rewind"] == "fine_tune" and sap["scope"] == "layer"
    assert methods["InCoP-IF (1, 2)"].stop.epsilon == incop.PRINTED["epsilon-if"]
    assert methods["InCoP-GF (1, 2)"].stop.epsilon == incop.PRINTED["epsilon-gf"]


def test_the_settings_are_the_printed_ones() -> None:
    assert [incop.PRINTED[key] for key in ("epochs", "rounds", "seeds")] == [20, 15, 3]
    assert incop.EXPERIMENT.printed_nets == ("resnet18", "vgg16")
    assert incop.EXPERIMENT.data["vgg16"] == ("mnist", "fashion-mnist", "cifar10")


def test_images_are_padded_for_vgg() -> None:
    data = lab.data.load("mnist", device="cpu")
    wide = incop.EXPERIMENT.load_data("mnist", "vgg16", True)
    assert wide.shape == (1, 32, 32) and len(wide.validation) == len(data.validation)
    assert torch.equal(wide.test.inputs[:, :, 2:-2, 2:-2], data.test.inputs)
    assert (wide.train.inputs[:, :, :2] == data.train.inputs.min()).all()
    assert torch.equal(incop.EXPERIMENT.load_data("mnist", "mlp", True).test.inputs,
                       data.test.inputs)  # fmt: skip
    lab.nets.vgg_16(inputs=wide.shape, seed=0).eval()(wide.test.inputs[:1])


def test_stops_and_rewinds_differ_from_algorithm_1_where_they_say() -> None:
    methods = incop.stop_methods("mlp", incop.PRINTED_STOPS)
    base = methods["all epochs"]
    different = {label: lab.papers.differing(base, recipe) for label, recipe in methods.items()}
    assert different.pop("all epochs") == []
    for label, cells in different.items():
        rewound = ", to " in label
        stopped = not label.startswith("all epochs")
        assert cells == ["stop"] * stopped + ["rewind"] * rewound
    for label, rewind in {"dense": lab.rewinds.to_dense, "start": lab.rewinds.to_init}.items():
        assert methods[f"one epoch, to {label}"].rewind is rewind
        assert methods[f"all epochs, to {label}"].rewind is rewind
    later = [methods[label].stop.later for label in ("one epoch", "a third", "two thirds")]
    assert later == [1, 6, 13] and base.stop.at_most == 20


def test_the_row_of_incop_differs_from_sap_in_two_cells() -> None:
    rows = lab.papers.ROWS
    assert lab.papers.differing(rows["SAP"], rows["InCoP-IF"]) == ["stop", "rewind"]
    assert lab.papers.differing(rows["SAP"], rows["InCoP-GF"]) == ["stop", "rewind"]


def test_every_epoch_is_what_a_run_by_hand_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incop, "PRETRAINING", 1)
    data = lab.data.load("fashion-mnist", device="cpu")
    few = Data(data.name, data.train.take(400), data.validation.take(200), data.test.take(200),
               classes=data.classes)  # fmt: skip
    settings = {"epochs": 2, "rounds": 1, "seeds": 1}
    (rows,) = incop.EPOCHS.more("mlp", few, settings)["every_epoch"]
    recipe = incop.EPOCHS.methods("mlp", settings)["all epochs"]
    run = list(lab.prune(incop.pretrained("mlp", few, 0), few, recipe, seed=0,
                         training=incop.SMALL_TRAINING))  # fmt: skip
    assert [(row["round"], row["epoch"]) for row in rows] == [(1, 1), (1, 2)]
    dense, last = run[0].trained_net(), run[1].trained_net()
    gap = run[0].validation_accuracy - run[1].validation_accuracy
    assert rows[-1]["validation_gap"] == pytest.approx(gap, abs=1e-4)
    assert rows[-1]["test_accuracy"] == pytest.approx(run[1].test_accuracy, abs=1e-4)
    for number, key in enumerate(("IF relative", "IF probe 1", "IF probe 2", "IF probe 3")):
        images = few.train.inputs[100 * number : 100 * (number + 1)]
        flows = [lab.incop.information_flow(net, images) for net in (last, dense)]
        assert rows[-1][key] == pytest.approx(lab.incop.flow_distance(*flows, "relative"), rel=1e-3)
