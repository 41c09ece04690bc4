"""InCoP's methods and the images of its networks."""

from __future__ import annotations

import torch

import pruninglab as lab
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
