"""CONTRIBUTING.md: a paper, two scores and a lesson of new files only, made from its own text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"```\w+\n# ([\w/.]+)([^\n]*)\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the page's files beside what is there: none may be there."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "pruninglab", folder / "pruninglab")
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("full"))
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(blocks) == 8
    for name, _, text in blocks:
        target = folder / name
        assert not target.exists(), "new files only"
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".ipynb":
            nbformat.write(
                nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)]), target
            )
        else:
            target.write_text(text, "utf-8")
    return folder


def run(copy: Path, *words: str) -> str:
    """Run Python at the top of the copy; return what it prints."""
    own = os.environ | {"PYTHONPATH": str(copy)}
    ran = subprocess.run(
        [sys.executable, *words], cwd=copy, env=own, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_new_paper_is_found_and_runs(copy: Path) -> None:
    told = run(copy, "-m", "pruninglab.papers", "snip", "--small")
    assert "data/records/snip/mnist_mlp_small.json" in told
    told = run(copy, "-c", """
import pruninglab as lab
print(lab.papers.row_of_table("SNIP"))
runs = lab.papers.record("snip", "mnist_mlp_small").runs
print(round(runs.last("density")["SNIP"].mean(), 2))
print(runs.last("test_accuracy")["SNIP"].mean() > 0.8)
print(lab.papers.ledger("snip"))
""")  # fmt: skip
    assert "**`gate_slope`** × **`fraction(0.5)`** × **`global_`**" in told
    assert "0.5\nTrue" in told and "| Eq. (1) | the slope of a gate | toy |" in told
    assert "| snip | 2 |" in run(copy, "-m", "pruninglab.papers", "ledger")


def test_its_scores_go_with_every_row(copy: Path) -> None:
    told = run(copy, "-W", "ignore", "-c", """
import pruninglab as lab
from pruninglab.papers.snip.moved import long_way
from pruninglab.papers.snip.gate import gate_slope

data = lab.data.load("mnist")
for score in (gate_slope, long_way):
    for row in (lab.recipes.lottery_ticket(), lab.recipes.sap(1.0, 2.0)):
        recipe = row.but(score=score, stop=lab.stops.epochs(1), rounds=1)
        last = list(lab.prune(lab.nets.sap_mlp(seed=0), data, recipe, seed=0))[-1]
        print(last.density < 1, last.nonzero_dead)
""")  # fmt: skip
    assert told.split() == ["True", "0"] * 4


def test_a_new_lesson_is_found_and_saved(copy: Path) -> None:
    assert "gate" in run(copy, "-c", "import pruninglab as lab; print(lab.lessons.__all__)")
    run(copy, "-m", "pruninglab.kit.rerun", "notebooks/10_gate.ipynb")
    (cell,) = nbformat.read(copy / "notebooks/10_gate.ipynb", as_version=4).cells
    assert any("image/png" in output.get("data", {}) for output in cell.outputs)
    assert "Not answered yet" in cell.outputs[-1].text
    assert (copy / "figures/10_gate/slope.png").exists()
