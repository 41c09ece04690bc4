"""What an epoch of `lab.train` costs above its matrix products."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn
from torch.profiler import ProfilerActivity, profile

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.training import constant

pytestmark = pytest.mark.benchmark
SETTINGS = lab.Training(lab.sgd(lr=0.02, nesterov=False), batch_size=64, schedule=constant)
PRODUCTS = ("aten::addmm", "aten::mm", "aten::convolution_backward", "aten::mkldnn_convolution")


def epoch(net: nn.Module, data: Data, settings: lab.Training = SETTINGS) -> float:
    return lab.train(net, data, stop=lab.stops.epochs(1), training=settings)[0].validation_accuracy


@pytest.mark.parametrize("make", [lab.nets.lenet_300_100, lab.nets.lenet_5])
def test_the_products_and_the_three_largest_wastes(make: Callable[..., nn.Module]) -> None:
    data = lab.data.load("mnist", device="cpu")
    net = make(seed=0)
    epoch(net, data)
    with profile(activities=[ProfilerActivity.CPU]) as measured:
        epoch(net, data)
    # An optimizer's own entry and its kernel are one waste.
    spent: dict[str, float] = {}
    for event in measured.key_averages():
        name = "optimizer" if "sgd" in event.key.lower() else event.key
        name = "products" if event.key in PRODUCTS else name
        spent[name] = spent.get(name, 0.0) + event.self_cpu_time_total
    total = sum(spent.values())
    wastes = sorted(spent.items(), key=lambda item: -item[1])[1:4]
    told = ", ".join(f"{name} {part / total:.0%}" for name, part in wastes)
    print(f"\n{make.__name__}: products {spent['products'] / total:.0%}; then {told}")
    assert spent["products"] / total >= 0.5
