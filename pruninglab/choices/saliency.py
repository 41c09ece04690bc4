"""Scores that the field compares with, none of them from the five papers: each by its definition.

Before training: SNIP, GraSP, SynFlow. After it: the diagonal Fisher, Wanda, RIA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import Count, NonNegative, checked
from ..data import Split
from ..ideas import imc
from ..ideas.saliency import fisher_diagonal, input_norms, synaptic_flow
from .needs import Needs
from .prunable import PRUNABLE, prunable


def _as_many_images(score: Any) -> Needs:
    """The `samples` images of a score."""
    return Needs(images=score.samples)


@checked
@dataclass(frozen=True)
class snip:
    """|w · ∂L/∂w|: how much the loss feels a gate on the weight. Made for untrained networks.

    Over the first `samples` training images, in eval mode. Prune before training with
    `stop=stops.first_then(0, …)` and `rounds=1`. The paper divides by the sum over all weights:
    that changes neither an order nor a share, so we do not. Source: Lee et al. (2019). Taught in
    notebook 07.
    """

    samples: Count = 1000

    needs = property(_as_many_images)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        loss = imc.hessian_operator(net, *images.take(self.samples))
        return _weights(net, loss.split((loss.weights * loss.gradient()).abs()))


@checked
@dataclass(frozen=True)
class grasp:
    """θ ⊙ Hg, moved up so that the least is 0: what the gradient's norm loses with the weight.

    The paper's score is signed: a weight whose removal *raises* the gradient's norm goes first,
    before one that does nothing. A score here is not negative, so all are moved up by the same
    amount: the order is the paper's, and so is every cut by `fraction` or `count` in scope
    `global_`; shares and indices of the moved values (`signal_share`, `pq_bound`) mean nothing.
    Made for untrained networks, as `snip`. The authors also divide the logits by a temperature in
    their code. Source: Wang et al. (2020). Taught in notebook 07.
    """

    samples: Count = 1000

    needs = property(_as_many_images)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        loss = imc.hessian_operator(net, *images.take(self.samples))
        kept = _weights(net, loss.split(loss.weights * (loss @ loss.gradient())))
        least = min(float(value.min()) for value in kept.values())
        return {name: (value - least).clamp_min(0) for name, value in kept.items()}


@checked
def synflow(net: nn.Module, images: Split) -> dict[str, Tensor]:
    """The share of all paths through the network that run through the weight; no data needed.

    Made to be iterated on an untrained network: after n rounds of `fraction(1 - density ** (1/n))`,
    the paper's exponential schedule, no layer collapses before it must. Source: Tanaka et al.
    (2020). Taught in notebook 07.
    """
    flow = synaptic_flow(net, images.inputs)
    # The product of many layers overflows float32; the order does not change by a factor.
    largest = max(float(flow[name].max()) for name in prunable(net)) or 1.0
    return _weights(net, {name: value / largest for name, value in flow.items()})


@checked
@dataclass(frozen=True)
class fisher:
    """F_ii w²/2, F the diagonal of the empirical Fisher information: what a removal costs.

    Optimal Brain Damage with F in the place of the Hessian: never negative, one gradient an image.
    Source: Theis et al. (2018). Taught in notebook 07.
    """

    samples: Count = 500

    needs = property(_as_many_images)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        diagonal = fisher_diagonal(net, *images.take(self.samples))
        weights = prunable(net)
        return {name: diagonal[name] * weight.detach() ** 2 / 2 for name, weight in weights.items()}


@checked
@dataclass(frozen=True)
class wanda:
    """|w_ij| · ‖x_j‖₂: a weight is worth the signal that it meets. Compare within a neuron.

    One forward pass of `samples` images. Its fame comes from language models, where a few inputs
    are a hundred times larger than the rest; a small image network has none, so here it is not put
    to that test. Source: Sun et al. (2023), with scope `neuron`. Taught in notebook 07.
    """

    samples: Count = 1000

    needs = property(_as_many_images)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        norms = _norms(net, images.take(self.samples))
        return {name: weight.detach().abs() * norms[name] for name, weight in prunable(net).items()}


@checked
@dataclass(frozen=True)
class ria:
    """(|w_ij| / Σ_i |w_ij| + |w_ij| / Σ_j |w_ij|) · ‖x_j‖₂^a: Wanda with relative importance.

    The two sums are over the weight's column (what its input feeds) and its row (what feeds its
    neuron), so no channel is pruned away whole. `power` is a ≥ 0. In a convolution each position of
    a kernel is a column. Source: Zhang et al. (2024). Taught in notebook 07.
    """

    power: NonNegative = 0.5
    samples: Count = 1000

    needs = property(_as_many_images)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        norms = _norms(net, images.take(self.samples))
        return {name: _relative(weight.detach().abs()) * norms[name] ** self.power
                for name, weight in prunable(net).items()}  # fmt: skip


def _relative(size: Tensor) -> Tensor:
    """Return each size as a share of its column plus as a share of its row; 0 where both are 0."""
    tiny = torch.finfo(size.dtype).tiny
    column = size.sum(dim=0, keepdim=True).clamp_min(tiny)
    row = size.flatten(1).sum(dim=1).clamp_min(tiny).reshape(-1, *[1] * (size.dim() - 1))
    return size / column + size / row


def _norms(net: nn.Module, images: Split) -> dict[str, Tensor]:
    norms = input_norms(net, images.inputs, PRUNABLE)
    return {f"{name}.weight" if name else "weight": norm for name, norm in norms.items()}


def _weights(net: nn.Module, values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the values of the prunable weights, in each weight's dtype, on its device."""
    return {name: values[name].to(weight) for name, weight in prunable(net).items()}
