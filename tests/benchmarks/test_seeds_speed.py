"""Four seeds as one batched network (torch.func), beside four runs one after the other.

Measured on two shared cores, MLP 784-128-256-10, batch 250: the batched network took 0.98 of the
time of the four runs. That does not pay for a second training loop, so `sweep.compare` keeps the
simple way.
"""

from __future__ import annotations

import copy

import pytest
import torch
from ratios import best_seconds
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

import pruninglab as lab

pytestmark = pytest.mark.benchmark
SEEDS, BATCH, STEPS, LR = 4, 250, 60, 0.1


def test_four_seeds_at_once() -> None:
    nets = [lab.nets.sap_mlp(seed=seed) for seed in range(SEEDS)]
    inputs = torch.rand(STEPS, BATCH, 1, 28, 28)
    targets = torch.randint(0, 10, (STEPS, BATCH))

    def one_after_the_other() -> list[Tensor]:
        ends = []
        for net in map(copy.deepcopy, nets):
            optimizer = torch.optim.SGD(net.parameters(), LR, momentum=0.9, fused=True)
            for x, y in zip(inputs, targets, strict=True):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(x), y).backward()
                optimizer.step()
            ends.append(net.fc3.weight.detach())
        return ends

    skeleton = copy.deepcopy(nets[0]).to("meta")

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(skeleton, parameters, (x,)), y)

    gradients = vmap(grad(loss), in_dims=(0, None, None))

    def batched() -> Tensor:
        parameters, _ = stack_module_state(nets)
        parameters = {name: p.detach().clone() for name, p in parameters.items()}
        momenta = {name: torch.zeros_like(p) for name, p in parameters.items()}
        for x, y in zip(inputs, targets, strict=True):
            for name, gradient in gradients(parameters, x, y).items():
                momenta[name].mul_(0.9).add_(gradient)
                parameters[name].sub_(momenta[name], alpha=LR)
        return parameters["fc3.weight"]

    together, apart = best_seconds(batched, one_after_the_other)
    print(f"\n4 seeds batched / one after the other: {together / apart:.2f} (below 1 would pay)")
    torch.testing.assert_close(batched(), torch.stack(one_after_the_other()), atol=1e-3, rtol=1e-2)
