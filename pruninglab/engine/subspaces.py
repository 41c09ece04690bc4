"""Training inside a subspace: the training loop as it is, with an optimizer that is projected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters


@dataclass(frozen=True, eq=False)
class projected_sgd:
    """SGD that moves the weights along the columns of `basis` only: hand it to `Training`.

    `basis` (d, m) is orthonormal, d counts all parameters of the network in their order. Every
    gradient is projected onto the m directions, so the weights stay in where they started + span,
    up to round-off. There is no weight decay, which would leave the span, and no masks belong with
    it. Raises ValueError for a basis that is not orthonormal or of another d. Taught in
    notebook 06.
    """

    basis: Tensor
    lr: float = 0.1
    momentum: float = 0.9

    def __post_init__(self) -> None:
        if self.basis.dim() != 2:
            raise ValueError(f"basis has shape {tuple(self.basis.shape)}; expected (d, m)")
        gram = self.basis.double().T @ self.basis.double()
        eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        if float((gram - eye).abs().max()) > 1e-4:
            raise ValueError("basis must have orthonormal columns")

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        weights = list(parameters)
        count = sum(weight.numel() for weight in weights)
        if count != len(self.basis):
            raise ValueError(f"basis has {len(self.basis)} rows, the net {count} parameters")
        basis = self.basis.to(weights[0])

        def project(*_: Any) -> None:
            gradients = [_gradient(weight) for weight in weights]
            inside = basis @ (basis.T @ parameters_to_vector(gradients))
            vector_to_parameters(inside, gradients)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient.data

        optimizer = torch.optim.SGD(weights, lr=self.lr, momentum=self.momentum)
        optimizer.register_step_pre_hook(project)
        return optimizer


def _gradient(weight: nn.Parameter) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad.clone()


@torch.no_grad()
def start_inside(net: nn.Module, trained: Tensor, basis: Tensor) -> None:
    """Move the weights of `net`, in place, to the nearest point of W* + span(basis).

    `trained` is W* (d,). What lies outside the span becomes trained, what lies inside stays as it
    is in `net`. Raises ValueError if the sizes do not fit. Taught in notebook 06.
    """
    here = parameters_to_vector(net.parameters())
    if trained.shape != here.shape or len(basis) != len(here):
        raise ValueError(
            f"trained {tuple(trained.shape)} and basis {tuple(basis.shape)} do not fit a net of "
            f"{len(here)} parameters"
        )
    away = (here - trained).double()
    space = basis.to(away)
    vector_to_parameters((trained.double() + space @ (space.T @ away)).to(here), net.parameters())
