"""What a network costs: parameters, operations, units that still do something, time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import torch
from beartype.vale import Is
from jaxtyping import Num
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from .checks import Whole, checked
from .devices import move_to
from .ideas.weights import check_mask, fitting_masks
from .modes import Refused, copied, evaluating, run
from .settings import device as pick_device
from .settings import environment

# Where a product's two factors stand among the arguments of torch's operators.
PRODUCTS = {"mm": 0, "bmm": 0, "mv": 0, "dot": 0, "vdot": 0, "linear": 0,
            "addmm": 1, "baddbmm": 1, "addbmm": 1, "addmv": 1}  # fmt: skip
CONVOLUTIONS = ("convolution", "_convolution")
# Operators that multiply as well, but not so; nor do those with "attention" in their names.
UNCOUNTED = ("_trilinear", "_cdist_forward", "_scaled_mm", "_int_mm",
             "mkldnn_rnn_layer", "_cudnn_rnn", "_lstm_mps")  # fmt: skip

# Fewer calls tell no spread; more than this take no lesson's time.
Repeats = Annotated[int, Is[lambda n: not isinstance(n, bool) and 5 <= n <= 10_000]]
# A product that keeps every core busy, and more numbers than a cache holds: 64 MB.
SQUARE, LONG = 512, 16_000_000


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
    dead = sum(int((~mask).sum()) for mask in fitting_masks(net, masks).values())
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
    """Count the floating-point operations of every layer that multiplies, for one image.

    Every product of matrices and every convolution counts, whoever asks for it: a layer, attention,
    a recurrent layer, a forward with parameters of its own. Dense, by Appendix B: 2HW(C_in K² + 1)
    C_out for a convolution, (2I − 1)O for a Linear layer and so for any product; a transposed
    convolution, which Appendix B does not have, 2HW C_in K² C_out as torch counts it.
    Under `masks`, `skip` says what is saved. "weights": every dead weight, as if a library could
    step over single numbers; a row of n living ones costs 2n − 1, a filter 2HW(n + 1), and nothing
    if n = 0. "units": only inputs that no living weight reads, and outputs without a living
    weight, as a smaller dense layer would. `places` says what H and W are: "output" counts how
    often a filter is applied; "input" is what the paper prints, the same but for strides and
    missing padding.

    A layer costs as often as it is called, a Linear layer as often as it is applied: to a sequence
    of T vectors, T times. `inputs` is a batch, of which one image is used; the network moves there.
    Returns {layer: operations} of what the network calls; their sum is the network's. A product
    without a layer's weight stands under the module that asks for it. Batch norm, activations and
    pooling are not counted, as in the paper; a weight that the network first computes anew counts
    as dense. Raises ValueError for inputs or masks that do not fit and, with the layer's name, for
    what multiplies otherwise (nn.Bilinear); KeyError for a mask without a parameter. Source:
    NNrelief paper, Appendix B. Taught in notebook 04.

    >>> count_flops(nn.Linear(100, 10), torch.ones(1, 100))
    {'': 1990}
    """
    alive = fitting_masks(net, masks)
    if not len(inputs):
        raise ValueError("inputs holds no image; one is needed")
    move_to(net, inputs)
    # The same on every device, and only here is all memory seen.
    net = copied(net).cpu()
    counter = _Counter(net, alive, skip == "units", places == "input")
    with evaluating(net), counter.watching(net), _nothing_fused(), torch.no_grad(), counter:
        run(net, inputs[:1].cpu())
    return counter.counts


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
        check_mask(name, mask)
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
    with evaluating(net) if isinstance(net, nn.Module) else nullcontext():
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


@contextmanager
def _nothing_fused() -> Iterator[None]:
    """Inside, torch computes attention and recurrent layers by products, one by one."""
    mha = torch.backends.mha
    engines: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.mkldnn)
    before = mha.get_fastpath_enabled(), [engine.enabled for engine in engines]
    try:
        mha.set_fastpath_enabled(False)
        for engine in engines:
            engine.enabled = False
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        mha.set_fastpath_enabled(before[0])
        for engine, enabled in zip(engines, before[1], strict=True):
            engine.enabled = enabled


class _Counter(TorchDispatchMode):
    """Inside, every product of torch's is counted under the layer whose weight it uses."""

    def __init__(
        self, net: nn.Module, masks: Mapping[str, Tensor], units: bool, at_inputs: bool
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.units, self.at_inputs = units, at_inputs
        self.counts: dict[str, int] = {}
        self.running: list[str] = []
        # By the memory and not by the name: a weight is known under every name, as a view too.
        self.owners: dict[int, list[str]] = {}
        self.alive: dict[int, Tensor] = {}
        for name, parameter in net.named_parameters(remove_duplicate=False):
            memory = parameter.untyped_storage()
            self.owners.setdefault(memory.data_ptr(), []).append(name.rpartition(".")[0])
            if name in masks:
                everything = torch.ones(memory.nbytes() // parameter.element_size()).bool()
                alive = self.alive.setdefault(memory.data_ptr(), everything)
                _like(alive, parameter).copy_(masks[name])

    @contextmanager
    def watching(self, net: nn.Module) -> Iterator[None]:
        """Inside, know which module runs."""

        def leave(*_: Any) -> None:
            self.running.pop()

        handles = []
        for name, module in net.named_modules():
            enter = module.register_forward_pre_hook(lambda *_, n=name: self.running.append(n))
            handles += [enter, module.register_forward_hook(leave)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        outputs = operator(*args, **(kwargs or {}))
        name = operator.overloadpacket.__name__
        if name in PRODUCTS:
            left, right = args[PRODUCTS[name] :][:2]
            self._count(self._product(left, right.mT if name == "linear" else right), left, right)
        elif name in CONVOLUTIONS:
            self._count(self._convolution(outputs, *args), args[1])
        elif name in UNCOUNTED or "attention" in name:
            raise Refused(f"net multiplies by {name} in {self.running[-1]!r}, which is not counted")
        return outputs

    def _count(self, operations: int, *factors: Tensor) -> None:
        name = self.running[-1]
        for factor in factors:
            owners = self.owners.get(_memory(factor), [name])
            name = name if name in owners else owners[0]
        self.counts[name] = self.counts.get(name, 0) + operations

    def _living(self, factor: Tensor) -> Tensor | None:
        """Return which numbers of a factor live; None if nobody said that some do not."""
        alive = self.alive.get(_memory(factor))
        return None if alive is None else _like(alive, factor)

    def _product(self, left: Tensor, right: Tensor) -> int:
        """Count what a product of matrices (…, M, K) and (…, K, N), or vectors, costs."""
        left = left if left.dim() > 1 else left[None]
        right = right if right.dim() > 1 else right[:, None]
        first, second = (self._living(factor) for factor in (left, right))
        if self.units:
            first, second = (
                alive if alive is None else _closed(alive) for alive in (first, second)
            )
        first = left.new_ones(1, left.shape[-1], device="cpu") if first is None else first
        second = right.new_ones(right.shape[-2], 1, device="cpu") if second is None else second
        terms = first.double() @ second.double()
        sums = left.shape[:-1].numel() * right.shape[-1]
        return int((2 * terms - 1).clamp_min(0).sum()) * (sums // max(terms.numel(), 1))

    def _convolution(self, made: Tensor, seen: Tensor, weight: Tensor, *settings: Any) -> int:
        alive = self._living(weight)
        if alive is None:
            alive = weight.new_ones(weight.shape, dtype=torch.bool, device="cpu")
        elif self.units:
            kernels = alive.flatten(2).any(dim=2)
            groups = _closed(kernels.unflatten(0, (settings[6], -1)))
            alive = groups.flatten(0, 1)[:, :, None].expand(-1, -1, weight.shape[2:].numel())
        terms = alive.flatten(1).sum(dim=1)
        if settings[4]:
            return 2 * seen.shape[2:].numel() * len(seen) * int(terms.sum())
        places = seen if self.at_inputs else made
        per_place = int((2 * (terms[terms > 0] + 1)).sum())
        return places.shape[2:].numel() * len(places) * per_place


def _closed(alive: Tensor) -> Tensor:
    """Let a number live if another in its row and one in its column does."""
    return alive.any(dim=-1, keepdim=True) & alive.any(dim=-2, keepdim=True)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided else 0


def _like(numbers: Tensor, tensor: Tensor) -> Tensor:
    """Look at `numbers` as `tensor` looks at its own memory."""
    return numbers.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
