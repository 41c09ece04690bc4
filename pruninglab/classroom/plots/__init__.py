"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import curves, inertial, pqi, sap, start

__all__ = ["curves", "inertial", "pqi", "sap", "start"]
