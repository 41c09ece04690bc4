"""What weights matter to, before or after training, with no paper of the five behind it.

The common rivals of a course: SynFlow's conserved flow, the signal that reaches a weight (Wanda,
RIA), and the diagonal of the Fisher information. Taught in notebook 07.
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Int, Num
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from ..checks import checked
from ..devices import has_float64, move_to
from ..modes import block_of, copied, evaluating, run, watching

# Per-image gradients of a network of 300,000 weights: 64 images take 80 MB.
IMAGES_AT_ONCE = 64
# What rounding may take from a flow of 1.
ROUNDING = 1e-5


@checked
def synaptic_flow(net: nn.Module, inputs: Num[Tensor, "images ..."]) -> dict[str, Tensor]:
    """Return θ · ∂R/∂θ of every parameter, R = 1ᵀ(Π |θ|)1: how much of all paths runs through it.

    The network's own data do not matter: an image of ones passes through the absolute weights, with
    biases and running means at zero, in float64 where the device has it. What flows into a hidden
    unit flows out of it (the conservation law), if all activations let a positive number pass, as
    ReLU does. Of `inputs` (images, …) only the shape counts. Tensors ≥ 0 by parameter name, of
    frozen ones too. Raises ValueError for inputs that do not pass, and, by name, for a flow that is
    not finite or runs backwards: something in the network takes away from what is positive
    (LayerNorm, softmax).

    Source: Tanaka et al. (2020). Taught in notebook 07.

    >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    >>> flow = synaptic_flow(net, torch.ones(1, 2))
    >>> torch.allclose(flow["0.weight"].sum(dim=1), flow["2.weight"][0])
    True
    """
    linear = copied(net).eval().requires_grad_(True)
    move_to(linear, inputs)
    dtype = torch.float64 if has_float64(inputs.device) else torch.float32
    linear.to(dtype)
    with torch.no_grad():
        for name, parameter in linear.named_parameters():
            parameter.copy_(parameter.abs() * (not name.endswith("bias")))
        for name, buffer in linear.named_buffers():
            if name.endswith("running_mean"):
                buffer.zero_()
    named = dict(linear.named_parameters())
    ones = torch.ones_like(inputs[:1], dtype=dtype)
    with torch.inference_mode(False):
        total = run(linear, ones.clone()).sum()
        if not bool(torch.isfinite(total)):
            raise ValueError(f"net lets a flow of {total.item()} pass: it must be finite")
        slopes = torch.autograd.grad(total, list(named.values()), materialize_grads=True)
    flow = {}
    for (name, parameter), slope in zip(named.items(), slopes, strict=True):
        flow[name] = (parameter * slope).detach()
        if float(flow[name].min()) < -ROUNDING * float(total.detach().abs()):
            raise ValueError(f"net lets a flow run backwards through {name!r}: it must be positive")
        flow[name].clamp_(min=0)
    return flow


@checked
def input_norms(
    net: nn.Module, inputs: Num[Tensor, "images ..."], layers: tuple[type[nn.Module], ...]
) -> dict[str, Tensor]:
    """Return ‖x_j‖₂ of what each weight of each layer is multiplied with, over all images.

    Float tensors by layer name, in the shape of the layer's weight: a Linear layer's rows are all
    the same, a convolution sums over its positions too. A layer that is used twice sees all its
    inputs, and a weight that layers share what all of them see. `layers` are the kinds of layers
    looked at, linear in their input. Raises ValueError for inputs that do not pass through `net`,
    and, by name, for a layer that sees none: it is never called, or only its weight is used.

    Source: Sun et al. (2023). Taught in notebook 07.

    >>> layer = nn.Linear(2, 1)
    >>> input_norms(nn.Sequential(layer), torch.tensor([[3.0, 1.0], [4.0, 0.0]]), (nn.Linear,))
    {'0': tensor([[5., 1.]])}
    """
    move_to(net, inputs)
    found = {name: one for name, one in net.named_modules() if isinstance(one, layers)}
    squares: dict[Tensor, Tensor] = {}
    unseen = dict(found)

    def add(name: str, given: Tensor) -> None:
        layer = found[name]
        weight = layer.get_parameter("weight")
        squares[weight] = squares.get(weight, 0) + _squares(layer, given.detach())
        unseen.pop(name, None)

    with watching(found, add), evaluating(net), torch.no_grad():
        for block in inputs.split(block_of(max(len(inputs), 1))):
            run(net, block)
    if unseen:
        told = f"{list(unseen)} see no input: never called, or only their weight is used"
        raise ValueError(f"net: {told}")
    return {name: squares[layer.get_parameter("weight")].sqrt() for name, layer in found.items()}


def _squares(layer: nn.Module, given: Tensor) -> Tensor:
    """Sum the squares of what meets each weight: the slope of the summed output for input x²."""
    weight = torch.zeros_like(layer.get_parameter("weight")).requires_grad_()
    # The layer without its hooks: `forward` knows stride, padding and groups.
    bare = copy.copy(layer)
    bare._forward_pre_hooks = type(layer._forward_pre_hooks)()
    with torch.inference_mode(False):
        total = functional_call(bare, {"weight": weight}, (given.clone() ** 2,)).sum()
        return torch.autograd.grad(total, weight)[0]


@checked
def fisher_diagonal(
    net: nn.Module, inputs: Num[Tensor, "images ..."], targets: Int[Tensor, " images"]
) -> dict[str, Tensor]:
    """Return the mean over the images of (∂ log p(target)/∂θ)² of every parameter.

    The empirical Fisher information: the labels are the data's, not drawn from the network. In eval
    mode; float tensors ≥ 0 by parameter name, in the parameters' shapes. Raises ValueError for
    images and targets that do not pass through `net`.

    Source: Theis et al. (2018). Taught in notebook 07.
    """
    move_to(net, inputs)
    if len(inputs) != len(targets) or not len(inputs):
        raise ValueError(f"inputs and targets must be as many, not {len(inputs)}, {len(targets)}")
    weights = {name: parameter.detach() for name, parameter in net.named_parameters()}

    def loss(weights: dict[str, Tensor], image: Tensor, target: Tensor) -> Tensor:
        outputs = functional_call(net, weights, (image[None],))
        return cross_entropy(outputs, target[None].long())

    slopes_of = vmap(grad(loss), in_dims=(None, 0, 0), randomness="different")
    squares = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    block = block_of(IMAGES_AT_ONCE)
    with evaluating(net):
        run(net, inputs[:1])
        for images, labels in zip(inputs.split(block), targets.split(block), strict=True):
            try:
                slopes = slopes_of(weights, images, labels)
            except (RuntimeError, IndexError, TypeError) as error:
                raise ValueError(f"targets do not pass through net and loss: {error}") from error
            for name, slope in slopes.items():
                squares[name] += slope.square().sum(dim=0) / len(inputs)
    return squares
