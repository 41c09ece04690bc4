"""Interactive notebooks on neural-network pruning: five papers, five choices, one loop."""

from . import costs, data, nets
from .choices import budgets, rewinds, scopes, scores, stops
from .classroom import exercises, plots
from .classroom.explorers import choice, explore, slider, steps_slider, text
from .classroom.plots.style import publish
from .engine import recipes
from .engine.loop import Checkpoint, Round, checkpoint, prune
from .engine.masks import Masks, cut, keep_largest
from .engine.recipes import Recipe
from .engine.records import recorded
from .engine.subspaces import projected_sgd, start_inside
from .engine.sweep import compare
from .engine.training import Epoch, State, Training, accuracy, adam, cosine, sgd, steps, train
from .ideas import concave, flows, inertial, nnrelief
from .ideas.pqi import gini_index, pq_index, retained_bound
from .settings import device, environment, profile

__all__ = [
    "Checkpoint",
    "Epoch",
    "Masks",
    "Recipe",
    "Round",
    "State",
    "Training",
    "accuracy",
    "adam",
    "budgets",
    "checkpoint",
    "choice",
    "compare",
    "concave",
    "cosine",
    "costs",
    "cut",
    "data",
    "device",
    "environment",
    "exercises",
    "explore",
    "flows",
    "gini_index",
    "inertial",
    "keep_largest",
    "nets",
    "nnrelief",
    "plots",
    "pq_index",
    "profile",
    "projected_sgd",
    "prune",
    "publish",
    "recipes",
    "recorded",
    "retained_bound",
    "rewinds",
    "scopes",
    "scores",
    "sgd",
    "slider",
    "start_inside",
    "steps",
    "steps_slider",
    "stops",
    "text",
    "train",
]
