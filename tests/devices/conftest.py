"""The two fake devices: every test of this folder runs on both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from fakedevice import KINDS, fake_device


@pytest.fixture(params=KINDS)
def device(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """Run the test on a machine whose best device is a fake cuda or mps."""
    monkeypatch.delenv("PRUNINGLAB_DEVICE", raising=False)
    with fake_device(request.param) as device:
        yield device
