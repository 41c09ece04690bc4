"""The board of notebook 07: choose five cells, run the row beside magnitude and random, rank."""

from .kept import merge
from .panel import show

__all__ = ["merge", "show"]
