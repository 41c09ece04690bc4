"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import curves, flows, nnrelief, pqi, sap, start

__all__ = ["curves", "flows", "nnrelief", "pqi", "sap", "start"]
