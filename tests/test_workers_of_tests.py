"""Several workers share the machine, and agree on what the tests are called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
THREADS = """
import os
import pytest
import torch

@pytest.mark.parametrize("number", range(2))
def test_threads(number):
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0))
    assert workers == int(os.environ["WANTED"])
    assert not workers or (os.environ["OMP_NUM_THREADS"] == "1" and torch.get_num_threads() == 1)
"""
NAMELESS = """
import pytest

@pytest.mark.parametrize("function", [lambda: 1], ids=repr)
def test_nameless(function):
    pass
"""


def pytest_in(folder: Path, test: str, *options: str, **variables: str) -> str:
    """Run pytest on one file, beside our conftest.py; return what it prints."""
    (folder / "conftest.py").write_bytes((ROOT / "conftest.py").read_bytes())
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    free = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "OMP_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)],
        cwd=folder, env=free | variables, capture_output=True, text=True, timeout=1800,
    ).stdout  # fmt: skip


def test_a_worker_a_core_with_one_thread_each(tmp_path: Path) -> None:
    workers = str(min(os.cpu_count() or 1, 4))
    assert "2 passed" in pytest_in(tmp_path, THREADS, "-n", "auto", WANTED=workers)
    assert "2 passed" in pytest_in(tmp_path, THREADS, "-n", "0", WANTED="0")


def test_a_name_with_an_address_is_refused(tmp_path: Path) -> None:
    said = pytest_in(tmp_path, NAMELESS)
    assert "1 passed" not in said
    assert "1 passed" in pytest_in(tmp_path, NAMELESS.replace("ids=repr", "ids=['one']"))


@pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine")
@pytest.mark.parametrize("target", ["unit", "devices", "nbval", "browser"])
def test_make_asks_for_workers(target: str) -> None:
    for asked, options in (("-n auto", []), ("-n 0", ["WORKERS=0"])):
        said = subprocess.run(["make", "--dry-run", target, *options], cwd=ROOT,
                              capture_output=True, text=True, check=True).stdout  # fmt: skip
        assert asked in said
