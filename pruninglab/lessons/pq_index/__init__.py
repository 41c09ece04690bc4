"""Notebook 01: the PQ Index."""

from . import exact, examples, exercises, figures, measures, properties, rounds

__all__ = ["exact", "examples", "exercises", "figures", "measures", "properties", "rounds"]
