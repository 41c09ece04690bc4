"""Concave penalties on a relaxed mask m in [0, 1]^d: penalties, a solver, two bounds.

The mask is trained, the weights are given; where a mask entry ends at 0, the weight goes. Taught in
notebook 05.
"""

from .bounds import (
    lone_entry,
    phi,
    proof_steps,
    theorem1_bound,
    theorem2_bound,
    theorem2_printed,
)
from .digits import TwoDigits, two_digits
from .fits import accuracy_of, fit_logistic, subgradient_l1
from .logistic import MaskSolution, loss_gradient, masked_logistic, project_box
from .regularizers import Regularizer, check_assumption, l1, log, lq, mcp

__all__ = [
    "MaskSolution",
    "Regularizer",
    "TwoDigits",
    "accuracy_of",
    "check_assumption",
    "fit_logistic",
    "l1",
    "log",
    "lone_entry",
    "loss_gradient",
    "lq",
    "masked_logistic",
    "mcp",
    "phi",
    "project_box",
    "proof_steps",
    "subgradient_l1",
    "theorem1_bound",
    "theorem2_bound",
    "theorem2_printed",
    "two_digits",
]
