"""Flows of LeNet-5: beside an epoch, and beside loops over filters."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import torch
from ratios import best_seconds
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.ideas.incop import gradient_flow, information_flow

pytestmark = pytest.mark.benchmark

PROBE, LOOPED, BATCH, FULL = 1000, 500, 64, 60_000


def outputs_of(net: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    """Return each layer's output after its activation, averaged over space."""
    found: list[Tensor] = []
    for module in net:
        inputs = module(inputs)
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            found.append(inputs)
        elif isinstance(module, nn.ReLU):
            found[-1] = inputs
    return [f.double().flatten(2).mean(2) if f.dim() > 2 else f.double() for f in found]


@torch.no_grad()
def by_pairs_of_filters(net: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    """One mean of a product per pair of filters and batch: Eq. (2) as it is read aloud."""
    flows: list[Tensor] = []
    for block in inputs.split(BATCH):
        layers = outputs_of(net, block)
        flows = flows or [torch.zeros(f.shape[1], g.shape[1]).double() for f, g in pairwise(layers)]
        for flow, (f, g) in zip(flows, pairwise(layers), strict=True):
            for i in range(f.shape[1]):
                for j in range(g.shape[1]):
                    flow[i, j] += f[:, i] @ g[:, j]
    return [flow / len(inputs) for flow in flows]


def test_flows_of_lenet_5() -> None:
    data = lab.data.load("mnist", device="cpu")
    net = lab.nets.lenet_5(seed=0)
    start = time.perf_counter()
    lab.train(net, data, stop=lab.stops.epochs(1), training=lab.Training(lab.sgd(lr=0.01)))
    epoch = (time.perf_counter() - start) * FULL / len(data.train)
    probe = data.train.take(PROBE)
    masks = lab.Masks.full(net)
    information, gradient = best_seconds(
        lambda: information_flow(net, probe.inputs),
        lambda: gradient_flow(net, probe.inputs, probe.targets, masks),
    )
    print(f"\nprobe of {PROBE:,} of an epoch of {FULL:,} (≤ 5 %): ", end="")
    print(f"information {information / epoch:.1%}, gradient {gradient / epoch:.1%}")
    assert information / epoch <= 0.05 and gradient / epoch <= 0.05

    few = probe.take(LOOPED).inputs
    ours, loops = best_seconds(
        lambda: information_flow(net, few), lambda: by_pairs_of_filters(net, few), repeats=2
    )
    print(f"loop over pairs of filters / ours, per image: {loops / ours:.0f} (≥ 20)")
    for found, looped in zip(
        information_flow(net, few).values(), by_pairs_of_filters(net, few), strict=True
    ):
        torch.testing.assert_close(found, looped, atol=1e-6, rtol=1e-5)
    assert loops / ours >= 20
