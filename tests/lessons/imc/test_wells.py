"""Two wells: Theorem 5 and Eq. (9) in a system that is nowhere linear, and what Theorem 1 says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pruninglab.ideas.imc import spectral_cut
from pruninglab.lessons.imc.trajectories import envelope, semi_distance, times
from pruninglab.lessons.imc.wells import TwoWells

RIM = np.stack([4 * np.cos(np.arange(12)), 3 * np.sin(np.arange(12))], axis=-1)
POINTS = np.random.default_rng(0).uniform(-6, 6, (400, 2))


def test_the_field_is_minus_the_gradient() -> None:
    wells = TwoWells(3.0, 0.7)
    w = torch.tensor([0.9, -0.4], dtype=torch.float64)

    def loss(w: torch.Tensor) -> torch.Tensor:
        well = w[0] ** 2 / 2 - 2 * torch.log(torch.cosh(w[0]))
        return 3 * w[1] ** 2 / 2 - 0.7 * w[0] * w[1] + well

    assert float(wells.loss(w.numpy())) == pytest.approx(float(loss(w)))
    np.testing.assert_allclose(wells.field(w.numpy()), -torch.func.grad(loss)(w), atol=1e-12)


def test_f_is_globally_lipschitz_with_k_and_no_smaller_one() -> None:
    wells = TwoWells(5.0, 0.6)
    rest = wells.field(POINTS) - POINTS * [0.0, -5.0]
    steps = np.linalg.norm(np.diff(POINTS, axis=0), axis=1)
    slopes = np.linalg.norm(np.diff(rest, axis=0), axis=1) / steps
    assert (slopes <= wells.lipschitz()).all()
    near = 1e-3 * np.stack([np.cos(POINTS[:, 0]), np.sin(POINTS[:, 0])], axis=-1)
    slopes = np.linalg.norm(wells.field(near) - near * [0.0, -5.0], axis=1) / 1e-3
    assert slopes.max() == pytest.approx(wells.lipschitz(), rel=1e-3)


def test_one_equilibrium_is_no_minimum() -> None:
    """The paper says that the equilibria correspond to the local minimum points."""
    wells = TwoWells(8.0)
    rest = wells.equilibria()
    np.testing.assert_allclose(wells.field(rest), 0, atol=1e-12)
    u = torch.tensor(rest[:, 0])
    rows = [torch.tensor([[2 / torch.cosh(x) ** 2 - 1, 0.4], [0.4, -8.0]]) for x in u]
    assert [int((torch.linalg.eigvalsh(row) > 0).sum()) for row in rows] == [0, 1, 0]
    assert wells.loss(rest).argmax() == 1


def test_the_flow_is_a_semigroup_and_the_loss_falls() -> None:
    """Definition 4 with a composition, where the paper prints a product; Eq. (8)."""
    wells = TwoWells(6.0)
    whole = wells.flow(RIM, 2.0)
    np.testing.assert_allclose(wells.flow(wells.flow(RIM, 1.2)[-1], 0.8)[-1], whole[-1], atol=1e-6)
    assert (np.diff(wells.loss(whole), axis=0) <= 1e-12).all()


def test_without_pull_all_is_known() -> None:
    path = TwoWells(4.0, 0.0).flow(RIM, 1.0)
    np.testing.assert_allclose(
        path[..., 1], np.exp(-4 * times(1.0))[:, None] * RIM[:, 1], atol=1e-5
    )
    line = np.array([[-9.0, 0.0], [9.0, 0.0]])
    c1, c2 = envelope(times(1.0), semi_distance(path, line))
    assert (c1, c2) == pytest.approx((1.0, 4.0), abs=1e-3)


@settings(max_examples=12)
@given(st.floats(0.0, 1.0), st.floats(1.01, 3.0))
def test_theorem_5_where_nothing_is_linear(pull: float, more: float) -> None:
    """A gap above 4K: the curve is a graph over u, invariant, and attracts exponentially."""
    known = TwoWells(100.0, pull)
    wells = TwoWells(4 * more * known.lipschitz(), pull)
    assert spectral_cut(torch.tensor([0.0, wells.gap]), wells.lipschitz()) == 1
    curve = wells.manifold()
    inside = curve[np.abs(curve[:, 0]) < 6]
    u, v = inside[np.r_[True, np.diff(inside[:, 0]) > 1e-9]].T
    assert (np.diff(u) > 0).all()
    assert np.abs(np.diff(v) / np.diff(u)).max() < 1
    on = np.stack([u, v], axis=-1)[:: len(u) // 20]
    assert float(semi_distance(wells.flow(on, 1.0), curve).max()) < 1e-3
    distances = semi_distance(wells.flow(RIM, 1.0)[::10], curve)
    c1, c2 = envelope(times(1.0)[::10], distances)
    assert c2 > 3 * wells.lipschitz() and c1 < 1.5


def test_all_bounded_sets_fall_onto_the_attractor_which_stays() -> None:
    wells = TwoWells(8.0)
    path, curve = wells.flow(RIM, 12.0), wells.attractor()
    assert float(semi_distance(path[-1], curve)) < 1e-3
    assert float(semi_distance(wells.flow(curve[::20], 1.0), curve).max()) < 1e-3
    assert float(semi_distance(curve, wells.manifold())) < 1e-12, "inside the manifold"
    assert float(semi_distance(wells.manifold(), curve)) > 1, "and not all of it"


def test_semi_distance_is_a_supremum_of_infima() -> None:
    curve = np.stack([np.linspace(-1, 1, 50), np.linspace(-1, 1, 50) ** 2], axis=-1)
    fine = np.stack([np.linspace(-1, 1, 20001), np.linspace(-1, 1, 20001) ** 2], axis=-1)
    points = POINTS[:30]
    brute = np.linalg.norm(points[:, None] - fine, axis=-1).min(axis=1).max()
    assert float(semi_distance(points, curve)) == pytest.approx(brute, abs=1e-3)
    assert semi_distance(np.stack([points, points]), curve).shape == (2,)


def test_envelope_lies_above() -> None:
    moments = np.linspace(0, 2, 30)
    distances = np.exp(-2 * moments) * (1 + 0.2 * np.sin(9 * moments))
    c1, c2 = envelope(moments, distances)
    assert (distances <= c1 * np.exp(-c2 * moments) * distances[0] * (1 + 1e-9)).all()
    assert c2 == pytest.approx(2, abs=0.1)


def test_attractor_and_manifold_follow_the_branch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = []
    flow = TwoWells.flow

    def counted(self: TwoWells, starts: np.ndarray, *time: float) -> np.ndarray:
        followed.append(len(starts))
        return flow(self, starts, *time)

    monkeypatch.setattr(TwoWells, "flow", counted)
    wells = TwoWells(8.765)
    wells.attractor(), wells.manifold(), wells.attractor()
    assert followed == [3], "two far points and the branch, at once"
