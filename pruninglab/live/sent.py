"""What a network is to the page: numbers, and bytes."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import checked
from ..data import Split
from ..ideas.nnrelief import connection_signal
from ..ideas.nnrelief.network import IMAGES_AT_ONCE
from ..modes import evaluating

KINDS = {torch.float16: "f2", torch.float32: "f4", torch.uint8: "u1"}
MOST = 100
# Pixels are multiples of a 255th of their range, but for rounding.
EXACT = 1e-3


@checked
def linear_layers(net: nn.Module) -> list[nn.Linear]:
    """Return the layers of a chain of Flatten, Linear and ReLU, ReLU between all Linear layers.

    Raises ValueError that names the first module that the page does not know.
    """
    parts = [part for part in net.modules() if not list(part.children())]
    layers = [part for part in parts if isinstance(part, nn.Linear)]
    for name, part in net.named_modules():
        if not list(part.children()) and not isinstance(part, (nn.Flatten, nn.Linear, nn.ReLU)):
            raise ValueError(
                f"net: {name or type(part).__name__} is a {type(part).__name__}; the page reads "
                "chains of Flatten, Linear and ReLU"
            )
    kinds = [type(part) for part in parts if not isinstance(part, nn.Flatten)]
    if kinds != [nn.Linear, nn.ReLU] * (len(layers) - 1) + [nn.Linear] * bool(layers):
        raise ValueError(f"net must be Linear layers with a ReLU between them, not {kinds}")
    if not all(p.isfinite().all() for p in net.parameters()):
        raise ValueError("net has a weight that is no finite number")
    return layers


@torch.no_grad()
@checked
def sent(net: nn.Module, probe: Split, shown: Split) -> dict[str, Any]:
    """Return what the page needs of `net`: layers, images and labels, as numbers and tensors.

    `probe` are training images: what NNrelief judges by. `shown` are those of the wall. Raises
    ValueError as `linear_layers` does, and for images that `net` cannot read or the wall not show.
    """
    layers = linear_layers(net)
    classes, pixels = layers[-1].out_features, layers[0].in_features
    if shown.inputs.dim() < 3 or shown.inputs[0].numel() != pixels:
        raise ValueError(f"net reads {pixels} pixels, images are {tuple(shown.inputs.shape[1:])}")
    if shown.inputs.shape[-2] * shown.inputs.shape[-1] != pixels:
        raise ValueError("images must have one channel: the wall is gray")
    if classes > MOST or int(shown.targets.max()) >= classes:
        raise ValueError(f"net has {classes} classes: the wall shows all labels, at most {MOST}")
    told = []
    seen = probe.inputs.flatten(1)
    with evaluating(net):
        for layer in layers:
            # Summed in the package's blocks: another order of the sum would move a last bit.
            blocks = (block.abs().sum(dim=0) for block in seen.split(IMAGES_AT_ONCE))
            means = sum(blocks, torch.zeros_like(seen[0])) / len(seen)
            bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
            totals = connection_signal(layer.weight, bias, means[None]).sum(dim=1)
            tensors = {"weight": layer.weight, "bias": bias, "means": means, "totals": totals}
            told.append({"outputs": layer.out_features, "inputs": layer.in_features} | tensors)
            seen = layer(seen).relu()
    low, high = float(shown.inputs.min()), float(shown.inputs.max())
    bytes_ = (shown.inputs.double().flatten(1) - low) / (high - low) * 255
    if not float((bytes_ - bytes_.round()).abs().max()) <= EXACT:
        raise ValueError("the images' pixels must be bytes, shifted and scaled alike")
    return {
        "layers": told,
        "images": bytes_.round().to(torch.uint8),
        "labels": shown.targets.to(torch.uint8),
        "shape": list(shown.inputs.shape[-2:]),
        "mean": -low / (high - low),
        "std": 1 / (high - low),
    }


def halved(what: dict[str, Any]) -> dict[str, Any]:
    """Return the same with weights in half precision, where that changes none of them."""
    layers = [layer | {"weight": layer["weight"].half()} for layer in what["layers"]]
    return what | {"layers": layers}


def packed(what: Any, buffers: list[bytes]) -> Any:
    """Return `what` with places in place of tensors; their bytes go to the end of `buffers`."""
    if isinstance(what, Tensor):
        buffers.append(what.detach().cpu().contiguous().numpy().tobytes())
        return {"bytes": len(buffers) - 1, "kind": KINDS[what.dtype]}
    if isinstance(what, dict):
        return {key: packed(part, buffers) for key, part in what.items()}
    return [packed(part, buffers) for part in what] if isinstance(what, list) else what


def as_script(what: dict[str, Any]) -> str:
    """Return `sent` as a script that a page loads late: base64 of gzip."""
    buffers: list[bytes] = []
    about = packed(what, buffers) | {"lengths": [len(buffer) for buffer in buffers]}
    zipped = base64.b64encode(gzip.compress(b"".join(buffers), 9, mtime=0)).decode()
    return f'window.pruninglabSent = [{json.dumps(about)}, "{zipped}"];\n'
