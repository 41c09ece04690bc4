"""What an answer may have changed for everybody: put back, whatever it did."""

from __future__ import annotations

import math
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._tensor_str import PRINT_OPTS
from torch.backends import cudnn

Functions = dict[Any, dict[str, Any]]
Setting = tuple[Callable[[], Any], Callable[[Any], Any]]

CLASSES = (torch.Tensor, nn.Module)
OWNERS = (*CLASSES, torch, nn.functional, torch.linalg, torch.autograd, np, math)
# How each is read, and how it is set.
SETTINGS: tuple[Setting, ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    # "cpu" is what torch says if none is set, and setting it would slow everything down.
    (torch.get_default_device, lambda v: torch.set_default_device(None if v.type == "cpu" else v)),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (lambda: cudnn.deterministic, lambda value: cudnn.set_flags(_deterministic=value)),
    (lambda: cudnn.benchmark, lambda value: cudnn.set_flags(_benchmark=value)),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.get_num_threads, torch.set_num_threads),
    (lambda: vars(PRINT_OPTS).copy(), lambda value: torch.set_printoptions(**value)),
    (np.get_printoptions, lambda value: np.set_printoptions(**value)),
    (np.geterr, lambda value: np.seterr(**value)),
    (sys.getrecursionlimit, sys.setrecursionlimit),
)
GENERATORS: tuple[Setting, ...] = (
    (torch.get_rng_state, torch.set_rng_state),
    (np.random.get_state, np.random.set_state),
    (random.getstate, random.setstate),
)


def _functions() -> Functions:
    """Return all that stands in torch's classes, and what can be called in the modules.

    Not the other names of a module: there are caches among them, which fill.
    """
    return {o: {k: v for k, v in vars(o).items() if o in CLASSES or callable(v)} for o in OWNERS}


PLAIN = _functions()


@contextmanager
def put_back() -> Iterator[None]:
    """Inside, the functions of torch are its own; afterwards all is as it was before.

    So an answer that patches `torch.allclose`, before or while it is called, deceives no checker,
    and one that sets the default dtype, a seed or a print option does so for itself only.
    """
    functions = _functions()
    settings, generators = ([get() for get, _ in kind] for kind in (SETTINGS, GENERATORS))
    _put(PLAIN)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        _put(functions)
        for (get, put), value in zip(SETTINGS, settings, strict=True):
            if get() != value:
                put(value)
        for (_, put), value in zip(GENERATORS, generators, strict=True):
            put(value)


def _put(wanted: Functions) -> None:
    for owner, names in wanted.items():
        found = vars(owner)
        # A method that a patch adds hides one that Tensor inherits; a module may load more names.
        for name in set(found) - set(names) if owner in CLASSES else ():
            delattr(owner, name)
        for name, value in names.items():
            if found.get(name) is not value:
                setattr(owner, name, value)
