"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import (
    board,
    concave,
    curves,
    faster,
    flows,
    head_to_head,
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
    "head_to_head",
    "inertial",
    "nnrelief",
    "pqi",
    "proofs",
    "sap",
    "sets",
    "start",
]
