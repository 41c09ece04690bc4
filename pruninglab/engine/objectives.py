"""What a step of training makes small: a loss of the network on one batch.

An objective is `(net, inputs, targets) -> loss`. What it draws comes from torch's generators, which
the loop seeds for each epoch: a run that is resumed draws the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..checks import Count, checked

Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]


# Modules whose forward is known to take images in any layout; others may call `view`.
KNOWN = ("torch.nn.modules.", "pruninglab.nets")


def cross_entropy(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the network's outputs on the batch."""
    return nn.functional.cross_entropy(net(channels_last(net, inputs)), targets)


def channels_last(net: nn.Module, inputs: Tensor) -> Tensor:
    """Return the same images, laid out as convolutions are quickest with: channels last.

    A step of ResNet-20 or LeNet-5 takes three quarters of the time on a CPU. Only for a network of
    torch's and this package's own modules, one of them a 2-D convolution; others get their images
    as they are.
    """
    modules = list(net.modules())
    known = all(type(module).__module__.startswith(KNOWN) for module in modules)
    if not known or not any(isinstance(module, nn.Conv2d) for module in modules):
        return inputs
    # `contiguous` would leave gray images as they are: of one channel both layouts are true.
    return torch.empty_like(inputs, memory_format=torch.channels_last).copy_(inputs)


def in_bfloat16(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy with products in bfloat16; weights and updates stay in float32.

    Made for processors that multiply in bfloat16; on others it is slower than float32.
    """
    with torch.autocast(inputs.device.type, torch.bfloat16):
        outputs = net(channels_last(net, inputs))
    return nn.functional.cross_entropy(outputs.float(), targets)


@checked
@dataclass(frozen=True)
class augmented:
    """The objective on images that are shifted by up to `by` pixels and flipped at random."""

    by: Count = 4
    objective: Objective = cross_entropy

    def __call__(self, net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the objective's loss on the batch, each image moved on its own."""
        return self.objective(net, shifted_and_flipped(inputs, self.by), targets)


@checked
def shifted_and_flipped(
    images: Float[Tensor, "images channels height width"], by: Count
) -> Float[Tensor, "images channels height width"]:
    """Return each image moved by up to `by` pixels each way, zeros behind, half of them mirrored.

    Crop and flip as the ResNet papers train on CIFAR-10, for a whole batch at once: a random window
    of the image in a frame of zeros. Taught in notebook 09.
    """
    count, _, height, width = images.shape
    padded = nn.functional.pad(images, [by] * 4)
    place = images.device
    top, left = torch.randint(2 * by + 1, (2, count, 1)).to(place)
    mirrored = (torch.rand(count, 1) < 0.5).to(place)
    columns = torch.arange(width, device=place)
    columns = left + torch.where(mirrored, columns.flip(0), columns)
    rows = top + torch.arange(height, device=place)
    which = torch.arange(count, device=place)[:, None, None]
    return padded[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
