"""From a new kernel to the first cell, and to the first figure, of notebook 00."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.benchmark
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
FIRST_CELL = 4.0


def test_the_first_cells() -> None:
    notebook = nbformat.read(NOTEBOOKS / "00_start_here.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"][:2]
    start = time.perf_counter()
    manager, client = start_new_kernel(cwd=str(NOTEBOOKS))
    seconds = []
    try:
        for source in cells:
            reply = client.execute_interactive(source, timeout=120, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok"
            seconds.append(time.perf_counter() - start)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    first, figure = seconds
    print(f"\nnew kernel to first cell {first:.1f} s (≤ {FIRST_CELL}), first figure {figure:.1f} s")
    assert first <= FIRST_CELL
