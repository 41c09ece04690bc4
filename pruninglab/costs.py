"""What a network costs: parameters, operations, units that still do something, time."""

from __future__ import annotations

import copy
import math
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from beartype.vale import Is
from jaxtyping import Num
from torch import Tensor, nn

from .ideas.checks import Whole, checked
from .ideas.devices import move_to
from .ideas.modes import evaluating
from .settings import device as pick_device
from .settings import environment

COUNTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
# They multiply as well, but Appendix B has no formula for them.
UNCOUNTED = (
    nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase, nn.Bilinear,
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip

# Fewer calls tell no spread; more than this take no lesson's time.
Repeats = Annotated[int, Is[lambda n: not isinstance(n, bool) and 5 <= n <= 10_000]]
# A product that keeps every core busy, and more numbers than a cache holds: 64 MB.
SQUARE, LONG = 512, 16_000_000
# What a fresh process runs: it reads the cases from one file and leaves the times in another.
ELSEWHERE = "import sys; from pruninglab.costs import _measure_all; _measure_all(*sys.argv[1:])"


@checked
def count_parameters(net: nn.Module, masks: Mapping[str, Tensor] | None = None) -> int:
    """Return how many parameters `net` has, those that are dead in `masks` not counted.

    Biases and batch-norm parameters count; weights that two layers share count once. Raises
    KeyError for a mask without a parameter, ValueError for one that is not bool or has another
    shape. Taught in notebook 04.

    >>> net = nn.Linear(3, 2)
    >>> dead = torch.zeros(2, 3, dtype=torch.bool)
    >>> count_parameters(net), count_parameters(net, {"weight": dead})
    (8, 2)
    """
    dead = sum(int((~mask).sum()) for mask in _fitting(net, masks).values())
    return sum(parameter.numel() for parameter in net.parameters()) - dead


@checked
def count_flops(
    net: nn.Module,
    inputs: Num[Tensor, "images ..."],
    masks: Mapping[str, Tensor] | None = None,
    *,
    skip: Literal["weights", "units"] = "weights",
    places: Literal["output", "input"] = "output",
) -> dict[str, int]:
    """Count the floating-point operations of every Linear and Conv layer for one image.

    Dense, by Appendix B: 2HW(C_in K² + 1)C_out for a convolution, (2I − 1)O for a Linear layer.
    Under `masks`, `skip` says what is saved. "weights": every dead weight, as if a library could
    step over single numbers; a row of n living ones costs 2n − 1, a filter 2HW(n + 1), and nothing
    if n = 0. "units": only inputs that no living weight reads, and outputs without a living
    weight, as a smaller dense layer would. `places` says what H and W are: "output" counts how
    often a filter is applied; "input" is what the paper prints, the same but for strides and
    missing padding.

    A layer costs as often as it is called, a Linear layer as often as it is applied: to a sequence
    of T vectors, T times. `inputs` is a batch, of which one image is used; the network moves there.
    Returns {layer: operations} of the layers that the network calls; their sum is the network's.
    Batch norm, activations and pooling are not counted, as in the paper. Raises ValueError for
    attention, recurrent and transposed layers, which are not counted, and for inputs or masks that
    do not fit; KeyError for a mask without a parameter. Source: NNrelief paper, Appendix B. Taught
    in notebook 04.

    >>> count_flops(nn.Linear(100, 10), torch.ones(1, 100))
    {'': 1990}
    """
    alive, uses, counts = _fitting(net, masks), _count_uses(net, inputs, places), {}
    # By the weight and not by its name: layers that share a weight share its mask.
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    for name, times in uses.items():
        layer = net.get_submodule(name)
        weight: Any = layer.weight
        mask = alive.get(names.get(id(weight), ""), torch.ones_like(weight, dtype=torch.bool))
        rows = _living_per_output(mask, skip, getattr(layer, "groups", 1))
        rows = rows[rows > 0]
        once = 2 * rows - 1 if isinstance(layer, nn.Linear) else 2 * (rows + 1)
        counts[name] = times * int(once.sum())
    return counts


@checked
def active_neurons(masks: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Count the units of a stack of Linear layers that still take part, inputs first.

    An input takes part if a living weight reads it, a hidden unit if moreover something enters it
    (a weight or a bias), an output if something enters it. `masks` in network order, as `Masks`
    are: bool, (out, in) for weights, (out,) for biases. Raises ValueError if they are not those of
    a stack of Linear layers. Source: NNrelief paper, Table 7. Taught in notebook 04.

    >>> masks = {"0.weight": torch.tensor([[True, False], [False, False]]),
    ...          "1.weight": torch.tensor([[True, True]])}
    >>> active_neurons(masks)
    (1, 1, 1)
    """
    for name, mask in masks.items():
        _check_mask(name, mask)
    weights = {name: mask for name, mask in masks.items() if mask.dim() > 1}
    shapes = [tuple(mask.shape) for mask in weights.values()]
    flat = bool(shapes) and all(len(shape) == 2 for shape in shapes)
    if not flat or any(first[0] != second[1] for first, second in pairwise(shapes)):
        raise ValueError(f"masks of shapes {shapes} are not those of a stack of Linear layers")
    entered = [_entered(name, masks) for name in weights]
    read = [mask.any(dim=0) for mask in weights.values()]
    hidden = [into & out for into, out in zip(entered[:-1], read[1:], strict=True)]
    return tuple(int(units.sum()) for units in (read[0], *hidden, entered[-1]))


@checked
@dataclass(frozen=True)
class Latency:
    """How long a call takes: `seconds` of every repeat, and what they hang on.

    Prints as the median with the quartiles, never without: a format or `float()` that would leave
    the spread out raises TypeError. Taught in notebook 08.

    >>> print(Latency((0.001, 0.002, 0.004, 0.005, 0.009), images=1, threads=2, device="cpu"))
    4.000 ms (2.000 … 5.000), batch 1, 2 threads, cpu
    """

    seconds: tuple[float, ...]
    images: int
    threads: int
    device: str

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """The first quartile, the median and the third quartile of the seconds."""
        low, median, high = np.quantile(self.seconds, (0.25, 0.5, 0.75)).tolist()
        return low, median, high

    @property
    def short(self) -> str:
        """Median and quartiles in milliseconds, without what they hang on."""
        low, median, high = (1e3 * value for value in self.quartiles)
        return f"{median:.3f} ms ({low:.3f} … {high:.3f})"

    def __str__(self) -> str:
        return f"{self.short}, batch {self.images}, {self.threads} threads, {self.device}"

    def __format__(self, form: str) -> str:
        if form:
            raise TypeError(f"format {form!r} leaves the spread out: print .short or .quartiles")
        return str(self)

    def __float__(self) -> float:
        raise TypeError("a time is no number without its spread: use .quartiles")


@checked
def latency(
    net: Callable[..., Any],
    inputs: Num[Tensor, "images ..."],
    *,
    repeats: Repeats = 50,
    warmup: Whole = 5,
) -> Latency:
    """Measure how long `net(inputs)` takes on this machine, where `inputs` lie.

    `net` is a network, put into eval mode and moved to the inputs for it, or any function of a
    tensor. `warmup` calls come first and do not count; then `repeats` calls are timed one by one,
    the device synchronised before and after each, no gradient kept. A time is a fact about a
    machine and a moment: nothing correct may hang on it. Raises ValueError for inputs that `net`
    does not take. Taught in notebook 08.

    >>> latency(nn.Linear(4, 2), torch.ones(3, 4), repeats=5).images
    3
    """
    if isinstance(net, nn.Module):
        move_to(net, inputs)
        with evaluating(net):
            seconds = _time(net, inputs, repeats, warmup)
    else:
        seconds = _time(net, inputs, repeats, warmup)
    where = environment(inputs.device)
    return Latency(seconds, len(inputs), torch.get_num_threads(), where["device"])


@checked
@dataclass(frozen=True)
class Machine:
    """What a device can do at best, measured: a large product, and a copy beyond its caches."""

    product: Latency
    copying: Latency
    flops: float
    bytes: float

    @property
    def peak(self) -> tuple[float, float, float]:
        """Operations a second: lower quartile, median, upper quartile."""
        slow, median, fast = reversed(self.product.quartiles)
        return self.flops / slow, self.flops / median, self.flops / fast

    @property
    def bandwidth(self) -> tuple[float, float, float]:
        """Bytes a second: lower quartile, median, upper quartile."""
        slow, median, fast = reversed(self.copying.quartiles)
        return self.bytes / slow, self.bytes / median, self.bytes / fast

    def __str__(self) -> str:
        said = [f"{1e-9 * median:.1f} ({1e-9 * low:.1f} … {1e-9 * high:.1f})"
                for low, median, high in (self.peak, self.bandwidth)]  # fmt: skip
        where = f"{self.product.threads} threads, {self.product.device}"
        return f"{said[0]} billion operations/s, {said[1]} GB/s, {where}"


@checked
def measure_machine(device: str | torch.device = "cpu", *, repeats: Repeats = 20) -> Machine:
    """Measure the two roofs of a device with float32: a square product, and a copy of 64 MB.

    What torch reaches, not what the maker prints. Raises ValueError for a device that is not here.
    Taught in notebook 08.
    """
    device = pick_device(device)
    square = torch.ones(SQUARE, SQUARE, device=device)
    long, there = torch.ones(2, LONG // 2, device=device), torch.ones(2, LONG // 2, device=device)
    return Machine(
        latency(lambda matrix: matrix @ matrix, square, repeats=repeats),
        latency(there.copy_, long, repeats=repeats),
        2.0 * SQUARE**3,
        2.0 * long.element_size() * LONG,
    )


@checked
def latencies_with_one_thread(
    cases: Mapping[str, tuple[nn.Module, Tensor]], *, repeats: Repeats = 50
) -> dict[str, Latency]:
    """Measure `latency` of several (network, inputs) on the CPU, in a process with one thread.

    A process of its own: to change the number of threads inside one breaks what runs later. It
    takes the seconds that torch needs to start. Raises ValueError for a network that cannot be
    pickled, such as one whose class stands in a notebook cell, and for inputs that do not fit.
    Taught in notebook 08.
    """
    near = {name: (_on_cpu(net), inputs.cpu()) for name, (net, inputs) in cases.items()}
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "cases"), Path(folder, "times")
        try:
            given.write_bytes(pickle.dumps((near, repeats)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"cases hold a network that cannot be pickled: {error}") from error
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        package = str(Path(__file__).resolve().parents[1])
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", ELSEWHERE, str(given), str(made)],
            env=os.environ | threads | {"PYTHONPATH": paths, "PRUNINGLAB_DEVICE": "cpu"},
            capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:]
            raise ValueError(f"cases could not be measured: {' '.join(last)}")
        times: dict[str, Latency] = pickle.loads(made.read_bytes())
    return times


def _measure_all(given: str, made: str) -> None:
    """Measure the cases of one file and write their times to another: for a process of its own."""
    cases, repeats = pickle.loads(Path(given).read_bytes())
    torch.set_num_threads(1)
    times = {name: latency(*case, repeats=repeats) for name, case in cases.items()}
    Path(made).write_bytes(pickle.dumps(times))


def _on_cpu(net: nn.Module) -> nn.Module:
    return copy.deepcopy(net).cpu()


@torch.no_grad()
def _time(call: Callable[..., Any], inputs: Tensor, repeats: int, warmup: int) -> tuple[float, ...]:
    try:
        for _ in range(warmup):
            call(inputs)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"net does not take inputs {tuple(inputs.shape)}: {error}") from error
    seconds = []
    for _ in range(repeats):
        _synchronise(inputs.device)
        start = time.perf_counter()
        call(inputs)
        _synchronise(inputs.device)
        seconds.append(time.perf_counter() - start)
    return tuple(seconds)


def _synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was given; a CPU is always done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _entered(name: str, masks: Mapping[str, Tensor]) -> Tensor:
    """Tell which units of a Linear layer a living weight or bias enters: (out,)."""
    entered = masks[name].any(dim=1)
    key = name.removesuffix("weight") + "bias"
    if key not in masks:
        return entered
    if masks[key].shape != entered.shape:
        raise ValueError(f"masks[{key!r}] must have shape {tuple(entered.shape)}, as the layer's")
    return entered | masks[key]


def _check_mask(name: str, mask: Any) -> None:
    if not isinstance(mask, Tensor):
        raise TypeError(f"masks[{name!r}] is {mask!r}; it must be a bool tensor")
    if mask.dtype != torch.bool or mask.is_meta or mask.layout != torch.strided:
        kind = "meta" if mask.is_meta else f"{mask.layout} {mask.dtype}"
        raise ValueError(f"masks[{name!r}] is a {kind} tensor; it must be bool and dense")


def _fitting(net: nn.Module, masks: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
    """Return the masks, or none, if they fit the network's parameters one by one."""
    parameters = dict(net.named_parameters())
    for name, parameter in parameters.items():
        if isinstance(parameter, nn.UninitializedParameter):
            raise ValueError(f"net has a parameter without a shape yet: {name}; call net first")
    for name, mask in (masks or {}).items():
        if name not in parameters:
            raise KeyError(f"masks name {name!r}, which the network does not have")
        _check_mask(name, mask)
        if mask.shape != parameters[name].shape:
            shapes = f"{tuple(mask.shape)}; its parameter has {tuple(parameters[name].shape)}"
            raise ValueError(f"masks[{name!r}] has shape {shapes}")
    return masks or {}


def _living_per_output(mask: Tensor, skip: str, groups: int) -> Tensor:
    """Return how many weights each output computes with: (outputs,)."""
    if skip == "weights":
        return mask.flatten(1).sum(dim=1)
    read = mask.flatten(2).any(dim=2) if mask.dim() > 2 else mask
    read = read.reshape(groups, len(read) // groups, read.shape[1])
    used = read.any(dim=1).sum(dim=1, keepdim=True) * math.prod(mask.shape[2:])
    return (read.any(dim=2) * used).flatten()


@torch.no_grad()
def _counted_layers(net: nn.Module) -> dict[str, Any]:
    """Return the layers that are counted, by name; refuse those that cannot be."""
    for name, module in net.named_modules():
        if isinstance(module, UNCOUNTED):
            kind = type(module).__name__
            raise ValueError(f"net has a layer that is not counted: {kind} {name!r}")
    return {name: module for name, module in net.named_modules() if isinstance(module, COUNTED)}


def _count_uses(net: nn.Module, inputs: Tensor, places: str) -> dict[str, int]:
    """Return how often each layer is applied to one image: to a vector, or at a place of a map."""
    if not len(inputs):
        raise ValueError("inputs holds no image; one is needed")
    uses: dict[str, int] = {}
    layers = _counted_layers(net)

    def note(name: str, made: Tensor, seen: Tensor) -> None:
        layer = layers[name]
        over = made if isinstance(layer, nn.Linear) or places == "output" else seen
        channels = layer.in_channels if over is seen else layer.weight.shape[0]
        uses[name] = uses.get(name, 0) + over.numel() // max(channels, 1)

    handles = [
        layer.register_forward_hook(
            lambda _, args, named, made, name=name: note(name, made, *args, *named.values()),
            with_kwargs=True,
        )
        for name, layer in layers.items()
    ]
    move_to(net, inputs)
    try:
        with evaluating(net):
            net(inputs[:1])
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"inputs {tuple(inputs.shape)} do not fit net: {error}") from error
    finally:
        for handle in handles:
            handle.remove()
    return uses
