"""Every public name, called wrongly. `make fuzz` calls longer, with another seed:

FUZZ_CALLS=50000 FUZZ_SEED=1 python -m pytest -s tests/fuzz
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import NoReturn

import pytest
from examples import ALL, Examples
from fuzzer import draw_calls, fuzz

from pruninglab.engine import records

CALLS, SEED = int(os.environ.get("FUZZ_CALLS", 2500)), int(os.environ.get("FUZZ_SEED", 0))
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="no alarm to stop a hang")


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examples:
    """The examples in an empty folder, without a network, and with nothing written elsewhere."""

    def offline(*_: object, **__: object) -> NoReturn:
        raise ConnectionError("the fuzzer is offline")

    monkeypatch.setattr(socket, "create_connection", offline)
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    monkeypatch.setattr(records, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("PRUNINGLAB_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("PRUNINGLAB_SAVE_FIGURES", raising=False)
    monkeypatch.chdir(tmp_path)
    return Examples(tmp_path / "examples")


def test_every_public_name_has_an_example_that_works(examples: Examples) -> None:
    for target in ALL.values():
        examples.call(target, examples.arguments(target))


def test_every_bad_call_is_answered_by_name(examples: Examples) -> None:
    report = fuzz(examples, draw_calls(CALLS, SEED))
    print(f"\n{report}")
    shown = "\n".join(list(report.examples.values())[:40])
    assert not report.failed, f"{report}\n{shown}"
