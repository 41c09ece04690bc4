"""The PQ Index (Definition 1), the Gini index, and how many weights the PQI bound retains."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import overload

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

from ..checks import Count, NonNegative, Number, Positive, Share, checked
from ..devices import accurate

# Below this exponent x^e is so near 1 that a sum of them forgets x: it needs x^e − 1.
NEAR_ZERO = 1e-3
# So near 1 the sum of shares^order forgets the shares.
NEAR_ONE = 1e-2


@checked
def check_pq(p: Number, q: Number) -> None:
    """Raise ValueError unless 0 < p ≤ 1 ≤ q, p ≠ q, both finite.

    Definition 1 asks for p ≤ 1 < q; the proof of Theorem 1 also covers q = 1, and the paper's own
    experiments use (0.5, 1). Outside this range property (D1) fails, as notebook 01 shows.
    """
    if not (0 < p <= 1 <= q <= sys.float_info.max) or p == q:
        raise ValueError(f"p={p}, q={q}: allowed is 0 < p ≤ 1 ≤ q with p ≠ q")


@checked
def pq_index(
    w: Real[Tensor, "*shape"],
    p: Number | Sequence[float],
    q: Number | Sequence[float],
    mask: Bool[Tensor, "*shape"] | None = None,
    dim: int | None = None,
    undefined: Number | None = None,
) -> Tensor:
    """Sparsity of a vector: I = 1 − d^(1/q − 1/p) ‖w‖_p / ‖w‖_q, from 0 (all equal) up.

    `w` has any shape and counts as one vector, or, with `dim`, as one vector along that dimension
    for each index of the others. Entries where the bool `mask` (same shape) is False do not count
    as members: d is the number of living. `p` and `q` may be sequences of equal length, one
    entry a pair. Returns float64, of shape () or that of `w` without `dim`; sequences add a leading
    dimension.

    Computed in float64 (on the CPU where the device has none) and in logarithms, so no power
    overflows. The index of a vector without a non-zero member is not defined
    (Remark 1): `undefined` is returned for it, or ValueError raised if that is None. ValueError
    also for an empty, NaN or infinite `w`, a `dim` that it has not, and for p, q outside
    0 < p ≤ 1 ≤ q, p ≠ q.

    Source: SAP paper, Definition 1. Taught in notebook 01.

    >>> pq_index(torch.tensor([1.0, 0.0, 0.0, 0.0]), p=0.5, q=1.0)   # one-hot: 1 − 4^(1 − 2)
    tensor(0.7500, dtype=torch.float64)
    >>> pq_index(torch.eye(2), [0.5, 1.0], [1.0, 2.0], dim=1)
    tensor([[0.5000, 0.5000],
            [0.2929, 0.2929]], dtype=torch.float64)
    """
    pairs = _pairs(p, q)
    sizes, living, shape = _as_rows(w, mask, dim)
    largest = sizes.amax(dim=1)
    empty = largest == 0
    if undefined is None and bool(empty.any()):
        raise ValueError(
            f"w has {int(empty.sum())} of {len(empty)} vectors without a non-zero living member: "
            "their PQ Index is not defined; `undefined=` chooses a value for them"
        )
    logs = sizes.log_().sub_(largest.masked_fill(empty, 1).log()[:, None])
    means = {e: _log_mean(logs, living, e) for e in {e for pair in pairs for e in pair}}
    # The factor d^(1/q − 1/p) turns sums into means: I = 1 − exp(log-mean_p − log-mean_q).
    indices = torch.stack([-torch.expm1(means[p] - means[q]) for p, q in pairs])
    # A constant vector may round to a hair below its index, 0, or to −0.
    indices = indices.clamp_min(0) + 0.0
    indices = indices.masked_fill(empty, torch.nan if undefined is None else float(undefined))
    many = isinstance(p, Sequence) or isinstance(q, Sequence)
    return indices.reshape(len(pairs), *shape) if many else indices.reshape(shape)


def _log_mean(logs: Tensor, living: Tensor, e: float) -> Tensor:
    """Return log of the power mean (mean of x^e)^(1/e) over the living, of log x (vectors, d)."""
    count = living.sum(dim=1)
    if e < NEAR_ZERO:
        excess = (e * logs).expm1_().masked_fill_(~living, 0)
        return (excess.sum(dim=1) / count).log1p() / e
    return ((e * logs).exp_().sum(dim=1) / count).log() / e


@checked
def printed_index(w: Real[Tensor, "*vectors members"], p: Positive, q: Positive) -> Tensor:
    """Compute Definition 1 as it is printed, of each vector in the last dimension: to see it fail.

    The norms are powers and sums in the precision of `w` (float32 for whole numbers), so they
    overflow to infinity, and the answer to NaN or −infinity. Every p, q above 0 goes, also where
    (D1) breaks: `pq_index` refuses those. Returns float64, of the shape of `w` without its last
    dimension. Raises ValueError for an empty or 0-d `w`. Source: SAP paper, Definition 1. Taught in
    notebook 01.

    >>> printed_index(torch.tensor([1.0, 0.0, 0.0, 0.0]), 0.5, 1.0)
    tensor(0.7500, dtype=torch.float64)
    """
    if not w.numel():
        raise ValueError(f"w is empty (shape {tuple(w.shape)})")
    w = w.detach() if w.is_floating_point() else w.float()
    norm_p, norm_q = (accurate(torch.linalg.vector_norm(w, float(e), dim=-1)) for e in (p, q))
    factor = torch.tensor(w.shape[-1], dtype=torch.float64) ** (1 / q - 1 / p)
    return 1 - factor.to(norm_p.device) * norm_p / norm_q


@checked
def gini_index(
    w: Real[Tensor, "*shape"], mask: Bool[Tensor, "*shape"] | None = None, dim: int | None = None
) -> Tensor:
    """Gini index of |w|: 0 if all are equal, 1 − 1/d if one has all.

    Arguments and errors as for `pq_index`; float64. Source: Hurley & Rickard
    (2009), who find that two measures of their list keep all six properties: this one and the
    pq-mean, which the SAP paper made its PQ Index. Taught in notebook 01.

    >>> gini_index(torch.tensor([0.0, 0.0, 0.0, 5.0]))
    tensor(0.7500, dtype=torch.float64)
    """
    sizes, living, shape = _as_rows(w, mask, dim)
    if not bool(sizes.any(dim=1).all()):
        raise ValueError("w has no non-zero living member: its Gini index is not defined")
    sizes = _ascending(sizes)
    # By a power of two: no sum overflows, and nothing is rounded.
    sizes *= 2.0 ** -sizes[:, -1:].frexp().exponent.double().clamp(-1000, 1000)
    share = sizes.div_(sizes.sum(dim=1, keepdim=True))
    # In ascending order the k-th of the living has rank k = 1 … d; before them stand the dead, 0.
    d = living.sum(dim=1, keepdim=True).double()
    rank = torch.arange(1, sizes.shape[1] + 1, device=d.device) - (sizes.shape[1] - d)
    return (1 - 2 * share.mul_((d - rank + 0.5) / d).sum(dim=1)).reshape(shape)


@overload
def retained_bound(d: float, index: float, p: float, q: float, eta: float = 0.0) -> float: ...
@overload
def retained_bound(
    d: float | Tensor, index: Tensor, p: float, q: float, eta: float = 0.0
) -> Tensor: ...
@checked
def retained_bound(
    d: NonNegative | Real[Tensor, "*groups"],
    index: Share | Float[Tensor, "*groups"],
    p: Number,
    q: Number,
    eta: NonNegative = 0.0,
) -> float | Tensor:
    """How many of `d` weights to keep at least: r = d (1+η)^(−q/(q−p)) (1−I)^(pq/(q−p)).

    A real number (SAP rounds later). `d` ≥ 0 and `index` in [0, 1] may be tensors: one entry per
    neuron or layer, of one shape. `eta` ≥ 0 is η_r, the share of Σ|w|^p outside the kept over that
    inside. With η = 0, p = 1 or q = 1 it is the `effective_number` of order q or p. Raises
    ValueError for values out of range. Source: SAP paper, Theorem 2. Taught in notebook 01.

    >>> retained_bound(100, 0.2, p=0.5, q=1.0)     # for (½, 1) the exponent is 1: r/d = 1 − I
    80.0
    """
    check_pq(p, q)
    if isinstance(d, Tensor) and not bool(((d >= 0) & (d < torch.inf)).all()):
        raise ValueError(f"d from {d.min()} to {d.max()} must be at least 0 and finite")
    if isinstance(index, Tensor) and not bool(((index >= 0) & (index <= 1)).all()):
        raise ValueError(f"index from {index.min()} to {index.max()} must lie in [0, 1]")
    if isinstance(d, Tensor) and isinstance(index, Tensor) and d.device != index.device:
        d, index = d.cpu(), index.cpu()
    bound: float | Tensor = d * (1 + eta) ** (-q / (q - p)) * (1 - index) ** (p * q / (q - p))
    return bound


@checked
def effective_number(w: Real[Tensor, "*shape"], order: NonNegative) -> float:
    """How many equal members would be as diverse as `w`: (Σ s^a)^(1/(1−a)) with s = |w|/Σ|w|.

    The Hill number of order a = `order` ≥ 0, from 1 (one has all) to d (all equal); it falls, or
    stays, as the order grows. Order 0 counts the non-zero members, order 1 is exp of the Shannon
    entropy. Raises ValueError if `w` is empty, not finite or zero. Source: M. O. Hill (1973); for
    p = 1 (order q) and q = 1 (order p) it is the bound of SAP's Theorem 2 with η = 0. Taught in
    notebook 01.

    >>> effective_number(torch.tensor([3.0, 3.0, 0.0]), 0.5)
    2.0
    """
    sizes = accurate(w.detach()).abs().flatten()
    if not len(sizes) or not bool(sizes.isfinite().all()) or not bool(sizes.any()):
        raise ValueError(f"w, {len(sizes)} members, must be finite and have a non-zero member")
    sizes = sizes[sizes > 0] * 2.0 ** -sizes.max().frexp().exponent.double().clamp(-1000, 1000)
    logs = sizes.log() - sizes.sum().log()
    if abs(order - 1) < NEAR_ONE:
        # With b = a − 1 it is exp(−log(Σ s s^b) / b); as b → 0 the exponent is the entropy.
        b = order - 1
        mean = (logs.exp() * (torch.expm1(b * logs) / b if b else logs)).sum()
        return float(torch.exp(-torch.log1p(b * mean) / b if b else -mean))
    top = logs.max()
    rest = torch.logsumexp(order * (logs - top), dim=0)
    return float(torch.exp(order / (1 - order) * top + rest / (1 - order)))


@checked
def tail_ratio(w: Real[Tensor, "*shape"], r: Count, p: Positive) -> float:
    """The smallest η_r of Theorem 2: Σ|w|^p outside the r largest members over that inside.

    `w` of any shape, 1 ≤ r ≤ d, p > 0; otherwise, or if the r largest are all zero, ValueError.
    Source: SAP paper, Theorem 2. Taught in notebook 01.

    >>> tail_ratio(torch.tensor([3.0, 1.0, 2.0]), r=1, p=1.0)
    1.0
    """
    if not w.numel():
        raise ValueError("w is empty")
    if r > w.numel():
        raise ValueError(f"r={r} must lie between 1 and the {w.numel()} members of w")
    powers = _descending_powers(w, p)
    return float(powers[r:].sum() / powers[:r].sum())


def _descending_powers(w: Tensor, p: float) -> Tensor:
    """Return (|w| / max|w|)^p in descending order, float64."""
    sizes = _ascending(accurate(w.detach()).abs().reshape(1, -1))[0].flip(0)
    if not bool(sizes[0].isfinite()) or float(sizes[0]) == 0:
        raise ValueError("w must be finite and have a non-zero member")
    powers: Tensor = (sizes / sizes[0]) ** p
    return powers


def _pairs(p: float | Sequence[float], q: float | Sequence[float]) -> list[tuple[float, float]]:
    """Check p and q and return the (p, q) pairs asked for."""
    ps = list(p) if isinstance(p, Sequence) else [p]
    qs = list(q) if isinstance(q, Sequence) else [q]
    if len(ps) != len(qs) or not ps:
        raise ValueError(f"p and q must be of equal length, not {len(ps)} and {len(qs)}")
    for pair in zip(ps, qs, strict=True):
        check_pq(*pair)
    return [(float(p), float(q)) for p, q in zip(ps, qs, strict=True)]


def _as_rows(w: Tensor, mask: Tensor | None, dim: int | None) -> tuple[Tensor, Tensor, torch.Size]:
    """Return |w| as float64 (vectors, members), dead members 0; who lives; the answer's shape."""
    if w.numel() == 0:
        raise ValueError(f"w is empty (shape {tuple(w.shape)})")
    if dim is not None and (isinstance(dim, bool) or not -w.dim() <= dim < w.dim()):
        raise ValueError(f"dim={dim} must be a dimension of w, which has {w.dim()}")
    sizes = accurate(w.detach()).abs()
    if not bool(sizes.max().isfinite()):
        raise ValueError("w must be finite: it holds NaN or infinite values")
    living = torch.ones_like(sizes, dtype=torch.bool) if mask is None else mask.to(sizes.device)
    if mask is not None:
        sizes.masked_fill_(~living, 0)
    if dim is None:
        return sizes.reshape(1, -1), living.reshape(1, -1), torch.Size()
    sizes, living = sizes.movedim(dim, -1), living.movedim(dim, -1)
    shape, d = sizes.shape[:-1], sizes.shape[-1]
    return sizes.reshape(-1, d), living.reshape(-1, d), shape


def _ascending(rows: Tensor) -> Tensor:
    """Sort each row. On the CPU by NumPy: a third to a fifth of torch's time, the same values."""
    if rows.device.type != "cpu":
        return rows.sort(dim=1).values
    return torch.from_numpy(np.sort(rows.numpy(), axis=1))
