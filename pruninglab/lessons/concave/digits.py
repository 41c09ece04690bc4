"""The data of the logistic regression: two digits, few images, many random draws of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...checks import Count, Seed, checked

SIDE = 20


@checked
@dataclass(frozen=True, eq=False)
class TwoDigits:
    """Random draws of two classes: one row per run.

    `inputs` float (runs, n, 401) and `targets` 0.0 or 1.0 (runs, n) to learn from, `held_inputs`
    and `held_targets` likewise to judge by. The last column is 1: the intercept.
    """

    inputs: Float[Tensor, "runs n d"]
    targets: Float[Tensor, "runs n"]
    held_inputs: Float[Tensor, "runs held d"]
    held_targets: Float[Tensor, "runs held"]


@checked
def two_digits(
    images: Float[Tensor, "count 1 height width"],
    labels: Int[Tensor, " count"],
    *,
    digits: tuple[int, int] = (0, 1),
    runs: Count = 1,
    each: Count = 200,
    train: Count = 160,
    seed: Seed = 0,
) -> TwoDigits:
    """Draw `each` images of each of two digits, `runs` times: `train` to learn from, the rest held.

    `images` (count, 1, height, width), at least 20×20, of which the middle 20×20 pixels are taken
    (MNIST's digits were made to fit there); `labels` (count,), wherever they lie. The second digit
    is class 1. As in the paper the intercept is one of the 401 columns, so it can be masked like
    any pixel. The seed fixes all draws, and the first draws do not depend on `runs`. Raises
    ValueError for smaller images, too few of a digit, or a `train` that leaves none to hold out.
    Source: concave-masks paper, Section IV-C (200 a digit, 160 and 40). Taught in notebook 05.
    """
    if not train < each:
        raise ValueError(f"train={train} must be less than each={each}")
    if min(images.shape[2:]) < SIDE:
        raise ValueError(
            f"images has shape {tuple(images.shape)}; (count, 1, ≥ {SIDE}, ≥ {SIDE}) is needed"
        )
    labels, pixels = labels.to(images.device), _middle(images)
    places = [(labels == digit).nonzero()[:, 0] for digit in digits]
    for digit, place in zip(digits, places, strict=True):
        if len(place) < each:
            raise ValueError(f"only {len(place)} images show {digit}; each={each} are needed")
    generator = torch.Generator().manual_seed(seed)
    drawn = [
        [place[torch.randperm(len(place), generator=generator)[:each].to(place.device)]
         for place in places]
        for _ in range(runs)
    ]  # fmt: skip
    index = torch.stack([torch.stack(run) for run in drawn])
    classes = torch.tensor([0.0, 1.0], dtype=pixels.dtype, device=pixels.device)

    def part(chosen: Tensor) -> tuple[Tensor, Tensor]:
        targets = classes[None, :, None].expand(chosen.shape).flatten(1)
        return pixels[chosen.flatten(1)], targets.contiguous()

    return TwoDigits(*part(index[..., :train]), *part(index[..., train:]))


def _middle(images: Tensor) -> Tensor:
    """Return the middle 20×20 pixels of each image and a column of ones, (count, 401)."""
    top, left = ((side - SIDE) // 2 for side in images.shape[2:])
    pixels = images[:, 0, top : top + SIDE, left : left + SIDE].flatten(1)
    return torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=1)
