"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import curves, flows, inertial, nnrelief, pqi, sap, start

__all__ = ["curves", "flows", "inertial", "nnrelief", "pqi", "sap", "start"]
