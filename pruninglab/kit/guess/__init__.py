"""Guess first: a curve, a number or a choice that the student says before the answer is shown.

A guess cell stands where the measured figure would come first. In JupyterLab a control asks, shows
the answer beside the guess, and keeps the guess in guesses/ beside the notebook; on the site
the same script keeps it in the browser. Where there is no front end, the cell says what to do.
The guesses of a class, laid over one another, are a figure: `together`.
"""

from .gathered import together
from .questions import choice, curve, number, summary

__all__ = ["choice", "curve", "number", "summary", "together"]
