"""Take away what cannot matter: units that nothing reaches, and units that reach nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from jaxtyping import Num
from torch import Tensor, nn

from ..checks import checked
from ..modes import run
from .support import check_cleanable


@checked
def clean_up(
    net: nn.Module, masks: Mapping[str, Tensor], inputs: Num[Tensor, "samples ..."]
) -> dict[str, Tensor]:
    """Return smaller masks: only what lies on a living path from the input to an output stays.

    A connection goes if it comes out of a unit that is always 0 (no living way in, no living bias)
    or leads into one that nothing listens to. In eval mode the outputs of the network do not
    change, on any input. Convolutions are judged kernel by kernel. Weights and biases without a
    mask count as living unless they are 0; so does the shift of a batch norm, whose channel is a
    constant, not nothing, when all its kernels are gone.

    `net` must map 0 to 0 between its layers (ReLU, tanh, pooling, sums) and return sums, not a
    softmax; it is not changed. `masks` are bool by parameter name; of `inputs` only the shape of
    one sample is used. Computed on the CPU; the masks come back where they were. Raises ValueError
    for a layer other than Linear, Conv2d or batch norm (named; `check_cleanable` asks before any
    training), for a mask that is not bool or does not fit and inputs that the network does not
    take, KeyError for a mask without a parameter. Source: the code of the NNrelief paper; not
    in the paper. Its units that are 0 on the pruning set have importance 0 in our scores, so the
    cut itself removes them. Taught in notebook 04.
    """
    check_cleanable(net)
    _check_masks(net, masks)
    paths = copy.deepcopy(net).cpu().double().eval()
    named = dict(paths.named_parameters())
    _count_paths(paths, masks)
    for parameter in named.values():
        parameter.requires_grad_(True)
    with torch.enable_grad():
        outputs = run(paths, torch.ones(1, *inputs.shape[1:], dtype=torch.float64))
        if not isinstance(outputs, Tensor):
            raise ValueError(f"net returns a {type(outputs).__name__}, where a Tensor is needed")
        total = outputs.sum()
    # The gradient is (what arrives) × (what it leads to): 0 if there is no way in or no way out.
    asked = [named[name] for name in masks]
    gradients = torch.autograd.grad(total, asked, materialize_grads=True) if asked else ()
    return {
        name: mask & _reached(gradient).to(mask.device)
        for (name, mask), gradient in zip(masks.items(), gradients, strict=True)
    }


def _check_masks(net: nn.Module, masks: Mapping[str, Tensor]) -> None:
    named = dict(net.named_parameters())
    for name, mask in masks.items():
        if name not in named:
            raise KeyError(f"masks name {name!r}, but the network has {list(named)}")
        dense = isinstance(mask, Tensor) and mask.layout == torch.strided and not mask.is_meta
        if not dense or mask.dtype != torch.bool or mask.shape != named[name].shape:
            raise ValueError(
                f"masks[{name!r}] must be bool and of the shape {tuple(named[name].shape)}"
            )


def _reached(gradient: Tensor) -> Tensor:
    spatial = tuple(range(2, gradient.dim()))
    return gradient.amax(dim=spatial, keepdim=True) > 0 if spatial else gradient > 0


@torch.no_grad()
def _count_paths(net: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Replace living weights by positive numbers and dead ones by 0, so that nothing cancels."""
    for name, module in net.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            _pass_through(module)
            continue
        prefix = f"{name}." if name else ""
        for part, parameter in module.named_parameters(recurse=False):
            mask = masks.get(prefix + part)
            alive = parameter != 0 if mask is None else mask.to(parameter.device)
            if alive.dim() > 1:
                # Divided by the number of inputs, paths of deep networks cannot overflow.
                whole = alive.flatten(2).any(dim=2) if alive.dim() > 2 else alive
                shape = (*whole.shape, *(1,) * (alive.dim() - 2))
                parameter.copy_(whole.reshape(shape).expand_as(alive) / alive[:1].numel())
            else:
                parameter.copy_(alive)


def _pass_through(norm: nn.modules.batchnorm._BatchNorm) -> None:
    """Make a batch norm hand on its input, and add something where it shifts 0."""
    ones = torch.ones(norm.num_features, dtype=torch.float64)
    constant = ones
    if norm.running_mean is not None and norm.running_var is not None:
        scale = (norm.running_var + norm.eps).rsqrt()
        scale = scale if norm.weight is None else scale * norm.weight
        shift = 0.0 if norm.bias is None else norm.bias
        constant = ((shift - scale * norm.running_mean) != 0).double()
    # Given where they lack: a norm may have no statistics, or no weight and bias.
    norm.running_mean, norm.running_var = torch.zeros_like(ones), ones
    for name, values in (("weight", ones), ("bias", constant)):
        if getattr(norm, name) is None:
            setattr(norm, name, nn.Parameter(values))
        else:
            getattr(norm, name).copy_(values)
