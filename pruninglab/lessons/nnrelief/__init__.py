"""Notebook 04: NNrelief."""

from . import exercises, figures, relief
from .recut import recut

__all__ = ["exercises", "figures", "recut", "relief"]
