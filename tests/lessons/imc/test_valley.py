"""The valley of two weights against torch's derivatives and where its flow is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pruninglab.lessons.imc.trajectories import TIME, times
from pruninglab.lessons.imc.valley import Valley, height_above


def test_loss_and_gradient() -> None:
    w = torch.tensor([0.7, -1.1], dtype=torch.float64)

    def loss(w: torch.Tensor) -> torch.Tensor:
        return (w[0] ** 2 + 6 * (w[1] - 0.8 * (1 - torch.cos(w[0]))) ** 2) / 2

    valley = Valley(6.0, 0.8)
    assert float(valley.loss(w.numpy())) == pytest.approx(float(loss(w)))
    np.testing.assert_allclose(valley.gradient(w.numpy()), torch.func.grad(loss)(w), atol=1e-12)


def test_a_straight_valley_is_linear() -> None:
    valley = Valley(15.0, 0.0)
    path = valley.flow(np.array([[2.0, -1.0]]), time=2.0)
    np.testing.assert_allclose(path[-1, 0], [2 * np.exp(-2), -np.exp(-30)], atol=1e-4)
    np.testing.assert_allclose(valley.manifold()[:, 1], 0, atol=1e-12)


def test_everything_falls_onto_the_manifold() -> None:
    valley = Valley(20.0, 0.8)
    starts = np.array([[2.5, 3.0], [-2.0, -1.5], [1.0, 3.0]])
    path, curve = valley.flow(starts), valley.manifold()
    first, later = (height_above(curve, path[when]) for when in (0, np.searchsorted(times(), 1.0)))
    assert (first > 0.5).all() and (later < 0.01).all()
    assert times()[0] == 0 and times()[-1] == TIME and len(times()) == len(path)
