"""How much of a neuron's or filter's signal comes through each connection: Eqs. (1), (2), (3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..checks import check_choice

VARIANTS = ("frobenius", "l1", "mean_map")
Pair = int | tuple[int, int]

# Patches that are held at once: 64 MB in float32, however many images there are.
BLOCK = 2**24


def connection_importance(weight: Tensor, bias: Tensor | None, inputs: Tensor) -> Tensor:
    """Share of each neuron's signal that comes through each connection: s_ij, Eq. (1).

    `weight` (out, in), `bias` (out,) or None, `inputs` (samples, in), what the layer sees on the
    pruning set. Returns (out, in + 1): in [0, 1], each row sums to 1, the last column is the bias.
    The row of a neuron without any signal is all 0.

    Raises ValueError for shapes that do not fit, no samples, NaN or infinity. Source: NNrelief
    paper, Section 3.1. Taught in notebook 04.

    >>> weight, bias = torch.tensor([[2.0, -1.0]]), torch.tensor([1.0])
    >>> connection_importance(weight, bias, torch.tensor([[1.0, 3.0], [2.0, -1.0]]))
    tensor([[0.5000, 0.3333, 0.1667]])
    """
    return _shares(connection_signal(weight, bias, inputs))


def connection_signal(weight: Tensor, bias: Tensor | None, inputs: Tensor) -> Tensor:
    """Numerators of Eq. (1): the mean of |w_ij x_i| over the samples, and |b_j|.

    Arguments, shape and errors as in `connection_importance`; the row sums are S_j.
    """
    if weight.dim() != 2 or inputs.dim() != 2 or inputs.shape[1] != weight.shape[1]:
        raise ValueError(
            f"weight {tuple(weight.shape)} and inputs {tuple(inputs.shape)} do not fit: "
            "they must be (out, in) and (samples, in)"
        )
    _check(weight, bias, inputs)
    return _with_bias(weight.abs() * inputs.abs().mean(dim=0), bias, scale=1.0)


def kernel_importance(
    weight: Tensor,
    bias: Tensor | None,
    inputs: Tensor,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    variant: str = "frobenius",
) -> Tensor:
    """Share of each filter's signal that comes through each of its kernels: Eqs. (2), (3).

    `weight` (out, in / groups, height, width), `bias` (out,) or None, `inputs` (samples, in,
    height, width); the other arguments as in torch's conv2d. Returns (out, in / groups + 1): in
    [0, 1], each row sums to 1, the last column is the bias. The row of a filter without any signal
    is all 0.

    Variants: "frobenius" is Eq. (2), the mean over the samples of ‖|K| * |x|‖_F. The authors' code
    takes the sum of |K| * |x| for LeNet-5 ("l1"), and the norm of its mean over the samples for
    VGG and ResNet ("mean_map").

    Raises ValueError for another variant, shapes that do not fit, no samples, NaN or infinity.
    Source: NNrelief paper, Section 3.2. Taught in notebook 04.

    >>> weight = torch.tensor([[[[3.0]], [[-1.0]]]])                # two 1×1 kernels
    >>> images = torch.ones(1, 2, 2, 2)                             # ‖3 · 1‖_F = 6, ‖1 · 1‖_F = 2
    >>> kernel_importance(weight, torch.tensor([1.0]), images)      # |b| √(2 · 2) = 2
    tensor([[0.6000, 0.2000, 0.2000]])
    """
    signal = kernel_signal(
        weight,
        bias,
        inputs,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        variant=variant,
    )
    return _shares(signal)


def kernel_signal(
    weight: Tensor,
    bias: Tensor | None,
    inputs: Tensor,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    variant: str = "frobenius",
) -> Tensor:
    """Numerators of Eqs. (2) and (3); the row sums are S_j. All else as in `kernel_importance`."""
    check_choice("variant", variant, VARIANTS)
    fits = weight.dim() == 4 and inputs.dim() == 4 and inputs.shape[1] == weight.shape[1] * groups
    if not fits or len(weight) % groups:
        raise ValueError(
            f"weight {tuple(weight.shape)}, inputs {tuple(inputs.shape)} and groups={groups} do "
            "not fit: they must be (out, in / groups, h, w) and (samples, in, h, w)"
        )
    _check(weight, bias, inputs)
    if variant != "frobenius":
        # Both are linear in |x|, so the mean image says it all.
        inputs = inputs.abs().mean(dim=0, keepdim=True)
    kernels = weight.abs().unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1).flatten(2)
    total = torch.zeros(kernels.shape[:2], dtype=inputs.dtype, device=inputs.device)
    places = 0
    # Each channel alone: unfold then has no need to know about groups.
    window = {"dilation": dilation, "padding": padding, "stride": stride}
    images_at_once = max(1, BLOCK // (inputs[0].numel() * kernels.shape[2]))
    for block in inputs.abs().split(images_at_once):
        patches = functional.unfold(block.flatten(0, 1)[:, None], weight.shape[2:], **window)
        places = patches.shape[2]
        images = patches.unflatten(0, (len(block), -1))
        total += _sums(kernels, images) if variant == "l1" else _norms(kernels, images)
    signal = (total / len(inputs)).unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return _with_bias(signal, bias, scale=places if variant == "l1" else places**0.5)


def _sums(kernels: Tensor, patches: Tensor) -> Tensor:
    """Sum |K| * |x| over images and places: (channels, filters). Arguments as in `_norms`."""
    return (kernels @ patches.sum(dim=(0, 3))[:, :, None])[:, :, 0]


def _norms(kernels: Tensor, patches: Tensor) -> Tensor:
    """Sum ‖|K| * |x|‖_F over the images: (channels, filters).

    `kernels` (channels, filters, k²), `patches` (images, channels, k², places). The square of the
    norm is a quadratic form, kᵀ G k with the Gram matrix G = P Pᵀ of the patches: G is shared by
    all filters, so no feature map is ever computed. Nothing is negative, so nothing cancels.
    """
    gram = (patches @ patches.mT).flatten(2).transpose(0, 1)
    outer = (kernels[:, :, :, None] * kernels[:, :, None, :]).flatten(2)
    return (gram @ outer.mT).sqrt().sum(dim=1)


def _with_bias(signal: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    column = signal.new_zeros(len(signal)) if bias is None else bias.abs() * scale
    return torch.cat([signal, column[:, None]], dim=1).detach()


def _shares(signal: Tensor) -> Tensor:
    """Divide each row by its sum S_j; a row without signal stays 0."""
    total = signal.sum(dim=1, keepdim=True)
    return signal / total.masked_fill(total == 0, 1.0)


def _check(weight: Tensor, bias: Tensor | None, inputs: Tensor) -> None:
    """Raise ValueError for no samples, a bias that does not fit, NaN or infinity."""
    if not len(inputs):
        raise ValueError("inputs has no samples: the pruning set must not be empty")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias {tuple(bias.shape)} must have the shape ({len(weight)},)")
    for name, tensor in (("weight", weight), ("bias", bias), ("inputs", inputs)):
        # The sum of finite numbers is finite: one number to look at, and no mask of all of them.
        if tensor is not None and not bool(tensor.detach().double().sum().isfinite()):
            raise ValueError(f"{name} holds NaN or infinity")
