"""Which parameters can be pruned at all: the weights of Linear and Conv layers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ..checks import checked

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@checked
def prunable(net: nn.Module, biases: bool = False) -> dict[str, Tensor]:
    """Return the prunable parameters by name: weights of Linear and Conv layers, in net order.

    `biases` adds the biases of the same layers (NNrelief prunes them too). A weight that two layers
    share stands under its first name. All others stay outside the density: transposed convolutions,
    recurrent layers, the projections inside attention, embeddings (`outside` names them).

    Raises ValueError if the network has no such layer, and, by name, for a layer whose weight is
    empty or computed from others (weight_norm).

    >>> list(prunable(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))))
    ['0.weight', '2.weight']
    """
    named: dict[str, Tensor] = {}
    for name, module in net.named_modules():
        if not isinstance(module, PRUNABLE):
            continue
        _check_layer(name, module)
        prefix = f"{name}." if name else ""
        named[f"{prefix}weight"] = module.weight
        if biases and module.bias is not None:
            named[f"{prefix}bias"] = module.bias
    if not named:
        raise ValueError("net has no Linear or Conv layer, so nothing can be pruned")
    own = {name for name, _ in net.named_parameters()}
    return {name: parameter for name, parameter in named.items() if name in own}


def _check_layer(name: str, layer: nn.Module) -> None:
    """Refuse, by name, a layer whose weight no mask can hold."""
    weight = layer._parameters.get("weight")
    if is_parametrized(layer) or weight is None:
        why = "computes its weight from other parameters (as weight_norm and spectral_norm do): "
        why += "make it a plain parameter first"
    elif not weight.numel():
        why = f"has an empty weight, {tuple(weight.shape)}"
    else:
        return
    raise ValueError(f"layer {name!r} of net {why}")


@checked
def outside(net: nn.Module) -> list[str]:
    """Return the names of weights that no recipe prunes and that no density counts.

    >>> outside(nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 2)))
    ['0.weight']
    """
    inside = set(prunable(net))
    return [name for name, p in net.named_parameters() if p.dim() > 1 and name not in inside]
