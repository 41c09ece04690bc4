"""The PQ Index (Definition 1), the Gini index, and how many weights the PQI bound retains."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

from ..checks import Count, NonNegative, Number, Positive, Share, checked
from ..devices import accurate, has_float64

# A block of float64 logarithms that stays in a core's cache while every power is taken of it.
BLOCK = 2**16
PLAIN = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
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
    as members: d is the number of living. `p` and `q` may be sequences of equal length: one pass
    over the memory serves all pairs. Returns float64, of shape () or that of `w` without `dim`;
    sequences add a leading dimension.

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
    rows, living, shape = _as_rows(w, mask, dim)
    largest = _largest(rows, living)
    empty = largest == 0
    if undefined is None and bool(empty.any()):
        raise ValueError(
            f"w has {int(empty.sum())} of {len(empty)} vectors without a non-zero living member: "
            "their PQ Index is not defined; `undefined=` chooses a value for them"
        )
    exponents = sorted({exponent for pair in pairs for exponent in pair})
    norms = _log_means(rows, living, largest, exponents)
    # The factor d^(1/q − 1/p) turns sums into means: I = 1 − exp(log-mean_p − log-mean_q).
    indices = torch.stack([-torch.expm1(norms[p] - norms[q]) for p, q in pairs])
    # A constant vector may round to a hair below its index, 0, or to −0.
    indices = (indices.clamp_min(0) + 0.0).masked_fill(
        empty, float("nan") if undefined is None else float(undefined)
    )
    return indices.reshape(len(pairs), *shape) if _many(p, q) else indices.reshape(shape)


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

    Arguments and errors as for `pq_index`; float64, block by block. Source: Hurley & Rickard
    (2009), who find that two measures of their list keep all six properties: this one and the
    pq-mean, which the SAP paper made its PQ Index. Taught in notebook 01.

    >>> gini_index(torch.tensor([0.0, 0.0, 0.0, 5.0]))
    tensor(0.7500, dtype=torch.float64)
    """
    rows, living, shape = _as_rows(w, mask, dim)
    largest = _largest(rows, living)
    if bool((largest == 0).any()):
        raise ValueError("w has no non-zero living member: its Gini index is not defined")
    sizes = rows.abs()
    if living is not None:
        sizes.masked_fill_(~living, -1)
    sizes = _ascending(sizes).clamp_min_(0)
    counts = _counts(rows, living)
    scale = 2.0 ** -largest.frexp().exponent.double().clamp(-1000, 1000)[:, None]
    total, unequal = torch.zeros_like(largest), torch.zeros_like(largest)
    for here in _blocks(sizes):
        total[here[0]] += (sizes[here].double() * scale[here[0]]).sum(dim=1)
    # Among the living, in ascending order, the k-th has rank k = 1 … d; before them stand the dead.
    dead = rows.shape[1] - counts
    for here in _blocks(sizes):
        top, left = here
        places = torch.arange(left.start, left.stop, device=rows.device, dtype=torch.float64) + 1
        rank = places - dead[top, None]
        weight = (counts[top, None] - rank + 0.5) / counts[top, None]
        share = sizes[here].double() * scale[top] / total[top, None]
        unequal[top] += (share * weight).sum(dim=1)
    return (1 - 2 * unequal).reshape(shape)


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
    return _retained(d, index, p, q, eta)


def _retained(
    d: float | Tensor, index: float | Tensor, p: float, q: float, eta: float
) -> float | Tensor:
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
    return _tail_over_head(_descending_powers(w, p), r)


def _descending_powers(w: Tensor, p: float) -> Tensor:
    """Return (|w| / max|w|)^p in descending order, float64."""
    sizes = _ascending(accurate(w.detach()).abs().reshape(1, -1))[0].flip(0)
    if not bool(sizes[0].isfinite()) or float(sizes[0]) == 0:
        raise ValueError("w must be finite and have a non-zero member")
    powers: Tensor = (sizes / sizes[0]) ** p
    return powers


def _tail_over_head(powers: Tensor, r: int) -> float:
    return float(powers[r:].sum() / powers[:r].sum())


@checked
def bound_at_ranks(
    w: Real[Tensor, "*shape"], p: Number, q: Number, points: Count = 40
) -> tuple[Float[Tensor, " ranks"], Float[Tensor, " ranks"]]:
    """Return (r / d, bound / d) of Theorem 2 for ranks r from 1 % to all, each with its own η_r.

    Float64, at most `points` ranks of the d members of `w`; the bound is never above r. Raises
    ValueError as `pq_index` and `tail_ratio` do. Source: SAP paper, Theorem 2. Taught in
    notebook 01.

    >>> shares, bounds = bound_at_ranks(torch.tensor([4.0, 1.0, 1.0, 0.0]), 0.5, 1.0, points=2)
    >>> [round(float(bound), 3) for bound in bounds]        # r = 1 and r = 4
    [0.167, 0.667]
    """
    d, index = w.numel(), float(pq_index(w, p, q))
    shares = torch.linspace(0.01, 1, points, dtype=torch.float64).tolist()
    ranks = sorted({max(1, round(d * share)) for share in shares})
    powers = _descending_powers(w, p)  # Sorted once for all ranks.
    # Forty checks of the same arguments would take as long as all the rest.
    bounds = [_retained(1.0, index, p, q, _tail_over_head(powers, r)) for r in ranks]
    return torch.tensor(ranks).double() / d, torch.tensor(bounds, dtype=torch.float64)


def _many(p: float | Sequence[float], q: float | Sequence[float]) -> bool:
    return isinstance(p, Sequence) or isinstance(q, Sequence)


def _pairs(p: float | Sequence[float], q: float | Sequence[float]) -> list[tuple[float, float]]:
    """Check p and q and return the (p, q) pairs asked for."""
    ps = list(p) if isinstance(p, Sequence) else [p]
    qs = list(q) if isinstance(q, Sequence) else [q]
    if len(ps) != len(qs) or not ps:
        raise ValueError(f"p and q must be of equal length, not {len(ps)} and {len(qs)}")
    for pair in zip(ps, qs, strict=True):
        check_pq(*pair)
    return [(float(p), float(q)) for p, q in zip(ps, qs, strict=True)]


def _as_rows(
    w: Tensor, mask: Tensor | None, dim: int | None
) -> tuple[Tensor, Tensor | None, torch.Size]:
    """Return w as (vectors, members), the living likewise, and the shape of the answer."""
    if w.numel() == 0:
        raise ValueError(f"w is empty (shape {tuple(w.shape)})")
    if dim is not None and (isinstance(dim, bool) or not -w.dim() <= dim < w.dim()):
        raise ValueError(f"dim={dim} must be a dimension of w, which has {w.dim()}")
    w = w.detach()
    if w.dtype not in PLAIN or not has_float64(w.device):
        w = accurate(w)
    if mask is not None:
        mask = mask.to(w.device)
    if dim is None:
        return w.reshape(1, -1), None if mask is None else mask.reshape(1, -1), torch.Size()
    moved = w.movedim(dim, -1)
    living = None if mask is None else mask.movedim(dim, -1).reshape(-1, w.shape[dim])
    return moved.reshape(-1, w.shape[dim]), living, moved.shape[:-1]


def _ascending(rows: Tensor) -> Tensor:
    """Sort each row. On the CPU by NumPy: a third to a fifth of torch's time, the same values."""
    if rows.device.type != "cpu" or rows.dtype == torch.bfloat16:
        return rows.sort(dim=1).values
    return torch.from_numpy(np.sort(rows.numpy(), axis=1))


def _counts(rows: Tensor, living: Tensor | None) -> Tensor:
    """Return d, the number of living members, of each vector."""
    if living is None:
        return torch.full((len(rows),), rows.shape[1], device=rows.device)
    return living.sum(dim=1)


def _largest(rows: Tensor, living: Tensor | None) -> Tensor:
    """Return the largest living |w| of each vector; NaN and infinity anywhere are refused."""
    low, high = torch.aminmax(rows, dim=1)
    if not bool((low.isfinite() & high.isfinite()).all()):
        raise ValueError("w must be finite: it holds NaN or infinite values")
    if living is not None:
        low, high = torch.aminmax(rows.masked_fill(~living, 0), dim=1)
    return torch.maximum(-low, high).double()


def _log_means(
    rows: Tensor, living: Tensor | None, largest: Tensor, exponents: list[float]
) -> dict[float, Tensor]:
    """Return log of the power mean (mean of (|w| / max|w|)^e)^(1/e), each block read once."""
    counts = _counts(rows, living)
    sums = {e: torch.zeros(len(rows), dtype=torch.float64, device=rows.device) for e in exponents}
    tiny = [e for e in exponents if e < NEAR_ZERO]
    log_scale = largest.masked_fill(largest == 0, 1).log_()
    for here in _blocks(rows):
        sizes = rows[here].abs()
        if living is not None:
            sizes.masked_fill_(~living[here], 0)
        logs = sizes.double().log_().sub_(log_scale[here[0], None])
        for e in tiny:
            excess = torch.expm1(e * logs)
            alive = excess if living is None else excess.masked_fill_(~living[here], 0)
            sums[e][here[0]] += alive.sum(dim=1)
        for e, power in _powers(logs, exponents[len(tiny) :]):
            sums[e][here[0]] += power
    means = {e: sums[e] / counts for e in exponents}
    return {e: (mean.log1p() if e in tiny else mean.log()) / e for e, mean in means.items()}


def _blocks(rows: Tensor) -> Iterator[tuple[slice, slice]]:
    """Cut a matrix into parts of at most BLOCK entries: what is float64 stays small."""
    width = min(rows.shape[1], BLOCK)
    height = max(1, BLOCK // width)
    for top in range(0, len(rows), height):
        for left in range(0, rows.shape[1], width):
            yield slice(top, top + height), slice(left, min(left + width, rows.shape[1]))


def _powers(logs: Tensor, exponents: list[float]) -> Iterator[tuple[float, Tensor]]:
    """Yield each exponent e, given in ascending order, with Σ exp(e · logs) over dim 1.

    x^e grows from one exponent to the next by the factor x^gap. Equal gaps (a grid of sliders)
    share that factor, so most powers cost one product instead of one exponential.
    """
    gaps = [round(b - a, 14) for a, b in pairwise([0.0, *exponents])]
    factors = {gap: (logs * gap).exp_() for gap in set(gaps) if gaps.count(gap) > 1}
    power = torch.ones_like(logs)
    for e, gap in zip(exponents, gaps, strict=True):
        if gap in factors:
            power.mul_(factors[gap])
        else:
            torch.mul(logs, e, out=power).exp_()
        yield e, power.sum(dim=1)
