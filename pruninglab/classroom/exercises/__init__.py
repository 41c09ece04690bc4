"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import nnrelief, pqi, sap, start

__all__ = ["nnrelief", "pqi", "sap", "start"]
