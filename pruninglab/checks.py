"""One way to check arguments: a signature says what a function takes, `checked` holds it to that.

`Float[Tensor, "out in"]` names dtype and shape, and a name that stands twice stands for one size.
The types below say ranges. A wrong value gives a TypeError or ValueError of one line: the argument,
what it is, and what is allowed.
"""

from __future__ import annotations

import functools
import inspect
import reprlib
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import torch
from beartype import BeartypeConf, beartype
from beartype.door import is_bearable
from beartype.roar import BeartypeException
from beartype.vale import Is
from jaxtyping import AbstractArray, TypeCheckError, jaxtyped
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

F = TypeVar("F", bound=Callable[..., Any])
# A whole number is a number: Python's own rule for float arguments.
CONF = BeartypeConf(is_pep484_tower=True)
LARGEST = sys.float_info.max
PLAIN_DISPATCH = Tensor.__torch_dispatch__
INSIDE = (__name__.partition(".")[0], "jaxtyping", "beartype", "torch")


def _number(value: Any) -> bool:
    return not isinstance(value, bool)


Number = Annotated[float, Is[_number]]
Finite = Annotated[float, Is[lambda x: _number(x) and abs(x) <= LARGEST]]
Positive = Annotated[float, Is[lambda x: _number(x) and 0 < x <= LARGEST]]
NonNegative = Annotated[float, Is[lambda x: _number(x) and 0 <= x <= LARGEST]]
Share = Annotated[float, Is[lambda x: _number(x) and 0 <= x <= 1]]
Whole = Annotated[int, Is[lambda n: _number(n) and n >= 0]]
Count = Annotated[int, Is[lambda n: _number(n) and n >= 1]]
Seed = Annotated[int, Is[lambda n: _number(n) and -(2**63) <= n < 2**63]]
Label = Annotated[str, Is[lambda text: bool(text.strip())]]
RANGES = (
    (Number, "a number"),
    (Finite, "a finite number"),
    (Positive, "above 0 and finite"),
    (NonNegative, "at least 0 and finite"),
    (Share, "in [0, 1]"),
    (Whole, "a whole number, at least 0"),
    (Count, "a whole number, at least 1"),
    (Seed, "a whole number below 2**63"),
    (Label, "a text that is not empty"),
)

UNIONS = (Union, types.UnionType)
WORDS = {
    Mapping: "a mapping of {} to {}",
    Sequence: "a sequence of {}",
    list: "a list of {}",
    tuple: "a tuple of {}",
    Callable: "a function",
}
NAMES = {
    type(None): "None", int: "a whole number", float: "a number", str: "a string",
    bool: "True or False", Tensor: "a Tensor", nn.Module: "a network (torch.nn.Module)",
}  # fmt: skip


def checked(function: F) -> F:
    """Hold every call of a function, or every making of a dataclass, to its annotations.

    Raises TypeError for a value of another type, ValueError for one of that type which is out of
    range, has another dtype or shape, or does not fit the sizes of the arguments before it.
    Tensors, those of a network too, must be dense and hold data.

    >>> @checked
    ... def half(w: Tensor, share: Share) -> Tensor:
    ...     return w * share
    >>> half(torch.ones(2), 1.5)
    Traceback (most recent call last):
    ValueError: share=1.5 must be in [0, 1]
    >>> half(None, 0.5)
    Traceback (most recent call last):
    TypeError: w=None must be a Tensor
    """
    if isinstance(function, type):
        function.__init__ = checked(function.__init__)  # type: ignore[misc]
        return function
    typed: list[Callable[..., Any]] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not typed:
            # At the first call: the names in annotations may stand below the function.
            typed.append(jaxtyped(_looked_through(function), typechecker=beartype(conf=CONF)))
        try:
            return typed[0](*args, **kwargs)
        except (TypeCheckError, BeartypeException):
            refusal = _refusal(function, args, kwargs)
            if refusal is None:
                raise
            raise refusal from None

    call.__checked__ = function  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def _looked_through(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with annotations that look at all that is inside: `_whole`."""

    @functools.wraps(function)
    def same(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    hints = get_type_hints(function, include_extras=True)
    same.__annotations__ = {name: _whole(hint) for name, hint in hints.items()}
    if isinstance(made := hints.get("return"), type) and issubclass(made, (Tensor, nn.Module)):
        # What the package makes may be sparse.
        same.__annotations__["return"] = Annotated[object, Is[lambda v: isinstance(v, made)]]
    signature = inspect.signature(function)
    parameters = [
        part.replace(annotation=same.__annotations__.get(name, part.empty))
        for name, part in signature.parameters.items()
    ]
    given = same.__annotations__.get("return", signature.empty)
    same.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=given
    )
    del same.__wrapped__  # whose annotations would be looked at instead
    return same


def _whole(hint: Any) -> Any:
    """Return an annotation that holds of a value if it holds of all that is inside.

    Of a sequence beartype looks at one item, which it draws with the generator that the user's own
    numbers come from. A tensor holds numbers, and so do a network's parameters.

    >>> every = _whole(tuple[str, list[int]])
    >>> is_bearable(("a", [1, 2]), every), is_bearable(("a", [1] * 50 + ["x"]), every)
    (True, False)
    """
    origin, inside = get_origin(hint), tuple(_whole(part) for part in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, (Tensor, nn.Module, AbstractArray)):
        return Annotated[
            object, Is[lambda value: not _strange_in(value) and isinstance(value, hint)]
        ]
    if hasattr(hint, "__orig_bases__"):
        # A class of ours with a container's ways: what is inside is its own business.
        return Annotated[object, Is[lambda value: isinstance(value, hint)]]
    if origin in UNIONS:
        return Union[inside]  # noqa: UP007
    if origin in (list, Sequence) or (origin is tuple and get_args(hint)[1:] == (Ellipsis,)):
        return Annotated[origin, Is[lambda items: all(_fits(item, inside[0]) for item in items)]]
    if origin is tuple:
        return Annotated[tuple, Is[lambda items: len(items) == len(inside)
                                   and all(map(_fits, items, inside))]]  # fmt: skip
    if origin in (dict, Mapping):
        return Annotated[
            origin,
            Is[lambda items: all(map(_fits, items, repeat(inside[0])))
               and all(map(_fits, items.values(), repeat(inside[1])))],
        ]  # fmt: skip
    # To look inside what can be iterated once would use it up.
    return Iterable if origin is Iterable else hint


def strangeness(tensor: Tensor) -> str:
    """Return what keeps a tensor from being dense and holding numbers, or nothing."""
    if is_lazy(tensor):
        return "an uninitialised"
    if tensor.layout != torch.strided:
        return f"a {tensor.layout}"
    kind = type(tensor)
    if kind.__module__.startswith("torch.") and kind.__torch_dispatch__ is not PLAIN_DISPATCH:
        return f"a {kind.__name__}"
    if tensor.is_meta:
        return "a meta"
    return "a nested" if tensor.is_nested else "a quantized" if tensor.is_quantized else ""


def _strange_in(value: Any) -> str:
    """Return the first strangeness of a tensor, of a network's, or of those in a container."""
    parts: Any = (value,)
    if isinstance(value, nn.Module):
        parts = value.parameters()
    elif isinstance(value, (list, tuple, Mapping)):
        parts = value.values() if isinstance(value, Mapping) else value
    return next(filter(None, (strangeness(t) for t in parts if isinstance(t, Tensor))), "")


def _fits(value: Any, hint: Any) -> bool:
    return is_bearable(value, hint, conf=CONF)


def _refusal(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Exception | None:
    """Name the first argument that does not fit, or None if all do: then the result is at fault."""
    hints = get_type_hints(function, include_extras=True)
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError as error:
        return error
    with jaxtyped("context"):
        for name, value in given.items():
            hint = hints.get(name)
            if hint is None or _fits(value, _whole(hint)):
                continue
            if strange := _strange_in(value):
                found = "is" if isinstance(value, Tensor) else "holds"
                return ValueError(
                    f"{name} {found} {strange} tensor; it must be dense and hold data"
                )
            text = f"{name}={_shown(value)} must be {allowed(hint)}{_beside(name, given, hint)}"
            if isinstance(value, bool) or not any(
                _fits(value, _whole(kind)) for kind in _plain(hint)
            ):
                kind = type(value)
                foreign = "" if kind.__module__ == "builtins" else f", not a {kind.__qualname__}"
                return TypeError(text + foreign)
            return ValueError(text)
    return None


def allowed(hint: Any) -> str:
    """Say in words what an annotation allows.

    >>> allowed(Share), allowed(int | None), allowed(Mapping[str, Tensor])
    ('in [0, 1]', 'a whole number or None', 'a mapping of a string to a Tensor')
    """
    arguments = get_args(hint)
    for known, words in RANGES:
        if hint == known:
            return words
    if _is_array(hint):
        dims = hint.dim_str.replace(" ", ", ")
        return f"a {hint.array_type.__name__} of {hint.dtype.__name__.lower()} ({dims})"
    if get_origin(hint) in UNIONS:
        return " or ".join(allowed(part) for part in arguments)
    if get_origin(hint) is Literal:
        return f"one of {arguments}"
    if get_origin(hint) in WORDS:
        inside = [allowed(part) for part in arguments if isinstance(part, type) or get_args(part)]
        return WORDS[get_origin(hint)].format(*inside)
    return NAMES.get(hint, getattr(hint, "__name__", str(hint)))


def _beside(name: str, given: Mapping[str, Any], hint: Any) -> str:
    """List the tensors whose sizes an array has to fit."""
    others = [f"{key} {_shown(t)}" for key, t in given.items() if isinstance(t, Tensor)]
    others = [text for text in others if not text.startswith(f"{name} ")]
    array = any(_is_array(part) for part in (hint, *get_args(hint)))
    return f", to fit {', '.join(others)}" if others and array else ""


def _is_array(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, AbstractArray)


def _plain(hint: Any) -> list[Any]:
    """Return the types of an annotation without ranges, dtypes, shapes and what is inside."""
    if get_origin(hint) in UNIONS:
        return [kind for part in get_args(hint) for kind in _plain(part)]
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return [type(value) for value in get_args(hint)]
    return [Tensor if _is_array(hint) else get_origin(hint) or hint]


def _shown(value: Any) -> str:
    """Return a value as one short line; a tensor by its dtype and shape."""
    if isinstance(value, Tensor) and (is_lazy(value) or value.is_nested):
        return f"{strangeness(value)} tensor"
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    return " ".join(reprlib.repr(value).split())


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line that called into the package, however deep the fault was found."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ValueError that names the argument unless `value` is one of `allowed`.

    >>> check_choice("at", "end", ("pre", "post"))
    Traceback (most recent call last):
    ValueError: at='end' is not known; choose from ('pre', 'post')
    """
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is not known; choose from {allowed}")
