"""What a network still knows after a part of it is thrown dice for, or cut: forward passes only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ...checks import Share, checked
from ...choices.prunable import prunable
from ...data import Split
from ...engine.training import accuracy
from ...nets import clone

KEPT = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.53, 0.47, 0.4, 0.3, 0.2, 0.1, 0.0)

Price = Callable[[Tensor, Tensor], Tensor]


@checked
def weights_of(net: nn.Module) -> Tensor:
    """Return all parameters of a network in one vector, float64 (d,), on the CPU."""
    return parameters_to_vector(net.parameters()).detach().cpu().double()


@checked
def accuracy_with(net: nn.Module, weights: Real[Tensor, " d"], split: Split) -> float:
    """Return the accuracy of a network of this shape with these weights (d,)."""
    other = clone(net)
    vector_to_parameters(weights.to(next(net.parameters())), other.parameters())
    return accuracy(other, split)


@checked
def forgotten(
    weights: Real[Tensor, " d"], basis: Real[Tensor, "d m"], dice: Real[Tensor, " d"]
) -> Tensor:
    """Return weights (d,) whose part inside the span of `basis` is that of `dice`.

    As `engine.subspaces.start_inside` does to a network. Taught in notebook 06.

    >>> basis = torch.tensor([[1.0], [0.0]])
    >>> forgotten(torch.tensor([2.0, 1.0]), basis, torch.tensor([-1.0, 3.0]))
    tensor([-1.,  1.])
    """
    basis, dice = basis.to(weights.device), dice.to(weights.device)
    return weights + basis @ (basis.T @ (dice - weights))


@checked
def accuracies(
    net: nn.Module,
    split: Split,
    bases: Mapping[str, Float[Tensor, "d d"]],
    dice: Real[Tensor, " d"],
    kept: Sequence[Share] = KEPT,
) -> dict[str, list[float]]:
    """Return the accuracy that is left where a share of directions is `kept`, by order of going.

    `bases` map a name to orthonormal columns (d, d), those that go first in front; what goes gets
    the coordinates of `dice` (d,). Taught in notebook 06.
    """
    weights = weights_of(net)
    found: dict[str, list[float]] = {name: [] for name in bases}
    for name, basis in bases.items():
        for share in kept:
            gone = basis[:, : round((1 - share) * len(weights))]
            found[name].append(accuracy_with(net, forgotten(weights, gone, dice), split))
    return found


@checked
def just_cut(
    net: nn.Module, scores: Real[Tensor, " d"], split: Split, kept: Sequence[Share]
) -> list[float]:
    """Return the accuracy just after a cut that leaves a share of the weights: the best by score.

    `scores` (d,) judge all parameters; biases stay. Nothing is trained.
    """
    names = prunable(net)
    weight = torch.cat(
        [torch.full((p.numel(),), name in names) for name, p in net.named_parameters()]
    )
    judged = scores.cpu().double().masked_fill(~weight, -torch.inf)
    order = judged.argsort(descending=True, stable=True)
    left, found = weights_of(net), []
    for share in kept:
        cut = left.clone()
        cut[order[round(share * int(weight.sum())) : int(weight.sum())]] = 0
        found.append(accuracy_with(net, cut, split))
    return found


@checked
def price(weights: Real[Tensor, " d"], hessian: Real[Tensor, "d d"]) -> Tensor:
    """Return H_ii w_i² / 2 (d,), where it is below 0: 0. What removing a weight costs (1989).

    >>> price(torch.tensor([2.0, 0.5]), torch.diag(torch.tensor([1.0, 20.0])))
    tensor([2.0000, 2.5000])
    """
    return (hessian.diagonal() * weights**2 / 2).clamp(min=0)
