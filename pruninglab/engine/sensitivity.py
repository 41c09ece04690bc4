"""Which layer forgives most? Cut each layer alone, then all together, and look at the accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..checks import Share, checked
from ..choices.budgets import fraction
from ..choices.scopes import layer
from ..choices.scores import Score, magnitude
from ..data import Split
from .masks import cut_once, scored
from .training import accuracy

TOGETHER, ADDED = "all together", "single losses added up"


@checked
def scan_layers(
    net: nn.Module, split: Split, densities: Sequence[Share], score: Score = magnitude
) -> dict[str, list[float]]:
    """Return the accuracy on `split` at each density, with one layer cut and nothing retrained.

    A list for each scored parameter by its name; then "all together", every layer cut to that
    density; then "single losses added up": what the single cuts foretell for it if layers were
    independent, the dense accuracy minus the sum of their losses, at least 0. Taught in notebook
    08.
    """
    dense = accuracy(net, split)
    scores = scored(net, split, score)
    names = list(scores)

    def measure(density: float, chosen: Sequence[str]) -> float:
        def only(net: nn.Module, images: Split) -> dict[str, Tensor]:
            return {name: scores[name] for name in chosen}

        cut = fraction(round(1 - density, 6))
        return accuracy(cut_once(net, split, only, cut, layer)[0], split)

    scan = {name: [measure(density, [name]) for density in densities] for name in names}
    losses = [sum(dense - value for value in column) for column in zip(*scan.values(), strict=True)]
    together = [measure(density, names) for density in densities]
    return scan | {TOGETHER: together, ADDED: [max(0.0, dense - loss) for loss in losses]}
