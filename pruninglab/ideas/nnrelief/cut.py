"""Keep the strongest connections until they carry a share α of the signal: Algorithms 1, 2."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Real
from torch import Tensor

from ...checks import Number, Share, checked
from ...devices import accurate, has_float64

# A share that is reached but for rounding is reached.
ROUNDING = 1e-12


@checked
def check_share(alpha: Number, name: str = "alpha") -> None:
    """Raise ValueError unless 0 < alpha ≤ 1."""
    if not 0 < alpha <= 1:
        raise ValueError(f"{name}={alpha} must lie in (0, 1]")


@checked
def share_count(signals: Real[Tensor, "groups members"], alpha: Number) -> Tensor:
    """How many of the strongest carry a share `alpha` of the signal: p₀ of Algorithms 1 and 2.

    `signals` (groups, members), non-negative; they need not sum to 1. Returns int64 (groups,).
    Members without signal are never needed, and a group without signal needs none. Counted in
    float64. Raises ValueError for alpha outside (0, 1], negative signals, NaN or infinity. Source:
    NNrelief paper, Algorithm 1, line 8. Taught in notebook 04.

    >>> share_count(torch.tensor([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]]), 0.8)
    tensor([2, 1])
    """
    check_share(alpha)
    _check_signals("signals", signals)
    values = signals.detach()
    values = values if has_float64(values.device) else values.cpu()
    # Sorted in their own dtype and summed in float64: less memory, and the same sums.
    running = values.sort(dim=1, descending=True).values.cumsum(dim=1, dtype=torch.float64)
    wanted = alpha * running[:, -1:] * (1 - ROUNDING)
    needed = (running < wanted).sum(dim=1) + 1
    return torch.minimum(needed, (values > 0).sum(dim=1)).to(signals.device)


@checked
def share_cut(scores: Real[Tensor, "out members"], alpha: Number) -> Tensor:
    """Keep the p₀ largest scores of each row: those that carry a share `alpha` of its signal.

    `scores` (out, members) as from `connection_importance` or `kernel_importance`. Returns bool of
    the same shape. Cut by sorted index: exactly p₀ stay, and of equal scores the earlier ones,
    where the paper's strict "<" keeps all of them. Errors as in `share_count`. Source: NNrelief
    paper, Algorithms 1 and 2. Taught in notebook 04.

    >>> share_cut(torch.tensor([[0.5, 0.25, 0.25, 0.0]]), 0.7)
    tensor([[ True,  True, False, False]])
    """
    _check_signals("scores", scores)
    kept = share_count(scores, alpha)
    order = scores.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(scores.shape[1], device=scores.device)
    empty = torch.zeros_like(scores, dtype=torch.bool)
    return empty.scatter_(1, order, places < kept[:, None])


@checked
def entry_share(scores: Real[Tensor, "out members"]) -> Tensor:
    """At which share does each connection come in? Kept at α if and only if it is below α.

    `scores` as in `share_cut`. Returns float64 of the same shape: the share that the stronger
    members of the row carry without it, infinity for a member without signal; where the scores
    lie, or on the CPU if there is no float64. One sort, and the cut at every α is a comparison:
    what a slider needs. Errors as in `share_count`. Taught in
    notebook 04.

    >>> entry_share(torch.tensor([[0.5, 0.25, 0.25, 0.0]]))
    tensor([[0.0000, 0.5000, 0.7500,    inf]], dtype=torch.float64)
    """
    _check_signals("scores", scores)
    values = accurate(scores.detach())
    ordered, order = values.sort(dim=1, descending=True, stable=True)
    running = ordered.cumsum(dim=1)
    before = torch.cat([torch.zeros_like(running[:, :1]), running[:, :-1]], dim=1)
    total = running[:, -1:]
    shares = before / total.masked_fill(total == 0, 1.0) * (1 + ROUNDING)
    return torch.empty_like(shares).scatter_(1, order, shares.masked_fill(ordered == 0, torch.inf))


@checked
def jaccard(one: Bool[Tensor, "*shape"], other: Bool[Tensor, "*shape"]) -> float:
    """Similarity of two masks: |A ∩ B| / |A ∪ B|, in [0, 1].

    Bool tensors of equal shape, else ValueError; also if neither mask has a member. Source:
    NNrelief paper, Section 5.1. Taught in notebook 04.

    >>> jaccard(torch.tensor([True, True, False]), torch.tensor([True, False, False]))
    0.5
    """
    other = other.to(one.device)
    union = int((one | other).sum())
    if not union:
        raise ValueError("neither one nor other has a member: their similarity is not defined")
    return int((one & other).sum()) / union


@checked
def chance_jaccard(density: Share, other: Share) -> float:
    """Jaccard index of two large masks that know nothing of each other: pq / (p + q − pq).

    Densities in [0, 1], not both 0, else ValueError. Taught in notebook 04.

    >>> round(chance_jaccard(0.5, 0.5), 3)
    0.333
    """
    if density + other == 0:
        raise ValueError("density and other are both 0: two empty masks have no similarity")
    both = density * other
    return both / (density + other - both)


def _check_signals(name: str, signals: Tensor) -> None:
    if not bool(signals.isfinite().all()) or bool((signals < 0).any()):
        raise ValueError(f"{name} must be finite and not negative")
