"""Small networks and data that the tests share."""

from __future__ import annotations

import doctest
import inspect
import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn

from pruninglab.data import Data, Split

os.environ.setdefault("PRUNINGLAB_DEVICE", "cpu")
# The same examples in every run: a red test means a change, not luck.
settings.register_profile("stable", derandomize=True, deadline=None)
settings.load_profile("stable")


@pytest.fixture
def tiny_net() -> nn.Sequential:
    """Return a seeded 4-6-3 network."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def blobs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return 2×2 "images" of three classes that a small network can tell apart."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.tensor([[2.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 2.0, 2.0]])
    targets = torch.randint(0, 3, (count,), generator=generator)
    inputs = centres[targets] + 0.5 * torch.randn(count, 4, generator=generator)
    return inputs.reshape(count, 1, 2, 2), targets


@pytest.fixture
def tiny_data() -> Data:
    """Return 90 / 30 / 30 images of three blobs."""
    parts = [Split(*blobs(count, seed)) for count, seed in ((90, 1), (30, 2), (30, 3))]
    return Data("blobs", *parts, classes=("a", "b", "c"))


@pytest.fixture
def full_data_root() -> Path:
    """Return the folder with the full data sets, or skip."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("PRUNINGLAB_DATA", beside))
    if not (root / "MNIST" / "raw").is_dir():
        pytest.skip("the full data sets are not on this machine (set PRUNINGLAB_DATA)")
    return root


def _unwrapped_from_module(self: doctest.DocTestFinder, module: object, found: object) -> bool:
    """See through `checked`: doctest takes a wrapped function for one of the wrapper's module."""
    return _from_module(self, module, inspect.unwrap(found) if callable(found) else found)


_from_module = doctest.DocTestFinder._from_module
doctest.DocTestFinder._from_module = _unwrapped_from_module
