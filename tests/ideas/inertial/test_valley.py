"""The valley of two weights against torch's derivatives and where its flow is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pruninglab.ideas.inertial.trajectories import TIME, times
from pruninglab.ideas.inertial.valley import Valley, height_above


def test_loss_gradient_and_hessian() -> None:
    w = torch.tensor([0.7, -1.1], dtype=torch.float64)

    def loss(w: torch.Tensor) -> torch.Tensor:
        return (w[0] ** 2 + 6 * (w[1] - 0.8 * (1 - torch.cos(w[0]))) ** 2) / 2

    valley = Valley(6.0, 0.8)
    assert float(valley.loss(w.numpy())) == pytest.approx(float(loss(w)))
    np.testing.assert_allclose(valley.gradient(w.numpy()), torch.func.grad(loss)(w), atol=1e-12)
    np.testing.assert_allclose(valley.hessian(w.numpy()), torch.func.hessian(loss)(w), atol=1e-12)
    np.testing.assert_allclose(valley.hessian(np.zeros(2)), np.diag([1.0, 6.0]))


def test_a_straight_valley_is_linear() -> None:
    valley = Valley(15.0, 0.0)
    path = valley.flow(np.array([[2.0, -1.0]]), time=2.0)
    np.testing.assert_allclose(path[-1, 0], [2 * np.exp(-2), -np.exp(-30)], atol=1e-4)
    assert valley.lipschitz() == 0
    np.testing.assert_allclose(valley.manifold()[:, 1], 0, atol=1e-12)


def test_lipschitz_bounds_the_change_of_the_gradient() -> None:
    valley, generator = Valley(4.0, 0.5), np.random.default_rng(0)
    points = generator.uniform((-3, -2), (3, 3.5), (500, 2))
    rest = valley.gradient(points) - points * [1.0, 4.0]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    assert (np.linalg.norm(np.diff(rest, axis=0), axis=1) <= valley.lipschitz() * steps).all()


def test_everything_falls_onto_the_manifold() -> None:
    valley = Valley(20.0, 0.8)
    starts = np.array([[2.5, 3.0], [-2.0, -1.5], [1.0, 3.0]])
    path, curve = valley.flow(starts), valley.manifold()
    first, later = (height_above(curve, path[when]) for when in (0, np.searchsorted(times(), 1.0)))
    assert (first > 0.5).all() and (later < 0.01).all()
    assert times()[0] == 0 and times()[-1] == TIME and len(times()) == len(path)


def test_what_cannot_be_followed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ratio=0.5 must be at least 1"):
        Valley(0.5, 0.0)
    for ratio, bend in ((1e300, 0.0), (1.0, 1e200), (1.0, -1e4)):
        with pytest.raises(ValueError, match="too large to follow"):
            Valley(ratio, bend)
    with pytest.raises(ValueError, match="too large to follow"):
        Valley(2.0, 0.0).flow(np.zeros((1, 2)), time=1e7)
