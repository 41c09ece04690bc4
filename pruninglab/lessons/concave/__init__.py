"""Notebook 05: concave masks."""

from . import digits, exercises, figures, fits, logistic, rivals

__all__ = ["digits", "exercises", "figures", "fits", "logistic", "rivals"]
