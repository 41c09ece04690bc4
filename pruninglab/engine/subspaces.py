"""Training inside a subspace: the training loop as it is, with an optimizer that is projected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from ..checks import NonNegative, Share, checked
from ..devices import accurate, has_float64
from .training import listed


@checked
@dataclass(frozen=True, eq=False)
class projected_sgd:
    """SGD that moves the weights along the columns of `basis` only: hand it to `Training`.

    `basis` (d, m) is orthonormal, d counts all parameters of the network in their order. Every
    gradient is projected onto the m directions, so the weights stay in where they started + span,
    up to round-off. There is no weight decay, which would leave the span, and no masks belong with
    it. Raises ValueError for a basis that is not orthonormal or of another d, a rate or momentum
    out of range, and for parameters that are not a network's. Taught in notebook 06.
    """

    basis: Float[Tensor, "d m"]
    lr: NonNegative = 0.1
    momentum: Share = 0.9

    def __post_init__(self) -> None:
        basis = accurate(self.basis)
        gram = basis.T @ basis
        eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        if not gram.numel() or not float((gram - eye).abs().max()) <= 1e-4:
            raise ValueError("basis must have orthonormal columns, at least one")

    @checked
    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        weights = listed(parameters)
        count = sum(weight.numel() for weight in weights)
        if count != len(self.basis):
            raise ValueError(f"basis has {len(self.basis)} rows, the net {count} parameters")
        basis = self.basis.to(weights[0])

        def project(*_: Any) -> None:
            slopes = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
            gradient = parameters_to_vector(slopes)
            for weight, part in _by_parameter(basis @ (basis.T @ gradient), weights):
                weight.grad = part

        optimizer = torch.optim.SGD(weights, lr=self.lr, momentum=self.momentum)
        optimizer.register_step_pre_hook(project)
        return optimizer


def _by_parameter(
    vector: Tensor, parameters: Sequence[nn.Parameter]
) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Yield each parameter with its part of the vector, in its shape."""
    parts = vector.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        yield parameter, part.view_as(parameter)


@torch.no_grad()
@checked
def start_inside(net: nn.Module, trained: Real[Tensor, " d"], basis: Real[Tensor, "d m"]) -> None:
    """Move the weights of `net`, in place, to the nearest point of W* + span(basis).

    `trained` is W* (d,). What lies outside the span becomes trained, what lies inside stays as it
    is in `net`, which stays on its device. Raises ValueError if the sizes do not fit, and for NaN
    or infinity. Taught in notebook 06.
    """
    count = sum(parameter.numel() for parameter in net.parameters())
    if len(trained) != count or not count:
        raise ValueError(f"trained {tuple(trained.shape)} does not fit a net of {count} parameters")
    for name, tensor in (("trained", trained), ("basis", basis)):
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} holds NaN or infinity")
    here = parameters_to_vector(net.parameters())
    # Whatever cannot be computed there in float64 is computed on the CPU.
    place = here.device if has_float64(here.device) else torch.device("cpu")
    trained, space = trained.to(place), accurate(basis).to(place)
    away = (here.to(place) - trained).double()
    nearest = trained.double() + space @ (space.T @ away)
    nearest = nearest.to(here.dtype).to(here.device)
    for parameter, part in _by_parameter(nearest, list(net.parameters())):
        parameter.copy_(part)
