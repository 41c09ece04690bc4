"""What a cut does to the PQ Index, what the index does over the rounds, and when it says stop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Real
from torch import Tensor

from ...checks import Count, Number, checked
from ...devices import accurate
from ...ideas.sap import check_pq, pq_index


@checked
def index_by_rank(w: Real[Tensor, "*shape"], p: Number, q: Number) -> Float[Tensor, " members"]:
    """Return the PQ Index of the r largest members of `w`, for r = 1 … d: float64 (d,).

    What is left of a vector after each cut. Taught in notebook 01.

    >>> index_by_rank(torch.tensor([1.0, 4.0, 1.0]), 0.5, 1.0)
    tensor([0.0000, 0.1000, 0.1111], dtype=torch.float64)
    """
    check_pq(p, q)
    logs = _descending(w).log()
    logs -= logs[0].clone()
    ranks = torch.arange(1, len(logs) + 1, dtype=torch.float64, device=logs.device)
    log_means = [torch.log((e * logs).exp().cumsum(0) / ranks) / e for e in (float(p), float(q))]
    return 0 - torch.expm1(log_means[0] - log_means[1]).clamp_max(0)


@checked
def poverty_line(w: Real[Tensor, "*shape"]) -> float:
    """The size below which the smallest member's removal lowers I(½, 1); above, it raises it.

    √x = mean √|w| / (1 + √J) with J = I (1 − 1/d): where I of the others equals I of all. Derived
    and taught in notebook 01.

    >>> poverty_line(torch.tensor([100.0] + [1.0] * 100)) < 1      # the poorest are not poor
    True
    """
    sizes = _descending(w)
    share = float(pq_index(sizes, 0.5, 1.0)) * (1 - 1 / len(sizes))
    root = float((sizes / sizes[0]).sqrt().mean()) / (1 + math.sqrt(share))
    return float(sizes[0]) * root**2


def _descending(w: Tensor) -> Tensor:
    """Return |w| in float64, largest first."""
    return accurate(w.detach()).abs().flatten().sort(descending=True).values


@checked
def turns(values: Sequence[Number], patience: Count = 1) -> int | None:
    """Return the round at which to stop *pruning*: where the PQ Index begins to rise, or None.

    `values` are the indices of the retrained networks, round by round. The answer is the round of
    the lowest index so far, as soon as `patience` later rounds are all above it. Unlike a stop of
    the table it ends the run, not the retraining of a round. Source: SAP paper, Appendix A, named
    there as future work. Taught in notebook 02.

    >>> turns([0.17, 0.09, 0.05, 0.07, 0.04])
    2
    >>> turns([0.17, 0.09, 0.05, 0.07, 0.04], patience=2) is None
    True
    """
    lowest = 0
    for index, value in enumerate(values):
        if value < values[lowest]:
            lowest = index
        elif index - lowest >= patience:
            return lowest
    return None
