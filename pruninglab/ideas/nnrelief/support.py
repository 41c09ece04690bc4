"""What NNrelief can judge and clean up: asked of the network alone, before any training."""

from __future__ import annotations

from torch import nn

from ..checks import checked

Layers = dict[str, nn.Linear | nn.Conv2d]

CLEANABLE = (nn.Linear, nn.Conv2d, nn.modules.batchnorm._BatchNorm)


@checked
def check_supported(net: nn.Module) -> None:
    """Raise ValueError unless importance is defined for every layer with weights to prune.

    The layer is named: a convolution other than Conv2d, one that pads with other than zeros or by
    a word, a lazy one, one without numbers. Also for a network without Linear and Conv2d layers.
    Layers of other kinds (norms, embeddings) have no importance and are passed over. What a layer
    sees cannot be known here: `network_importance` refuses Linear layers over sequences.

    >>> check_supported(nn.Sequential(nn.Conv1d(1, 1, 3)))
    Traceback (most recent call last):
    ValueError: net: layer '0' is a Conv1d: NNrelief defines importance for Linear and Conv2d only
    """
    judged_layers(net)


@checked
def check_cleanable(net: nn.Module) -> None:
    """Raise ValueError, with its name, for a layer that `clean_up` cannot see through.

    All layers with parameters must be Linear, Conv2d or batch norm.
    """
    for name, module in net.named_modules():
        own = next(module.parameters(recurse=False), None)
        if own is None:
            continue
        if not isinstance(module, CLEANABLE):
            raise ValueError(
                f"net: layer {name!r} is a {type(module).__name__}: clean_up knows Linear, "
                "Conv2d and batch norm only"
            )
        _check_numbers(name, module)


def judged_layers(net: nn.Module) -> Layers:
    """Return the layers that have an importance by name; errors as in `check_supported`."""
    layers: Layers = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.modules.conv._ConvNd) and not isinstance(module, nn.Conv2d):
            raise ValueError(
                f"net: layer {name!r} is a {type(module).__name__}: NNrelief defines importance "
                "for Linear and Conv2d only"
            )
        if isinstance(module, nn.Conv2d) and (
            isinstance(module.padding, str) or module.padding_mode != "zeros"
        ):
            raise ValueError(
                f"net: layer {name!r} pads by {module.padding!r}, {module.padding_mode!r}; "
                "only zeros and numbers are supported"
            )
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            _check_numbers(name, module)
            layers[name] = module
    if not layers:
        raise ValueError("net has no Linear or Conv2d layer, so it has no importance")
    return layers


def _check_numbers(name: str, module: nn.Module) -> None:
    for parameter in module.parameters(recurse=False):
        if isinstance(parameter, nn.UninitializedParameter) or parameter.is_meta:
            kind = "on the meta device" if parameter.is_meta else "lazy: run the network once"
            raise ValueError(f"net: layer {name!r} holds no numbers, it is {kind}")
