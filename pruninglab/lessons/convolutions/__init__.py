"""Lesson 09: filters draw maps, a shortcut carries the picture, batch norm remembers."""

from . import exercises, figures, parts, shapes

__all__ = ["exercises", "figures", "parts", "shapes"]
