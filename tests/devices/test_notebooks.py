"""The code cells of every notebook, one after the other, on a fake cuda and a fake mps.

With a few steps of training and two seeds the numbers mean nothing, so a cell's own check of them may fail where
it is listed below; an error of any other kind may not. Run by `make devices`.
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
from pruninglab.data import Data, Split

pytestmark = pytest.mark.devices
NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
STEPS = 2
# Cells whose checks need real training: (notebook, words of the cell).
NEEDS_TRAINING: tuple[tuple[str, str], ...] = ()
LOAD, COMPARE, BATCHES = lab.data.load, lab.compare, lab.data.Split.batches


def smaller(name: str, **settings: Any) -> Data:
    """Load a data set as the notebook asks, with a few hundred images to validate and test on."""
    data = LOAD(name, **settings)
    return replace(data, validation=data.validation.take(100), test=data.test.take(300))


def few_steps(split: Split, size: int, generator: Any = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of a split; where they are shuffled, to train on, only the first ones."""
    return itertools.islice(BATCHES(split, size, generator), STEPS if generator else None)


def two_seeds(*arguments: Any, seeds: Any, **settings: Any) -> Any:
    """Compare with two seeds."""
    return COMPARE(*arguments, seeds=tuple(seeds)[:2], **settings)


def code_cells(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the source of each code cell."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, start=1):
        yield f"<{path.stem}, code cell {number}>", cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(device: torch.device, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.data, "load", smaller)
    monkeypatch.setattr(Split, "batches", few_steps)
    monkeypatch.setattr(lab, "compare", two_seeds)
    monkeypatch.delenv("PRUNINGLAB_SAVE_FIGURES", raising=False)
    names: dict[str, Any] = {"__name__": "__main__"}
    for name, source in code_cells(path):
        # Functions of a cell have a source, as in Jupyter: records ask for it.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                exec(compile(source, name, "exec"), names)
            except AssertionError:
                if not any(path.stem == book and words in source for book, words in NEEDS_TRAINING):
                    raise
