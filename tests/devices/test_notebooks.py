"""The code cells of every notebook, one after the other, on a fake cuda and a fake mps.

With two steps an epoch, two seeds and few rounds the numbers mean nothing, so a cell that needs
them may fail where it is listed below; an error of another kind may not. Run by `make devices`.
"""

from __future__ import annotations

import itertools
import linecache
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from torch import Tensor

import pruninglab as lab
from pruninglab import Recipe
from pruninglab.data import Data, Split
from pruninglab.kit.guess import control

pytestmark = pytest.mark.devices
FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = [*sorted(FOLDER.glob("*.ipynb")), *sorted(FOLDER.glob("audits/*.ipynb"))]
STEPS, ROUNDS, IMAGES, RUNS, SEEDS = 2, 5, 200, 20, 2
# Cells that need real training: (notebook, words of the cell, words of the error).
NEEDS_TRAINING = (("02_sap", "paired(", "share no seed"),)
LOAD, COMPARE, DIGITS = lab.data.load, lab.compare, lab.lessons.concave.digits.two_digits
BATCHES, TAKE = Split.batches, Split.take


def load(name: str, **settings: Any) -> Data:
    """Load a data set as the notebook asks, with few images to validate and test on."""
    data = LOAD(name, **settings)
    return replace(data, validation=data.validation.take(IMAGES), test=data.test.take(IMAGES))


def take(split: Split, count: int) -> Split:
    """Take fewer images than asked."""
    return TAKE(split, min(count, IMAGES))


def batches(split: Split, size: int, generator: Any = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of a split; where they are shuffled, to train on, only the first ones."""
    return itertools.islice(BATCHES(split, size, generator), STEPS if generator else None)


def compare(recipes: dict[str, Recipe], *others: Any, seeds: Any, **settings: Any) -> Any:
    """Compare with fewer rounds and seeds."""
    few = {name: replace(one, rounds=min(one.rounds, ROUNDS)) for name, one in recipes.items()}
    return COMPARE(few, *others, seeds=tuple(seeds)[:SEEDS], **settings)


def two_digits(*arguments: Any, runs: int = 1, **settings: Any) -> Any:
    """Draw fewer problems."""
    return DIGITS(*arguments, runs=min(runs, RUNS), **settings)


def code_cells(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the source of each code cell."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, start=1):
        yield f"<{path.stem}, code cell {number}>", cell.source


def reveal_all() -> None:
    """Let each question show what it holds back, as a student does who has guessed."""
    for question in list(control._SHOWN.values()):
        question.revealed = True


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_notebook(device: torch.device, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, function in (
        (lab.data, load), (lab, compare), (lab.lessons.concave.digits, two_digits),
        (Split, take), (Split, batches),
    ):  # fmt: skip
        monkeypatch.setattr(owner, function.__name__, function)
    monkeypatch.delenv("PRUNINGLAB_SAVE_FIGURES", raising=False)
    names: dict[str, Any] = {"__name__": "__main__"}
    for name, source in code_cells(path):
        # Functions of a cell have a source, as in Jupyter: records ask for it.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                exec(compile(source, name, "exec"), names)
                reveal_all()
            except (AssertionError, ValueError) as error:
                known = (book == path.stem and words in source and why in str(error)
                         for book, words, why in NEEDS_TRAINING)  # fmt: skip
                if not any(known):
                    raise
