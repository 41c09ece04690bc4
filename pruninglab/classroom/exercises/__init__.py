"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import inertial, pqi, sap, start

__all__ = ["inertial", "pqi", "sap", "start"]
