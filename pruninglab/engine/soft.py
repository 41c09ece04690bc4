"""A mask that is trained together with the weights: Algorithm 1 of the concave-masks paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from ..choices.scores import learned_mask
from .masks import Masks

# A mask entry this close to 0 or 1 has a logit that float32 can still hold.
EDGE = 1e-6


class SoftMask:
    """One round's mask m and weights θ; the network itself always holds their product m ⊙ θ.

    So accuracies, stops and scores see what the paper evaluates, and the training loop needs three
    more calls: `begin_epoch`, `chain_` between backward and the optimizer's step, `apply_` after
    it. Made from a network that holds θ, living `masks`, and `values`, the mask that an earlier
    round has left (empty at first).
    """

    def __init__(
        self, net: nn.Module, masks: Masks, values: Mapping[str, Tensor], how: learned_mask
    ) -> None:
        self._how, self._net, self._beta = how, net, 1.0
        named = dict(net.named_parameters())
        self._product = {name: named[name] for name in masks}
        self._alive = {name: masks[name].to(w.dtype) for name, w in self._product.items()}
        self._theta = {name: _leaf(weight) for name, weight in self._product.items()}
        self._free = {
            name: _leaf(self._from_mask(values.get(name), weight))
            for name, weight in self._product.items()
        }

    def optimizer(
        self, make: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
    ) -> torch.optim.Optimizer:
        """Return the optimizer of everything: θ, whatever is not masked, and the mask."""
        weights = [self._theta.get(name, one) for name, one in self._net.named_parameters()]
        optimizer = make(weights)
        decay = {"weight_decay": self._how.weight_decay}
        optimizer.add_param_group({"params": list(self._free.values()), **decay})
        return optimizer

    def begin_epoch(self, epoch: int, total: int) -> None:
        """Sharpen the sigmoid, if there is one: β = steepest^(epoch/total), epochs from 1."""
        if self._how.form == "sigmoid":
            self._beta = self._how.steepest ** (epoch / max(total, 1))
        self.apply_()

    @torch.no_grad()
    def values(self) -> dict[str, Tensor]:
        """Return m by parameter name, in [0, 1], 0 where the weight is dead."""
        return {name: self._mask(name) for name in self._free}

    @torch.no_grad()
    def unmasked(self) -> dict[str, Tensor]:
        """Return an independent copy of the network's state with θ where it holds m ⊙ θ."""
        state = {name: one.detach().clone() for name, one in self._net.state_dict().items()}
        return state | {name: theta.detach().clone() for name, theta in self._theta.items()}

    @torch.no_grad()
    def chain_(self) -> None:
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

    @torch.no_grad()
    def apply_(self) -> None:
        """Project the mask onto [0, 1], let the dead be 0, and put m ⊙ θ into the network."""
        for name, product in self._product.items():
            if self._how.form == "box":
                self._free[name].clamp_(0, 1).mul_(self._alive[name])
            torch.mul(self._mask(name), self._theta[name], out=product.data)

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
        return torch.logit(start, eps=EDGE).clamp(
            max=math.log(self._how.start / (1 - self._how.start))
        )


def _leaf(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone())
