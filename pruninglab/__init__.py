"""Interactive notebooks on neural-network pruning: five papers, five choices, one loop."""

from . import threads  # noqa: F401  (says how torch's threads wait, before torch is loaded)

# isort: split
from . import costs, data, export, layouts, nets, papers, recipes, shrink
from .choices import afters, budgets, rewinds, scopes, scores, stops
from .choices.needs import Needs, asks
from .classroom import board, exercises, plots
from .classroom.explorers import choice, explore, slider, steps_slider, text
from .classroom.pictures import describe, picture, publish
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

take_threads()

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
