"""THE training loop: every method of every notebook trains through it, with or without a mask."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..choices.stops import Stop, epochs
from ..data import Data, Split
from .masks import Masks
from .soft import SoftMask

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]
Schedule = Callable[[int, int], float]
OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class sgd:
    """Stochastic gradient descent, as `torch.optim.SGD` (weight decay inside the gradient)."""

    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = True

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        weights = list(parameters)
        return torch.optim.SGD(
            weights,
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
            fused=_can_fuse(weights),
        )


@dataclass(frozen=True)
class adam:
    """Adam, as `torch.optim.Adam`: weight decay inside the gradient, as NNrelief needs it."""

    lr: float = 1e-3
    weight_decay: float = 5e-4

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        weights = list(parameters)
        return torch.optim.Adam(
            weights, lr=self.lr, weight_decay=self.weight_decay, fused=_can_fuse(weights)
        )


def _can_fuse(weights: list[nn.Parameter]) -> bool:
    """Tell whether one fused kernel may update all weights: a quarter of a small net's step."""
    return all(weight.device.type in ("cpu", "cuda") for weight in weights)


def constant(epoch: int, total: int) -> float:
    """Learning-rate factor 1 in every epoch."""
    return 1.0


def cosine(epoch: int, total: int) -> float:
    """Learning-rate factor that falls from 1 to 0 along half a cosine over `total` epochs."""
    return (1 + math.cos(math.pi * epoch / total)) / 2


@dataclass(frozen=True)
class steps:
    """Learning-rate factor multiplied by `factor` at each epoch in `at` (epochs count from 0)."""

    at: tuple[int, ...]
    factor: float = 0.1

    def __call__(self, epoch: int, total: int) -> float:
        return self.factor ** sum(epoch >= start for start in self.at)


def cross_entropy(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the network's outputs on the batch."""
    return nn.functional.cross_entropy(net(inputs), targets)


@dataclass(frozen=True)
class Training:
    """How a network is trained: the same for every method that is compared.

    The defaults are those of Table 3 of the SAP paper. `schedule` maps (epoch from 0, epochs in
    all) to a factor of the learning rate; `max_epochs` ends a round whose stop never says so.
    """

    optimizer: OptimizerFactory = field(default_factory=sgd)
    batch_size: int = 250
    schedule: Schedule = cosine
    max_epochs: int = 100
    objective: Objective = cross_entropy

    def __post_init__(self) -> None:
        for name in ("batch_size", "max_epochs"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r} must be a whole number, at least 1")


@dataclass(frozen=True)
class Epoch:
    """One pass over the training set: mean training loss, accuracy in [0, 1], seconds."""

    epoch: int
    loss: float
    validation_accuracy: float
    seconds: float


@dataclass
class State:
    """Where a run stands: what a stop may look at.

    `round` 0 is the dense one; `epoch` counts from 1 within the round; `history` is this round's.
    `memory` lives as long as the run: a stop keeps there what it measured once. It is a cache and
    must be recomputable from `snapshots`, for a resumed run starts with an empty one. `soft` is a
    learned mask between rounds, empty for a recipe that learns none.
    """

    net: nn.Module
    data: Data
    masks: Masks
    round: int = 0
    epoch: int = 0
    history: list[Epoch] = field(default_factory=list)
    snapshots: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    memory: dict[Any, Any] = field(default_factory=dict)
    soft: dict[str, Tensor] = field(default_factory=dict)


def train(
    net: nn.Module,
    data: Data,
    *,
    stop: Stop = epochs(5),
    training: Training = Training(),
    masks: Masks | None = None,
    seed: int = 0,
) -> list[Epoch]:
    """Train `net` in place on `data.train` until `stop`; return what each epoch measured.

    Dead weights of `masks` are exactly zero before and after every step. The same seed on the same
    machine gives the same bits. Raises FloatingPointError if the loss stops being finite.
    """
    state = State(net, data, masks or Masks.full(net))
    for _ in fit(state, training, stop, seed):
        pass
    return state.history


def fit(
    state: State, training: Training, stop: Stop, seed: int, soft: SoftMask | None = None
) -> Iterator[State]:
    """Train one round, yielding the state after every epoch: the body of `train` and `prune`.

    With `soft` a mask in [0, 1] is trained together with the weights.
    """
    limit = min(getattr(stop, "at_most", training.max_epochs), training.max_epochs)
    state.epoch, state.history = 0, []
    make = training.optimizer
    optimizer = soft.optimizer(make) if soft else make(state.net.parameters())
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda epoch: training.schedule(epoch, max(limit, 1))
    )
    state.masks.apply_(state.net)
    while state.epoch < limit:
        state.epoch += 1
        start = time.perf_counter()
        with reproducible(seed, state.round, state.epoch) as generator:
            if soft:
                soft.begin_epoch(state.epoch, limit)
            loss = _one_epoch(state, training, optimizer, generator, soft)
        schedule.step()
        state.history.append(
            Epoch(
                epoch=state.epoch,
                loss=loss,
                validation_accuracy=validation_accuracy(state.net, state.data),
                seconds=time.perf_counter() - start,
            )
        )
        stopped = stop(state)
        yield state
        if stopped:
            return


def _one_epoch(
    state: State,
    training: Training,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    soft: SoftMask | None,
) -> float:
    """Make one pass over the training split; return the mean loss."""
    state.net.train()
    weights, factors = state.masks.factors(state.net)
    total = torch.zeros((), device=state.data.train.inputs.device)
    for inputs, targets in state.data.train.batches(training.batch_size, generator):
        loss = training.objective(state.net, inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        if soft:
            soft.chain_()
        optimizer.step()
        if soft:
            soft.apply_()
        for weight, factor in zip(weights, factors, strict=True):
            weight.mul_(factor)
        total.add_(loss.detach(), alpha=len(targets))
    mean = float(total) / len(state.data.train)
    if not math.isfinite(mean):
        raise FloatingPointError(
            f"the training loss is {mean} in round {state.round}, epoch {state.epoch}; "
            "a smaller learning rate usually cures it"
        )
    return mean


def validation_accuracy(net: nn.Module, data: Data) -> float:
    """Return the accuracy on the validation split, NaN where the user asked for none."""
    return accuracy(net, data.validation) if len(data.validation) else math.nan


@contextmanager
def reproducible(seed: int, *path: int) -> Iterator[torch.Generator]:
    """Seed torch's global generators for a block, then restore them; yield a CPU generator.

    `path` (round, epoch) gives each block its own stream, so a run resumed there draws the same
    numbers. Inside, cuDNN is held to its deterministic algorithms.
    """
    mixed = seed
    for step in path:
        mixed = (mixed * 1_000_003 + step + 1) % 2**63
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    with torch.random.fork_rng(devices), flags:
        torch.manual_seed(mixed)
        yield torch.Generator().manual_seed(mixed)


@torch.no_grad()
def accuracy(net: nn.Module, split: Split, batch_size: int = 1000) -> float:
    """Return the share of `split` that `net` classifies correctly, in eval mode, in [0, 1].

    The network's mode is left as it was. Raises ValueError for an empty split.
    """
    if not len(split):
        raise ValueError("split is empty, so its accuracy is not defined")
    was_training = net.training
    net.eval()
    right = sum(
        (net(inputs).argmax(dim=1) == targets).sum()
        for inputs, targets in split.batches(batch_size)
    )
    net.train(was_training)
    return int(right) / len(split)
