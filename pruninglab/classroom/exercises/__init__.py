"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import flows, inertial, nnrelief, pqi, sap, start

__all__ = ["flows", "inertial", "nnrelief", "pqi", "sap", "start"]
