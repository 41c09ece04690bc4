"""What a network costs: parameters, floating-point operations, units that still do something."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from .ideas.checks import check_choice

Sizes = tuple[int, int]
PLACES = ("output", "input")
SKIPS = ("weights", "units")


def count_parameters(net: nn.Module, masks: Mapping[str, Tensor] | None = None) -> int:
    """Return how many parameters `net` has, those that are dead in `masks` not counted.

    Biases and batch-norm parameters count. Raises KeyError for a mask without a parameter.
    Taught in notebook 04.

    >>> net = nn.Linear(3, 2)
    >>> dead = torch.zeros(2, 3, dtype=torch.bool)
    >>> count_parameters(net), count_parameters(net, {"weight": dead})
    (8, 2)
    """
    dead = sum(int((~mask).sum()) for mask in _checked(net, masks).values())
    return sum(parameter.numel() for parameter in net.parameters()) - dead


def count_flops(
    net: nn.Module,
    inputs: Tensor,
    masks: Mapping[str, Tensor] | None = None,
    *,
    skip: str = "weights",
    places: str = "output",
) -> dict[str, int]:
    """Count the floating-point operations of every Linear and Conv2d layer for one image.

    Dense, by Appendix B: 2HW(C_in K² + 1)C_out for a convolution, (2I − 1)O for a Linear layer.
    Under `masks`, `skip` says what is saved. "weights": every dead weight, as if a library could
    step over single numbers; a row of n living ones costs 2n − 1, a filter 2HW(n + 1), and nothing
    if n = 0. "units": only inputs that no living weight reads, and outputs without a living
    weight, as a smaller dense layer would. `places` says what H and W are: "output" counts how
    often a filter is applied; "input" is what the paper prints, the same but for strides and
    missing padding.

    `inputs` is a batch; one image of it is used. Returns {layer: operations}; their sum is the
    network's. Batch norm, activations and pooling are not counted, as in the paper. Raises
    ValueError for another `skip` or `places`, KeyError for a mask without a parameter. Source:
    NNrelief paper, Appendix B. Taught in notebook 04.

    >>> count_flops(nn.Linear(100, 10), torch.ones(1, 100))
    {'': 1990}
    """
    check_choice("skip", skip, SKIPS)
    check_choice("places", places, PLACES)
    alive, found, named = _checked(net, masks), {}, dict(net.named_parameters())
    for name, size in _map_sizes(net, inputs, places).items():
        layer = net.get_submodule(name)
        key = f"{name}.weight" if name else "weight"
        mask = alive.get(key, torch.ones_like(named[key], dtype=torch.bool))
        rows = _living_per_output(mask, skip)
        rows = rows[rows > 0]
        if isinstance(layer, nn.Linear):
            found[name] = int((2 * rows - 1).sum())
        else:
            found[name] = int(2 * size[0] * size[1] * (rows + 1).sum())
    return found


def active_neurons(masks: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Count the units of a stack of Linear layers that still take part, inputs first.

    An input takes part if a living weight reads it, a hidden unit if moreover something enters it
    (a weight or a bias), an output if something enters it. `masks` in network order, as `Masks`
    are. Raises ValueError if the weights are not those of a stack of Linear layers. Source:
    NNrelief paper, Table 7. Taught in notebook 04.

    >>> masks = {"0.weight": torch.tensor([[True, False], [False, False]]),
    ...          "1.weight": torch.tensor([[True, True]])}
    >>> active_neurons(masks)
    (1, 1, 1)
    """
    weights = {name: mask for name, mask in masks.items() if mask.dim() > 1}
    fits = all(one.shape[0] == two.shape[1] for one, two in pairwise(weights.values()))
    if not weights or not fits or any(mask.dim() != 2 for mask in weights.values()):
        shapes = [tuple(mask.shape) for mask in weights.values()]
        raise ValueError(f"weights of shapes {shapes} are not those of a stack of Linear layers")
    entered = [mask.any(dim=1) for mask in weights.values()]
    for place, name in enumerate(weights):
        bias = masks.get(name.removesuffix("weight") + "bias")
        entered[place] = entered[place] if bias is None else entered[place] | bias
    read = [mask.any(dim=0) for mask in weights.values()]
    hidden = [into & out for into, out in zip(entered[:-1], read[1:], strict=True)]
    return tuple(int(units.sum()) for units in (read[0], *hidden, entered[-1]))


def _checked(net: nn.Module, masks: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
    names = {name for name, _ in net.named_parameters()}
    for name in masks or {}:
        if name not in names:
            raise KeyError(f"masks name {name!r}, which the network does not have")
    return masks or {}


def _living_per_output(mask: Tensor, skip: str) -> Tensor:
    """Return how many weights each output computes with: (outputs,)."""
    if skip == "weights":
        return mask.flatten(1).sum(dim=1)
    read = mask.flatten(2).any(dim=2) if mask.dim() > 2 else mask
    each = int(mask[0, 0].numel()) * int(read.any(dim=0).sum())
    return read.any(dim=1) * each


@torch.no_grad()
def _map_sizes(net: nn.Module, inputs: Tensor, places: str) -> dict[str, Sizes]:
    """Return height and width of each layer's output or input map; (1, 1) for Linear layers."""
    sizes: dict[str, Sizes] = {}
    handles = []
    for name, module in net.named_modules():
        if not isinstance(module, (nn.Linear, nn.Conv2d)):
            continue

        def note(layer: nn.Module, seen: tuple[Tensor], made: Tensor, name: str = name) -> None:
            shape = (made if places == "output" else seen[0]).shape
            sizes[name] = (1, 1) if isinstance(layer, nn.Linear) else (shape[2], shape[3])

        handles.append(module.register_forward_hook(note))
    was_training = net.training
    net.eval()
    try:
        net(inputs[:1])
    finally:
        net.train(was_training)
        for handle in handles:
            handle.remove()
    return sizes
