"""Vectors to look at, from dense to sparse. Taught in notebook 01."""

from __future__ import annotations

import torch
from torch import Tensor

from ...checks import Count, Seed, checked


@checked
def example_vectors(members: Count = 200, seed: Seed = 0) -> dict[str, Tensor]:
    """Return vectors from dense to sparse: constant, uniform, Gaussian, power law, one-hot.

    Float (members,) each. Taught in notebook 01.

    >>> list(example_vectors())
    ['constant', 'uniform', 'Gaussian', 'power law', 'one-hot']
    """
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
