"""What passes between layers: information flow, gradient flow, and how far two flows are apart.

InCoP stops retraining when the flow of the pruned network is near that of the dense one. A `Flow`
maps names to float64 tensors. Taught in notebook 03.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .checks import check_choice
from .modes import evaluating

Flow = dict[str, Tensor]
Layers = dict[str, nn.Module]

KINDS = ("raw", "pearson")
PLACES = ("post", "pre")
DISTANCES = ("l2", "relative", "cosine")
IMAGES_AT_ONCE = 250
# A unit whose spread is below this many roundings of its mean is constant.
ROUNDINGS = 8


@torch.no_grad()
def information_flow(
    net: nn.Module, inputs: Tensor, *, kind: str = "raw", at: str = "post"
) -> Flow:
    """Information flow Δ: how the units of each Linear or Conv layer go with those of the next.

    Maps "first→second" to (M_l, M_{l+1}) for layers in the order in which they run. The feature
    maps of a convolution are averaged over space, so that a filter is one unit. `inputs` is what
    the network takes, (images, …); they pass in blocks, summed in float64.

    `kind="raw"` is Eq. (2), E[f_i f_j]. `kind="pearson"` is what the authors compute, the signed
    correlation in [−1, 1]; a unit that is constant has none, and gets 0. `at="post"` takes f as in
    the paper, after the modules that only transform a layer's output in place (normalisation,
    activation), before pooling and before shortcuts are added; `at="pre"`, as the authors do, takes
    what the layer itself returns. The network is in eval mode meanwhile, and left as it was.

    Raises ValueError for another `kind` or `at`, no inputs, a network with fewer than two such
    layers, a layer that runs twice, and NaN or infinity (the layer is named). Source: InCoP paper,
    Eq. (2). Taught in notebook 03.

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
    shift: Flow = {}
    total, square, product = Sums(), Sums(), Sums()
    with evaluating(net), _unit_outputs(net, layers, at) as units:
        for block in inputs.split(IMAGES_AT_ONCE):
            units.clear()
            net(block)
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
        raise ValueError(f"only {list(total)} of net's Linear and Conv layers ran: two are needed")
    if kind == "raw":
        return product.over(len(inputs))
    mean, squares, products = (sums.over(len(inputs)) for sums in (total, square, product))
    return _correlations(mean, squares, products, shift)


def gradient_flow(
    net: nn.Module, inputs: Tensor, targets: Tensor, masks: Mapping[str, Tensor]
) -> Flow:
    """Gradient flow g: the gradient of the mean cross-entropy, zero where the mask is.

    `masks` maps parameter names to bool tensors of their shape; so does the result, to float64.
    `flow_norms` gives one number per layer. `inputs` (images, …) and `targets` int64 (images,)
    pass in blocks, summed in float64; the network is in eval mode meanwhile. Its `.grad`, mode,
    hooks and buffers are left as they were. At a trained network the gradient of a small probe is
    mostly sampling noise.

    Raises ValueError for no inputs, targets of another number, masks that do not fit the network,
    and NaN or infinity (the parameter is named). Source: InCoP paper, Eq. (3). Taught in
    notebook 03.

    >>> net = nn.Linear(1, 2, bias=False)
    >>> _ = net.weight.data.zero_()
    >>> mask = {"weight": torch.tensor([[True], [False]])}
    >>> gradient_flow(net, torch.ones(4, 1), torch.zeros(4, dtype=torch.int64), mask)["weight"]
    tensor([[-0.5000],
            [ 0.0000]], dtype=torch.float64)
    """
    _check_images(inputs)
    if len(targets) != len(inputs):
        raise ValueError(f"targets has {len(targets)} labels for {len(inputs)} inputs")
    weights = _copies(net, masks)
    total = Sums()
    blocks = zip(inputs.split(IMAGES_AT_ONCE), targets.split(IMAGES_AT_ONCE), strict=True)
    with evaluating(net), torch.enable_grad():
        for images, labels in blocks:
            outputs = functional_call(net, weights, (images,))
            loss = nn.functional.cross_entropy(outputs, labels, reduction="sum")
            gradients = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
            for name, gradient in zip(weights, gradients, strict=True):
                total.add(name, _accurate(gradient))
    _check_finite("the gradient of", total)
    mean = total.over(len(inputs))
    return {name: g.masked_fill_(~masks[name].to(g.device), 0.0) for name, g in mean.items()}


def flow_norms(flow: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the Frobenius norm of each tensor of a flow by name."""
    return {name: float(tensor.norm()) for name, tensor in flow.items()}


def flow_distance(
    flow: Mapping[str, Tensor], reference: Mapping[str, Tensor], kind: str = "l2"
) -> float:
    """How far a flow is from the reference Φ*, all layers taken as one long vector.

    `"l2"` is ‖Φ − Φ*‖ as in Algorithm 1. `"relative"` divides that by ‖Φ*‖, so that one ε fits
    networks of any size; ∞ if only the reference is zero. `"cosine"`, which the authors leave to
    future work, is 1 − cos ∠(Φ, Φ*) in [0, 2]; 1 if only one of the two is zero. Equal flows have
    distance exactly 0. Raises ValueError for another kind, or flows of different networks.

    >>> a, b = {"1→2": torch.tensor([[3.0, 0.0]])}, {"1→2": torch.tensor([[0.0, 4.0]])}
    >>> [flow_distance(a, b, kind) for kind in DISTANCES]
    [5.0, 1.25, 1.0]
    """
    check_choice("kind", kind, DISTANCES)
    if shapes_of(flow) != shapes_of(reference):
        raise ValueError(
            f"flows of different networks: {shapes_of(flow)} and {shapes_of(reference)}"
        )
    a, b = (torch.cat([one[name].flatten() for name in reference]) for one in (flow, reference))
    if torch.equal(a, b):
        return 0.0
    if kind == "cosine":
        # Of unit vectors, half the squared distance is 1 − cos; nothing cancels.
        return float((_unit(a) - _unit(b)).square().sum() / 2) if a.any() and b.any() else 1.0
    distance = (a - b).norm()
    return float(distance / b.norm() if kind == "relative" else distance)


def epoch_within(distances: Sequence[float], epsilon: float) -> int:
    """Return the epoch, counted from 1, after which Algorithm 1 stops; the last if none is near.

    `distances` are those after each epoch of one retraining. Raises ValueError if there are none.
    Source: InCoP paper, Algorithm 1, lines 6 to 10. Taught in notebook 03.

    >>> epoch_within([0.5, 0.2, 0.3], 0.25), epoch_within([0.5, 0.2, 0.3], 0.1)
    (2, 3)
    """
    if not distances:
        raise ValueError("distances is empty: at least one epoch is needed")
    near = (epoch for epoch, distance in enumerate(distances, start=1) if distance <= epsilon)
    return next(near, len(distances))


class Sums(Flow):
    """Sums of tensors by name."""

    def add(self, name: str, value: Tensor) -> None:
        """Add `value` to what has that name."""
        self[name] = self[name] + value if name in self else value

    def over(self, count: int) -> Flow:
        """Return the sums divided by `count`."""
        return {name: value / count for name, value in self.items()}


def shapes_of(flow: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a flow by name."""
    return {name: tuple(tensor.shape) for name, tensor in flow.items()}


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm()


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

    def watch(module: nn.Module, seen: tuple[Tensor, ...], made: Tensor) -> None:
        if module in names:
            name = names[module]
            if name in units:
                raise ValueError(f"layer {name!r} runs twice: its output is not defined")
        elif at == "post" and newest and _only_transforms(seen, made, *newest[0][1:]):
            name = newest[0][0]
        else:
            return
        units[name] = _per_unit(layers[name], made)
        newest[:] = [(name, made, made._version)]

    handles = [module.register_forward_hook(watch) for module in net.modules()]
    try:
        yield units
    finally:
        for handle in handles:
            handle.remove()


def _only_transforms(seen: tuple[Tensor, ...], made: object, latest: Tensor, version: int) -> bool:
    """Tell whether a module took a layer's newest output, and only that, and kept its shape."""
    if not seen or seen[0] is not latest or not isinstance(made, Tensor):
        return False
    # A version more than the module's own step means that a shortcut was added in place.
    untouched = latest._version == version + (made is latest)
    return untouched and made.shape == latest.shape


def _per_unit(layer: nn.Module, output: Tensor) -> Tensor:
    """Average a layer's output over all but images and units; always a copy, for ReLUs in place."""
    if isinstance(layer, nn.Linear):
        output = output.reshape(len(output), -1, output.shape[-1]).transpose(1, 2)
    return _accurate(output.flatten(2).mean(dim=2))


def _accurate(tensor: Tensor) -> Tensor:
    """Return the tensor in float64, on the CPU if its device (Apple's) has none."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def _copies(net: nn.Module, masks: Mapping[str, Tensor]) -> Flow:
    """Return leaves with the values of the masked parameters, apart from the network's own."""
    named = dict(net.named_parameters())
    if not masks:
        raise ValueError("masks is empty: name at least one parameter")
    for name, mask in masks.items():
        if name not in named:
            raise ValueError(f"masks names {name!r}, but net has {list(named)}")
        if mask.dtype != torch.bool or mask.shape != named[name].shape:
            raise ValueError(
                f"masks[{name!r}] is {mask.dtype} {tuple(mask.shape)}, "
                f"it must be torch.bool {tuple(named[name].shape)}"
            )
    return {name: named[name].detach().requires_grad_() for name in masks}


def _check_images(inputs: Tensor) -> None:
    if not len(inputs):
        raise ValueError("inputs has no images: the probe must not be empty")


def _check_finite(what: str, sums: Mapping[str, Tensor]) -> None:
    for name, tensor in sums.items():
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{what} {name!r} has NaN or infinity")
