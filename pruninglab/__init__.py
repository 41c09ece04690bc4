"""Interactive notebooks on neural-network pruning: five papers, five choices, one loop."""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

# A record is reused by it (`engine.records`): raise it with any change that changes a number.
__version__ = "0.1.0"

from . import threads  # noqa: F401  (says how torch's threads wait, before torch is loaded)

# isort: split
from . import costs, data, export, nets, shrink
from .choices import budgets, rewinds, scopes, scores, stops
from .engine import sensitivity, subspaces, tickets  # noqa: F401  (one level down: `lab.engine`)
from .engine.loop import prune
from .engine.masks import Masks, cut_once
from .engine.recipes import Recipe
from .engine.results import Runs
from .engine.sweep import compare
from .engine.training import Training, accuracy, adam, sgd, train
from .ideas import concave, imc, incop, nnrelief, sap
from .live import live
from .settings import device, environment, take_threads

if TYPE_CHECKING:
    from . import lessons, papers, recipes
    from .kit import guess
    from .kit.explorers import choice, explore, slider, steps_slider
    from .kit.page import figure
    from .kit.pictures import publish
    from .lessons.mix import board

# Loaded when asked for: half of the import, and no part of the first cell, nor of a worker.
_MODULES = {
    "board": ".lessons.mix.board",
    "guess": ".kit.guess",
    "lessons": ".lessons",
    "papers": ".papers",
    "recipes": ".recipes",
}
_NAMES = {
    "choice": ".kit.explorers",
    "explore": ".kit.explorers",
    "figure": ".kit.page",
    "publish": ".kit.pictures",
    "slider": ".kit.explorers",
    "steps_slider": ".kit.explorers",
}

take_threads()
# Modules stay: without this the garbage collector looks again and again at all that torch and the
# package hold, a tenth of a second each time, when more is loaded and when figures are drawn.
gc.freeze()

# What a student needs; everything else is one level down: `lab.sap.pq_index`, `lab.engine.tickets`.
__all__ = [
    "Masks", "Recipe", "Runs", "Training", "accuracy", "adam", "board", "budgets", "choice",
    "compare", "concave", "costs", "cut_once", "data", "device", "environment", "explore", "export",
    "figure", "guess", "imc", "incop", "lessons", "live", "nets", "nnrelief", "papers", "prune",
    "publish", "recipes", "rewinds", "sap", "scopes", "scores", "sgd", "shrink", "slider",
    "steps_slider", "stops", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = import_module(_MODULES[name], __name__)
    elif name in _NAMES:
        value = getattr(import_module(_NAMES[name], __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
