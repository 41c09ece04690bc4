"""THE training loop: every method of every notebook trains through it, with or without a mask."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import torch
import torch.nn.utils.prune
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd as Convolution
from torch.optim import Optimizer

from ..checks import Count, Finite, NonNegative, Seed, Share, Whole, checked
from ..choices.needs import Parametrisation, needs
from ..choices.prunable import prunable
from ..choices.stops import Epoch, Progress, Stop, epochs
from ..data import Data, Split
from ..devices import computing_with, move_to
from ..ideas.accuracy import IMAGES_AT_ONCE, check_classes, check_targets, share_right
from ..ideas.weights import everything
from ..modes import at_once, copied, evaluating, lent, run
from .masks import Masks
from .objectives import Objective, cross_entropy
from .parametrisation import HardMask
from .progress import bar

EPOCHS = 100
# Images of a trial.
FEW = 8
# A step of a network with fewer weights, without convolutions, is too short to be shared.
SMALL = 1_000_000

Batch = tuple[Tensor, Tensor]
Schedule = Callable[[int, int], float]
OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


@checked
@dataclass(frozen=True)
class sgd:
    """Stochastic gradient descent, as `torch.optim.SGD` (weight decay inside the gradient)."""

    lr: NonNegative = 0.1
    momentum: Share = 0.9
    weight_decay: NonNegative = 5e-4
    nesterov: bool = True

    @checked
    def __call__(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        weights = listed(parameters)
        return torch.optim.SGD(weights, **vars(self), fused=_can_fuse(weights))


@checked
@dataclass(frozen=True)
class adam:
    """Adam, as `torch.optim.Adam`: weight decay inside the gradient, as NNrelief needs it."""

    lr: NonNegative = 1e-3
    weight_decay: NonNegative = 5e-4

    @checked
    def __call__(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        weights = listed(parameters)
        return torch.optim.Adam(weights, **vars(self), fused=_can_fuse(weights))


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
    step. The same seed on the same machine gives the same bits. Raises ValueError for a network,
    data or a training that cannot work, before it begins, FloatingPointError if the loss stops
    being finite. What takes more than three seconds shows a bar. Taught in notebook 00.
    """
    with torch.inference_mode(False), threads_for(net), at_once(training.batch_size):
        trial = check_trainable(net, data, stop)
        masks = masks or Masks.full(net)
        if training.longest(stop):
            with reproducible(0, -1):
                try_step(trial, HardMask(trial, masks, {}), data, training)
        move_to(net, data.train.inputs)
        state = State(net, data, masks)
        with bar(training.longest(stop), "epoch", "training") as shown:
            for _ in fit(state, training, stop, seed):
                shown.update()
    return state.history


def check_trainable(net: nn.Module, data: Data, stop: Stop) -> nn.Module:
    """Refuse, by name, a network, data or a stop with which no training can begin.

    Returns the copy of the network to which a few images of each split were shown.
    """
    _check_network(net, data.train.inputs)
    for name, split in {"train": data.train, "test": data.test}.items():
        if not len(split):
            raise ValueError(f"data.{name} is empty")
    wants = needs(stop)
    if (wants.validation or wants.restore == "best") and not len(data.validation):
        raise ValueError("stop needs a validation split, and data.validation is empty")
    trial = copied(net)
    move_to(trial, data.train.inputs)
    with reproducible(0, -1):
        _try_splits(trial, data)
    return trial


def _check_network(net: nn.Module, inputs: Tensor) -> None:
    if isinstance(net, nn.DataParallel):
        raise ValueError("net is a DataParallel: give net.module, the network inside")
    for name, module in net.named_modules():
        if hasattr(module, "_orig_mod") or vars(module).get("_compiled_call_impl"):
            raise ValueError(f"net is compiled ({name!r}): prune it first, then compile it")
    if torch.nn.utils.prune.is_pruned(net):
        raise ValueError(
            "net is under torch.nn.utils.prune: make its masks permanent, prune.remove(layer, ...)"
        )
    parameters = dict(net.named_parameters())
    for name, tensor in {**dict(net.named_buffers()), **parameters}.items():
        if tensor.is_inference():
            raise ValueError(f"net was made in inference mode: {name!r} cannot be trained")
        if name in parameters and tensor.dtype != inputs.dtype:
            raise ValueError(
                f"net has {name!r} in {tensor.dtype}, and the images are {inputs.dtype}: "
                "one type for both, such as net.float()"
            )
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise ValueError("net has no parameter that requires a gradient, so nothing is trained")
    prunable(net)
    extra = net.state_dict().keys() - everything(net).keys()
    if extra:
        raise ValueError(
            f"net keeps {sorted(extra)} in its state, no tensors of its modules (get_extra_state)"
        )


def _try_splits(net: nn.Module, data: Data) -> None:
    """Show the network a few images of each split, and look at all of the labels."""
    for name in ("train", "validation", "test"):
        split: Split = vars(data)[name]
        if len(split):
            with naming(f"data.{name}"):
                few = split.take(FEW)
                outputs = _answer(net, few)
                check_targets(split.targets, outputs.shape[1])
                accuracy(net, few)
                if not torch.allclose(outputs, _answer(net, few), rtol=1e-3, equal_nan=True):
                    raise ValueError(
                        "net answers the same images differently in eval mode: it draws at random "
                        "(F.dropout needs training=self.training)"
                    )


@torch.no_grad()
def _answer(net: nn.Module, split: Split) -> Tensor:
    with evaluating(net):
        outputs: Tensor = run(net, split.inputs)
    check_classes(outputs, split.targets)
    return outputs


def try_step(
    net: nn.Module, held: Parametrisation, data: Data, training: Training, restore: bool = False
) -> None:
    """Train the copy that is held by one small step: as many images as the smallest batch has.

    With `restore` it is asked, too, whether `held` finds back to what it has learned.
    """
    size = min(training.batch_size, len(data.train))
    count = min(len(data.train) % size or size, FEW)
    inputs, targets = data.train.take(count).clone()
    with naming(f"training: a step with {count} images, as in the last batch"
                if count < FEW else "training: a step"):  # fmt: skip
        optimizer = _make_optimizer(training, held)
        held.begin_epoch(1, 2)
        _step(net, held, training, optimizer, (inputs, targets))
        if restore:
            kept = held.state()
            learned = {name: score.detach().clone() for name, score in held.scores().items()}
            held.begin_epoch(2, 2)
            _step(net, held, training, optimizer, (inputs, targets))
            held.load(kept)
            back = held.scores()
            if learned.keys() != back.keys() or not all(
                torch.equal(back[name], score) for name, score in learned.items()
            ):
                raise ValueError(
                    "the score does not come back with the best epoch: `state` must return what "
                    "`scores` is made of, and `load` put it back"
                )


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Say what was tried, where an error only says what went wrong."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        told = f"{what}: {error.args[0] if isinstance(error, KeyError) and error.args else error}"
        kinds: tuple[type[Exception], ...] = (TypeError, KeyError)
        raise next((k for k in kinds if isinstance(error, k)), ValueError)(told) from error


def fit(
    state: State, training: Training, stop: Stop, seed: int, held: Parametrisation | None = None
) -> Iterator[State]:
    """Train one round, yielding the state after every epoch: the body of `train` and `prune`.

    `held` is what is trained; the network under a hard mask by default. A stop that may end a round
    before its first epoch is asked there. Where the stop wants the best epoch back, its state is
    restored before the last yield, however the round ends.
    """
    limit, wants = training.longest(stop), needs(stop)
    state.epoch, state.history = 0, []
    held = held or HardMask(state.net, state.masks, {})
    optimizer = _make_optimizer(training, held)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda epoch: training.schedule(epoch, max(limit, 1))
    )
    if wants.at_once and ask(stop, state):
        return
    best, kept = -1.0, None
    while state.epoch < limit:
        state.epoch += 1
        state.history.append(_one_epoch(state, training, optimizer, held, seed, limit))
        schedule.step()
        reached = state.history[-1].validation_accuracy
        if wants.restore == "best" and reached > best:
            best, kept = reached, held.state()
        ended = ask(stop, state) or state.epoch >= limit
        if ended and kept is not None:
            held.load(kept)
        yield state
        if ended:
            return


def ask(stop: Stop, state: State) -> bool:
    """Ask a stop, of a copy of the network, in eval mode: it may do with it what it likes."""
    with lent(state.net) as net:
        return stop(replace(state, net=net))


def _make_optimizer(training: Training, held: Parametrisation) -> Optimizer:
    """Return the optimizer of what is held; further groups have settings of their own."""
    first, *others = held.groups()
    optimizer = training.optimizer(first["params"])
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer of training made {optimizer!r}, which is no torch optimizer")
    for group in others:
        optimizer.add_param_group(group)
    return optimizer


def _one_epoch(
    state: State,
    training: Training,
    optimizer: Optimizer,
    held: Parametrisation,
    seed: int,
    limit: int,
) -> Epoch:
    """Make one pass over the training split; return what it measured."""
    start = time.perf_counter()
    total = torch.zeros((), device=state.data.train.inputs.device)
    with reproducible(seed, state.round, state.epoch) as generator:
        held.begin_epoch(state.epoch, limit)
        for batch in state.data.train.batches(training.batch_size, generator):
            loss = _step(state.net, held, training, optimizer, batch)
            total.add_(loss, alpha=len(batch[1]))
    mean = float(total) / len(state.data.train)
    if not math.isfinite(mean):
        raise FloatingPointError(
            f"the training loss is {mean} in round {state.round}, epoch {state.epoch}; "
            "a smaller learning rate usually cures it"
        )
    validated = validation_accuracy(state.net, state.data)
    return Epoch(state.epoch, mean, validated, time.perf_counter() - start)


def _step(
    net: nn.Module, held: Parametrisation, training: Training, optimizer: Optimizer, batch: Batch
) -> Tensor:
    """Train by one batch; return its mean loss."""
    net.train()
    loss = training.objective(net, *batch)
    optimizer.zero_grad()
    loss.backward()
    held.after_backward()
    optimizer.step()
    held.after_step()
    return loss.detach()


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


def threads_for(net: nn.Module) -> AbstractContextManager[None]:
    """Compute with `thread_count(net)` threads in a block, then with as many as before."""
    return computing_with(thread_count(net))


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
def accuracy(net: nn.Module, split: Split, batch_size: Count = IMAGES_AT_ONCE) -> float:
    """Return the share of `split` that `net` classifies correctly, in eval mode, in [0, 1].

    The network moves to the images; in the end it is as it was, and so are the images, also after
    an interrupt. Raises ValueError for an empty split, outputs that are no classifier's, (images,
    classes) of real numbers, and labels that are none of the classes. Taught in notebook 00.
    """
    return share_right(net, split.inputs, split.targets, batch_size)
