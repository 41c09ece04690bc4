"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import curves, pqi, sap, start

__all__ = ["curves", "pqi", "sap", "start"]
