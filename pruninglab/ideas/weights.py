"""All numbers of a network by name: copied, and put back where they were."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Weights(OrderedDict[str, Tensor]):
    """A network's state dict, to be given to `net.load_state_dict` or to `load_weights`.

    It has the versions of the modules, as torch's own, and in `unsaved` the buffers that torch
    leaves out.
    """

    unsaved: Mapping[str, Tensor]


def weights_of(net: nn.Module, tensors: Mapping[str, Tensor] | None = None) -> Weights:
    """Return the network's numbers, or `tensors` by the same names, as its `Weights`."""
    state = net.state_dict()
    named = everything(net) if tensors is None else tensors
    weights = Weights((name, named[name]) for name in state)
    weights._metadata = getattr(state, "_metadata", None)  # type: ignore[attr-defined]
    weights.unsaved = {name: tensor for name, tensor in named.items() if name not in state}
    return weights


def copy_weights(net: nn.Module) -> Weights:
    """Return an independent copy of the network's parameters and buffers, all of them."""
    return weights_of(net, {name: tensor.clone() for name, tensor in everything(net).items()})


def everything(source: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return all numbers of a network or of `Weights` by name, as one flat dict: for a file."""
    if not isinstance(source, nn.Module):
        return {**source, **getattr(source, "unsaved", {})}
    return {
        name: tensor.detach()
        for named in (source.named_parameters, source.named_buffers)
        for name, tensor in named(remove_duplicate=False)
    }


@torch.no_grad()
def load_weights(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give the network the numbers of `copy_weights`, one by one.

    Nothing is translated, as `load_state_dict` would for an older version of a module. Raises
    ValueError, before anything is changed, for names and shapes that are not the network's.
    """
    given, own = everything(weights), everything(net)
    parameters = dict(net.named_parameters(remove_duplicate=False))
    odd = [name for name in {**net.state_dict(), **weights} if name not in given or name not in own]
    odd += [name for name, weight in parameters.items()
            if name in given and given[name].shape != weight.shape]  # fmt: skip
    if odd:
        raise ValueError(f"net does not fit the weights: {odd} are missing or of another shape")
    for name in given.keys() & own.keys():
        if own[name].shape == given[name].shape:
            own[name].copy_(given[name])
        else:
            # A buffer that grows while it trains.
            module, _, buffer = name.rpartition(".")
            net.get_submodule(module)._buffers[buffer] = given[name].to(own[name], copy=True)


def check_mask(name: str, mask: Any) -> None:
    """Raise TypeError unless a mask is a tensor, ValueError unless it is bool and dense."""
    if not isinstance(mask, Tensor):
        raise TypeError(f"masks[{name!r}] is {mask!r}; it must be a bool tensor")
    if mask.dtype != torch.bool or mask.is_meta or mask.layout != torch.strided:
        kind = "meta" if mask.is_meta else f"{mask.layout} {mask.dtype}"
        raise ValueError(f"masks[{name!r}] is a {kind} tensor; it must be bool and dense")


def fitting_masks(net: nn.Module, masks: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
    """Return the masks, or none, if each fits the network's parameter of its name.

    Raises KeyError for one without a parameter, TypeError or ValueError for one that does not fit.
    """
    parameters = dict(net.named_parameters())
    for name, mask in (masks or {}).items():
        if name not in parameters:
            raise KeyError(f"masks name {name!r}, which the network does not have")
        check_mask(name, mask)
        if mask.shape != parameters[name].shape:
            shapes = f"{tuple(mask.shape)}; its parameter has {tuple(parameters[name].shape)}"
            raise ValueError(f"masks[{name!r}] has shape {shapes}")
    return masks or {}
