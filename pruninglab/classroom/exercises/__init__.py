"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import concave, pqi, sap, start

__all__ = ["concave", "pqi", "sap", "start"]
