"""Scores that are learned while the network trains: the mask of the concave-masks paper, or yours.

A learned score declares what makes its state (`needs.Parametrisation`); the training loop keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..checks import NonNegative, Positive, Share, checked
from ..data import Split
from ..ideas.concave import Regularizer
from ..ideas.weights import Weights, copy_weights, everything, load_weights, weights_of
from .needs import Needs, Parametrisation, State

# A mask entry this close to 0 or 1 has a logit that float32 can still hold.
EDGE = 1e-6


@checked
@dataclass(frozen=True)
class learned_mask:
    """A mask m in [0, 1] per weight, trained together with the weights: min L(m ⊙ θ) + λ Σ r(mᵢ).

    The pruning loop trains it in every round but the last, and takes m as the score: `regularizer`
    r is one of `ideas.concave`, `lam` = λ ≥ 0 stands before a sum over all weights, so it is small
    (the paper: 1e-6 for log, 3e-6 for l1). m starts at `start` in (0, 1), is clipped to [0, 1]
    after every step and kept between rounds. The weights' own optimizer acts on it, or one that
    `optimizer` makes for it alone (its learning rate stays constant), in both cases with
    `weight_decay` ≥ 0 of its own. `form="sigmoid"` is the ablation m = σ(βs) without clipping,
    where β grows to `steepest` during each round. Raises ValueError for a value out of range.
    Source: concave-masks paper, Algorithm 1; Section V-G for the sigmoid. Taught in notebook 05.
    """

    regularizer: Regularizer
    lam: NonNegative
    weight_decay: NonNegative = 0.0
    start: Share = 0.5
    form: Literal["box", "sigmoid"] = "box"
    steepest: Positive = 200.0
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.start < 1:
            raise ValueError(f"start={self.start} must lie strictly between 0 and 1")
        if self.steepest < 1:
            raise ValueError(f"steepest={self.steepest} must be at least 1")

    @property
    def needs(self) -> Needs:
        """A `SoftMask` in training; the next round must not start from weights with m in them."""
        return Needs(learns=partial(SoftMask, how=self), own_weights=True)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        raise TypeError("learned_mask is learned in training; give it to a recipe for `prune`")


@checked
@dataclass(frozen=True)
class learned:
    """A score of your own that training learns: `learned(Movement)`, with a class of your own.

    `make(net, masks, earlier)` returns a `needs.Parametrisation`; to inherit from
    `lab.engine.parametrisation.HardMask` leaves only the hooks to write that differ. Its `scores()`
    are what the budget sees after each round but the last; what they are made of `state()` returns
    too and `load()` brings back, or a stop that wants its best epoch is refused. Taught in notebook
    07.
    """

    make: Callable[[nn.Module, Mapping[str, Tensor], State], Parametrisation]

    @property
    def needs(self) -> Needs:
        """What makes the learned state."""
        return Needs(learns=self.make)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        raise TypeError("a learned score is learned in training; give it to a recipe for `prune`")


class SoftMask:
    """One round's mask m and weights θ; the network itself always holds their product m ⊙ θ.

    So accuracies, stops and scores see what the paper evaluates. A `needs.Parametrisation`, made
    from a network that holds θ, living `masks`, and `values`, the mask that an earlier round has
    left (empty at first).
    """

    def __init__(
        self,
        net: nn.Module,
        masks: Mapping[str, Tensor],
        values: Mapping[str, Tensor],
        how: learned_mask,
    ) -> None:
        self._how, self._net, self._beta = how, net, 1.0
        named = dict(net.named_parameters())
        # What is frozen has no gradient, and so no mask either: it stays as it is.
        self._product = {name: named[name] for name in masks if named[name].requires_grad}
        self._alive = {name: masks[name].to(w.dtype) for name, w in self._product.items()}
        self._theta = {name: _leaf(weight) for name, weight in self._product.items()}
        self._free = {
            name: _leaf(self._from_mask(values.get(name), weight))
            for name, weight in self._product.items()
        }
        self._own = self._optimizer_of_the_mask()

    def groups(self) -> list[dict[str, Any]]:
        """Return θ with whatever is not masked, and the mask with a weight decay of its own.

        A mask that has an optimizer of its own is not among them.
        """
        named = self._net.named_parameters()
        weights = {"params": [self._theta.get(name, parameter) for name, parameter in named]}
        mask = {"params": list(self._free.values()), "weight_decay": self._how.weight_decay}
        return [weights] if self._own else [weights, mask]

    def begin_epoch(self, epoch: int, total: int) -> None:
        """Sharpen the sigmoid, if there is one: β = steepest^(epoch/total), epochs from 1."""
        if self._how.form == "sigmoid":
            self._beta = self._how.steepest ** (epoch / max(total, 1))
        self._multiply()

    @torch.no_grad()
    def scores(self) -> dict[str, Tensor]:
        """Return m by the name of what is trained, in [0, 1], 0 where the weight is dead."""
        return {name: self._mask(name) for name in self._free}

    @torch.no_grad()
    def weights(self) -> Weights:
        """Return a copy of the network's weights with θ where it holds m ⊙ θ."""
        own = self._net.named_parameters(remove_duplicate=False)
        # By the tensor: layers that share a weight have several names for it.
        theta = {id(self._product[name]): value for name, value in self._theta.items()}
        copies = {name: theta[id(p)].detach().clone() for name, p in own if id(p) in theta}
        return weights_of(self._net, everything(copy_weights(self._net)) | copies)

    @torch.no_grad()
    def state(self) -> dict[str, Tensor]:
        """Return copies of θ, of what is not masked, and of the mask as it is trained."""
        masks = {f"mask of {name}": free.detach().clone() for name, free in self._free.items()}
        return everything(self.weights()) | masks | {"steepness": torch.tensor(self._beta)}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go back to what `state()` returned: θ, mask and their product together."""
        load_weights(self._net, {name: state[name] for name in everything(self._net)})
        for name, theta in self._theta.items():
            theta.copy_(state[name])
            self._free[name].copy_(state[f"mask of {name}"])
        self._beta = float(state["steepness"])
        self._multiply()

    @torch.no_grad()
    def after_backward(self) -> None:
        """Make the gradients of θ and m from that of their product, and add the penalty's."""
        for name, product in self._product.items():
            slope, product.grad = product.grad, None
            if slope is None:
                continue
            m = self._mask(name)
            self._theta[name].grad = slope * m
            of_mask = slope * self._theta[name]
            of_mask.add_(self._how.regularizer.derivative(m), alpha=self._how.lam)
            if self._how.form == "sigmoid":
                of_mask.mul_(self._beta * m * (1 - m))
            self._free[name].grad = of_mask

    def after_step(self) -> None:
        """Move the mask if the optimizer of the weights did not, and multiply it in."""
        if self._own:
            self._own.step()
        self._multiply()

    @torch.no_grad()
    def _multiply(self) -> None:
        """Project the mask onto [0, 1], let the dead be 0, and put m ⊙ θ into the network."""
        for name, product in self._product.items():
            if self._how.form == "box":
                self._free[name].clamp_(0, 1).mul_(self._alive[name])
            torch.mul(self._mask(name), self._theta[name], out=product.data)

    def _optimizer_of_the_mask(self) -> torch.optim.Optimizer | None:
        if self._how.optimizer is None or not self._free:
            return None
        optimizer = self._how.optimizer(list(self._free.values()))
        for group in optimizer.param_groups:
            group["weight_decay"] = self._how.weight_decay
        return optimizer

    def _mask(self, name: str) -> Tensor:
        if self._how.form == "box":
            return self._free[name].detach()
        return torch.sigmoid(self._beta * self._free[name].detach()).mul_(self._alive[name])

    def _from_mask(self, m: Tensor | None, like: Tensor) -> Tensor:
        """Return what is trained, m itself or s, so that training starts from the mask `m`.

        The sigmoid starts each round again at β = 1, and nothing starts above where it first did
        (Savarese et al. 2020): certainty must be earned anew.
        """
        start = torch.full_like(like, self._how.start) if m is None else m.to(like).detach()
        if self._how.form == "box":
            return start
        first = math.log(self._how.start / (1 - self._how.start))
        return torch.logit(start, eps=EDGE).clamp(max=first)


def _leaf(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone())
