"""How a flow fades as weights go, and whether an epoch of training brings it back."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ...checks import Share, checked
from ...choices.budgets import fraction
from ...choices.scopes import layer
from ...choices.scores import magnitude
from ...choices.stops import epochs
from ...data import Data
from ...engine.masks import cut_once
from ...engine.training import accuracy, train
from ...ideas.incop import flow_distance, information_flow
from ...papers.incop import SMALL_TRAINING

PROBE = 1000
DENSITIES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.2, 0.15, 0.1, 0.05)
Fade = dict[float, dict[str, float]]


@checked
def fade(net: nn.Module, data: Data, densities: Sequence[Share] = DENSITIES) -> Fade:
    """Return how far the flow is from the dense one, just cut and one epoch later, and accuracies.

    {density: {"cut", "healed", "cut right", "healed right"}}; relative distances, in the flow of
    a thousand training images; weights go by magnitude, layer by layer. Taught in notebook 03.
    """
    probe = data.train.take(PROBE)
    dense, found = information_flow(net, probe.inputs), {}
    for density in densities:
        cut, masks = cut_once(net, probe, magnitude, fraction(round(1 - density, 6)), layer)
        row = {}
        for name in ("cut", "healed"):
            if name == "healed" and density < 1:
                train(cut, data, masks=masks, stop=epochs(1), training=SMALL_TRAINING)
            row[name] = flow_distance(information_flow(cut, probe.inputs), dense, "relative")
            row[f"{name} right"] = accuracy(cut, data.test)
        found[density] = row
    return found
