"""One function per figure: plain arguments with defaults in, a matplotlib Figure out."""

from . import curves, pqi, start

__all__ = ["curves", "pqi", "start"]
