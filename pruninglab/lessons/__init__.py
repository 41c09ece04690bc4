"""One folder a notebook: its figures, its exercises, and the toys that only it needs.

`from pruninglab.lessons import sap as lesson`; a lesson is found by its folder, no list is kept.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

# Loaded when asked for: a lesson needs its own figures only.
__all__ = sorted(module.name for module in iter_modules(__path__) if module.ispkg)


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"there is no lesson {name!r}; there are {', '.join(__all__)}")
    return import_module(f".{name}", __name__)
