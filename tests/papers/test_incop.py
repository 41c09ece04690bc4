"""InCoP's command: small, resumable, and the printed setting by default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import pruninglab as lab
from pruninglab.engine import records
from pruninglab.papers import incop


def test_the_command_saves_a_summary_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incop, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(incop, "RECORDS", tmp_path / "records")
    options = ["--small", "--data", "mnist", "--net", "mlp"]
    options += ["--epochs", "2", "--rounds", "1", "--seeds", "1"]
    incop.main(options)
    path = tmp_path / "records" / "mnist_mlp_2-epochs_small.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["settings"]["epsilon_if"] == incop.EPSILON["if"]
    used = {label: [row["epochs"] for row in runs[0]] for label, runs in found["results"].items()}
    assert len(used) == 9
    assert used["lottery ticket"] == used["SAP (0.5, 1)"] == [2, 2]
    assert used["one epoch (1, 2)"] == [2, 1]
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    incop.main(options)
    assert json.loads(path.read_text(encoding="utf-8"))["results"] == found["results"]


def test_by_default_the_command_runs_the_printed_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(incop, "run", lambda *options: asked.append(options))
    incop.main([])
    assert [options[:2] for options in asked] == [
        (data, net) for data in ("mnist", "fashion-mnist", "cifar10") for net in incop.PRINTED_NETS
    ]
    settings = asked[0][2]
    assert (settings["epochs"], settings["rounds"], settings["seeds"]) == (20, 15, 3)


def test_methods_differ_from_sap_in_the_stop_only() -> None:
    rows = {name: recipe.row() for name, recipe in incop.methods(20, 15, incop.EPSILON).items()}
    sap = rows["SAP (1, 2)"]
    for label in ("InCoP-IF (1, 2)", "InCoP-GF (1, 2)", "accuracy (1, 2)", "one epoch (1, 2)"):
        assert [name for name in sap if rows[label][name] != sap[name]] == ["stop"]
    assert sap["rewind"] == "fine_tune" and sap["scope"] == "layer"


def test_images_are_padded_for_vgg() -> None:
    data = lab.data.load("mnist", device="cpu")
    wide = incop._padded(data, 32)
    assert wide.shape == (1, 32, 32) and len(wide.validation) == len(data.validation)
    assert torch.equal(wide.test.inputs[:, :, 2:-2, 2:-2], data.test.inputs)
    assert (wide.train.inputs[:, :, :2] == data.train.inputs.min()).all()
    assert incop._padded(data, 0) is data
    lab.nets.vgg_16(inputs=wide.shape, seed=0).eval()(wide.test.inputs[:1])
