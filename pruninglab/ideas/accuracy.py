"""Which images does a network classify correctly? And what is no classifier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..devices import move_to
from ..modes import block_of, evaluating, run

IMAGES_AT_ONCE = 1000


@torch.no_grad()
def share_right(
    net: nn.Module, inputs: Tensor, targets: Tensor, at_most: int = IMAGES_AT_ONCE
) -> float:
    """Return the share of the images whose largest output is their target, in eval mode.

    In blocks of `at_most` images. Raises ValueError for no images, inputs that do not pass through
    `net`, outputs that are not (images, classes) of real numbers for two classes or more, or NaN,
    and targets that are none of the classes.
    """
    if not len(inputs):
        raise ValueError("split is empty, so its accuracy is not defined")
    move_to(net, inputs)
    right, broken = torch.zeros(2, dtype=torch.int64, device=inputs.device)
    block = block_of(at_most)
    with evaluating(net):
        for images, labels in zip(inputs.split(block), targets.split(block), strict=True):
            outputs = run(net, images)
            check_classes(outputs, labels)
            right += (outputs.argmax(dim=1) == labels).sum()
            broken += outputs.isnan().any(dim=1).sum()
    check_targets(targets, outputs.shape[1])
    if int(broken):
        raise ValueError(f"net gives NaN for {int(broken):,} of {len(inputs):,} images")
    return int(right) / len(inputs)


def check_classes(outputs: object, targets: Tensor) -> None:
    """Raise ValueError unless `outputs` are what a classifier says: (images, classes)."""
    if not isinstance(outputs, Tensor):
        raise ValueError(f"net returns a {type(outputs).__name__}: expected a Tensor, one alone")
    if outputs.dim() != 2 or len(outputs) != len(targets) or targets.dim() != 1:
        raise ValueError(
            f"net and split give outputs {tuple(outputs.shape)} for targets "
            f"{tuple(targets.shape)}: expected (images, classes) and (images,)"
        )
    if not outputs.is_floating_point():
        raise ValueError(f"net gives outputs of {outputs.dtype}: expected floating numbers")
    if outputs.shape[1] < 2:
        raise ValueError("net gives one output an image: a classifier has one for each class")


def check_targets(targets: Tensor, classes: int) -> None:
    """Raise ValueError unless all targets are classes from 0 on."""
    low, high = (int(value) for value in targets.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(f"targets from {low} to {high} must be classes 0 to {classes - 1}")
