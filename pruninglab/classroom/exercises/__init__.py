"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import pqi, sap, start

__all__ = ["pqi", "sap", "start"]
