"""Notebook 06: IMC's spectral gaps."""

from . import directions, exercises, figures, trajectories, valley, wells

__all__ = ["directions", "exercises", "figures", "trajectories", "valley", "wells"]
