"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import concave, curves, faster, flows, inertial, nnrelief, pqi, proofs, sap, sets, start

__all__ = [
    "concave",
    "curves",
    "faster",
    "flows",
    "inertial",
    "nnrelief",
    "pqi",
    "proofs",
    "sap",
    "sets",
    "start",
]
