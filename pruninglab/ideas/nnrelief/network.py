"""Importance of every connection and kernel of a whole network, streamed over the pruning set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..checks import check_choice
from .cut import check_share
from .importance import VARIANTS, _shares, connection_signal, kernel_signal

IMAGES_AT_ONCE = 250
Layers = dict[str, nn.Linear | nn.Conv2d]


@torch.no_grad()
def network_importance(
    net: nn.Module, inputs: Tensor, variant: str = "frobenius", residual: float | None = None
) -> dict[str, Tensor]:
    """Importance of all connections of `net`, each layer judged by what it sees of `inputs`.

    Maps the name of each Linear and Conv2d layer to (out, in + 1), as `connection_importance` and
    `kernel_importance` give it. All layers are judged in the network as it is, not one after the
    other with the cut ones before them; in eval mode. Images pass in blocks, so memory does not
    grow with their number. `variant` as in `kernel_importance`. With `residual` = α, filters that
    add less than 1 − α of the signal to a residual sum (`weak_branches`) count for nothing.

    Raises ValueError for an unknown variant, no samples, a layer of another kind with weights to
    prune (named), NaN, or `residual` on a network without residual blocks. Source: NNrelief
    paper, Section 3. Taught in notebook 04.
    """
    check_choice("variant", variant, VARIANTS)
    if not len(inputs):
        raise ValueError("inputs has no samples: the pruning set must not be empty")
    layers = _layers(net)
    sums: dict[str, Tensor] = {}

    def add(name: str, seen: Tensor) -> None:
        # Only Eq. (2) as printed looks at single images; all else is linear in |x|.
        single = variant == "frobenius" and isinstance(layers[name], nn.Conv2d)
        part = _signal(layers[name], seen, variant) * len(seen) if single else seen.abs().sum(dim=0)
        sums[name] = sums[name] + part if name in sums else part

    with _watched(net, layers, add):
        for block in inputs.split(IMAGES_AT_ONCE):
            net(block)
    found = {}
    for name, layer in layers.items():
        if name not in sums:
            raise ValueError(f"layer {name!r} saw none of the inputs: the network does not use it")
        mean = sums[name] / len(inputs)
        if not bool(mean.isfinite().all()):
            raise ValueError(f"layer {name!r} sees NaN or infinity")
        single = variant == "frobenius" and isinstance(layer, nn.Conv2d)
        found[name] = _shares(mean if single else _signal(layer, mean[None], variant))
    if residual is not None:
        _silence_weak_branches(net, inputs, found, residual)
    return found


def weak_branches(main: Tensor, shortcut: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Which channels of a residual sum could do without one of the two branches.

    `main` and `shortcut` (samples, channels, height, width) are what is added. Returns two bool
    tensors (channels,): where the main branch carries less than 1 − α of the signal, and where the
    shortcut does, the signal being the norm of the mean of |x| over the samples. Raises ValueError
    for alpha outside (0, 1] or unequal shapes. Source: the code of the NNrelief paper; not in the
    paper.

    >>> weak_branches(torch.tensor([[[[9.9]], [[1.0]]]]), torch.tensor([[[[0.1]], [[1.0]]]]), 0.95)
    (tensor([False, False]), tensor([ True, False]))
    """
    check_share(alpha)
    if main.shape != shortcut.shape or main.dim() != 4:
        raise ValueError(f"main {tuple(main.shape)} and shortcut {tuple(shortcut.shape)} must be "
                         "equal shapes (samples, channels, height, width)")  # fmt: skip
    strength = [x.abs().mean(dim=0).flatten(1).norm(dim=1) for x in (main, shortcut)]
    limit = (1 - alpha) * (strength[0] + strength[1])
    return strength[0] < limit, strength[1] < limit


def _signal(layer: nn.Linear | nn.Conv2d, seen: Tensor, variant: str) -> Tensor:
    if isinstance(layer, nn.Linear):
        return connection_signal(layer.weight, layer.bias, seen)
    return kernel_signal(
        layer.weight,
        layer.bias,
        seen,
        stride=layer.stride,  # type: ignore[arg-type]
        padding=layer.padding,  # type: ignore[arg-type]
        dilation=layer.dilation,  # type: ignore[arg-type]
        groups=layer.groups,
        variant=variant,
    )


def _layers(net: nn.Module) -> Layers:
    """Find the layers by name; refuse those for which the paper defines no importance."""
    found: Layers = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.modules.conv._ConvNd) and not isinstance(module, nn.Conv2d):
            raise ValueError(
                f"layer {name!r} is a {type(module).__name__}: NNrelief defines importance for "
                "Linear and Conv2d layers only"
            )
        if isinstance(module, nn.Conv2d) and (
            isinstance(module.padding, str) or module.padding_mode != "zeros"
        ):
            raise ValueError(
                f"layer {name!r} pads by {module.padding!r}, {module.padding_mode!r}; "
                "only zeros and numbers are supported"
            )
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            if not all(bool(part.isfinite().all()) for part in module.parameters()):
                raise ValueError(f"layer {name!r} holds NaN or infinity")
            found[name] = module
    if not found:
        raise ValueError("net has no Linear or Conv2d layer, so it has no importance")
    return found


def _silence_weak_branches(
    net: nn.Module, inputs: Tensor, found: dict[str, Tensor], alpha: float
) -> None:
    """Set to 0 the importance of filters that add next to nothing to the sum of their block.

    A block is a module with conv2, bn2 and shortcut, like `nets.ResidualBlock`. A shortcut without
    a convolution has no weights that could go.
    """
    blocks = {
        name: module
        for name, module in net.named_modules()
        if all(hasattr(module, part) for part in ("conv2", "bn2", "shortcut"))
    }
    if not blocks:
        raise ValueError(f"residual={alpha}, but net has no block with conv2, bn2 and shortcut")
    sums: dict[tuple[str, str], Tensor] = {}
    handles = []
    for name, block in blocks.items():
        for part in ("bn2", "shortcut"):

            def add(
                module: nn.Module, seen: object, made: Tensor, key: object = (name, part)
            ) -> None:
                total = made.abs().sum(dim=0)
                sums[key] = sums[key] + total if key in sums else total  # type: ignore[index]

            handles.append(getattr(block, part).register_forward_hook(add))
    with _evaluating(net, handles):
        for images in inputs.split(IMAGES_AT_ONCE):
            net(images)
    for name in blocks:
        main, shortcut = (sums[name, part][None] / len(inputs) for part in ("bn2", "shortcut"))
        weak_main, weak_shortcut = weak_branches(main, shortcut, alpha)
        found[f"{name}.conv2"][weak_main] = 0.0
        if f"{name}.shortcut.conv" in found:
            found[f"{name}.shortcut.conv"][weak_shortcut] = 0.0


@contextmanager
def _watched(net: nn.Module, layers: Layers, add: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Hand every layer's input to `add`, in eval mode; leave the network as it was."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda module, seen: add(name, seen[0])

    handles = [layer.register_forward_pre_hook(hook(name)) for name, layer in layers.items()]
    with _evaluating(net, handles):
        yield


@contextmanager
def _evaluating(net: nn.Module, handles: list[RemovableHandle]) -> Iterator[None]:
    """Put `net` into eval mode; in the end its mode is what it was, and the hooks are gone."""
    was_training = net.training
    net.eval()
    try:
        yield
    finally:
        net.train(was_training)
        for handle in handles:
            handle.remove()
