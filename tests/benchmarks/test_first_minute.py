"""From a new kernel to the first cell, and to the first figure, of notebook 00."""

from __future__ import annotations

import os
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

pytestmark = pytest.mark.benchmark
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
# Seconds on two idle cores.
FIRST_CELL, FIRST_FIGURE = 4.0, 5.0


def seconds_to_each(cells: list[str]) -> list[float]:
    """Start a kernel; return the seconds until it has started, and until each cell is done."""
    # As for a student, whose Python keeps what it has compiled.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    manager, client = start_new_kernel(cwd=str(NOTEBOOKS), env=env)
    seconds = [time.perf_counter() - start]
    try:
        for source in cells:
            reply = client.execute_interactive(source, timeout=120, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok"
            seconds.append(time.perf_counter() - start)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return seconds


def test_the_first_cells() -> None:
    notebook = nbformat.read(NOTEBOOKS / "00_start_here.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"][:2]
    seconds_to_each(cells[:1])  # Compiles what is new, once and for all.
    kernel, first, figure = seconds_to_each(cells)
    print(
        f"\nfrom nothing to the kernel {kernel:.1f} s, to the first cell {first:.1f} s "
        f"(≤ {FIRST_CELL}), to the first figure {figure:.1f} s (≤ {FIRST_FIGURE})"
    )
    assert first <= FIRST_CELL
    assert figure <= FIRST_FIGURE
