"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import concave, flows, inertial, nnrelief, pqi, sap, start

__all__ = ["concave", "flows", "inertial", "nnrelief", "pqi", "sap", "start"]
