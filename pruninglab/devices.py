"""Where things are computed: one rule for networks, one for float64.

The network moves to the data. A function that takes a network and images puts the network, in
place, where the images lie, as `net.to` does; its tensors come back there, its numbers as plain
floats. What is to be exact is computed in float64: on the device, or on the CPU where the device
(Apple's) has none, and then comes back on the CPU. Whoever draws takes `.cpu()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn

# Of all libraries only OpenMP's: what is left alone is not set on the way out either.
_OPENMP = ThreadpoolController().select(user_api="openmp")


def has_float64(device: torch.device) -> bool:
    """Tell whether a device can compute in float64: Apple's cannot."""
    return device.type != "mps"


def accurate(tensor: Tensor) -> Tensor:
    """Return the tensor in float64, on the CPU if its device has none.

    >>> accurate(torch.ones(2)).dtype
    torch.float64
    """
    return (tensor if has_float64(tensor.device) else tensor.cpu()).double()


def move_to(net: nn.Module, inputs: Tensor) -> None:
    """Put `net`, in place, where the images lie: the one rule for networks and data."""
    parts = (*net.parameters(), *net.buffers())
    if any(part.device != inputs.device for part in parts):
        net.to(inputs.device)


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
