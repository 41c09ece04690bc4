"""Concave penalties on a relaxed mask m in [0, 1]^d: penalties, a solver, two bounds.

The mask is trained, the weights are given; where a mask entry ends at 0, the weight goes. Taught in
notebook 05.
"""

from .bounds import lone_entry, phi, proof_steps, theorem1_bound, theorem2_bound, theorem2_printed
from .regularizers import Regularizer, check_assumption, l1, log, lq, mcp

__all__ = [
    "Regularizer", "check_assumption", "l1", "log", "lone_entry", "lq", "mcp", "phi", "proof_steps",
    "theorem1_bound", "theorem2_bound", "theorem2_printed",
]  # fmt: skip
