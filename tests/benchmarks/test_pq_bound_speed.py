"""The SAP budget for every neuron of a ResNet-18, beside a loop over neurons."""

from __future__ import annotations

import pytest
import torch
from ratios import best_seconds

import pruninglab as lab
from pruninglab.choices.scopes import Groups, neuron

pytestmark = pytest.mark.benchmark


def test_neuron_scope_of_resnet_18() -> None:
    weights = lab.scores.prunable(lab.nets.resnet_18(inputs=lab.nets.COLOR, seed=0))
    scores = {name: weight.detach().abs() for name, weight in weights.items()}
    alive = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    budget = lab.budgets.pq_bound()

    def ours() -> list[torch.Tensor]:
        return [budget(groups) for groups in neuron(scores, alive)]

    def loop() -> list[torch.Tensor]:
        return [
            budget(Groups(groups.scores[i : i + 1], groups.alive[i : i + 1]))
            for groups in neuron(scores, alive)
            for i in range(len(groups.scores))
        ]

    vectorised, looped = best_seconds(ours, loop)
    neurons = sum(len(score) for score in scores.values())
    print(f"\nSAP budget of {neurons:,} neurons: ours {vectorised:.2f} s (< 2), ", end="")
    print(f"loop / ours {looped / vectorised:.1f} (≥ 10)")
    assert torch.equal(torch.cat(ours()), torch.cat(loop()))
    assert vectorised < 2
    assert looped / vectorised >= 10
