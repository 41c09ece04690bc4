"""Vectors to look at, from dense to sparse. Taught in notebook 01."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import Count, Seed, checked

MOST_MEMBERS = 100_000_000


@checked
def example_vectors(members: Count = 200, seed: Seed = 0) -> dict[str, Tensor]:
    """Return vectors from dense to sparse: constant, uniform, Gaussian, power law, one-hot.

    Float (members,) each; at most 100 million members, else ValueError. Taught in notebook 01.

    >>> list(example_vectors())
    ['constant', 'uniform', 'Gaussian', 'power law', 'one-hot']
    """
    if members > MOST_MEMBERS:
        raise ValueError(f"members={members} must be at most {MOST_MEMBERS}")
    generator = torch.Generator().manual_seed(seed)
    one_hot = torch.zeros(members)
    one_hot[0] = 1
    return {
        "constant": torch.ones(members),
        "uniform": torch.rand(members, generator=generator),
        "Gaussian": torch.randn(members, generator=generator),
        "power law": 1 / torch.arange(1, members + 1),
        "one-hot": one_hot,
    }
