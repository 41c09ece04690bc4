"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import curves, nnrelief, pqi, sap, start

__all__ = ["curves", "nnrelief", "pqi", "sap", "start"]
