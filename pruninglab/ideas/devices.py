"""Where things are computed: one rule for networks, one for float64.

The network moves to the data. A function that takes a network and images puts the network, in
place, where the images lie, as `net.to` does; its tensors come back there, its numbers as plain
floats. What is to be exact is computed in float64: on the device, or on the CPU where the device
(Apple's) has none, and then comes back on the CPU. Whoever draws takes `.cpu()`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
