"""How much of a neuron's or filter's signal comes through each connection: Eqs. (1), (2), (3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ...checks import Count, Whole, check_choice, checked

VARIANTS = ("frobenius", "l1", "mean_map")
Steps = Count | tuple[Count, Count]
Pads = Whole | tuple[Whole, Whole]

# Patches that are held at once: 64 MB in float32, however many images there are.
BLOCK = 2**24
WINDOW_AT_MOST = 1024


@checked
def connection_importance(
    weight: Float[Tensor, "out in"],
    bias: Float[Tensor, " out"] | None,
    inputs: Float[Tensor, "samples in"],
) -> Tensor:
    """Share of each neuron's signal that comes through each connection: s_ij, Eq. (1).

    `weight` (out, in), `bias` (out,) or None, `inputs` (samples, in), what the layer sees on the
    pruning set. Returns (out, in + 1): in [0, 1], each row sums to 1, the last column is the bias.
    The row of a neuron without any signal is all 0. Computed where the inputs lie.

    Raises ValueError for shapes that do not fit, no samples, NaN or infinity, and signals that are
    too large for the dtype. Source: NNrelief paper, Section 3.1. Taught in notebook 04.

    >>> weight, bias = torch.tensor([[2.0, -1.0]]), torch.tensor([1.0])
    >>> connection_importance(weight, bias, torch.tensor([[1.0, 3.0], [2.0, -1.0]]))
    tensor([[0.5000, 0.3333, 0.1667]])
    """
    return shares_of(connection_signal(weight, bias, inputs))


@checked
def connection_signal(
    weight: Float[Tensor, "out in"],
    bias: Float[Tensor, " out"] | None,
    inputs: Float[Tensor, "samples in"],
) -> Tensor:
    """Numerators of Eq. (1): the mean of |w_ij x_i| over the samples, and |b_j|.

    Arguments, shape and errors as in `connection_importance`; the row sums are S_j.
    """
    weight, bias = _beside(weight, bias, inputs)
    signal = signal_of_connections(weight, bias, inputs)
    _check_size(signal)
    return signal


def signal_of_connections(weight: Tensor, bias: Tensor | None, inputs: Tensor) -> Tensor:
    """Return what `connection_signal` does, unchecked: a network is checked as a whole."""
    return _with_bias(weight.abs() * inputs.abs().mean(dim=0), bias, scale=1.0)


class Window(TypedDict, total=False):
    """How kernels move over an image, as in torch's conv2d, and which reading of Eq. (2) counts."""

    stride: Steps
    padding: Pads
    dilation: Steps
    groups: Count
    variant: str


@checked
def kernel_importance(
    weight: Float[Tensor, "out in_group kernel_h kernel_w"],
    bias: Float[Tensor, " out"] | None,
    inputs: Float[Tensor, "samples in height width"],
    **window: Unpack[Window],
) -> Tensor:
    """Share of each filter's signal that comes through each of its kernels: Eqs. (2), (3).

    `weight` (out, in / groups, height, width), `bias` (out,) or None, `inputs` (samples, in,
    height, width); `stride`, `padding`, `dilation` and `groups` as in torch's conv2d. Returns
    (out, in / groups + 1): in [0, 1], each row sums to 1, the last column is the bias. The row of a
    filter without any signal is all 0.

    Variants: "frobenius" is Eq. (2), the mean over the samples of ‖|K| * |x|‖_F. The authors' code
    takes the sum of |K| * |x| for LeNet-5 ("l1"), and the norm of its mean over the samples for
    VGG and ResNet ("mean_map").

    Raises ValueError for another variant, shapes that do not fit, no samples, NaN or infinity, and
    signals that are too large for the dtype. Source: NNrelief paper, Section 3.2. Taught in
    notebook 04.

    >>> weight = torch.tensor([[[[3.0]], [[-1.0]]]])                # two 1×1 kernels
    >>> images = torch.ones(1, 2, 2, 2)                             # ‖3 · 1‖_F = 6, ‖1 · 1‖_F = 2
    >>> kernel_importance(weight, torch.tensor([1.0]), images)      # |b| √(2 · 2) = 2
    tensor([[0.6000, 0.2000, 0.2000]])
    """
    return shares_of(kernel_signal(weight, bias, inputs, **window))


@checked
def kernel_signal(
    weight: Float[Tensor, "out in_group kernel_h kernel_w"],
    bias: Float[Tensor, " out"] | None,
    inputs: Float[Tensor, "samples in height width"],
    *,
    stride: Steps = 1,
    padding: Pads = 0,
    dilation: Steps = 1,
    groups: Count = 1,
    variant: str = "frobenius",
) -> Tensor:
    """Numerators of Eqs. (2) and (3); the row sums are S_j. All else as in `kernel_importance`."""
    check_choice("variant", variant, VARIANTS)
    weight, bias = _beside(weight, bias, inputs)
    window = {"stride": _pair(stride), "padding": _pair(padding), "dilation": _pair(dilation)}
    _check_window(weight, inputs, window, groups)
    signal = signal_of_kernels(weight, bias, inputs.to(weight.dtype), window, groups, variant)
    _check_size(signal)
    return signal


def signal_of_kernels(
    weight: Tensor,
    bias: Tensor | None,
    inputs: Tensor,
    window: Mapping[str, Any],
    groups: int,
    variant: str,
) -> Tensor:
    """Return what `kernel_signal` does, unchecked: a network is checked as a whole.

    `window` has stride, padding and dilation.
    """
    if variant != "frobenius":
        # Both are linear in |x|, so the mean image says it all.
        inputs = inputs.abs().mean(dim=0, keepdim=True)
    kernels = weight.abs().unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1).flatten(2)
    total = torch.zeros(kernels.shape[:2], dtype=inputs.dtype, device=inputs.device)
    places = 0
    # Each channel alone: unfold then has no need to know about groups.
    images_at_once = max(1, BLOCK // (inputs[0].numel() * kernels.shape[2]))
    for block in inputs.abs().split(images_at_once):
        patches = functional.unfold(block.flatten(0, 1)[:, None], weight.shape[2:], **window)
        places = patches.shape[2]
        images = patches.unflatten(0, (len(block), -1))
        if variant == "l1":
            total += (kernels @ images.sum(dim=(0, 3))[:, :, None])[:, :, 0]
        else:
            total += _norms(kernels, images)
    signal = (total / len(inputs)).unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
    return _with_bias(signal, bias, scale=places if variant == "l1" else places**0.5)


def _norms(kernels: Tensor, patches: Tensor) -> Tensor:
    """Sum ‖|K| * |x|‖_F over the images: (channels, filters).

    `kernels` (channels, filters, k²), `patches` (images, channels, k², places). The square of the
    norm is a quadratic form, kᵀ G k with the Gram matrix G = P Pᵀ of the patches: G is shared by
    all filters, so no feature map is ever computed. Nothing is negative, so nothing cancels. Each
    kernel and each channel of an image counts in its own unit: no square is too large or too small.
    """
    kernels, strong = _scaled(kernels, (2,))
    patches, bright = _scaled(patches, (2, 3))
    gram = (patches @ patches.mT).flatten(2).transpose(0, 1)
    outer = (kernels[:, :, :, None] * kernels[:, :, None, :]).flatten(2)
    norms = (gram @ outer.mT).sqrt() * bright[:, :, :, 0].transpose(0, 1) * strong.mT
    return norms.sum(dim=1)


def _scaled(values: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return values with 1 as the largest along `dims`, and what they were divided by."""
    largest = values.amax(dim=dims, keepdim=True)
    largest = largest.masked_fill(largest == 0, 1.0)
    return values / largest, largest


def _with_bias(signal: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    column = signal.new_zeros(len(signal)) if bias is None else bias.abs() * scale
    return torch.cat([signal, column[:, None]], dim=1).detach()


def shares_of(signal: Tensor) -> Tensor:
    """Divide each row by its sum S_j; a row without signal stays 0."""
    total = signal.sum(dim=1, keepdim=True)
    return signal / total.masked_fill(total == 0, 1.0)


def _beside(weight: Tensor, bias: Tensor | None, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return weight and bias where the inputs lie; refuse no samples, NaN and infinity."""
    if not len(inputs):
        raise ValueError("inputs has no samples: the pruning set must not be empty")
    for name, tensor in (("weight", weight), ("bias", bias), ("inputs", inputs)):
        if tensor is not None and not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} holds NaN or infinity")
    dtype = torch.promote_types(weight.dtype, inputs.dtype)
    weight = weight.to(inputs.device, dtype)
    return weight, None if bias is None else bias.to(weight)


def _check_size(signal: Tensor) -> None:
    if not bool(signal.sum(dim=1).isfinite().all()):
        raise ValueError(
            "weight, bias or inputs are too large: their signal is infinite in "
            + str(signal.dtype).removeprefix("torch.")
        )


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _check_window(
    weight: Tensor, inputs: Tensor, window: Mapping[str, tuple[int, int]], groups: int
) -> None:
    """Raise ValueError unless the kernels fit the channels, and into the padded images."""
    stride, padding, dilation = (window[name] for name in ("stride", "padding", "dilation"))
    if max(*stride, *padding, *dilation) > WINDOW_AT_MOST:
        raise ValueError(
            f"stride={stride}, padding={padding}, dilation={dilation}: at most {WINDOW_AT_MOST}"
        )
    images, kernels = tuple(inputs.shape), tuple(weight.shape)
    if images[1] != kernels[1] * groups or kernels[0] % groups or not weight.numel():
        raise ValueError(
            f"weight {kernels}, inputs {images} and groups={groups} do "
            "not fit: they must be (out, in / groups, h, w) and (samples, in, h, w)"
        )
    spans = (gap * (size - 1) + 1 for gap, size in zip(dilation, kernels[2:], strict=True))
    rooms = (size + 2 * more for size, more in zip(images[2:], padding, strict=True))
    if any(room < span for room, span in zip(rooms, spans, strict=True)):
        raise ValueError(
            f"inputs {images} with padding={padding} are smaller than weight {kernels} with "
            f"dilation={dilation}"
        )
