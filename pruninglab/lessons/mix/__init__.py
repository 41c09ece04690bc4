"""Notebook 07: mix and match."""

from . import board, exercises, figures, figures_of_rows

__all__ = ["board", "exercises", "figures", "figures_of_rows"]
