"""The paper's command: small, resumable, and the committed records it left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pruninglab.data import BUNDLED
from pruninglab.engine import records
from pruninglab.papers import sap


def test_the_command_saves_a_summary_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sap, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(sap, "RECORDS", tmp_path / "records")
    options = ["--small", "--data", "fashion-mnist", "--net", "mlp"]
    options += ["--epochs", "1", "--rounds", "1", "--seeds", "2"]
    sap.main(options)
    found = sap.load("fashion-mnist_mlp_1-epochs_small")
    assert found["settings"]["seeds"] == 2
    assert set(found["results"]) == set(sap.methods(1, 1))
    assert all(len(runs) == 2 and len(runs[0]) == 2 for runs in found["results"].values())
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    sap.main(options)
    assert sap.load("fashion-mnist_mlp_1-epochs_small")["results"] == found["results"]


def test_by_default_the_command_runs_all_of_table_3(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(sap, "run", lambda *options: asked.append(options))
    sap.main([])
    assert [options[:2] for options in asked] == [
        (data, net)
        for data in ("fashion-mnist", "cifar10")
        for net in ("linear", "mlp", "cnn", "resnet18")
    ]
    assert asked[0][2] == {"epochs": 200, "rounds": None, "seeds": 4}
    assert [sap.ROUNDS[net] for net in ("mlp", "resnet18")] == [30, 15]


def test_an_unknown_record_is_refused_with_the_list() -> None:
    with pytest.raises(FileNotFoundError, match="no record 'nothing'"):
        sap.load("nothing")


def test_the_methods_are_those_of_the_paper() -> None:
    rows = {label: str(recipe) for label, recipe in sap.methods(200, 30).items()}
    assert rows["SAP (½, 1)"] == (
        "magnitude × pq_bound(p=0.5, q=1.0) × global_ × epochs(200) × to_init, 30 rounds"
    )
    assert "fraction(0.2)" in rows["lottery ticket"]


@pytest.mark.parametrize(
    "path", sorted((BUNDLED / "records").rglob("*.json")), ids=lambda path: path.stem
)
def test_committed_records_say_where_they_come_from(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    record = json.loads(content)
    assert {"device", "threads", "python", "torch"} <= set(record["environment"])
    assert record["settings"]["seeds"] >= 3
    assert len(content) < 200_000
    for runs in record["results"].values():
        assert len(runs) == record["settings"]["seeds"]
        assert all(len(rows) == record["settings"]["rounds"] + 1 for rows in runs)
        densities = [row["density"] for row in runs[0]]
        assert densities == sorted(densities, reverse=True)
