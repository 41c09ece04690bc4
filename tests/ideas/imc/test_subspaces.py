"""Spaces of directions by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pruninglab.ideas.imc import (
    diagonal,
    flat_space,
    leverage,
    random_space,
    share_inside,
    sharp_space,
)

HESSIAN = torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, -5.0]]).double()
VECTORS = torch.linalg.eigh(HESSIAN).eigenvectors  # eigenvalues −5, 1, 3


def test_flat_and_sharp() -> None:
    torch.testing.assert_close(leverage(flat_space(VECTORS, 1)), torch.tensor([0.0, 0, 1]).double())
    sharpest = torch.tensor([0.5, 0.5, 0.0]).double()
    torch.testing.assert_close(leverage(sharp_space(VECTORS, 1)), sharpest)
    torch.testing.assert_close(leverage(VECTORS), torch.ones(3).double())


def test_random_space_is_orthonormal_seeded_and_even() -> None:
    basis = random_space(50, 20, seed=3)
    torch.testing.assert_close(basis.T @ basis, torch.eye(20).double())
    assert torch.equal(basis, random_space(50, 20, seed=3))
    assert not torch.equal(basis, random_space(50, 20, seed=4))
    shares = [share_inside(torch.ones(50), random_space(50, 20, seed)) for seed in range(200)]
    assert np.mean(shares) == pytest.approx(20 / 50, abs=0.02)


def test_share_inside() -> None:
    assert share_inside(torch.tensor([1.0, 1.0, 0.0]), sharp_space(VECTORS, 1)) == 1.0
    assert share_inside(torch.tensor([1.0, -1.0, 0.0]), sharp_space(VECTORS, 1)) == 0.0


def test_diagonal_of_a_diagonal_is_exact_and_otherwise_unbiased() -> None:
    values = torch.arange(5.0).double()
    torch.testing.assert_close(diagonal(torch.diag(values), probes=1), values)
    found = diagonal(HESSIAN, probes=4000)
    # Each entry's variance is the sum of the squared others in its row: 1, 1 and 0.
    np.testing.assert_allclose(found, [2, 2, -5], atol=5 / np.sqrt(4000))


def test_bad_input() -> None:
    for m in (0, 4):
        with pytest.raises(ValueError, match=f"m={m}"):
            flat_space(VECTORS, m)
        with pytest.raises(ValueError, match=f"m={m}"):
            sharp_space(VECTORS, m)
        with pytest.raises(ValueError, match=f"m={m}"):
            random_space(3, m, 0)
    with pytest.raises(ValueError, match="vector is zero"):
        share_inside(torch.zeros(3), VECTORS)
    for name, bad in (
        ("vector", [torch.ones(3) / 0, VECTORS]),
        ("basis", [VECTORS[0], VECTORS / 0]),
    ):
        with pytest.raises(ValueError, match=f"{name} holds NaN or infinity"):
            share_inside(*bad)
    with pytest.raises(ValueError, match="too many"):
        random_space(10**9, 10**9, 0)
    with pytest.raises(ValueError, match="probes=0"):
        diagonal(HESSIAN, probes=0)
