"""What an epoch of `lab.train` costs above its matrix products, and what bfloat16 saves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from ratios import best_seconds
from torch import nn
from torch.profiler import ProfilerActivity, profile

import pruninglab as lab
from pruninglab.data import Data, Split
from pruninglab.engine.training import constant, in_bfloat16

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


def noise(images: int) -> Data:
    """Return colour images without meaning: here only the time of a step counts."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(images, 3, 32, 32, generator=generator)
    split = Split(inputs, torch.randint(0, 10, (images,), generator=generator))
    return Data("noise", split, split.take(64), split.take(64), tuple("abcdefghij"))


def test_bfloat16_is_faster_for_a_residual_network() -> None:
    data, quick = noise(320), replace(SETTINGS, objective=in_bfloat16)
    nets = [lab.nets.resnet_20(inputs=data.shape, seed=0) for _ in range(2)]
    plain, short = best_seconds(
        lambda: epoch(nets[0], data), lambda: epoch(nets[1], data, quick), repeats=3
    )
    print(f"\nResNet-20: bfloat16 {plain / short:.2f} times faster")
    assert plain / short >= 1.2


def test_bfloat16_stays_within_the_seeds_spread() -> None:
    data = lab.data.load("mnist", device="cpu")
    quick = replace(SETTINGS, objective=in_bfloat16)
    reached = np.array([
        [epoch(lab.nets.lenet_5(seed=seed), data, settings) for settings in (SETTINGS, quick)]
        for seed in range(3)
    ])  # fmt: skip
    gap, spread = (reached[:, 1] - reached[:, 0]).mean(), reached[:, 0].std(ddof=1)
    print(f"\nLeNet-5 after an epoch: bfloat16 {gap:+.4f}, spread of the seeds {spread:.4f}")
    assert abs(gap) <= 2 * spread
