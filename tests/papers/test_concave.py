"""The paper's command: its settings, small runs that resume, and how results are grouped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pruninglab.engine import records
from pruninglab.papers import concave


# One epoch is too short for the sigmoid: it may drop everything, and the loop says so.
@pytest.mark.filterwarnings("ignore:no weight lives")
def test_the_command_saves_a_summary_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concave, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(concave, "RECORDS", tmp_path / "records")
    small = replace(concave.SETTINGS["lenet_300_100"], l1=(2e-4,), log=(1e-4,), densities=(0.1,))
    monkeypatch.setitem(concave.SETTINGS, "lenet_300_100", small)
    options = ["--small", "--data", "mnist", "--net", "lenet_300_100"]
    options += ["--epochs", "1", "--rounds", "1", "--seeds", "1"]
    concave.main(options)
    found = concave.load("mnist_lenet_300_100_1-epochs_small")
    assert found["settings"]["rounds"] == 1 and found["settings"]["alpha"] == concave.ALPHA
    grouped = concave.by_method(found["results"])
    assert list(grouped) == [
        "lottery ticket",
        "log mask by fixed share",
        "log mask",
        "log mask with decay",
        "l1 mask",
        "sigmoid",
    ]
    for method in ("lottery ticket", "log mask by fixed share"):
        assert grouped[method][0][0]["density"] == pytest.approx(0.1, abs=1e-3)
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    concave.main(options)
    assert concave.load("mnist_lenet_300_100_1-epochs_small")["results"] == found["results"]


def test_the_settings_are_those_of_section_v_d() -> None:
    net = concave.SETTINGS["resnet_20"]
    optimizer = net.training.optimizer
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (0.1, 0.9, 1e-4)
    assert not optimizer.nesterov and net.training.batch_size == 128 and net.epochs == 85
    assert [net.training.schedule(epoch, 85) for epoch in (55, 56, 71)] == pytest.approx(
        [1, 0.1, 0.01]
    )
    assert (net.l1[0], net.log[0], concave.EPS) == (3e-6, 1e-6, 0.1)
    assert concave.SETTINGS["vgg_11"].epochs == 120
    rows = {label: str(one) for label, one in concave.methods(net, 85, 3).items()}
    assert rows["log mask, λ = 1e-06"] == (
        "learned_mask(regularizer=log(0.1), lam=1e-06) × threshold(0.05) × global_ × "
        "epochs(85) × to_init, 3 rounds"
    )
    assert "weight_decay=0.0001" in rows["log mask with decay, λ = 1e-06"]
    assert "fraction(0.5" in rows["log mask by fixed share, to 0.1"]


def test_by_default_the_command_runs_the_papers_three_networks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(concave, "run", lambda *options: asked.append(options))
    concave.main([])
    assert [options[:2] for options in asked] == [
        ("cifar10", net) for net in ("resnet_20", "vgg_11", "resnet_56")
    ]
    assert asked[0][2] == {"epochs": None, "rounds": 3, "seeds": 3}


def test_an_unknown_record_is_refused_with_the_list() -> None:
    with pytest.raises(FileNotFoundError, match="no record 'nothing'"):
        concave.load("nothing")
