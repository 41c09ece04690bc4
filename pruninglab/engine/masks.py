"""Who lives: one bool mask per prunable parameter, which can only shrink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..checks import Count, Whole, checked, warn
from ..choices.budgets import Budget
from ..choices.needs import needs
from ..choices.scopes import Scope
from ..choices.scores import Score, prunable
from ..data import Split
from ..devices import move_to
from ..modes import copied, lent
from ..settings import device as pick_device

# Members of a group from which on NumPy's partition is quicker than torch's sort.
WIDE = 4096


class Masks(Mapping[str, Tensor]):
    """Bool masks by parameter name, True where a weight lives; a dead weight never revives.

    A mapping: `masks["fc1.weight"]` has the shape of the parameter. Taught in notebook 00.

    >>> net = nn.Sequential(nn.Linear(3, 2))
    >>> masks = Masks.full(net)
    >>> masks.shrink({"0.weight": torch.tensor([[True, False, True], [True, True, True]])})
    >>> masks.kept, masks.total, round(masks.density, 3)
    (5, 6, 0.833)
    """

    @checked
    def __init__(self, alive: Mapping[str, Tensor]) -> None:
        """Take over a copy of `alive`. Raises TypeError if a mask is not a bool tensor."""
        for name, mask in alive.items():
            _check_bool(f"alive[{name!r}]", mask)
        self._alive = {name: mask.clone() for name, mask in alive.items()}

    @classmethod
    def full(cls, net: nn.Module, biases: bool = False) -> Masks:
        """Return masks under which every prunable parameter of `net` lives."""
        weights = prunable(net, biases)
        return cls({name: torch.ones_like(w, dtype=torch.bool) for name, w in weights.items()})

    def __getitem__(self, name: str) -> Tensor:
        return self._alive[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._alive)

    def __len__(self) -> int:
        return len(self._alive)

    def __repr__(self) -> str:
        return f"Masks({self.kept:,} of {self.total:,} live, density {self.density:.4f})"

    def clone(self) -> Masks:
        """Return an independent copy."""
        return Masks(self._alive)

    @checked
    def to(self, device: torch.device | str) -> Masks:
        """Return a copy on `device`. Raises ValueError for one that is not here."""
        device = pick_device(device)
        return Masks({name: mask.to(device) for name, mask in self.items()})

    @property
    def kept(self) -> int:
        """How many weights live."""
        return sum(int(mask.sum()) for mask in self.values())

    @property
    def total(self) -> int:
        """How many weights there were at first."""
        return sum(mask.numel() for mask in self.values())

    @property
    def density(self) -> float:
        """kept / total, in [0, 1]; sparsity is 1 − density, compression 1 / density."""
        return self.kept / self.total

    def layer_density(self) -> dict[str, float]:
        """Return the density of each parameter by name."""
        return {name: int(mask.sum()) / mask.numel() for name, mask in self.items()}

    @checked
    def shrink(self, keep: Mapping[str, Tensor]) -> None:
        """Let only those live that `keep` names (bool, same shape) and that live now.

        A name that is absent from `keep` stays as it is. Raises KeyError for a name without a
        mask, TypeError for a mask that is not bool, ValueError for another shape or for a mask
        that would revive the dead; then nothing has changed.
        """
        for name, mask in keep.items():
            if name not in self._alive:
                raise KeyError(f"keep names {name!r}, but there are masks for {list(self)} only")
            _check_bool(f"keep[{name!r}]", mask)
            mask = mask.to(self[name].device)
            if mask.shape != self[name].shape:
                raise ValueError(
                    f"keep[{name!r}] has shape {tuple(mask.shape)}, "
                    f"the parameter has {tuple(self[name].shape)}"
                )
            revived = int((mask & ~self[name]).sum())
            if revived:
                raise ValueError(f"keep[{name!r}] would revive {revived:,} dead weights")
        for name, mask in keep.items():
            self._alive[name] = mask.to(self[name].device, copy=True)

    @checked
    @torch.no_grad()
    def apply_(self, net: nn.Module) -> None:
        """Set every dead weight of `net` to exactly zero, in place.

        Raises KeyError if `net` lacks a parameter that has a mask.
        """
        named = self._parameters(net)
        for name, mask in self.items():
            named[name].masked_fill_(~mask.to(named[name].device), 0.0)

    @checked
    def factors(self, net: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
        """Return (parameters, 0/1 factors in their dtype) of the layers in which a weight is dead.

        The training loop multiplies by them after each step. A float product is the cheapest exact
        mask on every device; layers without a dead weight cost nothing.
        """
        named = self._parameters(net)
        shrunk = [name for name, mask in self.items() if not bool(mask.all())]
        return (
            [named[name].data for name in shrunk],
            [self[name].to(named[name].device, named[name].dtype) for name in shrunk],
        )

    @checked
    def nonzero_dead(self, net: nn.Module) -> int:
        """Return how many dead weights of `net` are not exactly zero: 0 if all is well."""
        named = self._parameters(net)
        return sum(
            int((named[name].detach()[~mask.to(named[name].device)] != 0).sum())
            for name, mask in self.items()
        )

    def _parameters(self, net: nn.Module) -> dict[str, nn.Parameter]:
        """Return the parameters of `net` by name. Raises KeyError if one that has a mask is not."""
        named = dict(net.named_parameters())
        for name in self:
            if name not in named:
                raise KeyError(f"net has no parameter {name!r}, which has a mask")
        return named

    def collapsed(self) -> list[str]:
        """Return the names of the weights of which none lives; a layer can do without biases."""
        return [name for name, mask in self.items() if mask.dim() > 1 and not bool(mask.any())]


def _check_bool(name: str, mask: Tensor) -> None:
    if mask.dtype != torch.bool:
        raise TypeError(f"{name} is {mask.dtype}, it must be torch.bool")


@checked
def keep_largest(
    scores: Float[Tensor, "groups members"],
    alive: Bool[Tensor, "groups members"],
    keep: Int[Tensor, " groups"],
) -> Bool[Tensor, "groups members"]:
    """Keep exactly `keep[g]` living members of each group g: those with the largest scores.

    `scores` float (groups, members), `alive` bool of the same shape, `keep` int64 (groups,),
    from 0 to the number of the living; returns bool of the shape of `scores`. Members are cut by
    sorted index, never by threshold, so ties cannot change the count: of equal scores the earlier
    index lives. Raises ValueError for a wrong shape or count.

    >>> keep_largest(torch.tensor([[1.0, 1.0, 1.0]]), torch.ones(1, 3).bool(), torch.tensor([2]))
    tensor([[ True,  True, False]])
    """
    living = alive.sum(dim=1)
    if bool((keep < 0).any()) or bool((keep > living).any()):
        raise ValueError(
            f"keep must lie between 0 and the number of the living; got {keep.tolist()[:5]} "
            f"of {living.tolist()[:5]} (first groups)"
        )
    scores = scores.masked_fill(~alive, -torch.inf)
    plain = scores.device.type == "cpu" and scores.dtype in (torch.float32, torch.float64)
    if plain and scores.shape[1] > WIDE and not bool(scores.isnan().any()):
        rows = zip(scores.numpy(), keep.tolist(), strict=True)
        return torch.from_numpy(np.stack([_largest_of(row, count) for row, count in rows]))
    order = scores.argsort(dim=1, descending=True, stable=True)
    rank = torch.arange(scores.shape[1], device=scores.device)
    return torch.zeros_like(alive).scatter_(1, order, rank < keep[:, None])


def _largest_of(scores: np.ndarray, count: int) -> np.ndarray:
    """Choose from one wide group what the sorted index would: 2.6 instead of 27 ms for 266,200.

    NumPy finds the last score that stays without sorting all; of its equals the first ones stay.
    """
    if count == 0:
        return np.zeros(len(scores), dtype=bool)
    last = np.partition(scores, -count)[-count]
    kept: np.ndarray = scores > last
    kept[np.flatnonzero(scores == last)[: count - kept.sum()]] = True
    return kept


@checked
def cut(
    scores: Mapping[str, Tensor],
    masks: Mapping[str, Tensor],
    budget: Budget,
    scope: Scope,
    round: Whole = 0,
    rounds: Count = 1,
) -> dict[str, Tensor]:
    """Return who lives after one pruning step, for `Masks.shrink`; changes nothing itself.

    It is cut `round` of `rounds`, from 0, for a budget with a schedule.

    Each score must broadcast to its parameter; one that scores whole kernels, (out, in, 1, 1),
    lets a kernel live or die as one member. Raises KeyError for a score without a mask, ValueError
    for scores that are negative, not finite or of a shape that does not broadcast, for no scores or
    zeros only, for a scope without groups, and for a budget that does not return a whole number per
    group. Warns of a layer whose scores are all zero, of which some go: those of the last places.
    """
    if not scores:
        raise ValueError("scores is empty: the score says nothing of any weight")
    members = {}
    for name, score in scores.items():
        if name not in masks:
            raise KeyError(f"scores name {name!r}, but there are masks for {list(masks)} only")
        members[name] = _as_members(name, score.to(masks[name].device), masks[name])
    alive = {name: _any_alive(masks[name], score.shape) for name, score in members.items()}
    blind = [name for name, score in members.items() if not bool(score[alive[name]].any())]
    if len(blind) == len(members) and any(bool(living.any()) for living in alive.values()):
        raise ValueError("scores are all zero: they tell no weight from another")
    keep: dict[str, Tensor] = {}
    for groups in scope(members, alive):
        groups = replace(groups, round=round, rounds=rounds)
        counts = _counted(budget(groups), len(groups.scores))
        keep |= groups.split(keep_largest(groups.scores, groups.alive, counts))
    if not keep:
        raise ValueError("scope yields no groups, so nothing competes")
    for name in blind:
        if masks[name].dim() > 1 and 0 < int((keep[name] & alive[name]).sum()) < alive[name].sum():
            warn(f"scores of {name!r} are all zero, so its last ones go", UserWarning)
    return {name: kept & masks[name] for name, kept in keep.items()}


def _counted(keep: Tensor, groups: int) -> Tensor:
    """Refuse what a budget must not return: a count that is not whole, or not one per group."""
    whole = isinstance(keep, Tensor) and not (keep.is_floating_point() or keep.is_complex())
    if not whole or keep.shape != (groups,):
        shown = tuple(keep.shape) if isinstance(keep, Tensor) else keep
        raise ValueError(
            f"budget must return a whole number (int64) for each of {groups} groups, not {shown}"
            + (f" of {keep.dtype}" if isinstance(keep, Tensor) else "")
        )
    return keep


@checked
def cut_once(
    net: nn.Module,
    images: Split,
    score: Score,
    budget: Budget,
    scope: Scope,
    masks: Masks | None = None,
) -> tuple[nn.Module, Masks]:
    """Prune a copy of `net` once, without training: return it, in eval mode, and its masks.

    `masks` are those that live already; the network and they stay as they are. What the pruning
    loop does between two trainings. Taught in notebook 00.

    >>> from pruninglab.choices import budgets, scopes, scores
    >>> images = Split(torch.ones(1, 4), torch.tensor([0]))
    >>> pruned, masks = cut_once(
    ...     nn.Linear(4, 2), images, scores.magnitude, budgets.fraction(0.5), scopes.layer)
    >>> masks.kept, int((pruned.weight != 0).sum())
    (4, 4)
    """
    pruned = copied(net).eval()
    move_to(pruned, images.inputs)
    left = Masks.full(pruned, biases=needs(score).biases) if masks is None else masks.clone()
    left.shrink(cut(scored(pruned, images, score), left, budget, scope))
    left.apply_(pruned)
    return pruned, left


def scored(net: nn.Module, images: Split, score: Score) -> dict[str, Tensor]:
    """Ask a score for its opinion of `net`: the same in `prune`, `cut_once` and `Recipe.check`.

    It gets a copy in eval mode, and copies of as many images as it wants.
    """
    with lent(net) as judged:
        return score(judged, images.take(needs(score).images).clone())


def _as_members(name: str, score: Tensor, mask: Tensor) -> Tensor:
    """Check a score and give it as many dimensions as its parameter has."""
    padded = score.detach().reshape((1,) * (mask.dim() - score.dim()) + tuple(score.shape))
    if any(have not in (1, want) for have, want in zip(padded.shape, mask.shape, strict=True)):
        raise ValueError(
            f"scores[{name!r}] has shape {tuple(score.shape)}, "
            f"which does not broadcast to {tuple(mask.shape)}"
        )
    if not bool(torch.isfinite(padded).all()) or bool((padded < 0).any()):
        raise ValueError(f"scores[{name!r}] must be finite and not negative")
    return padded


def _any_alive(mask: Tensor, shape: torch.Size) -> Tensor:
    """Tell which members live: a kernel lives while one of its weights does."""
    shared = [i for i, size in enumerate(shape) if size == 1 and mask.shape[i] > 1]
    return mask.amax(dim=shared, keepdim=True) if shared else mask
