"""What the PQ Index does over the rounds of a run, and when it says stop."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..checks import Count, Number, checked


@checked
def turns(values: Sequence[Number], patience: Count = 1) -> int | None:
    """Return the round at which to stop *pruning*: where the PQ Index begins to rise, or None.

    `values` are the indices of the retrained networks, round by round. The answer is the round of
    the lowest index so far, as soon as `patience` later rounds are all above it. Unlike a stop of
    the table it ends the run, not the retraining of a round. Raises ValueError for NaN, a round
    without an index. Source: SAP paper, Appendix A, named there as future work. Taught in
    notebook 02.

    >>> turns([0.17, 0.09, 0.05, 0.07, 0.04])
    2
    >>> turns([0.17, 0.09, 0.05, 0.07, 0.04], patience=2) is None
    True
    """
    lowest = 0
    for index, value in enumerate(values):
        if math.isnan(value):
            raise ValueError(f"values[{index}] is NaN: that round has no index")
        if value < values[lowest]:
            lowest = index
        elif index - lowest >= patience:
            return lowest
    return None
