"""Interactive notebooks on neural-network pruning: five papers, five choices, one loop."""

from . import data, nets
from .choices import budgets, rewinds, scopes, scores, stops
from .engine import recipes
from .engine.loop import Checkpoint, Round, checkpoint, prune
from .engine.masks import Masks, cut, keep_largest
from .engine.recipes import Recipe
from .engine.training import Epoch, State, Training, accuracy, adam, cosine, sgd, steps, train
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
    "cosine",
    "cut",
    "data",
    "device",
    "environment",
    "keep_largest",
    "nets",
    "profile",
    "prune",
    "recipes",
    "rewinds",
    "scopes",
    "scores",
    "sgd",
    "steps",
    "stops",
    "train",
]
