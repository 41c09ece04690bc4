"""What the README says: its code runs, its table is the recipes', its commands exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.recipes import CHOICES
from pruninglab.papers.experiment import Experiment
from pruninglab.papers.rows import QUESTIONS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REPRODUCTION = (ROOT / "REPRODUCTION.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, flags=re.S)
# The heads of the notebooks state their rows; of two readings of a paper one is enough.
HEADS = {
    "01_pq_index": ["SAP"],
    "02_sap": ["SAP"],
    "03_incop_flows": ["InCoP-IF", "InCoP-GF"],
    "04_nnrelief_heatmaps": ["NNrelief"],
    "05_concave_masks": ["Concave masks"],
    "06_imc_spectral_gaps": ["IMC"],
}


def cells(notebook: str) -> list[dict[str, Any]]:
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    return json.loads(path.read_text("utf-8"))["cells"]


def test_the_table_is_that_of_the_recipes() -> None:
    assert lab.papers.table() in README
    assert list(QUESTIONS) == list(CHOICES)
    assert lab.papers.table()._repr_markdown_() == lab.papers.table()
    assert all(f"| {label} |" in README for label in lab.papers.ROWS)


def test_notebook_00_shows_the_table() -> None:
    (cell,) = (cell for cell in cells("00_start_here") if cell["source"] == ["lab.papers.table()"])
    assert "".join(cell["outputs"][0]["data"]["text/markdown"]) == lab.papers.table()


@pytest.mark.parametrize(("notebook", "labels"), HEADS.items())
def test_the_heads_of_the_notebooks_state_their_rows(notebook: str, labels: list[str]) -> None:
    audit = f"audits/{notebook}"
    known = (ROOT / "notebooks" / f"{audit}.ipynb").exists()
    head = "".join(cells(audit if known else notebook)[0]["source"])
    assert any(lab.papers.row_of_table(label) in head for label in labels)


def test_the_house_names_every_folder() -> None:
    house = README.split("## Extend it")[1].split("```")[1]
    packages = {path.parent.name for path in (ROOT / "pruninglab").glob("*/__init__.py")}
    for name in packages:
        assert f"pruninglab/{name} " in house
    for name in ("notebooks", "figures", "data", "tests"):
        assert f"{name}/ " in house and (ROOT / name).is_dir()


def written(*blocks: str) -> dict[str, Any]:
    """Run code as a reader would, one block after the other; return its names."""
    names: dict[str, Any] = {"torch": torch, "lab": lab}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    return names


def test_the_first_block_prunes(monkeypatch: pytest.MonkeyPatch, tiny_data: Data) -> None:
    asked = []
    monkeypatch.setattr(lab, "prune", lambda *a, **k: asked.append((a, k)) or [])
    written(CODE[0])
    ((net, data, recipe), options) = asked[0]
    assert isinstance(net, nn.Module) and data.name == "fashion-mnist" and options == {"seed": 0}
    assert recipe == lab.recipes.lottery_ticket(0.5, rounds=4)


def test_your_own_method_runs(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    recipe = written(CODE[1])["mine"].but(stop=lab.stops.best_of(3), rounds=2)
    training = lab.Training(lab.sgd(lr=0.05), batch_size=30)
    *_, last = lab.prune(tiny_net, tiny_data, recipe, seed=0, training=training, device="cpu")
    assert last.density == pytest.approx(0.25, abs=0.05) and last.nonzero_dead == 0


@pytest.mark.parametrize("paper", lab.papers.EXPERIMENTS)
def test_the_commands_are_there_and_made_the_records(
    paper: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = (
        row for row in REPRODUCTION.splitlines() if f"`python -m pruninglab.papers {paper}`" in row
    )
    options = [shlex.split(part) for part in re.findall(r"`(--[^`]*)`", line)]
    smaller = [part for part in options if "--data" in part] or [[]]
    monkeypatch.setattr(Experiment, "run", lambda self, *a: self.path(self.record_name(*a)))
    for part in (*options, *smaller):
        lab.papers.EXPERIMENTS[paper].main(part)
    capsys.readouterr()
    lab.papers.EXPERIMENTS[paper].main(smaller[0])
    missing = line.endswith("| – |")
    assert ("is there already" in capsys.readouterr().out) is not missing
