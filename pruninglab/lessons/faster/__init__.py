"""Notebook 08: does it run faster?."""

from . import exercises, figures, layouts, roofline

__all__ = ["exercises", "figures", "layouts", "roofline"]
