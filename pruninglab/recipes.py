"""All rows of the table: the papers' recipes and the baselines, each a few choices."""

from .engine.recipes import Choices, Recipe, cell, lottery_ticket, one_shot, random_pruning
from .papers.concave import soft_mask
from .papers.imc import READINGS, imc
from .papers.incop import incop_gf, incop_if
from .papers.nnrelief import nnrelief
from .papers.sap import sap

__all__ = [
    "READINGS",
    "Choices",
    "Recipe",
    "cell",
    "imc",
    "incop_gf",
    "incop_if",
    "lottery_ticket",
    "nnrelief",
    "one_shot",
    "random_pruning",
    "sap",
    "soft_mask",
]
