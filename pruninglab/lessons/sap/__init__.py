"""Lesson 02: SAP."""

from . import bites, exercises, figures, figures_of_audit

__all__ = ["bites", "exercises", "figures", "figures_of_audit"]
