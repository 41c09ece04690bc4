"""How many go this round? A budget sees the scores of competing groups and says how many stay.

A budget is `budget(groups) -> keep`: `groups` is a `scopes.Groups`, with `scores` and `alive`
(groups, members) and the `kind` of layer; `keep` int64 (groups,), how many of the living stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import torch
from jaxtyping import Int
from torch import Tensor

from ..checks import NonNegative, Positive, Share, Whole, checked
from ..ideas.nnrelief import check_share, share_count
from ..ideas.sap import check_pq, pq_index, retained_bound
from .scopes import Groups

Budget = Callable[[Groups], Tensor]
# By so much, relative to d, float64 may fall short of a product that is whole in exact numbers.
ROUNDING = 1e-12


@checked
@dataclass(frozen=True)
class fraction:
    """The same share of the living goes from every group, rounded down. Taught in notebook 02.

    `share` in [0, 1], else ValueError. Counted in whole numbers: 0.29 of 100 is 29, though
    0.29 * 100 is less in binary.

    >>> fraction(0.29)(Groups(torch.rand(1, 100), torch.ones(1, 100, dtype=torch.bool)))
    tensor([71])
    """

    share: Share

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        exact, living = Fraction(str(self.share)), groups.living
        stay = [n - n * exact.numerator // exact.denominator for n in living.tolist()]
        return living.new_tensor(stay)


@checked
@dataclass(frozen=True)
class count:
    """Exactly `number` go from every group, or all that live there if there are fewer.

    Raises ValueError for a negative number. Taught in notebook 07.

    >>> alive = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    >>> count(3)(Groups(torch.rand(2, 5), alive))
    tensor([2, 0])
    """

    number: Whole

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        return (groups.living - min(self.number, groups.alive.shape[1])).clamp_min(0)


@checked
@dataclass(frozen=True)
class pq_bound:
    """SAP: c = ⌊d · min(γ(1 − r/d), β)⌋ of the d living go, r from the PQI bound of the scores.

    Each group has its own PQ Index, so unequal groups lose more. `p`, `q` as in `pq_index`;
    `eta` ≥ 0 is η_r, `gamma` ≥ 0 speeds up or slows down, `beta` in [0, 1] is the largest share
    that may go at once. All in float64, and a product that is whole in exact numbers counts as
    whole: the authors' code, in float32, takes one fewer now and then. A group without a positive
    score has no index and loses nothing. Works for any non-negative score, not only magnitudes.

    Raises ValueError that names a parameter out of range. Source: SAP paper, Theorem 2, Eq. (4)
    and Algorithm 1. Taught in notebook 02.

    >>> scores = torch.tensor([[4.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])   # I = 1/3 and 0
    >>> pq_bound()(Groups(scores, torch.ones(2, 4, dtype=torch.bool)))
    tensor([3, 4])
    """

    p: Positive = 0.5
    q: Positive = 1.0
    eta: NonNegative = 0.0
    gamma: NonNegative = 1.0
    beta: Share = 0.9

    def __post_init__(self) -> None:
        check_pq(self.p, self.q)

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        living, mask = groups.living, groups.alive
        index = pq_index(groups.scores, self.p, self.q, mask=mask, dim=1, undefined=0.0)
        # r/d by Theorem 2; in groups without an index, everything is retained.
        retained = retained_bound(torch.ones_like(index), index, self.p, self.q, self.eta)
        empty = groups.scores.masked_fill(~mask, 0).amax(dim=1) == 0
        retained = retained.masked_fill(empty.to(retained.device), 1.0)
        share = (float(self.gamma) * (1 - retained)).clamp(max=self.beta)
        gone = (living.to(share.device) * (share + ROUNDING)).floor().long().to(living.device)
        return living - torch.minimum(gone, living)


@checked
@dataclass(frozen=True)
class signal_share:
    """NNrelief: the strongest stay that together carry a share α of the group's score.

    `alpha_fc` for groups of Linear layers, `alpha_conv` for kernels of convolutions, each in
    (0, 1], else ValueError. Where both kinds compete (scope `global_`) they must be equal. Members
    with score 0 always go. Works for any non-negative score: the share is taken of the sum over
    the living. Source: NNrelief paper, Algorithms 1 and 2, Table 10. Taught in notebook 04.

    >>> scores = torch.tensor([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])
    >>> signal_share(0.8)(Groups(scores, torch.ones(2, 3, dtype=torch.bool)))
    tensor([2, 1])
    """

    alpha_fc: Share = 0.95
    alpha_conv: Share | None = None

    def __post_init__(self) -> None:
        check_share(self.alpha_fc, "alpha_fc")
        if self.alpha_conv is not None:
            check_share(self.alpha_conv, "alpha_conv")

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        conv = self.alpha_fc if self.alpha_conv is None else self.alpha_conv
        if groups.kind == "mixed" and conv != self.alpha_fc:
            raise ValueError(
                f"alpha_fc={self.alpha_fc} and alpha_conv={conv} differ, but Linear and Conv "
                "weights compete in one group: make them equal, or choose scope neuron or layer"
            )
        alpha = conv if groups.kind == "conv" else self.alpha_fc
        return share_count(groups.scores.masked_fill(~groups.alive, 0.0), alpha)


@checked
@dataclass(frozen=True)
class threshold:
    """Whoever scores below `alpha` goes, however many they are.

    `alpha` > 0 and finite, else ValueError. Made for scores of a known range, as a learned mask in
    [0, 1]. Source: concave-masks paper, Algorithm 1, line 4. Taught in notebook 05.

    >>> threshold(0.1)(Groups(torch.tensor([[0.0, 0.1, 0.7]]), torch.tensor([[True, True, True]])))
    tensor([2])
    """

    alpha: Positive

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        return ((groups.scores >= self.alpha) & groups.alive).sum(dim=1)


@checked
@dataclass(frozen=True)
class ladder:
    """After cut t the share `densities[t]` of all members lives, rounded down; then nothing goes.

    `densities` in [0, 1] fall from cut to cut, else ValueError. So different scores and scopes are
    compared at equal densities. Taught in notebook 07.

    >>> groups = Groups(torch.rand(1, 100), torch.ones(1, 100).bool(), round=1, rounds=2)
    >>> ladder((0.5, 0.29))(groups)
    tensor([29])
    """

    densities: tuple[Share, ...]

    def __post_init__(self) -> None:
        if not self.densities or list(self.densities) != sorted(self.densities, reverse=True):
            raise ValueError(f"densities={self.densities} must fall from cut to cut")

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        density = self.densities[min(groups.round, len(self.densities) - 1)]
        members = groups.alive.shape[1]
        return groups.living.clamp_max(int(members * Fraction(str(density))))


@checked
@dataclass(frozen=True)
class cubic:
    """Fast at first, then careful: after cut t of n, s = `sparsity` · (1 − (1 − t/n)³) are gone.

    The schedule of gradual pruning, over the rounds of the recipe; `sparsity` in [0, 1] is the
    share of all members, the dead of earlier rounds included, that is gone in the end. A group
    never loses fewer than none: where another choice was faster, nothing goes. Source: Zhu & Gupta
    (2017), Eq. (1), from s = 0 at once. Taught in notebook 07.

    >>> groups = Groups(torch.rand(1, 100), torch.ones(1, 100).bool(), round=0, rounds=2)
    >>> cubic(0.8)(groups)
    tensor([30])
    """

    sparsity: Share

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        left = max(Fraction(0), 1 - Fraction(groups.round + 1, groups.rounds))
        gone = Fraction(str(self.sparsity)) * (1 - left**3)
        members = groups.alive.shape[1]
        return groups.living.clamp_max(members - int(members * gone))
