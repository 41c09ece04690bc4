"""Small colour images for lesson 09: CIFAR-10 where it lies, else ten shapes that are made here."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from ...checks import Count, Seed, checked
from ...data import BUNDLED, Data, Split
from ...papers.convolutions import FOLDER, load_cifar10
from ...settings import device as pick_device

SIDE = 16
NAMES = ("disc", "ring", "square", "frame", "triangle",
         "diamond", "plus", "cross", "bars", "rails")  # fmt: skip
# How many, and from which seed: the first of the test images is the one that is looked at.
SPLITS = {"train": (3000, 0), "validation": (500, 1), "test": (1000, 23)}
NOISE = 0.1


@checked
def load(device: str | torch.device | None = None) -> Data:
    """Return 16 × 16 colour images in ten classes: CIFAR-10 where it lies, else `shapes`.

    CIFAR-10, halved and every fifth training image of it, is taken from the folder of images that
    PRUNINGLAB_CIFAR10 names, or from where `data.load` keeps it; nothing is downloaded. `name` says
    which it is. Taught in notebook 09.
    """
    kept = Path(os.environ.get("PRUNINGLAB_DATA") or BUNDLED / "full") / "cifar-10-batches-py"
    if os.environ.get(FOLDER) or kept.is_dir():
        return load_cifar10("cifar10", "resnet_8", small=True)
    splits = {part: shapes(count, seed) for part, (count, seed) in SPLITS.items()}
    return Data(name="shapes", classes=NAMES, **splits).to(pick_device(device))


@checked
def shapes(count: Count, seed: Seed) -> Split:
    """Draw so many shapes, (count, 3, 16, 16): a light one on dark ground, or the other way round.

    Place, size, turn and both colours are random, and each pixel has noise: only the form tells the
    class. The same seed gives the same images. Taught in notebook 09.

    >>> shapes(4, seed=0).inputs.shape
    torch.Size([4, 3, 16, 16])
    """
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(len(NAMES), (count,), generator=generator)

    def between(low: float, high: float, *size: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *size, generator=generator)

    x, y = between(5.5, 9.5, 1, 1), between(5.5, 9.5, 1, 1)
    size, turn = between(3.2, 6.0, 1, 1), between(-0.25, 0.25, 1, 1)
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    across, down = (columns - x) / size, (rows - y) / size
    inside = _forms(
        across * turn.cos() + down * turn.sin(), down * turn.cos() - across * turn.sin()
    )[torch.arange(count), targets][:, None]
    dark, light = between(0.0, 0.6, 3, 1, 1), between(0.4, 1.0, 3, 1, 1)
    swapped = between(0.0, 1.0, 1, 1, 1) < 0.5
    images = torch.where(inside ^ swapped, light, dark)
    images = images + NOISE * torch.randn(images.shape, generator=generator)
    return Split((images - 0.5) / 0.3, targets)


def _forms(u: Tensor, v: Tensor) -> Tensor:
    """Say where each form is, (images, forms, height, width); u points right and v down."""
    a, b = u.abs(), v.abs()
    radius, larger, smaller = (u * u + v * v).sqrt(), a.maximum(b), a.minimum(b)
    forms = {
        "disc": radius < 1,
        "ring": (radius < 1) & (radius > 0.6),
        "square": larger < 0.85,
        "frame": (larger < 0.9) & (larger > 0.5),
        "triangle": (v < 0.8) & (v > 2 * a - 1),
        "diamond": a + b < 1.1,
        "plus": (larger < 1) & (smaller < 0.3),
        "cross": (larger < 0.9) & (larger - smaller < 0.35),
        "bars": (larger < 0.9) & (torch.remainder(2.2 * v + 0.25, 1) < 0.5),
        "rails": (larger < 0.9) & (torch.remainder(2.2 * u + 0.25, 1) < 0.5),
    }
    return torch.stack([forms[name] for name in NAMES], dim=1)
