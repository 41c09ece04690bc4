"""How tests, those in notebooks too, share the machine when several workers run them (`-n`)."""

from __future__ import annotations

import os
import re

import pytest

# Beside others a worker computes with one thread, and so does what its tests start. This is said
# before torch is loaded: torch asks only once.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say what `-n auto` is: a worker a core, at most four, since each holds torch in memory."""
    return min(os.cpu_count() or 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a name that another process would write otherwise: two workers could not agree."""
    if wrong := [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]+", item.nodeid)]:
        raise pytest.UsageError(f"give these parametrized tests ids: {wrong}")
