"""The IMC command: small, resumable; the readings that scale."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pruninglab import nets
from pruninglab.choices import scores
from pruninglab.engine import records
from pruninglab.papers import inertial


def test_the_command_saves_a_summary_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inertial, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(inertial, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(inertial, "REWINDS", {"fine-tune": inertial.REWINDS["fine-tune"]})
    options = ["--small", "--data", "mnist", "--net", "mini-tanh"]
    options += ["--first", "1", "--later", "1", "--seeds", "1"]
    inertial.main(options)
    found = inertial.load("mnist_mini-tanh_1-epochs_small")
    assert found["settings"]["first"] == 1 and found["settings"]["rounds"] == 1
    assert len(found["results"]) == 7
    assert all(len(runs) == 1 and len(runs[0]) == 2 for runs in found["results"].values())
    spectrum = found["spectrum"]
    assert spectrum["parameters"] == 1210
    assert sum(spectrum["masses"]) == pytest.approx(1, abs=1e-4)
    assert set(spectrum["rate"]) == {"0.1", "0.01", "0.001"}
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    inertial.main(options)
    assert inertial.load("mnist_mini-tanh_1-epochs_small")["results"] == found["results"]


def test_by_default_the_command_runs_both_resnets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(inertial, "run", lambda *options: asked.append(options))
    inertial.main([])
    assert [options[:2] for options in asked] == [("cifar10", "resnet20"), ("cifar10", "resnet32")]
    assert asked[0][2] == {"first": 10, "later": 160, "seeds": 3}


def test_readings_of_a_large_network_are_those_that_scale() -> None:
    rows = {label: str(recipe) for label, recipe in inertial.methods("resnet32", 10, 160).items()}
    assert len(rows) == 7 * 3
    assert rows["flat leverage, reinitialise"] == (
        "leverage(side='flat', sharp=100) × fraction(0.45) × global_ × "
        "first_then(first=10, later=160) × reinitialise, 1 rounds"
    )


def test_leverage_and_density_of_a_resnet() -> None:
    """What the command asks of ResNet-20, on a few images and directions."""
    net = nets.resnet_20(inputs=(3, 16, 16), classes=3, seed=0)
    batch = torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2, 0, 1, 2])
    net(batch[0])
    found = scores.leverage("sharp", 2)(net, batch)
    total = sum(float(value.sum()) for value in found.values())
    assert 0 < total <= 2
    operator = inertial.inertial.hvp(net, *batch)
    estimate = inertial.inertial.spectral_density(operator, steps=4)
    assert float(estimate.masses.sum()) == pytest.approx(1)


def test_an_unknown_record_is_refused_with_the_list() -> None:
    with pytest.raises(FileNotFoundError, match="no record 'nothing'"):
        inertial.load("nothing")
