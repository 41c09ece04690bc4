"""Timing as a ratio: both sides in turn, best of several, so that a busy machine hurts both."""

from __future__ import annotations

import time
from collections.abc import Callable


def best_seconds(*sides: Callable[[], object], repeats: int = 3) -> list[float]:
    """Return the shortest time of each side, the sides run in turn `repeats` times."""
    best = [float("inf")] * len(sides)
    for _ in range(repeats):
        for i, side in enumerate(sides):
            start = time.perf_counter()
            side()
            best[i] = min(best[i], time.perf_counter() - start)
    return best
