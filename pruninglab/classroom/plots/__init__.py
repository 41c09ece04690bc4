"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import (
    board,
    concave,
    curves,
    faster,
    flows,
    inertial,
    nnrelief,
    pqi,
    proofs,
    sap,
    sets,
    start,
)

__all__ = [
    "board",
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
