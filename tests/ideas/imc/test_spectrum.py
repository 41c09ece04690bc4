"""Lanczos, its quadrature and the extreme eigenvalues against numpy's full decomposition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pruninglab.ideas.imc import (
    extreme_eigenvalues,
    hessian,
    hessian_operator,
    lanczos,
    spectral_density,
)


def symmetric(values: np.ndarray, seed: int = 0) -> Tensor:
    random = np.random.default_rng(seed).normal(size=(len(values), len(values)))
    axes, _ = np.linalg.qr(random)
    return torch.from_numpy(axes @ np.diag(values) @ axes.T)


VALUES = np.concatenate([[50.0, 20.0, -3.0], np.linspace(-0.1, 1.0, 37)])
MATRIX = symmetric(VALUES)


@pytest.fixture(scope="module")
def problem() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))
    return net, torch.randn(40, 5), torch.randint(0, 3, (40,))


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("largest", np.sort(VALUES)[-4:]),
        ("smallest", np.sort(VALUES)[:4]),
        ("both", np.sort(VALUES)[[0, 1, -2, -1]]),
    ],
)
def test_extreme_eigenvalues(end: str, expected: np.ndarray) -> None:
    values, vectors = extreme_eigenvalues(MATRIX, 4, end=end)
    np.testing.assert_allclose(values, expected, atol=1e-8)
    torch.testing.assert_close(MATRIX @ vectors, vectors * values, atol=1e-6, rtol=0)
    again, _ = extreme_eigenvalues(MATRIX, 4, end=end)
    assert torch.equal(values, again)


def test_extreme_eigenvalues_of_a_network(problem: tuple[nn.Module, Tensor, Tensor]) -> None:
    exact = np.linalg.eigvalsh(hessian(*problem).numpy())
    values, _ = extreme_eigenvalues(hessian_operator(*problem), 5)
    np.testing.assert_allclose(values, exact[-5:], atol=1e-8)


def test_lanczos_stays_orthogonal_where_it_usually_does_not() -> None:
    # An eigenvalue far out makes plain Lanczos lose it within 20 steps.
    matrix = symmetric(np.concatenate([[1e6], np.linspace(0, 1, 99)]))
    diagonal, beside, basis = lanczos(matrix, torch.randn(100, dtype=torch.float64), 60)
    torch.testing.assert_close(basis @ basis.T, torch.eye(60).double(), atol=1e-12, rtol=0)
    small = torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1)
    assert int((torch.linalg.eigvalsh(small) > 1e5).sum()) == 1, "no ghost copies"
    torch.testing.assert_close(basis @ matrix @ basis.T, small, atol=1e-6, rtol=0)


def test_lanczos_ends_with_the_space_it_can_reach() -> None:
    matrix = symmetric(np.array([3.0, 3.0, 3.0, 1.0, 1.0, 1.0]))
    diagonal, beside, basis = lanczos(matrix, torch.randn(6, dtype=torch.float64), 6)
    assert len(diagonal) == 2 and len(beside) == 1 and basis.shape == (2, 6)
    spectrum = spectral_density(matrix, steps=6, probes=3)
    torch.testing.assert_close(spectrum.masses.sum(dim=1), torch.ones(3).double())


def test_quadrature_is_exact_for_the_moments_of_its_probe() -> None:
    steps = 4
    spectrum = spectral_density(MATRIX, steps=steps, seed=7)
    probe = torch.randn(40, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    probe = (probe / probe.norm()).numpy()
    for power in range(2 * steps):
        expected = probe @ np.linalg.matrix_power(MATRIX.numpy(), power) @ probe
        np.testing.assert_allclose(spectrum.mean(power), expected, rtol=1e-9)


def test_moments_of_a_network_against_exact_traces(
    problem: tuple[nn.Module, Tensor, Tensor],
) -> None:
    exact = np.linalg.eigvalsh(hessian(*problem).numpy())
    spectrum = spectral_density(hessian_operator(*problem), steps=25, probes=400)
    for power in (1, 2):
        values = exact**power
        # Relative variance of a quadratic form on the sphere is below 2 Σ λ² / (Σ λ)².
        spread = np.sqrt(2 * (values**2).sum() / values.sum() ** 2 / 400)
        assert spectrum.mean(power) == pytest.approx(values.mean(), rel=5 * spread)
    shares = [(exact <= value).mean() for value in (0.02, 0.1)]
    found = [spectrum.below(value) for value in (0.02, 0.1)]
    np.testing.assert_allclose(found, shares, atol=0.03)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="k=40"):
        extreme_eigenvalues(MATRIX, 40)
    with pytest.raises(ValueError, match="k=1 with end='both'"):
        extreme_eigenvalues(MATRIX, 1, end="both")
    with pytest.raises(TypeError, match=r"k=1.5 must be a whole number"):
        extreme_eigenvalues(MATRIX, 1.5)
    with pytest.raises(ValueError, match="end='top'"):
        extreme_eigenvalues(MATRIX, 1, end="top")
    with pytest.raises(ValueError, match="steps=0"):
        spectral_density(MATRIX, steps=0)
    for zero in (torch.zeros(40), torch.full((40,), float("nan")), torch.ones(39)):
        with pytest.raises(ValueError, match="start"):
            lanczos(MATRIX, zero, 3)


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (torch.full((4, 4), float("nan")), "real and finite"),
        (torch.ones(4, 4).triu(), "symmetric"),
        (torch.ones(4, 3), "the shape"),
        (torch.zeros(4, 4).double(), "eigenvalues are not found"),
    ],
    ids=["nan", "triangle", "oblong", "zero"],
)
def test_operators_that_make_no_sense_are_refused(operator: Tensor, why: str) -> None:
    with pytest.raises(ValueError, match=f"operator.*{why}"):
        extreme_eigenvalues(operator, 2)
    if why != "eigenvalues are not found":
        with pytest.raises(ValueError, match=f"operator.*{why}"):
            spectral_density(operator)


def test_whole_numbers_are_not_rounded_away() -> None:
    """A matrix of int64: the vectors must not be cut to whole numbers."""
    values, _ = extreme_eigenvalues(torch.diag(torch.arange(9)), 2)
    np.testing.assert_allclose(values, [7, 8], atol=1e-8)
