"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import pqi, start

__all__ = ["pqi", "start"]
