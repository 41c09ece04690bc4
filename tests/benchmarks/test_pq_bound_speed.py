"""The SAP budget for every neuron of a ResNet-18, beside a loop over neurons."""

from __future__ import annotations

import pytest
import torch
from ratios import best_seconds

import pruninglab as lab
from pruninglab.choices.scopes import neuron

pytestmark = pytest.mark.benchmark


def one_neuron(w: torch.Tensor) -> int:
    """Eq. (4) for one vector, as a student would write it."""
    d = w.numel()
    index = 1 - d ** (1 - 2) * torch.linalg.norm(w, 0.5) / torch.linalg.norm(w, 1)
    return d - int(d * min(float(index), 0.9))


def test_neuron_scope_of_resnet_18() -> None:
    weights = lab.scores.prunable(lab.nets.resnet_18(inputs=lab.nets.COLOR, seed=0))
    scores = {name: weight.detach().abs() for name, weight in weights.items()}
    alive = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    budget = lab.budgets.pq_bound()

    def ours() -> list[torch.Tensor]:
        return [budget(groups.scores, groups.alive) for groups in neuron(scores, alive)]

    def loop() -> list[int]:
        return [one_neuron(row) for score in scores.values() for row in score.flatten(1).double()]

    vectorised, looped = best_seconds(ours, loop)
    neurons = sum(len(score) for score in scores.values())
    print(f"\nSAP budget of {neurons:,} neurons: ours {vectorised:.2f} s (< 2), ", end="")
    print(f"loop / ours {looped / vectorised:.1f} (≥ 10)")
    difference = torch.cat(ours()) - torch.tensor(loop())
    assert int(difference.abs().max()) <= 1, "the loop works on norms, and may floor differently"
    assert vectorised < 2
    assert looped / vectorised >= 10
