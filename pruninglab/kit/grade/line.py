"""A line between two processes that call each other's functions. Only data crosses it.

Nothing is pickled: a message is JSON, tensors in it are their bytes. A function stays where it is;
the other side gets a number by which to call it.
"""

from __future__ import annotations

import base64
import builtins
import json
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from multiprocessing.connection import Connection
from numbers import Real
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..exercise import NotYet, Unanswered

LONGEST = 2**26
NONSENSE = "what your answer gives back cannot be read"
DTYPES = {str(d): d for d in (
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64,
)}  # fmt: skip
OURS = f"{__name__.partition('.')[0]}."


class Gone(NotYet):
    """The other side has ended, says nothing any more, or says what nobody understands."""


class Line:
    """One end. `ended` says why, when the other end is silent for ever."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: list[Callable[..., Any]] = []
        self.ended = "your answer ended the process in which it ran"

    def say(self, kind: str, *content: Any) -> None:
        """Send a message: what `kind` is, and data."""
        try:
            self._connection.send_bytes(json.dumps([kind, *map(self._pack, content)]).encode())
        except OSError as error:
            raise Gone(self.ended) from error
        except (ValueError, RecursionError) as error:
            raise Gone(NONSENSE) from error

    def listen(self) -> Any:
        """Serve the calls of the other side until it gives a result: return that, or raise it.

        Raises Gone, and whatever the other side's function raised.
        """
        while True:
            kind, *content = self._message()
            if kind == "result":
                return content[0]
            if kind == "error":
                raise _error(*content)
            if kind == "ready":
                return None
            self._serve(*content)

    def _message(self) -> list[Any]:
        try:
            read = json.loads(self._connection.recv_bytes(LONGEST))
            kind, *content = [read[0], *map(self._unpack, read[1:])]
        except (EOFError, OSError) as error:
            raise Gone(self.ended) from error
        except (ValueError, TypeError, LookupError, RuntimeError, RecursionError) as error:
            raise Gone(NONSENSE) from error
        if kind != "call" and len(content) != {"result": 1, "error": 2, "ready": 0}.get(kind):
            raise Gone(NONSENSE)
        return [kind, *content]

    def _serve(self, *content: Any) -> None:
        try:
            number, *given = content
            result = self._held[number](*given)
        except Gone:
            raise
        except BaseException as error:
            self.say("error", type(error).__name__, _words(error))
        else:
            self.say("result", result)

    def _call(self, number: int) -> Callable[..., Any]:
        def remote(*given: Any) -> Any:
            self.say("call", number, *given)
            return self.listen()

        return remote

    def _pack(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return value
        if value is ...:
            return {"is": "open"}
        if isinstance(value, (np.bool_, Real)):
            return value.item() if isinstance(value, np.generic) else float(value)
        if isinstance(value, Tensor):
            return _pack_tensor(value)
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return _pack_tensor(torch.tensor(value))
        if type(value) in (list, tuple):
            return {"is": type(value).__name__, "items": [self._pack(item) for item in value]}
        if isinstance(value, dict):
            return {
                "is": "dict",
                "items": [[self._pack(k), self._pack(v)] for k, v in value.items()],
            }
        if is_dataclass(value) and _found(_name(type(value))) is type(value):
            kept = {one.name: self._pack_field(getattr(value, one.name)) for one in fields(value)}
            return {"is": "object", "name": _name(type(value)), "fields": kept}
        if callable(value):
            self._held.append(value)
            return {"is": "function", "number": len(self._held) - 1}
        return {"is": "strange"}

    def _pack_field(self, value: Any) -> Any:
        """Pack a part of an object: a function of the package by its name."""
        if isinstance(value, FunctionType) and _found(_name(value)) is value:
            return {"is": "name", "name": _name(value)}
        return self._pack(value)

    def _unpack(self, packed: Any) -> Any:
        if not isinstance(packed, dict):
            return packed
        kind = packed["is"]
        if kind == "tensor":
            return _unpack_tensor(packed)
        if kind in ("list", "tuple"):
            items = [self._unpack(item) for item in packed["items"]]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {self._unpack(key): self._unpack(value) for key, value in packed["items"]}
        if kind == "object" and is_dataclass(of := _found(packed["name"])):
            given = {key: self._unpack(value) for key, value in packed["fields"].items()}
            return of(**given)  # type: ignore[operator]
        if kind == "name" and isinstance(function := _found(packed["name"]), FunctionType):
            return function
        if kind == "function":
            return self._call(int(packed["number"]))
        return ... if kind == "open" else object()


def _pack_tensor(given: Tensor) -> dict[str, Any]:
    with torch._C.DisableTorchFunctionSubclass():
        plain = torch.Tensor.as_subclass(given, Tensor).detach()
        if str(plain.dtype) not in DTYPES or plain.layout != torch.strided or plain.is_meta:
            return {"is": "strange"}
        raw = plain.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    content = base64.b64encode(raw).decode()
    return {"is": "tensor", "dtype": str(plain.dtype), "shape": list(plain.shape), "raw": content}


def _unpack_tensor(packed: dict[str, Any]) -> Tensor:
    dtype, raw = DTYPES[packed["dtype"]], bytearray(base64.b64decode(packed["raw"]))
    flat = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
    return flat.reshape(packed["shape"]).clone()


def _name(known: Any) -> str:
    return f"{known.__module__}:{known.__qualname__}"


def _found(name: str) -> Any:
    """Return the class or function of this package that has this name, or None."""
    module, _, word = name.partition(":")
    if not module.startswith(OURS) or module not in sys.modules:
        return None
    found = vars(sys.modules[module]).get(word)
    return found if getattr(found, "__module__", "") == module else None


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # An error may refuse to speak.
        return ""


def _error(kind: Any, words: Any) -> BaseException:
    """Return an error of the other side as one of Python's own, or of ours."""
    ours: dict[Any, type[Exception]] = {"NotYet": NotYet, "Unanswered": Unanswered}
    known = ours.get(kind)
    own = getattr(builtins, str(kind), None)
    if known is None and isinstance(own, type) and issubclass(own, Exception):
        known = own if own not in (UnicodeDecodeError, UnicodeEncodeError) else None
    return known(words) if known else RuntimeError(f"{kind}: {words}")
