"""Every public name of the package: what the fuzzer calls, and what runs on the fake devices."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import pruninglab as lab
from pruninglab.kit.exercise import Exercise

# Learned scores are there to be given to a recipe; called by themselves they say so. Rounds are
# made by `prune` only. A `forward` is torch's to call. Experiments are commands: they train for
# hours and write records. ONNX needs an extra. Figures and toys of a lesson are called by its
# notebooks, which run on the fake devices themselves; of lessons only the exercises' checks and the
# board are at the front door. What a class has guessed is read from files; a layer draws its
# first weights.
LEFT_OUT = (
    r"choices\.learned\.\w+\.__call__|engine\.loop\.Round|.*\.forward|papers\.experiment\..*"
    r"|export\.(to_onnx|onnx_session)|lessons\.(?!\w+\.exercises\.|mix\.board\.).*"
    r"|kit\.guess\.gathered\.together|nets\.ResidualBlock"
)
COMMANDS = "pruninglab.papers."
# What is one level down, and still called by whoever writes a choice or keeps a ticket.
DEEPER = (
    "choices.needs.Needs", "choices.needs.asks", "engine.loop.Checkpoint", "engine.masks.cut",
    "engine.masks.keep_largest", "engine.parametrisation.HardMask", "engine.records.recorded",
    "engine.results.Paired", "engine.sensitivity.scan_layers", "engine.subspaces.projected_sgd",
    "engine.subspaces.start_inside", "engine.tickets.load_ticket", "engine.tickets.save_ticket",
    "engine.training.constant", "engine.training.cosine", "engine.training.multistep",
    "kit.explorers.text", "settings.profile",
)  # fmt: skip
STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Target:
    """Something public to call: a function, a constructor, or a method of `owner`'s examples."""

    name: str
    function: Callable[..., Any]
    owner: type | None = None

    @property
    def parameters(self) -> list[str]:
        """The names of what it takes, without `self`."""
        signature = inspect.signature(self.function)
        names = [p.name for p in signature.parameters.values() if p.kind not in STARRED]
        if self.name.startswith("nets.") and names[-1:] == ["classes"]:
            return [*names, "seed"]  # The signature shown is that of the function inside.
        return names[1:] if self.is_method else names

    @property
    def is_method(self) -> bool:
        """Whether it needs an object of its class; a class method does not."""
        return self.owner is not None and inspect.isfunction(self.function)


def targets() -> dict[str, Target]:
    """Return all targets by name: `lab.__all__`, the modules it names, classes and exercises."""
    seen: set[int] = set()
    found = [*_of_module(lab, seen), *_of_module(lab.choices.afters, seen)]
    for name in DEEPER:
        module, _, own = name.rpartition(".")
        value = getattr(import_module(f"pruninglab.{module}"), own)
        if id(value) not in seen:
            found += _of_callable(name, value)
    return {target.name: target for target in found if not re.fullmatch(LEFT_OUT, target.name)}


def _of_module(module: ModuleType, seen: set[int]) -> Iterator[Target]:
    """Yield what a module offers: `__all__`, or else all that is defined in it."""
    listed = getattr(module, "__all__", None)
    for name in listed or dir(module):
        value = getattr(module, name)
        home = str(getattr(value, "__module__", module.__name__))
        foreign = not (home if listed else module.__name__).startswith("pruninglab")
        if name.startswith("_") or id(value) in seen or foreign:
            continue
        if inspect.ismodule(value) and value.__name__.startswith(COMMANDS):
            continue
        if inspect.ismodule(value) and value.__name__.startswith("pruninglab."):
            seen.add(id(value))
            yield from _of_module(value, seen)
        elif isinstance(value, Exercise):
            yield Target(f"{module.__name__}.{name}.check".removeprefix("pruninglab."), value.check)
        elif callable(value) and (listed or home == module.__name__):
            seen.add(id(value))
            yield from _of_callable(f"{home}.{name}".removeprefix("pruninglab."), value)


def _of_callable(name: str, value: Any) -> Iterator[Target]:
    """Yield a function; or a class's constructor, if it has one of its own, and its methods."""
    if not inspect.isclass(value):
        yield Target(name, value)
        return
    if issubclass(value, (Exception, dict)) or getattr(value, "_is_protocol", False):
        return
    if value.__init__ is not object.__init__:
        yield Target(name, value)
    for method in vars(value):
        function = getattr(value, method)
        own = str(getattr(function, "__qualname__", "")).startswith(f"{value.__name__}.")
        if own and callable(function) and (method == "__call__" or not method.startswith("_")):
            yield Target(f"{name}.{method}", function, value)
