"""THE training loop: every method of every notebook trains through it, with or without a mask."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd as Convolution

from ..choices.needs import Parametrisation, needs
from ..choices.stops import Epoch, Progress, Stop, epochs
from ..data import Data, Split
from ..ideas.checks import Count, Finite, NonNegative, Seed, Share, Whole, checked
from ..ideas.devices import move_to
from ..ideas.modes import evaluating
from .masks import Masks
from .parametrisation import HardMask

EPOCHS = 100
# A step of a network with fewer weights, without convolutions, is too short to be shared.
SMALL = 1_000_000
# Of all libraries only OpenMP's: what is left alone is not set on the way out either.
_OPENMP = ThreadpoolController().select(user_api="openmp")

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]
Schedule = Callable[[int, int], float]
OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@checked
@dataclass(frozen=True)
class sgd:
    """Stochastic gradient descent, as `torch.optim.SGD` (weight decay inside the gradient)."""

    lr: NonNegative = 0.1
    momentum: Share = 0.9
    weight_decay: NonNegative = 5e-4
    nesterov: bool = True

    @checked
    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        weights = listed(parameters)
        return torch.optim.SGD(
            weights,
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
            fused=_can_fuse(weights),
        )


@checked
@dataclass(frozen=True)
class adam:
    """Adam, as `torch.optim.Adam`: weight decay inside the gradient, as NNrelief needs it."""

    lr: NonNegative = 1e-3
    weight_decay: NonNegative = 5e-4

    @checked
    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        weights = listed(parameters)
        return torch.optim.Adam(
            weights, lr=self.lr, weight_decay=self.weight_decay, fused=_can_fuse(weights)
        )


def listed(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Return what an optimizer is to move. Raises ValueError unless it is a net's parameters."""
    weights = [] if isinstance(parameters, Tensor) else list(parameters)
    if not weights or not all(isinstance(weight, Tensor) for weight in weights):
        raise ValueError("parameters must be those of a network, one or more")
    return weights


def _can_fuse(weights: list[nn.Parameter]) -> bool:
    """Tell whether one fused kernel may update all weights: a quarter of a small net's step."""
    return all(weight.device.type in ("cpu", "cuda") for weight in weights)


@checked
def constant(epoch: Whole, total: Count) -> float:
    """Learning-rate factor 1 in every epoch."""
    return 1.0


@checked
def cosine(epoch: Whole, total: Count) -> float:
    """Learning-rate factor that falls from 1 to 0 along half a cosine over `total` epochs."""
    return (1 + math.cos(math.pi * epoch / total)) / 2


@checked
@dataclass(frozen=True)
class multistep:
    """Learning-rate factor multiplied by `factor` at each epoch in `at` (epochs count from 0)."""

    at: tuple[int, ...]
    factor: Finite = 0.1

    @checked
    def __call__(self, epoch: int, total: int) -> float:
        return self.factor ** sum(epoch >= start for start in self.at)


def cross_entropy(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the network's outputs on the batch."""
    return nn.functional.cross_entropy(net(inputs), targets)


def in_bfloat16(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy with the products in bfloat16 and the images in channels-last order.

    `Training(objective=in_bfloat16)`: for convolutional networks where the processor multiplies in
    bfloat16. The weights stay in float32. Its bits are others, so records keep it apart.
    """
    if inputs.dim() == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16):
        return cross_entropy(net, inputs, targets)


@checked
@dataclass(frozen=True)
class Training:
    """How a network is trained: the same for every method that is compared.

    The defaults are those of Table 3 of the SAP paper. `schedule` maps (epoch from 0, epochs in
    all) to a factor of the learning rate. `max_epochs` caps every round; without it a round lasts
    as long as its stop says, and 100 epochs where the stop does not say how long that can be.
    Taught in notebook 00.
    """

    optimizer: OptimizerFactory = field(default_factory=sgd)
    batch_size: Count = 250
    schedule: Schedule = cosine
    max_epochs: Count | None = None
    objective: Objective = cross_entropy

    @checked
    def longest(self, stop: Stop, dense: bool = False) -> int:
        """Return the most epochs that a round, or the dense round, can have with this stop."""
        wants = needs(stop)
        asked = wants.dense if dense and wants.dense is not None else wants.epochs
        known = [epochs for epochs in (asked, self.max_epochs) if epochs is not None]
        return min(known, default=EPOCHS)


@dataclass
class State(Progress):
    """Where a run stands, for the engine: the masks, and what the last round has learned."""

    masks: Masks
    learned: dict[str, Tensor] = field(default_factory=dict)


@checked
def train(
    net: nn.Module,
    data: Data,
    *,
    stop: Stop = epochs(5),
    training: Training = Training(),
    masks: Masks | None = None,
    seed: Seed = 0,
) -> list[Epoch]:
    """Train `net` in place on `data.train` until `stop`; return what each epoch measured.

    The network moves to the data. Dead weights of `masks` are exactly zero before and after every
    step. The same seed on the same machine gives the same bits. Raises ValueError for a network or
    data that cannot be trained, FloatingPointError if the loss stops being finite. Taught in
    notebook 00.
    """
    check_trainable(net, data, stop)
    move_to(net, data.train.inputs)
    state = State(net, data, masks or Masks.full(net))
    with threads_for(net):
        for _ in fit(state, training, stop, seed):
            pass
    return state.history


def check_trainable(net: nn.Module, data: Data, stop: Stop) -> None:
    """Refuse, by name, a network, data or a stop with which no training can begin."""
    if isinstance(net, nn.DataParallel):
        raise ValueError("net is a DataParallel: give net.module, the network inside")
    parameters = dict(net.named_parameters())
    inputs = data.train.inputs
    for name, parameter in parameters.items():
        if isinstance(parameter, nn.UninitializedParameter):
            raise ValueError(f"net is lazy: {name!r} is not made yet; run it once on an image")
        if parameter.is_meta:
            raise ValueError(f"net is on the meta device: {name!r} holds no numbers")
        if parameter.dtype != inputs.dtype:
            raise ValueError(
                f"net has {name!r} in {parameter.dtype}, and the images are {inputs.dtype}: "
                "one type for both, such as net.float()"
            )
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise ValueError("net has no parameter that requires a gradient, so nothing is trained")
    extra = [name for name, part in net.state_dict().items() if not isinstance(part, Tensor)]
    if extra:
        raise ValueError(f"net keeps {extra} in its state, which are no tensors (get_extra_state)")
    for name, split in {"train": data.train, "test": data.test}.items():
        if not len(split):
            raise ValueError(f"data.{name} is empty")
    wants = needs(stop)
    if (wants.validation or wants.restore == "best") and not len(data.validation):
        raise ValueError("stop needs a validation split, and data.validation is empty")


def fit(
    state: State,
    training: Training,
    stop: Stop,
    seed: int,
    held: Parametrisation | None = None,
) -> Iterator[State]:
    """Train one round, yielding the state after every epoch: the body of `train` and `prune`.

    `held` is what is trained; the network under a hard mask by default. A stop that may end a round
    before its first epoch is asked there. Where the stop wants the best epoch back, its state is
    restored before the last yield, however the round ends.
    """
    limit = training.longest(stop)
    state.epoch, state.history = 0, []
    held = held or HardMask(state.net, state.masks, {})
    optimizer = _make_optimizer(training, held)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda epoch: training.schedule(epoch, max(limit, 1))
    )
    if needs(stop).at_once and stop(state):
        return
    best, kept = -1.0, None
    while state.epoch < limit:
        state.epoch += 1
        state.history.append(_one_epoch(state, training, optimizer, held, seed, limit))
        schedule.step()
        reached = state.history[-1].validation_accuracy
        if needs(stop).restore == "best" and reached > best:
            best, kept = reached, held.state()
        ended = stop(state) or state.epoch >= limit
        if ended and kept is not None:
            held.load(kept)
        yield state
        if ended:
            return


def _make_optimizer(training: Training, held: Parametrisation) -> torch.optim.Optimizer:
    """Return the optimizer of what is held; further groups have settings of their own."""
    first, *others = held.groups()
    optimizer = training.optimizer(first["params"])
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(f"optimizer of training made {optimizer!r}, which is no torch optimizer")
    for group in others:
        optimizer.add_param_group(group)
    return optimizer


def _one_epoch(
    state: State,
    training: Training,
    optimizer: torch.optim.Optimizer,
    held: Parametrisation,
    seed: int,
    limit: int,
) -> Epoch:
    """Make one pass over the training split; return what it measured."""
    start = time.perf_counter()
    state.net.train()
    total = torch.zeros((), device=state.data.train.inputs.device)
    with reproducible(seed, state.round, state.epoch) as generator:
        held.begin_epoch(state.epoch, limit)
        for inputs, targets in state.data.train.batches(training.batch_size, generator):
            loss = training.objective(state.net, inputs, targets)
            optimizer.zero_grad()
            loss.backward()
            held.after_backward()
            optimizer.step()
            held.after_step()
            total.add_(loss.detach(), alpha=len(targets))
    mean = float(total) / len(state.data.train)
    if not math.isfinite(mean):
        raise FloatingPointError(
            f"the training loss is {mean} in round {state.round}, epoch {state.epoch}; "
            "a smaller learning rate usually cures it"
        )
    validated = validation_accuracy(state.net, state.data)
    return Epoch(state.epoch, mean, validated, time.perf_counter() - start)


def validation_accuracy(net: nn.Module, data: Data) -> float:
    """Return the accuracy on the validation split, NaN where the user asked for none."""
    return accuracy(net, data.validation) if len(data.validation) else math.nan


def thread_count(net: nn.Module) -> int:
    """Return with how many threads `net` is trained on a CPU.

    One for a network without convolutions and with less than a million weights: its products are
    so short that a second thread saves little alone, and beside busy processes makes a step take
    two to three times as long (`pruninglab/threads.py` has the table). So its bits, and its
    records, are the same with any number of cores, unless MKL_NUM_THREADS is set. Any other network
    has all of torch's.
    """
    convolves = any(isinstance(module, Convolution) for module in net.modules())
    small = not convolves and sum(weight.numel() for weight in net.parameters()) < SMALL
    return 1 if small else torch.get_num_threads()


@contextmanager
def threads_for(net: nn.Module) -> Iterator[None]:
    """Compute with `thread_count(net)` threads in a block, then with as many as before."""
    with computing_with(thread_count(net)):
        yield


@contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """Let torch compute with so many threads in a block, then with as many as before.

    Not by `torch.set_num_threads`: a batched solve fails, or never ends, in a process in which two
    threads were set by it.
    """
    # torch sets its own number where a thread computes for the first time: not inside the block.
    torch.get_num_threads()
    with _OPENMP.limit(limits=threads):
        yield


_GENERATORS = threading.RLock()


@contextmanager
def reproducible(seed: int, *path: int) -> Iterator[torch.Generator]:
    """Seed torch's global generators for a block, then restore them; yield a CPU generator.

    `path` (round, epoch) gives each block its own stream, so a run resumed there draws the same
    numbers. Inside, cuDNN is held to its deterministic algorithms. Dropout and initialisation draw
    from generators that all threads share, so of several threads one at a time is inside.
    """
    mixed = seed
    for step in path:
        mixed = (mixed * 1_000_003 + step + 1) % 2**63
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    with _GENERATORS, torch.random.fork_rng(devices), flags:
        torch.manual_seed(mixed)
        yield torch.Generator().manual_seed(mixed)


@checked
@torch.no_grad()
def accuracy(net: nn.Module, split: Split, batch_size: Count = 1000) -> float:
    """Return the share of `split` that `net` classifies correctly, in eval mode, in [0, 1].

    The network moves to the images; every module gets its own mode back, also after an interrupt.
    Raises ValueError for an empty split and for outputs that are not (images, classes). Taught in
    notebook 00.
    """
    if not len(split):
        raise ValueError("split is empty, so its accuracy is not defined")
    move_to(net, split.inputs)
    right = torch.zeros((), dtype=torch.int64, device=split.inputs.device)
    with evaluating(net):
        for inputs, targets in split.batches(batch_size):
            outputs = net(inputs)
            if outputs.dim() != 2 or targets.dim() != 1:
                raise ValueError(
                    f"net and split give outputs {tuple(outputs.shape)} for targets "
                    f"{tuple(targets.shape)}: expected (images, classes) and (images,)"
                )
            right += (outputs.argmax(dim=1) == targets).sum()
    return int(right) / len(split)
