"""How evenly is the signal of a neuron spread over its connections?"""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from ...checks import checked
from ...ideas.sap import gini_index


@checked
def fair_shares(shares: Float[Tensor, "out members"]) -> Tensor:
    """Importance in units of a fair share: 1 where all living connections of a neuron were equal.

    `shares` (out, members) as from `connection_importance`, 0 where a connection is dead; so is
    what is returned, of the same shape. Taught in notebook 04.

    >>> import torch
    >>> fair_shares(torch.tensor([[0.5, 0.25, 0.25, 0.0]]))
    tensor([[1.5000, 0.7500, 0.7500, 0.0000]])
    """
    return shares * (shares > 0).sum(dim=1, keepdim=True)


@checked
def unevenness(importance: Mapping[str, Float[Tensor, "_ _"]]) -> float:
    """Gini index of the fair shares of all living connections, the mean over the layers.

    `importance` as from `network_importance`; 0: all count alike, towards 1: one carries it all.
    Layers without a living connection do not count. Our measure of what the NNrelief paper calls
    relief. Taught in notebook 04.

    >>> import torch
    >>> unevenness({"fc1": torch.tensor([[0.75, 0.25, 0.0]]), "fc2": torch.tensor([[0.5, 0.5]])})
    0.125
    """
    values = [fair[fair > 0] for fair in map(fair_shares, importance.values())]
    indices = [float(gini_index(living)) for living in values if len(living)]
    return sum(indices) / len(indices)
