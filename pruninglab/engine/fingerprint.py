"""What decides a number, described so that another thing is described otherwise.

A function is its compiled code without docstring, what it has captured, its defaults, and every
function, class and value that it refers to outside the libraries; a network is its modules, with
what they were made with, and its weights; a tensor is its bytes. So two closures that differ in a
captured number differ, a docstring or a new file changes nothing, and equal things written anew
are equal. What cannot be seen through is refused.
"""

from __future__ import annotations

import builtins
import dis
import enum
import functools
import hashlib
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

PACKAGE = __name__.partition(".")[0]
OURS = Path(__file__).resolve().parents[1]
LIBRARIES = tuple(
    Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "purelib", "platlib")
)
PLAIN = (bool, int, str, bytes, type(None), type(Ellipsis), complex, range)
NAMED = (torch.dtype, torch.device, torch.Size, torch.layout, np.dtype, Path, enum.Enum)


def fingerprint(value: Any, what: str) -> str:
    """Return a hash of all that a value is. Raises TypeError, naming `what`, if it cannot be seen.

    >>> def power(p): return lambda w: w ** p
    >>> fingerprint(power(1), "score") == fingerprint(power(2), "score")
    False
    >>> fingerprint(power(1), "score") == fingerprint(power(1), "score")
    True
    """
    text = repr(_Describer(what).describe(value))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Describer:
    """Describes one value; what is met again (a recursive function) is a number of its own."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._met: dict[int, int] = {}
        self._strict = True
        # Kept alive, so that no id is used twice.
        self._held: list[Any] = []

    def describe(self, value: Any) -> Any:
        """Return nested tuples of plain values."""
        if isinstance(value, PLAIN):
            return value
        if isinstance(value, float):
            return value.hex()
        if isinstance(value, NAMED):
            return type(value).__name__, str(value)
        if id(value) in self._met:
            return "met", self._met[id(value)]
        self._met[id(value)] = len(self._met)
        self._held.append(value)
        return (type(value).__name__, *self._parts(value))

    def _parts(self, value: Any) -> Iterator[Any]:
        if isinstance(value, (Tensor, np.ndarray, np.generic)):
            yield _bytes_of(value)
        elif isinstance(value, Mapping):
            yield from ((self.describe(key), self.describe(part)) for key, part in value.items())
        elif isinstance(value, (list, tuple)):
            yield from map(self.describe, value)
        elif isinstance(value, (set, frozenset)):
            yield from sorted(repr(self.describe(part)) for part in value)
        elif isinstance(value, nn.Module):
            yield from self._network(value)
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, types.ModuleType):
            yield value.__name__
        elif isinstance(value, functools.partial):
            yield from map(self.describe, (value.func, value.args, value.keywords))
        elif isinstance(value, types.MethodType):
            yield from map(self.describe, (value.__self__, value.__func__))
        elif isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif callable(value) and hasattr(value, "__wrapped__"):
            yield self.describe(value.__wrapped__)
        elif isinstance(value, (types.BuiltinFunctionType, types.MethodDescriptorType)):
            yield getattr(value, "__module__", ""), value.__qualname__
        elif isinstance(value, property):
            yield from map(self.describe, (value.fget, value.fset))
        elif isinstance(value, (staticmethod, classmethod)):
            yield self.describe(value.__func__)
        else:
            yield from self._instance(value)

    def _function(self, function: types.FunctionType) -> Iterator[Any]:
        # What it asks of the engine stands beside its code.
        yield self.describe(function.__dict__.get("needs"))
        function = function.__dict__.get("__checked__", function)
        file, strict = function.__code__.co_filename, self._strict
        yield function.__qualname__.rpartition(".")[2]
        # Only what a reader has written must be seen through to the end.
        self._strict = not (_of_library(file) or OURS in Path(file).parents)
        if _of_library(file):
            # A library's function is known by its name; what it has wrapped is not.
            yield function.__module__
        else:
            yield _code(function.__code__)
            yield [(name, self.describe(part)) for name, part in _referred(function)]
        yield self.describe(function.__defaults__)
        yield self.describe(function.__kwdefaults__)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        yield [(name, self.describe(part.cell_contents)) for name, part in cells if _bound(part)]
        self._strict = strict

    def _class(self, kind: type) -> Iterator[Any]:
        yield kind.__qualname__
        if _is_library(kind):
            yield kind.__module__
            return
        yield [self.describe(base) for base in kind.__bases__]
        for name, part in sorted(vars(kind).items()):
            if isinstance(part, types.FunctionType):
                made = part.__dict__.get("__checked__", part)
                # What @dataclass writes says no more than the fields do.
                if made.__code__.co_filename != "<string>":
                    yield name, self.describe(made)
            elif not name.startswith("__") and not isinstance(part, types.MemberDescriptorType):
                yield name, self.describe(part)

    def _instance(self, value: Any) -> Iterator[Any]:
        kind = type(value)
        if is_dataclass(kind):
            yield self.describe(kind)
            yield from ((f.name, self.describe(getattr(value, f.name))) for f in fields(value))
        elif not _is_library(kind) and hasattr(value, "__dict__"):
            yield self.describe(kind)
            yield from ((name, self.describe(part)) for name, part in sorted(vars(value).items()))
        elif not self._strict or (callable(value) and hasattr(value, "__name__")):
            yield kind.__module__, kind.__qualname__, getattr(value, "__name__", "")
        else:
            raise TypeError(
                f"{self._what} holds a {kind.__module__}.{kind.__qualname__}, which a record cannot"
                " see through: write it as a frozen dataclass, whose fields say all it depends on"
            )

    def _network(self, net: nn.Module) -> Iterator[Any]:
        """Module by module: kind, code if it is not a library's, arguments, and the weights."""
        for name, module in net.named_modules():
            own = {key: part for key, part in vars(module).items() if key not in MODULE_STATE}
            own = {key: part for key, part in own.items() if part or not key.endswith("_hooks")}
            yield name, self.describe(type(module)), module.extra_repr(), self.describe(own)
        for name, tensor in net.state_dict().items():
            yield name, self.describe(tensor)


# What torch keeps in every module: its parts and weights are described apart from it.
MODULE_STATE = {"training", "_modules", "_parameters", "_buffers"}


def _bytes_of(value: Any) -> tuple[str, str, str]:
    tensor = torch.as_tensor(value).detach().cpu().contiguous()
    raw = tensor.flatten().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return str(tensor.dtype), str(tuple(tensor.shape)), hashlib.sha256(raw).hexdigest()[:16]


def _bound(cell: types.CellType) -> bool:
    """Tell whether a captured name has a value yet: a function may call itself by one."""
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _code(code: types.CodeType) -> list[Any]:
    """Return the instructions with what they work on: no lines, no docstring, no addresses."""
    steps: list[Any] = [code.co_argcount, code.co_kwonlyargcount, code.co_flags]
    for step in dis.get_instructions(code):
        steps.append(step.opname)
        steps.append(_constant(step.argval) if step.opcode in dis.hasconst else step.argrepr)
    return steps


def _constant(value: Any) -> Any:
    if isinstance(value, types.CodeType):
        return _code(value)
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    return repr(value)


def _referred(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the dotted names outside a function that its code reads, each with what it stands for.

    What lies in a library's module is known by that name.
    """
    known = {**vars(builtins), **function.__globals__}
    for name, *attributes in sorted(set(_chains(function.__code__))):
        if name not in known:
            continue
        value = known[name]
        while isinstance(value, types.ModuleType) and attributes:
            if _is_library(value) or not hasattr(value, attributes[0]):
                value = ".".join([value.__name__, *attributes])
                break
            name, value = f"{name}.{attributes[0]}", getattr(value, attributes.pop(0))
        yield name, value


def _chains(code: types.CodeType) -> Iterator[tuple[str, ...]]:
    """Yield what a code object and those inside it load: ("torch", "nn", "Linear"), …"""
    chain: tuple[str, ...] = ()
    for step in dis.get_instructions(code):
        if chain and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            chain = (*chain, str(step.argval))
            continue
        if chain:
            yield chain
        chain = (str(step.argval),) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") else ()
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _chains(part)


def _is_library(thing: Any) -> bool:
    """Tell whether a module or class is of Python or of an installed library, not ours or yours."""
    name = thing.__name__ if isinstance(thing, types.ModuleType) else thing.__module__
    if name.partition(".")[0] in (PACKAGE, "__main__"):
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return name in sys.modules and (file is None or _of_library(file))


@functools.cache
def _of_library(file: str) -> bool:
    path = Path(file).resolve()
    if file.startswith("<frozen") or OURS in path.parents:
        return file.startswith("<frozen")
    return any(folder in path.parents for folder in LIBRARIES)
