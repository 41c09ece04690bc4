"""By how much can the outputs change when connections go? Eqs. (5), (7), (8), (13), (14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from ...checks import NonNegative, Number, checked
from .cut import check_share
from .importance import connection_signal, kernel_signal
from .support import judged_layers

Layer = tuple[Float[Tensor, "out in"], Float[Tensor, " out"] | None]
Keep = tuple[Bool[Tensor, "out in"], Bool[Tensor, " out"] | None]


@checked
@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds on |output before − output after|, one per output neuron.

    `average`: of the mean over the pruning set. `pointwise`: of the change on any one sample *of
    the pruning set*; another image may exceed it.
    """

    average: Float[Tensor, " outputs"]
    pointwise: Float[Tensor, " outputs"]


@checked
def dropped_signal(layer: Layer, keep: Keep, inputs: Float[Tensor, "samples in"]) -> Tensor:
    """Mean signal that each neuron loses: S_j Σ s_kj over what goes, the sum in Eq. (5).

    `layer` is (weight (out, in), bias (out,) or None), `keep` bool masks of the same shapes,
    `inputs` (samples, in). Returns (out,). The mean change of the neuron is at most this, and this
    is at most S_j (1 − α), for the cut keeps at least α: the last "=" in Eq. (5) is a "≤".
    Raises ValueError for shapes that do not fit. Taught in notebook 04.

    >>> layer = torch.tensor([[2.0, -1.0]]), torch.tensor([1.0])
    >>> keep = torch.tensor([[True, False]]), torch.tensor([True])
    >>> dropped_signal(layer, keep, torch.tensor([[1.0, 3.0], [2.0, -1.0]]))
    tensor([2.])
    """
    layer, keep, inputs = _together(layer, keep, inputs)
    signal = connection_signal(*layer, inputs)
    column = keep[0].new_ones(len(signal)) if keep[1] is None else keep[1]
    kept = torch.cat([keep[0], column[:, None]], dim=1)
    return signal.masked_fill(kept, 0.0).sum(dim=1)


@checked
def residuals(layer: Layer, keep: Keep, inputs: Float[Tensor, "samples in"]) -> Tensor:
    """Change of every neuron before its activation, sample by sample: δ_p of Eq. (4), (n, out).

    Arguments as in `dropped_signal`.
    """
    layer, keep, inputs = _together(layer, keep, inputs)
    lost = inputs @ layer[0].masked_fill(keep[0], 0.0).T
    if layer[1] is not None and keep[1] is not None:
        lost = lost + layer[1].masked_fill(keep[1], 0.0)
    return lost.abs()


@checked
def carry_change(
    change: Float[Tensor, "... neurons"],
    weights: Sequence[Float[Tensor, "_ _"]],
    lipschitz: NonNegative = 1.0,
) -> Tensor:
    """Bound the change of the outputs by that of an earlier layer: Eqs. (13), (14).

    `change` (…, m_l), of the neurons of layer l before their activation; `weights` are those of
    the layers after it, as the *pruned* network has them; `lipschitz` is C of the activation.
    Returns (…, outputs): C^(L−l) |W_L| … |W_(l+1)| change. Raises ValueError for weights that do
    not fit each other.
    """
    for place, weight in enumerate(weights):
        if weight.dim() != 2 or weight.shape[1] != change.shape[-1]:
            raise ValueError(
                f"weights[{place}] has shape {tuple(weight.shape)}; expected (…, "
                f"{change.shape[-1]}), as many inputs as change has entries"
            )
        change = float(lipschitz) * change @ weight.to(change).abs().T
    return change


@checked
def error_bounds(
    layers: Sequence[tuple[Tensor, Tensor | None]],
    keeps: Sequence[tuple[Tensor, Tensor | None]],
    inputs: Float[Tensor, "samples in"],
    *,
    activation: Callable[[Tensor], Tensor] = torch.relu,
    lipschitz: NonNegative = 1.0,
    alpha: Number | None = None,
) -> Bounds:
    """Bound how far pruning moves the outputs of a stack of Linear layers.

    `layers` are (weight, bias or None), `keeps` their bool masks, `inputs` (samples, in) the
    pruning set, `lipschitz` the constant of `activation`, which stands between the layers (1 for
    ReLU, ELU, tanh).

    One pruned layer gives Eqs. (5), (7), (8) and, through `carry_change`, (13) and (14). Several
    at once, which the paper leaves open: with W and x before, Ŵ and x̂ after pruning,
    |Wx − Ŵx̂| ≤ |(W − Ŵ)x| + |Ŵ| |x − x̂|, so each layer adds its own residual, measured on the
    signal of the whole network, to what earlier layers hand on. With `alpha` the residual is the
    printed S_j (1 − α) in place of the sum that really goes, hence a larger average bound.

    Raises ValueError for numbers of layers or shapes that do not fit, alpha outside (0, 1] or a
    negative Lipschitz constant. Source: NNrelief paper, Section 5.2. Taught in notebook 04.
    """
    if len(layers) != len(keeps) or not layers:
        raise ValueError(f"{len(layers)} layers and {len(keeps)} keeps: give as many, at least one")
    if alpha is not None:
        check_share(alpha)
    average = inputs.new_zeros(inputs.shape[1])
    pointwise = torch.zeros_like(inputs)
    for place, (layer, keep) in enumerate(zip(layers, keeps, strict=True)):
        lost, change = dropped_signal(layer, keep, inputs), residuals(layer, keep, inputs)
        layer, keep, inputs = _together(layer, keep, inputs)
        if alpha is not None:
            lost = connection_signal(*layer, inputs).sum(dim=1) * (1 - alpha)
        pruned = [layer[0].masked_fill(~keep[0], 0.0)]
        factor = lipschitz if place else 1.0
        average = lost + carry_change(average, pruned, factor)
        pointwise = change + carry_change(pointwise, pruned, factor)
        inputs = _activated(activation, functional.linear(inputs, *layer), "samples, out")
    return Bounds(average, pointwise.amax(dim=0))


@checked
@dataclass(frozen=True, eq=False)
class FilterChange:
    """What a cut does to each filter of a convolution, and what bounds it.

    `change` (images, out): the norm of the change of the map, Eq. (9); `activated` (images, out):
    the same behind the activation, the left of Eq. (11). `lost` (out,): the signal of what goes,
    the sum in Eq. (10); `signal` (out,): S_j, all there was.
    """

    change: Float[Tensor, "images out"]
    activated: Float[Tensor, "images out"]
    lost: Float[Tensor, " out"]
    signal: Float[Tensor, " out"]


@torch.no_grad()
@checked
def filter_change(
    conv: nn.Conv2d,
    keep: tuple[Bool[Tensor, "out in_group"], Bool[Tensor, " out"] | None],
    inputs: Float[Tensor, "images in height width"],
    activation: Callable[[Tensor], Tensor] = torch.relu,
) -> FilterChange:
    """Measure how far each filter moves when kernels and biases go: Eqs. (9), (10), (11).

    `keep` are bool masks of the kernels (out, in / groups) and of the biases (out,), or None for
    the biases: they stay. `inputs` (images, in, height, width) is what the layer sees. On these
    images the mean change is at most `lost`, and after a cut at α `lost` is at most S_j (1 − α).
    Eq. (9) holds with |K| on its right side, as in Eq. (2). Raises ValueError for masks that do not
    fit, a convolution that `support.judged_layers` refuses, an `activation` that does not map
    images to images, and whatever `kernel_signal` refuses. Taught in notebook 04.

    >>> conv = nn.Conv2d(1, 1, 1, bias=False)
    >>> made = filter_change(conv, (torch.tensor([[False]]), None), torch.ones(2, 1, 2, 2))
    >>> bool((made.change.mean(dim=0) <= made.lost * 1.000001).all())
    True
    """
    judged_layers(conv)
    weight, bias = conv.weight.detach(), None if conv.bias is None else conv.bias.detach()
    if tuple(keep[0].shape) != tuple(weight.shape[:2]) or (bias is None and keep[1] is not None):
        raise ValueError(
            f"keep has kernels {tuple(keep[0].shape)} and biases {keep[1] is not None}; conv has "
            f"kernels {tuple(weight.shape[:2])} and biases {bias is not None}"
        )
    window: dict[str, Any] = {"stride": conv.stride, "padding": conv.padding,
                              "dilation": conv.dilation, "groups": conv.groups}  # fmt: skip
    signal = kernel_signal(weight, bias, inputs, **window)
    weight = weight.to(inputs)
    bias = inputs.new_zeros(len(weight)) if bias is None else bias.to(inputs)
    kernels = keep[0].to(inputs.device)
    kept_bias = torch.ones_like(bias, dtype=torch.bool) if keep[1] is None else keep[1].to(kernels)
    before = functional.conv2d(inputs, weight, bias, **window)
    smaller = weight * kernels[:, :, None, None], bias * kept_bias
    after = functional.conv2d(inputs, *smaller, **window)
    shown = [_activated(activation, maps, "images, out, h, w") for maps in (before, after)]
    kept = torch.cat([kernels, kept_bias[:, None]], dim=1)
    return FilterChange(
        change=(before - after).flatten(2).norm(dim=2),
        activated=(shown[0] - shown[1]).flatten(2).norm(dim=2),
        lost=signal.masked_fill(kept, 0.0).sum(dim=1),
        signal=signal.sum(dim=1),
    )


def _together(layer: Layer, keep: Keep, inputs: Tensor) -> tuple[Layer, Keep, Tensor]:
    """Return all where the inputs lie, layer and inputs in one dtype."""
    if layer[1] is None and keep[1] is not None:
        raise ValueError("keep has a mask of the bias, but layer has no bias")
    inputs = inputs.to(torch.promote_types(layer[0].dtype, inputs.dtype))
    layer = layer[0].to(inputs), None if layer[1] is None else layer[1].to(inputs)
    place = inputs.device
    keep = keep[0].to(place), None if keep[1] is None else keep[1].to(place)
    return layer, keep, inputs


def _activated(activation: Callable[[Tensor], Tensor], before: Tensor, units: str) -> Tensor:
    """Return what the activation makes of outputs (samples, `units`): as many as there were."""
    try:
        after = activation(before)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"activation={activation} does not take ({units}): {error}") from error
    same = isinstance(after, Tensor) and after.dim() == before.dim()
    if not same or after.shape[:2] != before.shape[:2]:
        raise ValueError(f"activation={activation} must map ({units}) to the same")
    return after
