"""Drawing that nobody notices."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Iterator

import numpy as np
import torch


@contextlib.contextmanager
def unnoticed() -> Iterator[None]:
    """Inside, nothing is printed and no warning shown; after it, all generators are as before."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    silence = io.StringIO()
    with (
        torch.random.fork_rng(devices),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(silence),
        contextlib.redirect_stderr(silence),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
