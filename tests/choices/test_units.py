"""Whole units compete: the score, the cut, and a run whose tickets become smaller networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data, Split


def test_a_unit_is_scored_by_all_that_enters_it() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(12, 4), nn.Linear(4, 2))
    images = Split(torch.ones(1, 2, 3, 3), torch.tensor([0]))
    scores = lab.scores.units(net, images)
    assert list(scores) == ["0.weight", "2.weight"], "the last layer's units are the outputs"
    assert scores["0.weight"].shape == (3, 1, 1, 1)
    by_hand = [float(net[0].weight[i].detach().square().sum() / 8) ** 0.5 for i in range(3)]
    assert scores["0.weight"].flatten().tolist() == pytest.approx(by_hand)
    with pytest.raises(ValueError, match="one layer only"):
        lab.scores.units(nn.Linear(2, 2), images)


def test_tickets_of_units_shrink_to_what_they_say(tiny_net: nn.Module, tiny_data: Data) -> None:
    recipe = lab.Recipe(
        lab.scores.units, lab.budgets.fraction(0.5), stop=lab.stops.epochs(2), rounds=2
    )
    widths = []
    for done in lab.prune(tiny_net, tiny_data, recipe, seed=0, device="cpu"):
        net = done.trained_net()
        small = lab.shrink.remove_dead(net, tiny_data.train.inputs[:5])
        widths.append(small[1].out_features)
        assert lab.accuracy(small, tiny_data.test) == done.test_accuracy
        with torch.no_grad():
            assert torch.allclose(
                small(tiny_data.test.inputs), net(tiny_data.test.inputs), atol=1e-5
            )
    assert widths == [6, 3, 2]
