"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import flows, nnrelief, pqi, sap, start

__all__ = ["flows", "nnrelief", "pqi", "sap", "start"]
