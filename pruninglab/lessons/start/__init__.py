"""Notebook 00: most weights can go."""

from . import exercises, figures

__all__ = ["exercises", "figures"]
