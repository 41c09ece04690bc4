"""Masks, weights and refitted weights at equally many pixels, draw by draw."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ...checks import Count, checked
from ...engine.results import Runs
from ...ideas.concave import l1, log
from ...papers.concave import by_pixels
from .digits import TwoDigits
from .fits import accuracy_of
from .logistic import masked_logistic

# Weights that are refitted are this times the difference of two masks: the box is wide enough.
WIDE = 20.0


@checked
def at_equal_pixels(
    digits: TwoDigits, weights: Float[Tensor, "runs 401"], *, pixels: Count = 8
) -> Runs:
    """Solve every draw with five methods; a draw is a seed, "density" is pixels / 400.

    ℓ1 and log on a mask, log started at ℓ1's mask, ℓ1 on the weights themselves (solved, so that
    they are refitted), and the `pixels` largest weights. Taught in notebook 05.
    """
    given = digits.inputs, digits.targets, weights
    path = torch.logspace(0, 1.4, 12).tolist()
    masks = masked_logistic(*given, [l1(), log(0.1)], path).masks
    start = masks[:, :1]
    polished = masked_logistic(*given, [log(0.1)], path, start=start).masks[:, 0]
    # θ = WIDE (u − v) with u and v in the box: then ‖θ‖₁ is a sum over a mask of twice the length.
    twice = torch.cat([digits.inputs, -digits.inputs], dim=2)
    halves = masked_logistic(
        twice, digits.targets, twice.new_full((len(twice), twice.shape[2]), WIDE), [l1()],
        [WIDE * lam for lam in torch.logspace(0.4, 1.7, 7).tolist()], start=0.0, tolerance=1e-2,
    ).masks[:, 0]  # fmt: skip
    u, v = halves.chunk(2, dim=-1)
    largest = weights[:, :-1].abs().topk(pixels).indices
    crude = weights * torch.zeros_like(weights).scatter_(1, largest, 1.0)
    scaled = weights[:, None]
    candidates = {
        "ℓ1 mask": masks[:, 0] * scaled,
        "log mask": masks[:, 1] * scaled,
        "log from ℓ1's mask": polished * scaled,
        "refitted weights": WIDE * (u - v),
        "largest weights": crude[:, None],
    }
    return by_pixels(
        {
            name: (
                accuracy_of(digits.held_inputs, digits.held_targets, theta),
                (theta[..., :-1] != 0).sum(dim=-1),
            )
            for name, theta in candidates.items()
        }
    )
