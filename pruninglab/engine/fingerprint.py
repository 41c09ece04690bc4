"""What a thing is by name: the package's own, torch's own, and plain values. No code is read.

Functions and classes of the `NAMED` packages are known by name and version, their frozen
dataclasses by their fields, networks by structure, settings and weights, tensors by their bytes.
What a user wrote is not known by name, nor what he has changed about these: so no two things of his
are ever taken for each other.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import types
import weakref
from collections import OrderedDict
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

NAMED = ("pruninglab", "torch", "torchvision")
# Types whose repr says all of a value.
PLAIN = {
    *(type(None), bool, int, float, complex, str, bytes, *np.sctypeDict.values()),
    *(torch.dtype, torch.device, torch.layout, torch.memory_format),
}
FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)
# Where nobody writes by hand: the package, torch with its neighbours, Python itself.
INSTALLED = (
    str(Path(__file__).parents[1]) + os.sep,
    str(Path(torch.__file__).parents[1]) + os.sep,
    str(Path(os.__file__).parent) + os.sep,
)
# Written by @dataclass, without a file; what they do stands in the fields.
GENERATED = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__")
# What the package itself writes onto its functions.
OURS = {"__checked__", "__wrapped__", "needs"}


def known(value: Any, what: str) -> tuple[str, list[str]]:
    """Return a hash of a value, and in words what of it is not known by name.

    Where nothing is unknown, equal hashes are equal things, whoever made them and when. Of what is
    unknown only its own name, and what it holds, counts.

    >>> from pruninglab.choices import budgets
    >>> known(budgets.fraction(0.2), "budget") == known(budgets.fraction(0.2), "budget")
    True
    >>> known(lambda groups: groups.living, "budget")[1]
    ['budget is <lambda>']
    """
    describer = _Describer()
    text = repr(describer.describe(value, what))
    return hashlib.sha256(text.encode()).hexdigest(), list(dict.fromkeys(describer.unknown))


class _Describer:
    """Describes one value as nested tuples of plain values."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._met: dict[tuple[str, int], int] = {}
        self._in_network = False

    def describe(self, value: Any, where: str) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return kind.__name__, repr(value)
        if kind in (tuple, list, torch.Size):
            return kind.__name__, [self.describe(part, where) for part in value]
        if kind in (set, frozenset):
            return "set", sorted(repr(self.describe(part, where)) for part in value)
        if kind in (dict, OrderedDict):
            return "dict", [(key, self.describe(value[key], f"{where}.{key}")) for key in value]
        if kind is functools.partial and not vars(value):
            parts = (value.func, value.args, sorted(value.keywords.items()))
            return "partial", self.describe(parts, where)
        if kind is weakref.ref:
            return self.describe(value(), where)
        if isinstance(value, (*FUNCTIONS, type)):
            return self._by_name(value, where)
        if isinstance(value, Tensor):
            return self._tensor(value, where)
        if isinstance(value, nn.Module):
            return self._module(value, where)
        return self._instance(value, where)

    def _not_known(self, where: str, words: str) -> str:
        self.unknown.append(f"{where} {words}")
        return words

    def _number(self, kind: str, which: int) -> int:
        """Return the number of a thing that may be met again, without its address."""
        return self._met.setdefault((kind, which), len(self._met))

    def _by_name(self, thing: Any, where: str) -> Any:
        """Describe a function or class that a package has under this very name, as it wrote it."""
        package = str(thing.__module__).partition(".")[0]
        found: Any = sys.modules.get(str(thing.__module__))
        for part in thing.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is not thing or package not in NAMED or not _as_written(thing):
            return self._not_known(where, f"is {thing.__qualname__}")
        name = thing.__module__, thing.__qualname__, str(sys.modules[package].__version__)
        set_later = [vars(thing).get("needs")] if hasattr(thing, "__dict__") else []
        if isinstance(thing, types.FunctionType):
            if set(vars(thing)) - OURS:
                self._not_known(where, f"is {thing.__qualname__} with attributes")
            set_later += [_inner(thing).__defaults__, _inner(thing).__kwdefaults__]
        return name, [
            self.describe(part, where) for part in set_later if not isinstance(part, property)
        ]

    def _instance(self, value: Any, where: str) -> Any:
        """Describe a frozen dataclass by its fields, and nothing else."""
        kind, own = type(value), getattr(value, "__dict__", {})
        name = self._by_name(kind, where)
        frozen = is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        names = [field.name for field in fields(kind)] if frozen else []
        if not frozen or set(own) != set(names):
            self._not_known(where, f"is a {kind.__qualname__} with more than fields")
        return name, [(n, self.describe(own[n], f"{where}.{n}")) for n in names if n in own]

    def _tensor(self, tensor: Tensor, where: str) -> Any:
        plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided
        changed = vars(tensor) or tensor._backward_hooks or tensor._post_accumulate_grad_hooks
        if not plain or changed or tensor.is_meta or tensor.grad_fn is not None:
            return self._not_known(where, f"is a {type(tensor).__name__} with more than numbers")
        content = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().flatten()
        raw: Any = content.view(torch.uint8).numpy() if content.numel() else b""
        # What two layers of a network share trains as one.
        memory = tensor.untyped_storage().data_ptr()
        places = {"tensor": id(tensor), "memory": memory, "start": tensor.data_ptr()}
        shared = [self._number(*place) for place in places.items() if self._in_network]
        return (
            type(tensor).__name__, str(tensor.dtype), tuple(tensor.shape), tensor.requires_grad,
            None if tensor.is_contiguous() else tensor.stride(), shared,
            hashlib.sha256(raw).hexdigest(),
        )  # fmt: skip

    def _module(self, module: nn.Module, where: str) -> Any:
        """Describe a module by its class and all it holds: settings, mode, weights, modules."""
        if ("module", id(module)) in self._met:
            return "met", self._number("module", id(module))
        self._number("module", id(module))
        outermost, self._in_network = not self._in_network, True
        held = dict(sorted(vars(module).items()))
        everywhere = vars(nn.modules.module) if outermost else {}
        hooks = [key for key in {**held, **everywhere} if key.endswith("_hooks")]
        if any(held.get(key) or everywhere.get(key) for key in hooks):
            self._not_known(where, "has hooks")
        name = self._by_name(type(module), where)
        parts = {key: part for key, part in held.items() if key not in hooks}
        described = name, self.describe(parts, where)
        self._in_network = not outermost
        return described


def _as_written(thing: Any) -> bool:
    """Tell whether nobody has put functions of his own into a class, or into the module of it."""
    held = [thing, *vars(sys.modules[thing.__module__]).values()]
    if isinstance(thing, type):
        parts = [part for base in thing.__mro__ for part in vars(base).items()]
        held += [part for name, part in parts if name not in GENERATED]
    return all(map(_installed, held))


def _installed(part: Any) -> bool:
    """Tell of a function whether it lies where Python, torch or the package is installed."""
    if isinstance(part, property):
        part = part.fget
    elif isinstance(part, (staticmethod, classmethod)):
        part = part.__func__
    if not isinstance(part, types.FunctionType):
        return True
    files = (function.__code__.co_filename for function in (part, _inner(part)))
    return all(file.startswith(("<frozen ", *INSTALLED)) for file in files)


def _inner(function: types.FunctionType) -> types.FunctionType:
    """Return what `checked` has put its checks around."""
    inner: types.FunctionType = vars(function).get("__checked__", function)
    return inner
