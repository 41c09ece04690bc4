"""How zeros are kept: in a dense matrix, one by one (CSR), in blocks (BSR), two of four."""

from __future__ import annotations

import copy
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from ...checks import Count, Positive, checked
from ...costs import Latency, Repeats, latency
from ...devices import move_to
from ...settings import device as pick_device
from ...shrink import remove_dead
from .roofline import break_even

BLOCK = 4
SERIES, CALLS = 7, 5
# What torch says where a layout has no kernel on this device or in this build.
LACKING = (RuntimeError, TypeError, ValueError)


class SparseLinear(nn.Module):
    """A Linear layer whose weight is kept sparse: `net(inputs)` as before, no training."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return inputs Wᵀ + b of a batch (images, in): the sparse factor comes first."""
        product: Tensor = (self.weight @ inputs.t()).t()
        return product if self.bias is None else product + self.bias


@checked
def csr(net: nn.Module, inputs: Tensor) -> nn.Module:
    """Return a copy of `net` whose Linear weights are kept as rows of living weights (CSR).

    It lies where the images `inputs` lie. Raises ValueError where torch has no such product: on
    Apple's GPU, for one. Taught in notebook 08.
    """
    return _kept_sparse(net, inputs, lambda weight: weight.to_sparse_csr())


@checked
def blocks(net: nn.Module, inputs: Tensor, size: Count = BLOCK) -> nn.Module:
    """Return a copy of `net` whose Linear weights are kept as square blocks (BSR).

    A block of `size` × `size` is kept whole if one of its weights lives; a layer that `size` does
    not divide stays dense. Raises ValueError where torch has no such product. Taught in notebook
    08.
    """

    def keep(weight: Tensor) -> Tensor:
        fits = all(length % size == 0 for length in weight.shape)
        return weight.to_sparse_bsr((size, size)) if fits else weight

    return _kept_sparse(net, inputs, keep)


@checked
def kept_as(
    layout: Literal["zeros in place", "CSR", "units removed"], net: nn.Module, inputs: Tensor
) -> nn.Module:
    """Return a pruned network in a layout; where torch has no CSR, with its zeros in place.

    Taught in notebook 08.
    """
    if layout == "units removed":
        return remove_dead(net, inputs)
    try:
        return csr(net, inputs) if layout == "CSR" else net
    except ValueError:
        return net


def _kept_sparse(net: nn.Module, inputs: Tensor, keep: Callable[[Tensor], Tensor]) -> nn.Module:
    """Replace the Linear layers of a copy, and try it."""
    held = nn.Sequential(copy.deepcopy(net).eval())
    move_to(held, inputs)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # torch says that its sparse layouts are in beta.
            warnings.simplefilter("ignore", UserWarning)
            for name, layer in list(held.named_modules()):
                if isinstance(layer, nn.Linear):
                    bias = None if layer.bias is None else layer.bias.detach()
                    parent = held.get_submodule(name.rpartition(".")[0])
                    kept = SparseLinear(keep(layer.weight.detach()), bias)
                    setattr(parent, name.rpartition(".")[2], kept)
            held(inputs[:1])
    except LACKING as error:
        raise ValueError(f"net has no such layout on {inputs.device}: {_first(error)}") from error
    return held[0]


def _first(error: Exception) -> str:
    """Return the first sentence of torch's long words."""
    return str(error).strip().split("\n")[0][:120]


@checked
def latency_two_of_four(
    out: Count, into: Count, batch: Count, device: str | torch.device
) -> dict[str, Latency]:
    """Measure a product in half precision, dense and with two of four weights.

    Raises ValueError, with the reason, where `device` has no kernel for it: it takes an NVIDIA GPU
    of compute capability 8.0 or newer. Taught in notebook 08.
    """
    device = pick_device(device)
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        raise ValueError(f"device={device} has no 2:4 kernel: NVIDIA GPUs have, from Ampere on")
    weight = torch.randn(out, into, device=device, dtype=torch.half)
    images = torch.randn(batch, into, device=device, dtype=torch.half)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            sparse = torch.sparse.to_sparse_semi_structured(weight * _two_of_four(weight))
            sparse @ images.t()
    except LACKING as error:
        raise ValueError(f"device={device} cannot multiply 2:4: {_first(error)}") from error
    return {
        "dense, half precision": latency(lambda x: weight @ x.t(), images),
        "2:4, half precision": latency(lambda x: sparse @ x.t(), images),
    }


def _two_of_four(weight: Tensor) -> Tensor:
    """Let the two largest of each four weights in a row live, as `blocks_of(4)`, `count(2)` do."""
    fours = weight.abs().reshape(-1, 4)
    order = fours.argsort(dim=1, descending=True, stable=True)
    alive = torch.zeros_like(fours, dtype=torch.bool).scatter_(1, order[:, :2], True)
    return alive.reshape(weight.shape)


@checked
@dataclass(frozen=True)
class LayoutTimes:
    """How long one layer's product takes, by layout and density; why a layout is missing here.

    Each time holds a median for every series; series are numbered alike in all of them.
    """

    densities: tuple[float, ...]
    times: Mapping[str, Sequence[Latency]]
    missing: Mapping[str, str] = field(default_factory=dict)

    @checked
    def speed(self, layout: str) -> NDArray[np.float64]:
        """Return how many times as fast as the full dense product, (series, densities).

        Each series is compared with the dense product of that series.
        """
        full = self.times["dense"][int(np.argmax(self.densities))].seconds
        taken = np.array([time.seconds for time in self.times[layout]])
        return np.asarray(np.array(full)[:, None] / taken.T)

    @checked
    def break_even(self, layout: str) -> list[float | None]:
        """Return for each series the density at which a layout is as fast as dense, or None."""
        return [break_even(self.densities, (1 / row).tolist(), 1.0) for row in self.speed(layout)]


@checked
def measure_layouts(
    weight: Float[Tensor, "out in"],
    inputs: Float[Tensor, "batch in"],
    densities: Sequence[Positive],
    *,
    series: Count = SERIES,
    repeats: Repeats = CALLS,
) -> LayoutTimes:
    """Measure inputs Wᵀ with a share of W alive, in every layout that this machine has.

    "dense": the zeros are multiplied too. "CSR": single weights at random places. "blocks": whole
    blocks of 4 × 4. "units removed": a share of the rows, as a smaller dense matrix. They are
    measured `in_turn`. A layout that torch lacks here is named in `missing`, with torch's reason.
    Taught in notebook 08.
    """
    layouts = ("dense", "CSR", "blocks", "units removed")
    nets: dict[tuple[str, float], nn.Module] = {}
    missing: dict[str, str] = {}
    for density in densities:
        for layout in layouts:
            if layout in missing:
                continue
            net = _layer(weight, density, layout)
            try:
                if layout in ("CSR", "blocks"):
                    net = csr(net, inputs) if layout == "CSR" else blocks(net, inputs)
            except ValueError as error:
                missing[layout] = str(error)
                continue
            nets[layout, density] = net
    measured = in_turn(nets, inputs, series=series, repeats=repeats)
    times = {layout: [measured[layout, density] for density in densities]
             for layout in layouts if layout not in missing}  # fmt: skip
    return LayoutTimes(tuple(densities), times, missing)


@checked
def in_turn(
    nets: Mapping[Any, Callable[..., Any]],
    inputs: Tensor,
    series: Count = SERIES,
    repeats: Repeats = CALLS,
) -> dict[Any, Latency]:
    """Measure networks in turn, so that what disturbs the machine disturbs all: by their names.

    In each series every network is called `repeats` times after a warm-up. The seconds of a time
    are the medians of the series: its quartiles tell how far series lie apart. Taught in notebook
    08.
    """
    rounds = [
        {name: latency(net, inputs, repeats=repeats, warmup=2) for name, net in nets.items()}
        for _ in range(series)
    ]
    first = rounds[0]
    return {
        name: replace(first[name], seconds=tuple(each[name].quartiles[1] for each in rounds))
        for name in nets
    }


def busy() -> str:
    """Say whether others compute on this machine: then times wander. Taught in notebook 08."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load <= 0.7 * cores:
        return f"The machine is quiet: load {load:.1f} on {cores} cores."
    return (
        f"Careful: load {load:.1f} on {cores} cores. Something else computes, and times wander: "
        "close it, wait a minute, and run this cell again."
    )


def _layer(weight: Tensor, density: float, layout: str) -> nn.Module:
    """Return a Linear layer in which this share of the weight lives, drawn by a fixed seed."""
    out, into = weight.shape
    if layout == "units removed":
        weight = weight[: max(1, round(density * out))]
    else:
        step = BLOCK if layout == "blocks" else 1
        rows, columns = math.ceil(out / step), math.ceil(into / step)
        order = torch.randperm(rows * columns, generator=torch.Generator().manual_seed(0))
        alive = torch.zeros(rows * columns, dtype=torch.bool)
        alive[order[: max(1, round(density * rows * columns))]] = True
        alive = alive.reshape(rows, columns).repeat_interleave(step, 0).repeat_interleave(step, 1)
        weight = weight * alive[:out, :into].to(weight.device)
    layer = nn.Linear(into, len(weight), bias=False, device=weight.device, dtype=weight.dtype)
    layer.weight = nn.Parameter(weight.detach().clone())
    return layer
