"""The sets S and M, planes of weights, and probes: against numpy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pruninglab.lessons.incop.sets import overlap, probe_correlation, scan, stops_apart, through


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))


def weights(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: w.detach().clone() for name, w in net.named_parameters()}


def flat(values: dict[str, torch.Tensor]) -> np.ndarray:
    return torch.cat([w.double().flatten() for w in values.values()]).numpy()


def test_the_plane_meets_its_three_networks_and_keeps_their_distances() -> None:
    three = [weights(network(seed)) for seed in range(3)]
    plane = through(*three)
    for corner, net in zip(plane.corners.tolist(), three, strict=True):
        np.testing.assert_allclose(flat(plane.at(*corner)), flat(net), atol=1e-6)
    between = np.linalg.norm(flat(three[1]) - flat(three[2]))
    assert float((plane.corners[1] - plane.corners[2]).norm()) == pytest.approx(between, rel=1e-5)


def test_a_scan_measures_each_point_and_leaves_the_network_alone() -> None:
    nets = [network(seed) for seed in range(3)]
    plane = through(*map(weights, nets))
    before = flat(weights(nets[0]))

    def first_weight(net: nn.Module) -> float:
        return float(net[0].weight[0, 0])

    made = scan(nets[0], plane, {"w": first_weight}, steps=5, margin=0.25)
    assert made.values["w"].shape == (5, 5)
    for row, y in enumerate(made.y.tolist()):
        for column, x in enumerate(made.x.tolist()):
            expected = float(plane.at(x, y)["0.weight"][0, 0])
            assert float(made.values["w"][row, column]) == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(flat(weights(nets[0])), before)
    width = float(plane.corners[:, 0].max() - plane.corners[:, 0].min())
    assert float(made.x[-1] - made.x[0]) == pytest.approx(1.5 * width)


def test_overlap_counts() -> None:
    rng = np.random.default_rng(0)
    distances, gaps = rng.random((3, 50)), rng.random((3, 50))
    found = overlap(torch.tensor(distances), torch.tensor(gaps), 0.4, 0.7)
    near, good = distances <= 0.4, gaps <= 0.7
    np.testing.assert_allclose(found.in_m, good.mean(axis=1))
    np.testing.assert_allclose(found.in_s, near.mean(axis=1))
    for seed in range(3):
        assert float(found.m_of_s[seed]) == pytest.approx(good[seed][near[seed]].mean())
        assert float(found.s_of_m[seed]) == pytest.approx(near[seed][good[seed]].mean())
    assert overlap(torch.ones(1, 2), torch.zeros(1, 2), 0.5, 0.5).m_of_s.isnan().all()


def test_probes_are_compared_pair_by_pair() -> None:
    rng = np.random.default_rng(1)
    curves = rng.random((4, 12))
    pairs = [np.corrcoef(curves[a], curves[b])[0, 1] for a in range(4) for b in range(a)]
    assert probe_correlation(torch.tensor(curves)) == pytest.approx(np.mean(pairs))
    rounds = torch.tensor(curves).reshape(4, 3, 4)
    used = np.array([[next((i for i, d in enumerate(r, 1) if d <= 0.3), 4) for r in probe]
                     for probe in rounds.tolist()])  # fmt: skip
    apart = [np.abs(used[a] - used[b]).mean() for a in range(4) for b in range(a)]
    assert stops_apart(rounds, 0.3) == pytest.approx(np.mean(apart))
    assert stops_apart(rounds, 2.0) == 0
