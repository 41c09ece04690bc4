"""Importance of every connection and kernel of a whole network, streamed over the pruning set."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from ...checks import Number, check_choice, checked
from ...devices import move_to
from ...modes import Refused, block_of, evaluating, run, watching
from .cut import check_share
from .importance import VARIANTS, shares_of, signal_of_connections, signal_of_kernels
from .support import Layers, judged_layers

IMAGES_AT_ONCE = 250
# What a residual block is made of, like `nets.ResidualBlock`.
BLOCK = ("conv2", "bn2", "shortcut")


@torch.no_grad()
@checked
def network_importance(
    net: nn.Module,
    inputs: Num[Tensor, "samples ..."],
    variant: str = "frobenius",
    residual: Number | None = None,
) -> dict[str, Tensor]:
    """Importance of all connections of `net`, each layer judged by what it sees of `inputs`.

    Maps the name of each Linear and Conv2d layer to (out, in + 1), as `connection_importance` and
    `kernel_importance` give it. All layers are judged in the network as it is, not one after the
    other with the cut ones before them; in eval mode. A layer that is used several times is judged
    by all that it sees. Images pass in blocks, so memory does not grow with their number. The
    network moves to where they lie. `variant` as in `kernel_importance`. With `residual` = α,
    filters that add less than 1 − α of the signal to a residual sum (`weak_branches`) count for
    nothing.

    Raises ValueError for an unknown variant, no samples, inputs that the network does not take,
    `residual` on a network without residual blocks, and, with its name, for a layer of another kind
    (`support.judged_layers`), one that sees sequences instead of (samples, in), and one that holds
    or sees NaN. Source: NNrelief paper, Section 3. Taught in notebook 04.
    """
    check_choice("variant", variant, VARIANTS)
    if residual is not None:
        check_share(residual, "residual")
    if not len(inputs):
        raise ValueError("inputs has no samples: the pruning set must not be empty")
    layers = judged_layers(net)
    move_to(net, inputs)
    for name, layer in layers.items():
        if not all(bool(part.isfinite().all()) for part in layer.parameters()):
            raise ValueError(f"net: layer {name!r} holds NaN or infinity")
    means = _means(net, layers, inputs, variant)
    importance = {}
    for name, layer in layers.items():
        if name not in means:
            raise ValueError(f"net: layer {name!r} saw none of the inputs: it is not used")
        signal = means[name]
        if not _looks_at_single(layer, variant):
            signal = _signal(layer, signal[None], variant)
        if not bool(signal.sum(dim=1).isfinite().all()):
            raise ValueError(
                f"net: layer {name!r} sees NaN or infinity, or numbers too large for "
                f"{signal.dtype}: are the inputs finite?"
            )
        importance[name] = shares_of(signal)
    if residual is not None:
        _silence_weak_branches(net, inputs, importance, residual)
    return importance


@checked
def weak_branches(
    main: Float[Tensor, "samples channels height width"],
    shortcut: Float[Tensor, "samples channels height width"],
    alpha: Number,
) -> tuple[Tensor, Tensor]:
    """Which channels of a residual sum could do without one of the two branches.

    `main` and `shortcut` (samples, channels, height, width) are what is added. Returns two bool
    tensors (channels,): where the main branch carries less than 1 − α of the signal, and where the
    shortcut does, the signal being the norm of the mean of |x| over the samples. Raises ValueError
    for alpha outside (0, 1], unequal shapes, no samples and NaN. Source: the code of the NNrelief
    paper; not in the paper.

    >>> weak_branches(torch.tensor([[[[9.9]], [[1.0]]]]), torch.tensor([[[[0.1]], [[1.0]]]]), 0.95)
    (tensor([False, False]), tensor([ True, False]))
    """
    check_share(alpha)
    strength = []
    for name, x in (("main", main), ("shortcut", shortcut.to(main.device))):
        if not len(x) or not bool(x.isfinite().all()):
            raise ValueError(f"{name} must have samples, and hold no NaN or infinity")
        strength.append(x.abs().mean(dim=0).flatten(1).norm(dim=1))
    limit = (1 - alpha) * (strength[0] + strength[1])
    return strength[0] < limit, strength[1] < limit


def _looks_at_single(layer: nn.Module, variant: str) -> bool:
    """Tell whether single images count: only in Eq. (2) as printed; all else is linear in |x|."""
    return variant == "frobenius" and isinstance(layer, nn.Conv2d)


def _means(net: nn.Module, layers: Layers, inputs: Tensor, variant: str) -> dict[str, Tensor]:
    """Return the mean over all that a layer sees, by name: of its signal, or of |x|."""
    sums: dict[str, Tensor] = {}
    counts = dict.fromkeys(layers, 0)

    def add(name: str, seen: Tensor) -> None:
        layer = layers[name]
        wanted = ("samples", "in") if isinstance(layer, nn.Linear) else ("samples", "in", "h", "w")
        if seen.dim() != len(wanted):
            raise Refused(
                f"net: layer {name!r} sees inputs of the shape {tuple(seen.shape)}; importance "
                f"is defined for ({', '.join(wanted)})"
            )
        part = seen.abs().sum(dim=0)
        if _looks_at_single(layer, variant):
            part = _signal(layer, seen, variant) * len(seen)
        if name in sums and sums[name].shape != part.shape:
            raise Refused(
                f"net: layer {name!r} is used on images of several sizes, for which "
                f"variant={variant!r} is not defined"
            )
        sums[name] = sums[name] + part if name in sums else part
        counts[name] += len(seen)

    with evaluating(net), watching(layers, add):
        for block in inputs.split(block_of(IMAGES_AT_ONCE)):
            run(net, block)
    return {name: total / counts[name] for name, total in sums.items()}


def _signal(layer: nn.Linear | nn.Conv2d, seen: Tensor, variant: str) -> Tensor:
    if isinstance(layer, nn.Linear):
        return signal_of_connections(layer.weight, layer.bias, seen)
    window = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    return signal_of_kernels(layer.weight, layer.bias, seen, window, layer.groups, variant)


def _silence_weak_branches(
    net: nn.Module, inputs: Tensor, importance: dict[str, Tensor], alpha: float
) -> None:
    """Set to 0 the importance of filters that add next to nothing to the sum of their block.

    A block is a module with conv2, bn2 and shortcut, like `nets.ResidualBlock`. A shortcut without
    a convolution has no weights that could go.
    """
    blocks: dict[str, Any] = {
        f"{name}." if name else "": module
        for name, module in net.named_modules()
        if all(isinstance(getattr(module, part, None), nn.Module) for part in BLOCK)
    }
    if not blocks:
        raise ValueError(f"residual={alpha}, but net has no block with {', '.join(BLOCK)}")
    sums: dict[nn.Module, Tensor] = {}

    def add(branch: nn.Module, _: Any, made: Tensor) -> None:
        part = made.abs().sum(dim=0)
        sums[branch] = sums[branch] + part if branch in sums else part

    branches = {prefix: (block.bn2, block.shortcut) for prefix, block in blocks.items()}
    hooks = [part.register_forward_hook(add) for pair in branches.values() for part in pair]
    try:
        with evaluating(net):
            for images in inputs.split(block_of(IMAGES_AT_ONCE)):
                run(net, images)
    finally:
        for hook in hooks:
            hook.remove()
    for prefix, pair in branches.items():
        main, shortcut = (sums[part][None] / len(inputs) for part in pair)
        weak_main, weak_shortcut = weak_branches(main, shortcut, alpha)
        for layer, weak in (("conv2", weak_main), ("shortcut.conv", weak_shortcut)):
            if prefix + layer in importance:
                importance[prefix + layer][weak] = 0.0
