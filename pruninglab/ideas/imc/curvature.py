"""The loss around a trained network: its gradient and its Hessian, exact or as an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float, Num, Real
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...checks import Count, checked
from ...devices import has_float64
from ...modes import block_of, copied

Loss = Callable[[Tensor, Tensor], Tensor]

IMAGES_AT_ONCE = 1000
PRODUCTS_AT_ONCE = 50_000
PARAMETERS_AT_MOST = 5000


@checked
class Curvature:
    """The Hessian of a loss at a point, d × d, as something to multiply by: `curvature @ vectors`.

    Made by `hessian_operator`. `net` is a copy in eval mode, `weights` float (d,) the point;
    `shape`, `dtype` and `device` are those of the matrix. A product costs about two gradients and
    never builds the matrix. Images pass in blocks; what a single block needs is kept from one
    product to the next.
    Whatever evaluates the loss raises ValueError if the network does not take the images, or the
    loss is not one finite number.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Num[Tensor, "images ..."],
        targets: Num[Tensor, "images ..."],
        loss: Loss,
        weights: Float[Tensor, " d"],
        block: Count = IMAGES_AT_ONCE,
    ) -> None:
        self.net, self._inputs, self._targets = net, inputs, targets
        self._loss, self._block = loss, block
        self._sizes = {name: p.shape for name, p in net.named_parameters()}
        self._kept: tuple[Tensor, Tensor] | None = None
        self.weights = weights
        if len(weights) != sum(size.numel() for size in self._sizes.values()):
            raise ValueError(f"weights has {len(weights)} entries; net has another number of them")

    @property
    def shape(self) -> tuple[int, int]:
        """(d, d), d the number of parameters."""
        return len(self.weights), len(self.weights)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which everything is computed."""
        return self.weights.dtype

    @property
    def device(self) -> torch.device:
        """Where everything is computed."""
        return self.weights.device

    @checked
    def at(self, weights: Real[Tensor, " d"]) -> Curvature:
        """Return the curvature of the same loss at another point, float (d,)."""
        if weights.shape != self.weights.shape:
            raise ValueError(f"weights has shape {tuple(weights.shape)}, not {self.shape[:1]}")
        moved = weights.to(self.weights).detach()
        return Curvature(self.net, self._inputs, self._targets, self._loss, moved, self._block)

    @checked
    def split(self, vector: Num[Tensor, " d"]) -> dict[str, Tensor]:
        """Cut a vector (d,) into tensors by parameter name, in the parameters' shapes."""
        if vector.shape != self.weights.shape:
            raise ValueError(f"vector has shape {tuple(vector.shape)}, not {self.shape[:1]}")
        parts = vector.split([shape.numel() for shape in self._sizes.values()])
        pairs = zip(self._sizes.items(), parts, strict=True)
        return {name: part.reshape(shape) for (name, shape), part in pairs}

    def loss(self) -> float:
        """Return the mean loss here."""
        with torch.no_grad():
            return sum(float(value) for _, value in self._blocks(self.weights))

    @torch.inference_mode(False)
    def gradient(self) -> Tensor:
        """Return the gradient of the mean loss here, (d,)."""
        total = torch.zeros_like(self.weights)
        weights = self.weights.clone().requires_grad_()
        for _, value in self._blocks(weights):
            total += _slope(value, weights)
        return total

    @torch.inference_mode(False)
    @checked
    def __matmul__(self, vectors: Real[Tensor, " d"] | Real[Tensor, "d m"]) -> Tensor:
        """Return H @ `vectors`, (d,) or (d, m), in the dtype of the curvature."""
        if len(vectors) != len(self.weights):
            d = len(self.weights)
            raise ValueError(f"vectors has shape {tuple(vectors.shape)}, not ({d},) or ({d}, m)")
        rows = vectors.to(self.weights).reshape(len(self.weights), -1).T
        total = torch.zeros_like(rows)
        for weights, gradient, images in self._gradients():
            at_once = max(1, PRODUCTS_AT_ONCE // images)
            for some, out in zip(rows.split(at_once), total.split(at_once), strict=True):
                out += _pull(gradient, weights, some)
        return total.T.reshape(vectors.shape)

    @torch.inference_mode(False)
    @checked
    def change_along(self, v: Real[Tensor, " d"]) -> Tensor:
        """Return the gradient of vᵀHv with respect to the weights, (d,): a third derivative."""
        if v.shape != self.weights.shape:
            raise ValueError(f"v has shape {tuple(v.shape)}, not {self.shape[:1]}")
        v = v.to(self.weights)
        total = torch.zeros_like(self.weights)
        weights = self.weights.clone().requires_grad_()
        for _, value in self._blocks(weights):
            bent = value
            for _ in range(2):
                bent = _slope(bent, weights, create_graph=True) @ v
                if not bent.requires_grad:
                    break
            else:
                total += _slope(bent, weights)
        return total

    def _gradients(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Yield (weights, gradient with its graph, images) of each block of images."""
        images = min(len(self._inputs), self._block)
        if self._kept is not None:
            yield *self._kept, images
            return
        weights = self.weights.clone().requires_grad_()
        for count, value in self._blocks(weights):
            gradient = _slope(value, weights, create_graph=True)
            if count == len(self._inputs):
                self._kept = (weights, gradient)
            yield weights, gradient, count

    def _blocks(self, weights: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield (images, their share of the mean loss) of each block."""
        parts = (tensor.split(self._block) for tensor in (self._inputs, self._targets))
        for inputs, targets in zip(*parts, strict=True):
            value = self._value(weights, inputs, targets)
            if not isinstance(value, Tensor) or value.dim() or not bool(torch.isfinite(value)):
                shown = value.tolist() if isinstance(value, Tensor) else value
                raise ValueError(
                    f"loss must give one finite number, it gives {shown}: are net, inputs "
                    "and targets finite?"
                )
            yield len(inputs), value * (len(inputs) / len(self._inputs))

    def _value(self, weights: Tensor, inputs: Tensor, targets: Tensor) -> Any:
        net, named = self.net, self.split(weights)
        while isinstance(net, nn.DataParallel):
            # It spreads images over devices, but here the weights come from outside.
            net = net.module
            named = {name.removeprefix("module."): part for name, part in named.items()}
        try:
            # The other kernels of attention have no second derivative.
            with sdpa_kernel(SDPBackend.MATH):
                return self._loss(functional_call(net, named, (inputs.clone(),)), targets)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            shapes = f"inputs {tuple(inputs.shape)} and targets {tuple(targets.shape)}"
            raise ValueError(f"{shapes} do not pass through net and loss: {error}") from error


def _slope(value: Tensor, weights: Tensor, create_graph: bool = False) -> Tensor:
    """Return the derivative of a number by the weights, zero if it does not depend on them."""
    if not value.requires_grad:
        return torch.zeros_like(weights)
    return _derived(value, weights, create_graph=create_graph)


def _derived(outputs: Tensor, weights: Tensor, along: Tensor | None = None, **how: Any) -> Tensor:
    """Return torch's derivative. Raises ValueError if a step of the network has none in torch."""
    try:
        return torch.autograd.grad(outputs, weights, along, materialize_grads=True, **how)[0]
    except RuntimeError as error:
        if "is not implemented" not in str(error):
            raise
        raise ValueError(f"net has a step without a second derivative in torch: {error}") from error


def _pull(gradient: Tensor, weights: Tensor, rows: Tensor) -> Tensor:
    """Multiply the rows by the derivative of the gradient; zero where there is none."""
    if not gradient.requires_grad or not len(rows):
        return torch.zeros_like(rows)
    batched = len(rows) > 1
    along = rows if batched else rows[0]
    product = _derived(gradient, weights, along, is_grads_batched=batched, retain_graph=True)
    return product if batched else product[None]


@checked
def hessian_operator(
    net: nn.Module,
    inputs: Num[Tensor, "images ..."],
    targets: Num[Tensor, "images ..."],
    *,
    loss: Loss = nn.functional.cross_entropy,
    dtype: torch.dtype = torch.float64,
    block: Count = IMAGES_AT_ONCE,
) -> Curvature:
    """Return the Hessian of the mean loss over all parameters, biases too, as an operator.

    `inputs` (images, …) and `targets` (images, …) pass in blocks of `block` images; `loss(outputs,
    targets)` must be a mean over them. `net` is copied to where the inputs lie, in eval mode and
    `dtype`, and never changed; where a device has no float64, that is the CPU. The order of the d
    parameters is that of `net.named_parameters()`.

    Raises ValueError for a network without parameters or without numbers in them, no images,
    another number of targets, a dtype that is not floating, a block below 1 and (with the first
    product) images that do not pass through, or a loss that is not finite. Taught in notebook 06.

    >>> net = nn.Linear(1, 1, bias=False)
    >>> square = lambda outputs, targets: ((outputs - targets) ** 2).mean()
    >>> inputs, targets = torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)
    >>> hessian_operator(net, inputs, targets, loss=square) @ torch.ones(1)
    tensor([5.], dtype=torch.float64)
    """
    if not len(inputs):
        raise ValueError("there are 0 inputs and 0 targets: give pairs")
    if not dtype.is_floating_point:
        raise ValueError(f"dtype={dtype} must be a floating dtype")
    _count(net)
    place = inputs.device
    if dtype == torch.float64 and not has_float64(place):
        place = torch.device("cpu")
    # By way of the CPU, where every dtype can be made of every other.
    double = copied(net).cpu().to(dtype).to(place).eval()
    weights = torch.cat([parameter.detach().flatten() for parameter in double.parameters()])
    images, truth = (_moved(tensor, place, dtype) for tensor in (inputs, targets))
    return Curvature(double, images, truth, loss, weights, block_of(block))


def _moved(tensor: Tensor, place: torch.device, dtype: torch.dtype) -> Tensor:
    if tensor.device != place:
        tensor = tensor.cpu()
    return (tensor.to(dtype) if tensor.is_floating_point() else tensor).to(place)


def _count(net: nn.Module) -> int:
    """Return the number of parameters. Raises ValueError if there are none."""
    count = sum(parameter.numel() for parameter in net.parameters())
    if not count:
        raise ValueError("net has no parameters")
    return count


@checked
def hessian(
    net: nn.Module,
    inputs: Num[Tensor, "images ..."],
    targets: Num[Tensor, "images ..."],
    *,
    loss: Loss = nn.functional.cross_entropy,
    dtype: torch.dtype = torch.float64,
    at_most: Count = PARAMETERS_AT_MOST,
) -> Tensor:
    """Return the exact Hessian of the mean loss over all d parameters, symmetric (d, d).

    Arguments as in `hessian_operator`. Columns are computed in batches and images in blocks, so
    memory is bounded: the matrix itself, and what one block needs. Raises ValueError for more than
    `at_most` parameters, and what `hessian_operator` raises. Taught in notebook 06.

    >>> hessian(nn.Linear(2, 2, bias=False), torch.tensor([[1.0, 2.0]]), torch.tensor([0])).shape
    torch.Size([4, 4])
    """
    count = _count(net)
    if count > at_most:
        raise ValueError(
            f"net has {count:,} parameters, and at_most={at_most:,} allows no more: the exact "
            f"Hessian would take {8 * count**2 / 1e9:,.1f} GB. Use hessian_operator(...) with "
            "extreme_eigenvalues or spectral_density, or a larger at_most"
        )
    operator = hessian_operator(net, inputs, targets, loss=loss, dtype=dtype)
    matrix = operator @ torch.eye(count, dtype=dtype, device=operator.device)
    return (matrix + matrix.T) / 2


NOT_SMOOTH = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.Hardtanh, nn.MaxPool1d, nn.MaxPool2d)


@checked
def kinks(net: nn.Module) -> list[str]:
    """Return the names of modules whose second derivative does not exist everywhere.

    Between the kinks all is well: a Hessian is the one of the smooth piece it stands on. Third
    derivatives, and with them Eq. (23), see the kinks. Taught in notebook 06.

    >>> kinks(nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Tanh()))
    ['1']
    """
    return [name for name, module in net.named_modules() if isinstance(module, NOT_SMOOTH)]
