"""What a figure computes for every state of its sliders, though no slider changes it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Result = TypeVar("Result")
# Results with their arguments, which so keep their identity.
Memory = dict[Hashable, tuple[tuple[Any, ...], Any]]
# Results that one slider's figure keeps.
LIMIT = 32
_PRESENT: ContextVar[Memory | None] = ContextVar("memory", default=None)


@contextmanager
def remembering(memory: Memory) -> Iterator[None]:
    """Let `once` look into `memory` in a block; whoever owns it clears it when a cell runs."""
    token = _PRESENT.set(memory)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def once(function: Callable[..., Result], *arguments: Any) -> Result:
    """Return `function(*arguments)`; under a slider it is computed the first time only.

    For what stays as it is while a slider moves: each set of arguments is kept. Objects are told
    apart by identity, texts and numbers by value. Nobody may change the result.
    """
    memory = _PRESENT.get()
    if memory is None:
        return function(*arguments)
    key = (function, *map(_identity, arguments))
    if key in memory:
        result: Result = memory[key][1]
        return result
    result = function(*arguments)
    while len(memory) >= LIMIT:
        del memory[next(iter(memory))]
    memory[key] = arguments, result
    return result


def _identity(argument: Any) -> Hashable:
    plain = isinstance(argument, (str, int, float))
    return (type(argument), argument if plain else id(argument))
