"""What passes between layers: information flow, gradient flow, and how far two flows are apart.

InCoP stops retraining when the flow of the pruned network is near that of the dense one. A `Flow`
maps names to float64 tensors. Taught in notebook 03.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Int, Num
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from ..checks import NonNegative, check_choice, checked
from ..devices import accurate, move_to
from ..modes import Refused, block_of, evaluating, first_input, run
from .accuracy import check_classes, check_targets

Flow = dict[str, Tensor]
Layers = dict[str, nn.Module]

KINDS = ("raw", "pearson")
PLACES = ("post", "pre")
DISTANCES = ("l2", "relative", "cosine")
IMAGES_AT_ONCE = 250
# A unit whose spread is below this many roundings of its mean is constant.
ROUNDINGS = 8
# Functions that are activations: F.relu, torch.relu and Tensor.relu_ are all "relu".
ACTIVATIONS = {
    "relu", "relu6", "leaky_relu", "rrelu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "softplus", "softsign", "sigmoid", "logsigmoid", "hardsigmoid", "hardswish", "tanh", "hardtanh",
    "tanhshrink", "clamp", "clamp_min", "sin", "cos",
}  # fmt: skip


@torch.no_grad()
@checked
def information_flow(
    net: nn.Module, inputs: Num[Tensor, "images ..."], *, kind: str = "raw", at: str = "post"
) -> Flow:
    """Information flow Δ: how the units of each Linear or Conv layer go with those of the next.

    Maps "first→second" to (M_l, M_{l+1}) for layers in the order in which they run. The feature
    maps of a convolution are averaged over space, so that a filter is one unit; the outputs of a
    Linear layer over a sequence, (images, places, units), over its places. Both before they are
    multiplied: a product of means, not the mean of each place's products. `inputs` is what the
    network takes, (images, …); they pass in blocks, summed in float64. The network moves to where
    they lie.

    `kind="raw"` is Eq. (2), E[f_i f_j]. `kind="pearson"` is what the authors compute, the signed
    correlation in [−1, 1]; a unit that is constant has none, and gets 0. `at="post"` takes f as in
    the paper, after the modules that only transform a layer's output in place (normalisation,
    activation), before pooling and before shortcuts are added; `at="pre"`, as the authors do, takes
    what the layer itself returns. Only modules are seen: a layer whose output goes into an
    activation that is a function (F.relu, torch.tanh) is refused at "post", and a normalisation
    written as a function is passed over. The network is in eval mode meanwhile, and left as it was.

    Raises ValueError for another `kind` or `at`, no inputs, inputs that the network does not take,
    a network with fewer than two such layers, a layer that runs twice or before an activation that
    is a function, and NaN or infinity (the layer is named). Source: InCoP paper, Eq. (2). Taught
    in notebook 03.

    >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    >>> _ = net[0].weight.data.copy_(torch.eye(2)), net[2].weight.data.fill_(1.0)
    >>> information_flow(net, torch.tensor([[1.0, 2.0], [3.0, -4.0]]))["0→2"]
    tensor([[6.],
            [3.]], dtype=torch.float64)
    """
    check_choice("kind", kind, KINDS)
    check_choice("at", at, PLACES)
    _check_images(inputs)
    layers = _layers(net)
    move_to(net, inputs)
    shift: Flow = {}
    total, square, product = _Sums(), _Sums(), _Sums()
    with evaluating(net), _unit_outputs(net, layers, at) as units:
        for block in inputs.split(block_of(IMAGES_AT_ONCE)):
            units.clear()
            run(net, block)
            if kind == "pearson":
                # Near the mean, squares and products do not drown what varies.
                shift = shift or {name: f.mean(dim=0) for name, f in units.items()}
                units.update({name: f - shift[name] for name, f in units.items()})
            for name, f in units.items():
                total.add(name, f.sum(dim=0))
                square.add(name, f.square().sum(dim=0))
            for (first, f), (second, g) in pairwise(units.items()):
                product.add(f"{first}→{second}", f.T @ g)
    _check_finite("the output of layer", total)
    if not product:
        raise ValueError(f"net ran only {list(total)} of its layers: two are needed")
    _check_finite("the square of the output of layer", square)
    _check_finite("the flow", product)
    if kind == "raw":
        return product.over(len(inputs))
    mean, squares, products = (sums.over(len(inputs)) for sums in (total, square, product))
    return _correlations(mean, squares, products, shift)


@checked
def gradient_flow(
    net: nn.Module,
    inputs: Num[Tensor, "images ..."],
    targets: Int[Tensor, " images"],
    masks: Mapping[str, Tensor],
) -> Flow:
    """Gradient flow g: the gradient of the mean cross-entropy, zero where the mask is.

    `masks` maps parameter names to bool tensors of their shape; so does the result, to float64.
    `flow_norms` gives one number per layer. `inputs` (images, …) and `targets` (images,), the
    classes from 0 on, pass in blocks, summed in float64. The network moves to where the inputs
    lie, and is in eval mode meanwhile; its `.grad`, mode, hooks and buffers are left as they were.
    At a trained network the gradient of a small probe is
    mostly sampling noise.

    Raises ValueError for no inputs, inputs that the network does not take, targets of another
    number or outside its classes, masks that do not fit the network, and NaN or infinity (the
    parameter is named). Source: InCoP paper, Eq. (3). Taught in
    notebook 03.

    >>> net = nn.Linear(1, 2, bias=False)
    >>> _ = net.weight.data.zero_()
    >>> mask = {"weight": torch.tensor([[True], [False]])}
    >>> gradient_flow(net, torch.ones(4, 1), torch.zeros(4, dtype=torch.int64), mask)["weight"]
    tensor([[-0.5000],
            [ 0.0000]], dtype=torch.float64)
    """
    _check_images(inputs)
    move_to(net, inputs)
    weights = _copies(net, masks)
    labels_of = targets.to(inputs.device, torch.int64).split(block_of(IMAGES_AT_ONCE))
    total = _Sums()
    with evaluating(net), torch.inference_mode(False):
        for images, labels in zip(inputs.split(block_of(IMAGES_AT_ONCE)), labels_of, strict=True):
            outputs = run(lambda block: functional_call(net, weights, (block,)), images)
            check_classes(outputs, labels)
            check_targets(labels, outputs.shape[1])
            loss = nn.functional.cross_entropy(outputs, labels, reduction="sum")
            gradients = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
            for name, gradient in zip(weights, gradients, strict=True):
                total.add(name, accurate(gradient))
    _check_finite("the gradient of", total)
    mean = total.over(len(inputs))
    return {name: g.masked_fill_(~masks[name].to(g.device), 0.0) for name, g in mean.items()}


@checked
def flow_norms(flow: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the Frobenius norm of each tensor of a flow by name.

    Raises ValueError for NaN or infinity (the tensor is named).
    """
    _check_flow("flow", flow)
    return {name: _norm(accurate(tensor)) for name, tensor in flow.items()}


@checked
def flow_distance(
    flow: Mapping[str, Tensor], reference: Mapping[str, Tensor], kind: str = "l2"
) -> float:
    """How far a flow is from the reference Φ*, all layers taken as one long vector.

    `"l2"` is ‖Φ − Φ*‖ as in Algorithm 1. `"relative"` divides that by ‖Φ*‖, so that one ε fits
    networks of any size; ∞ if only the reference is zero. `"cosine"`, which the authors leave to
    future work, is 1 − cos ∠(Φ, Φ*) in [0, 2]; 1 if only one of the two is zero. Equal flows have
    distance exactly 0. Raises ValueError for another kind, flows of different networks, and NaN
    or infinity.

    >>> a, b = {"1→2": torch.tensor([[3.0, 0.0]])}, {"1→2": torch.tensor([[0.0, 4.0]])}
    >>> [flow_distance(a, b, kind) for kind in DISTANCES]
    [5.0, 1.25, 1.0]
    """
    check_choice("kind", kind, DISTANCES)
    _check_flow("flow", flow)
    _check_flow("reference", reference)
    here, there = ({name: tuple(t.shape) for name, t in one.items()} for one in (flow, reference))
    if here != there:
        raise ValueError(f"flow {here} and reference {there} are flows of different networks")
    if not reference:
        raise ValueError("flow and reference are empty")
    b = torch.cat([accurate(tensor).flatten() for tensor in reference.values()])
    a = torch.cat([accurate(flow[name]).flatten() for name in reference]).to(b.device)
    if torch.equal(a, b):
        return 0.0
    if kind == "cosine":
        # Of unit vectors, half the squared distance is 1 − cos; nothing cancels.
        return float((_unit(a) - _unit(b)).square().sum() / 2) if a.any() and b.any() else 1.0
    distance = _norm(a - b)
    if kind == "l2":
        return distance
    return distance / _norm(b) if b.any() else math.inf


@checked
def epoch_within(distances: Sequence[float], epsilon: NonNegative) -> int:
    """Return the epoch, counted from 1, after which Algorithm 1 stops; the last if none is near.

    `distances` ≥ 0 are those after each epoch of one retraining. Raises ValueError if there are
    none, and for NaN.
    Source: InCoP paper, Algorithm 1, lines 6 to 10. Taught in notebook 03.

    >>> epoch_within([0.5, 0.2, 0.3], 0.25), epoch_within([0.5, 0.2, 0.3], 0.1)
    (2, 3)
    """
    if not distances:
        raise ValueError("distances is empty: at least one epoch is needed")
    for distance in distances:
        if not isinstance(distance, float | int) or not distance >= 0:
            raise ValueError(f"distances holds {distance!r}: each must be a number, at least 0")
    near = (epoch for epoch, distance in enumerate(distances, start=1) if distance <= epsilon)
    return next(near, len(distances))


class _Sums(Flow):
    """Sums of tensors by name."""

    def add(self, name: str, value: Tensor) -> None:
        """Add `value` to what has that name."""
        self[name] = self[name] + value if name in self else value

    def over(self, count: int) -> Flow:
        """Return the sums divided by `count`."""
        return {name: value / count for name, value in self.items()}


def _unit(vector: Tensor) -> Tensor:
    near = vector * _scale(vector)
    return near.div_(near.norm())


def _norm(tensor: Tensor) -> float:
    """Return ‖tensor‖; no square over- or underflows."""
    scale = _scale(tensor)
    return float((tensor * scale).norm()) / scale


def _scale(tensor: Tensor) -> float:
    """Return a power of two that brings the largest entry near 1: a product without rounding."""
    largest = float(tensor.abs().max()) if tensor.numel() else 0.0
    return 2.0 ** -max(-1000, min(math.frexp(largest)[1], 1000))


def _correlations(mean: Flow, square: Flow, product: Flow, shift: Flow) -> Flow:
    """Turn moments about `shift` into correlations, 0 for units that are constant."""
    scale = {}
    for name, m in mean.items():
        std = (square[name] - m.square()).clamp_min(0).sqrt()
        rounding = torch.finfo(torch.float32).eps * (shift[name] + m).abs()
        scale[name] = torch.where(std > ROUNDINGS * rounding, 1 / std, 0.0)
    found = {}
    for (first, second), (name, expected) in zip(pairwise(mean), product.items(), strict=True):
        covariance = expected - mean[first][:, None] * mean[second]
        found[name] = (covariance * scale[first][:, None] * scale[second]).clamp(-1, 1)
    return found


def _layers(net: nn.Module) -> Layers:
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    layers: Layers = {name: one for name, one in net.named_modules() if isinstance(one, kinds)}
    if len(layers) < 2:
        raise ValueError(
            f"net has the Linear and Conv layers {list(layers)}; information flows between at "
            "least two"
        )
    return layers


@contextmanager
def _unit_outputs(net: nn.Module, layers: Layers, at: str) -> Iterator[Flow]:
    """Yield a dict that each forward pass fills: layer → (images, units) in float64."""
    names = {module: name for name, module in layers.items()}
    units: Flow = {}
    newest: list[tuple[str, Tensor, int]] = []
    functions = _Functions(newest)

    def watch(module: nn.Module, args: Any, kwargs: Any, made: Tensor) -> None:
        seen = first_input(args, kwargs)
        transforms = at == "post" and newest and _only_transforms(seen, made, *newest[0][1:])
        if module in names:
            name = names[module]
            functions.refuse()
            if name in units:
                raise Refused(f"net: layer {name!r} runs twice, so its output is not defined")
        elif transforms:
            name = newest[0][0]
        else:
            return
        functions.after = ""
        units[name] = _per_unit(layers[name], made)
        newest[:] = [(name, made, made._version)]

    handles = [module.register_forward_hook(watch, with_kwargs=True) for module in net.modules()]
    handles.append(net.register_forward_hook(lambda *_: functions.refuse()))
    try:
        with functions if at == "post" else nullcontext():
            yield units
    finally:
        for handle in handles:
            handle.remove()


class _Functions(TorchFunctionMode):
    """Watches for activations that are functions, and so run outside of any module's hook."""

    def __init__(self, newest: list[tuple[str, Tensor, int]]) -> None:
        self.newest, self.after = newest, ""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "").rstrip("_")
        if name in ACTIVATIONS and args and self.newest:
            _, latest, version = self.newest[0]
            if args[0] is latest and latest._version == version:
                self.after = name
        return func(*args, **(kwargs or {}))

    def refuse(self) -> None:
        """Raise if a function has changed the newest output, and no module around it has ended."""
        if self.after:
            raise Refused(
                f"net: the output of layer {self.newest[0][0]!r} goes into the function "
                f"{self.after}, which at='post' cannot see; make it a module (nn.ReLU), or take "
                "at='pre'"
            )


def _only_transforms(seen: object, made: object, latest: Tensor, version: int) -> bool:
    """Tell whether a module took a layer's newest output, and only that, and kept its shape."""
    if seen is not latest or not isinstance(made, Tensor):
        return False
    # A version more than the module's own step means that a shortcut was added in place.
    untouched = latest._version == version + (made is latest)
    return untouched and made.shape == latest.shape


def _per_unit(layer: nn.Module, output: Tensor) -> Tensor:
    """Average a layer's output over all but images and units; always a copy, for ReLUs in place."""
    if isinstance(layer, nn.Linear):
        output = output.reshape(len(output), -1, output.shape[-1]).transpose(1, 2)
    return accurate(output.flatten(2).mean(dim=2))


def _copies(net: nn.Module, masks: Mapping[str, Tensor]) -> Flow:
    """Return leaves with the values of the masked parameters, apart from the network's own."""
    named = dict(net.named_parameters())
    if not masks:
        raise ValueError("masks is empty: name at least one parameter")
    for name, mask in masks.items():
        if name not in named:
            raise ValueError(f"masks names {name!r}, but net has {list(named)}")
        shape = tuple(named[name].shape)
        if not _dense(mask) or mask.dtype != torch.bool or mask.shape != shape:
            kind = (mask.dtype, tuple(mask.shape)) if isinstance(mask, Tensor) else mask
            raise ValueError(f"masks[{name!r}] is {kind}, it must be dense torch.bool {shape}")
    return {name: named[name].detach().requires_grad_() for name in masks}


def _check_images(inputs: Tensor) -> None:
    if not len(inputs):
        raise ValueError("inputs has no images: the probe must not be empty")
    if not bool(inputs.isfinite().all()):
        raise ValueError("inputs has NaN or infinity")


def _dense(value: object) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta


def _check_flow(name: str, flow: Mapping[str, Tensor]) -> None:
    for key, value in flow.items():
        if not _dense(value):
            raise ValueError(f"{name}[{key!r}] must be a Tensor, dense and with data")
        if value.is_complex() or not bool(value.isfinite().all()):
            raise ValueError(f"{name}[{key!r}] must be real and finite")


def _check_finite(what: str, sums: Mapping[str, Tensor]) -> None:
    for name, tensor in sums.items():
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"net: {what} {name!r} has NaN or infinity")
