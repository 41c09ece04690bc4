"""The command for Table 1: the printed settings by default, small on request, resumable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pruninglab import nets
from pruninglab.costs import count_parameters
from pruninglab.engine import records
from pruninglab.engine.training import adam, sgd
from pruninglab.papers import nnrelief


def test_the_command_saves_a_summary_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nnrelief, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(nnrelief, "RECORDS", tmp_path / "records")
    options = ["--small", "--epochs", "1", "--rounds", "2", "--seeds", "2"]
    nnrelief.main(options)
    name = "lenet_300_100_1-epochs_2-rounds_small"
    found = nnrelief.load(name)
    assert found["settings"]["seeds"] == 2
    assert found["settings"]["images"] == 9000
    [runs] = found["results"].values()
    assert [[row["round"] for row in rows] for rows in runs] == [[0, 1, 2]] * 2
    assert runs[0][0]["density"] == 1 > runs[0][1]["density"] > runs[0][2]["density"]
    assert runs[0][1]["error"] != runs[1][1]["error"]
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    nnrelief.main(options)
    assert nnrelief.load(name)["results"] == found["results"]


def test_by_default_the_settings_are_printed_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(nnrelief, "run", lambda *options: asked.append(options))
    nnrelief.main([])
    assert asked == [("lenet_300_100", 3, None, None, False)]
    recipes = {net: str(nnrelief.recipe_of(net)) for net in nnrelief.SETUPS}
    assert recipes["lenet_300_100"] == (
        "nnrelief() × signal_share() × neuron × best_of(60) × to_init, 11 rounds, clean-up"
    )
    assert "signal_share(alpha_conv=0.9) × neuron × best_of(60) × to_init, 20" in recipes["lenet_5"]
    assert "signal_share(alpha_fc=0.99, alpha_conv=0.95)" in recipes["resnet_20"]
    assert "fine_tune, 7 rounds" in recipes["resnet_20"]


def test_the_learning_rate_falls_where_tables_8_and_9_say() -> None:
    lenet, resnet = (nnrelief.training_of(net) for net in ("lenet_300_100", "resnet_20"))
    assert lenet.optimizer == adam(lr=1e-3, weight_decay=5e-4)
    assert lenet.batch_size == 120
    assert [lenet.schedule(epoch, 60) for epoch in (0, 29, 30, 59)] == [1, 1, 0.1, 0.1]
    assert resnet.optimizer == sgd(lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=False)
    factors = [resnet.schedule(epoch, 60) for epoch in (19, 20, 39, 40)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])
    assert nnrelief.training_of("lenet_5", 10).schedule(5, 10) == 0.1


def test_the_networks_are_those_of_the_tables() -> None:
    counts = {
        name: count_parameters(setup.net(inputs=(3, 32, 32) if "res" in name else nets.GRAY))
        for name, setup in nnrelief.SETUPS.items()
    }
    assert counts == {"lenet_300_100": 266_610, "lenet_5": 431_080, "resnet_20": 272_474}


def test_an_unknown_record_is_refused_with_the_list() -> None:
    with pytest.raises(FileNotFoundError, match="no record 'nothing'"):
        nnrelief.load("nothing")
