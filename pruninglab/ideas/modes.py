"""A network borrowed: every module gets its mode back, and what does not fit it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Put `net` into eval mode; in the end give every module its own mode back.

    Each its own: `net.train(True)` would wake up a batch norm that the caller had frozen. Also
    after an error or an interrupt. Raises TypeError if `net` is no network.

    >>> net = nn.Sequential(nn.BatchNorm1d(2).eval(), nn.Dropout())
    >>> with evaluating(net):
    ...     [module.training for module in net]
    [False, False]
    >>> [module.training for module in net]
    [False, True]
    """
    if not isinstance(net, nn.Module):
        raise TypeError(f"net={net!r} must be a network (torch.nn.Module)")
    modes = [(module, module.training) for module in net.modules()]
    try:
        net.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


class Refused(ValueError):
    """A network that shows, while it runs, that it has no such measure: told as it is."""


def run(net: Callable[[Tensor], Any], inputs: Tensor) -> Any:
    """Return what the network says of the inputs. Raises ValueError where these do not fit it.

    `Refused`, and an error for want of memory, go through as they are.

    >>> run(nn.Linear(2, 1), torch.ones(4, 2)).shape
    torch.Size([4, 1])
    """
    while isinstance(net, nn.DataParallel):
        # Copies on several devices would each show their own layers' inputs.
        net = net.module
    try:
        return net(inputs)
    except (Refused, torch.OutOfMemoryError):
        raise
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        shape = f"{str(inputs.dtype).removeprefix('torch.')} {tuple(inputs.shape)}"
        raise ValueError(f"inputs {shape} do not pass through net: {error}") from error
