"""The mode of a network, training or evaluating: borrowed, and given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


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
