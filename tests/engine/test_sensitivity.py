"""The layer scan: one layer at a time, all together, and what the single losses foretell."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.sensitivity import scan_layers


def test_each_layer_alone_by_hand(tiny_net: nn.Module, tiny_data: Data) -> None:
    lab.train(tiny_net, tiny_data, stop=lab.stops.epochs(5), seed=0)
    test = tiny_data.test
    scan = scan_layers(tiny_net, test, [1.0, 0.25, 0.0])
    assert list(scan) == [
        "1.weight", "3.weight", "all together", "single losses added up",
    ]  # fmt: skip
    dense = lab.accuracy(tiny_net, test)
    assert all(values[0] == pytest.approx(dense) for values in scan.values())
    by_hand = lab.nets.clone(tiny_net)
    with torch.no_grad():
        size = by_hand[1].weight.abs().flatten()
        by_hand[1].weight.view(-1)[size.argsort()[:18]] = 0
    assert scan["1.weight"][1] == lab.accuracy(by_hand, test)
    for at in range(3):
        losses = sum(dense - scan[name][at] for name in ("1.weight", "3.weight"))
        assert scan["single losses added up"][at] == pytest.approx(max(0, dense - losses))


def test_units_can_be_scanned_too(tiny_net: nn.Module, tiny_data: Data) -> None:
    scan = scan_layers(tiny_net, tiny_data.test, [0.5], lab.scores.units)
    assert next(iter(scan)) == "1.weight" and "3.weight" not in scan
    assert scan["all together"] == scan["1.weight"]
