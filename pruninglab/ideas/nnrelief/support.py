"""What NNrelief can judge and clean up: asked of the network alone, before any training."""

from __future__ import annotations

from torch import nn

from ...checks import checked

Layers = dict[str, nn.Linear | nn.Conv2d]

CLEANABLE = (nn.Linear, nn.Conv2d, nn.modules.batchnorm._BatchNorm)


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


def judged_layers(net: nn.Module) -> Layers:
    """Return the layers that have an importance by name: those with weights to prune.

    Raises ValueError that names the layer: a convolution other than Conv2d, one that pads with
    other than zeros or by a word, one that shares a parameter with another; and for a network
    without Linear and Conv2d layers. Layers of other kinds (norms, embeddings) are passed over.
    What a layer sees cannot be known here: `network_importance` refuses Linear layers over
    sequences.
    """
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
            layers[name] = module
    if not layers:
        raise ValueError("net has no Linear or Conv2d layer, so it has no importance")
    first: dict[nn.Parameter, str] = {}
    for name, layer in layers.items():
        for parameter in layer.parameters(recurse=False):
            if first.setdefault(parameter, name) != name:
                raise ValueError(f"net: layers {first[parameter]!r} and {name!r} share a parameter")
    return layers
