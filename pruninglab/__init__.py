"""Interactive notebooks on neural-network pruning: five papers, five choices, one loop."""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import threads  # noqa: F401  (says how torch's threads wait, before torch is loaded)

# isort: split
from . import costs, data, export, layouts, nets, shrink
from .choices import afters, budgets, rewinds, scopes, scores, stops
from .choices.needs import Needs, asks
from .engine.loop import Checkpoint, Round, prune
from .engine.masks import Masks, cut, cut_once, keep_largest
from .engine.parametrisation import HardMask
from .engine.recipes import Recipe
from .engine.records import recorded
from .engine.results import Paired, Runs
from .engine.sensitivity import scan_layers
from .engine.subspaces import projected_sgd, start_inside
from .engine.sweep import compare
from .engine.tickets import load_ticket, save_ticket
from .engine.training import Training, accuracy, adam, constant, cosine, multistep, sgd, train
from .ideas import chain, concave, flows, inertial, lemma1, nnrelief, pqi, roofline, sets
from .ideas.pqi import gini_index, pq_index, retained_bound
from .settings import device, environment, profile, take_threads

if TYPE_CHECKING:
    from . import papers, recipes
    from .classroom import board, exercises, guess, plots
    from .classroom.explorers import choice, explore, slider, steps_slider, text
    from .classroom.pictures import describe, picture, publish

# Loaded when asked for: half of the import, and no part of the first cell, nor of a worker.
_MODULES = {
    "board": ".classroom.board",
    "exercises": ".classroom.exercises",
    "guess": ".classroom.guess",
    "papers": ".papers",
    "plots": ".classroom.plots",
    "recipes": ".recipes",
}
_NAMES = {
    "choice": ".classroom.explorers",
    "describe": ".classroom.pictures",
    "explore": ".classroom.explorers",
    "picture": ".classroom.pictures",
    "publish": ".classroom.pictures",
    "slider": ".classroom.explorers",
    "steps_slider": ".classroom.explorers",
    "text": ".classroom.explorers",
}

take_threads()
# Modules stay: without this the garbage collector looks again and again at all that torch and the
# package hold, a tenth of a second each time, when more is loaded and when figures are drawn.
gc.freeze()

__all__ = [
    "Checkpoint",
    "HardMask",
    "Masks",
    "Needs",
    "Paired",
    "Recipe",
    "Round",
    "Runs",
    "Training",
    "accuracy",
    "adam",
    "afters",
    "asks",
    "board",
    "budgets",
    "chain",
    "choice",
    "compare",
    "concave",
    "constant",
    "cosine",
    "costs",
    "cut",
    "cut_once",
    "data",
    "describe",
    "device",
    "environment",
    "exercises",
    "explore",
    "export",
    "flows",
    "gini_index",
    "guess",
    "inertial",
    "keep_largest",
    "layouts",
    "lemma1",
    "load_ticket",
    "multistep",
    "nets",
    "nnrelief",
    "papers",
    "picture",
    "plots",
    "pq_index",
    "pqi",
    "profile",
    "projected_sgd",
    "prune",
    "publish",
    "recipes",
    "recorded",
    "retained_bound",
    "rewinds",
    "roofline",
    "save_ticket",
    "scan_layers",
    "scopes",
    "scores",
    "sets",
    "sgd",
    "shrink",
    "slider",
    "start_inside",
    "steps_slider",
    "stops",
    "text",
    "train",
]


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
