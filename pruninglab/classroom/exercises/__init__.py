"""Exercises: a prompt, a checker that names the mistake, and a solution to reveal."""

from . import concave, faster, flows, inertial, mix, nnrelief, pqi, sap, start

__all__ = ["concave", "faster", "flows", "inertial", "mix", "nnrelief", "pqi", "sap", "start"]
