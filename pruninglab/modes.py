"""A network borrowed: it comes back as it was, and what does not fit it is told."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .checks import strangeness

# How many images may pass through a network at once: as many as in a batch of the training.
_at_once: ContextVar[int] = ContextVar("_at_once", default=2**62)


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Put `net` into eval mode; in the end it is as it was: every module's mode, every buffer.

    Each its own mode: `net.train(True)` would wake up a batch norm that the caller had frozen. Also
    after an error or an interrupt. Meanwhile the network works on copies of what it is given, so
    that one that computes in place spoils nobody's images. Raises TypeError if `net` is no network,
    ValueError for a scripted one, which takes no hooks.

    >>> net = nn.Sequential(nn.ReLU(inplace=True), nn.BatchNorm1d(2).eval(), nn.Dropout())
    >>> images = torch.tensor([[-1.0, 1.0]])
    >>> with evaluating(net):
    ...     [module.training for module in net], net(images).shape
    ([False, False, False], torch.Size([1, 2]))
    >>> [module.training for module in net], images
    ([True, False, True], tensor([[-1.,  1.]]))
    """
    if not isinstance(net, nn.Module):
        raise TypeError(f"net={net!r} must be a network (torch.nn.Module)")
    if isinstance(net, torch.jit.ScriptModule):
        raise ValueError("net is scripted by torch.jit: give the network that it was made from")
    before = [
        (module, module.training, dict(module._buffers), _numbers(module._buffers))
        for module in net.modules()
    ]
    hook = _work_on_copies(net)
    try:
        net.eval()
        yield
    finally:
        hook.remove()
        for module, training, buffers, numbers in before:
            module.training = training
            module._buffers.update(buffers)
            for name, value in numbers.items():
                if not torch.equal(module._buffers[name], value):  # type: ignore[arg-type]
                    module._buffers[name].data.copy_(value)  # type: ignore[union-attr]


def _numbers(buffers: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
    """Return copies of the buffers that are dense: others no network changes in passing."""
    return {name: buffer.detach().clone() for name, buffer in buffers.items()
            if buffer is not None and not strangeness(buffer)}  # fmt: skip


def _work_on_copies(net: nn.Module) -> Any:
    """Let a network copy the tensors that it is given, before anything else sees them."""

    def copies(_: nn.Module, args: Any, kwargs: Any) -> Any:
        return tuple(map(_cloned, args)), {name: _cloned(value) for name, value in kwargs.items()}

    return _inside(net).register_forward_pre_hook(copies, prepend=True, with_kwargs=True)


def _cloned(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _inside(net: nn.Module) -> nn.Module:
    """Return the network inside a DataParallel: its copies would each show their own inputs."""
    while isinstance(net, nn.DataParallel):
        net = net.module
    return net


def copied(net: nn.Module) -> nn.Module:
    """Return an independent copy, also of a network that keeps what it has computed.

    Raises ValueError for a network that Python cannot copy.
    """
    try:
        with _Detaching():
            return copy.deepcopy(net)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"net cannot be copied: {error}") from error


class _Detaching(TorchFunctionMode):
    """Copies of what was computed keep no graph; torch refuses to copy a tensor with one."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            return args[0].detach().clone()
        return func(*args, **(kwargs or {}))


@contextmanager
def lent(net: nn.Module) -> Iterator[nn.Module]:
    """Yield a copy of `net` for somebody's own code, who may do with it what he likes.

    In eval mode, without gradients left over; it works on copies of its inputs. Gradients can be
    computed, whatever the caller has switched off. The one door from the engine to a user's score,
    stop, shrink and rewind.
    """
    borrowed = copied(net).eval()
    _work_on_copies(borrowed)
    with torch.inference_mode(False):
        yield borrowed


@contextmanager
def at_once(images: int) -> Iterator[None]:
    """In the block, no measurement pushes more `images` through a network at once."""
    token = _at_once.set(images)
    try:
        yield
    finally:
        _at_once.reset(token)


def block_of(images: int) -> int:
    """Return how many images pass at once where a function would take so many.

    >>> with at_once(100):
    ...     block_of(250), block_of(64)
    (100, 64)
    """
    return min(images, _at_once.get())


class Refused(ValueError):
    """A network that shows, while it runs, that it has no such measure: told as it is."""


def run(net: Callable[[Tensor], Any], inputs: Tensor) -> Any:
    """Return what the network says of the inputs. Raises ValueError where these do not fit it.

    `Refused`, and an error for want of memory, go through as they are.

    >>> run(nn.Linear(2, 1), torch.ones(4, 2)).shape
    torch.Size([4, 1])
    """
    try:
        return (_inside(net) if isinstance(net, nn.Module) else net)(inputs)
    except (Refused, torch.OutOfMemoryError):
        raise
    except Exception as error:
        shape = f"{str(inputs.dtype).removeprefix('torch.')} {tuple(inputs.shape)}"
        raise ValueError(f"inputs {shape} do not pass through net: {error}") from error


def first_input(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return a layer's input, for a hook `with_kwargs`: a layer may be called by keyword."""
    return (*args, *kwargs.values(), None)[0]


@contextmanager
def watching(modules: Mapping[str, nn.Module], see: Callable[[str, Any], None]) -> Iterator[None]:
    """Inside, tell `see(name, input)` of every call of these modules; then the hooks are gone."""
    handles = [
        module.register_forward_pre_hook(
            lambda _, args, kwargs, name=name: see(name, first_input(args, kwargs)),
            with_kwargs=True,
        )
        for name, module in modules.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
