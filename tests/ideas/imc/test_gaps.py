"""Step 5 against a literal loop, and Theorem 5 where the manifold is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pruninglab.ideas.imc import gaps, linear_manifold, needed_lipschitz, spectral_cut, staircase

SPECTRA = st.lists(st.integers(-50, 50), min_size=2, max_size=12)


def by_the_letter(eigenvalues: list[int], lipschitz: float) -> int | None:
    """Step (5): walk down from λ_d, λ_{d−1} and stop at the first gap above 4K."""
    lam = sorted(-value for value in eigenvalues)
    for k in range(len(lam) - 1, 0, -1):
        if lam[k] - lam[k - 1] > 4 * lipschitz:
            return k
    return None


@given(SPECTRA, st.sampled_from([0.0, 0.2, 0.3, 1.1, 6.3, 1000.0]))
def test_spectral_cut(eigenvalues: list[int], lipschitz: float) -> None:
    spectrum = torch.tensor(eigenvalues, dtype=torch.float64)
    assert spectral_cut(spectrum, lipschitz) == by_the_letter(eigenvalues, lipschitz)


@given(SPECTRA)
def test_the_staircase_falls_and_needed_lipschitz_is_its_step(eigenvalues: list[int]) -> None:
    spectrum = torch.tensor(eigenvalues, dtype=torch.float64)
    steps = [k or 0 for k in staircase(spectrum, torch.linspace(0, 30, 121))]
    assert steps == sorted(steps, reverse=True)
    for k in range(1, len(eigenvalues)):
        needed = needed_lipschitz(spectrum, k)
        assert (needed is None) == (k not in steps)
        if needed is not None:
            low, high = needed
            assert spectral_cut(spectrum, low) == k == spectral_cut(spectrum, (low + high) / 2)
            assert spectral_cut(spectrum, high) != k


def test_the_sharpest_directions_are_counted() -> None:
    assert spectral_cut(torch.tensor([100.0, 1.0, 1.01, 1.02]), 1.0) == 1
    assert spectral_cut(torch.tensor([-100.0, 1.0, 1.01, 1.02]), 1.0) == 3
    assert spectral_cut(torch.ones(4), 0.0) is None, "strictly more than 4K"


@pytest.mark.parametrize("seed", range(20))
def test_the_ends_of_needed_lipschitz_are_exact(seed: int) -> None:
    """K in float32 misses k at the low end of the range in one draw of forty."""
    generator = torch.Generator().manual_seed(seed)
    spectrum = torch.randn(30, generator=generator, dtype=torch.float64)
    for k in range(1, 30):
        needed = needed_lipschitz(spectrum, k)
        if needed is not None:
            assert spectral_cut(spectrum, needed[0]) == k != spectral_cut(spectrum, needed[1])


def test_very_large_and_very_small_k() -> None:
    wide = torch.tensor([1e250, 1e-40, 0.0], dtype=torch.float64)
    assert spectral_cut(wide, 1e200) == 1, "1e200 is a number"
    assert spectral_cut(wide / 1e250, 1e-50) == 1, "and 1e-50 is not 0"
    assert spectral_cut(wide, 10**400) is None and spectral_cut(wide, float("inf")) is None


def rotation(angle: float, size: int) -> Tensor:
    turn = torch.eye(size, dtype=torch.float64)
    c, s = np.cos(angle), np.sin(angle)
    turn[:2, :2] = torch.tensor([[c, -s], [s, c]])
    return turn


@pytest.mark.parametrize("gap", [0.5, 4.0, 20.0])
@pytest.mark.parametrize("coupling", [0.1, 1.0])
def test_manifold_of_a_symmetric_2x2_system(gap: float, coupling: float) -> None:
    system = torch.diag(torch.tensor([-gap, 0.0]))
    swap = coupling * torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    # The slow eigenvector of [[−g, c], [c, 0]] is (c, μ + … ): slope c / (μ + g).
    slow = (-gap + np.sqrt(gap**2 + 4 * coupling**2)) / 2
    assert float(linear_manifold(system, swap, 1)) == pytest.approx(coupling / (slow + gap))


@pytest.mark.parametrize("k", [1, 2])
def test_manifold_of_a_triangular_3x3_system(k: int) -> None:
    rates = torch.tensor([-10.0, -4.0, -1.0], dtype=torch.float64)
    pull = torch.zeros(3, 3, dtype=torch.float64)
    pull[:k, k:] = torch.tensor([[0.3, -0.2]] if k == 1 else [[0.3], [-0.2]])
    # Only W⁻ feels W⁺: h_ij = pull_ij / (rate_j − rate_i).
    expected = pull[:k, k:] / (rates[None, k:] - rates[:k, None])
    torch.testing.assert_close(linear_manifold(torch.diag(rates), pull, k), expected)


def test_manifold_is_invariant_and_attracts_in_any_coordinates() -> None:
    generator = torch.Generator().manual_seed(0)
    axes = rotation(0.7, 3)
    system = axes @ torch.diag(torch.tensor([-9.0, -1.0, 0.5]).double()) @ axes.T
    mixing = torch.randn(3, 3, generator=generator).double()
    mixing *= 0.4 / torch.linalg.matrix_norm(mixing, 2)
    slope = linear_manifold(system, mixing, 1)
    basis = torch.linalg.eigh(system).eigenvectors
    flow = basis.T @ torch.linalg.matrix_exp(0.5 * (system + mixing)) @ basis
    on = torch.cat([slope @ torch.tensor([1.0, -2.0]).double(), torch.tensor([1.0, -2.0])])
    after = flow @ on.double()
    torch.testing.assert_close(after[:1], slope @ after[1:])
    off = on.double() + torch.tensor([3.0, 0.0, 0.0]).double()
    distance = (flow @ off)[:1] - slope @ (flow @ off)[1:]
    assert float(distance.abs()) < 3 * np.exp(-0.5 * (9 - 1))


@given(st.integers(0, 200), st.integers(1, 2))
def test_theorem_5_a_gap_above_4k_always_has_its_manifold(seed: int, k: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(3, 3, generator=generator).double()
    lipschitz = float(torch.linalg.matrix_norm(mixing, 2))
    rates = torch.zeros(3).double()
    rates[:k] -= 4.01 * lipschitz
    assert spectral_cut(-rates, lipschitz) == k
    slope = linear_manifold(torch.diag(rates), mixing, k)
    assert float(torch.linalg.matrix_norm(slope, 2)) < 1


def test_no_manifold_where_the_flow_turns() -> None:
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    with pytest.raises(ValueError, match="nothing separates"):
        linear_manifold(torch.diag(torch.tensor([-1.9, 0.0])), turn, 1)
    assert float(linear_manifold(torch.diag(torch.tensor([-2.1, 0.0])), turn, 1)) > 0.5


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="at least two"):
        gaps(torch.ones(1))
    with pytest.raises(ValueError, match="finite"):
        gaps(torch.tensor([1.0, float("nan")]))
    for bad in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="lipschitz="):
            spectral_cut(torch.ones(3), bad)
        with pytest.raises(ValueError, match="lipschitz_grid"):
            staircase(torch.ones(3), torch.tensor([bad]))
    skew = torch.tensor([[0.0, 1.0], [0.0, -1.0]])
    with pytest.raises(ValueError, match="system must be symmetric"):
        linear_manifold(skew, torch.zeros(2, 2), 1)
    with pytest.raises(ValueError, match="nonlinear must be finite"):
        linear_manifold(torch.eye(2), torch.full((2, 2), float("nan")), 1)
    with pytest.raises(ValueError, match="k=3"):
        needed_lipschitz(torch.ones(3), 3)
    with pytest.raises(ValueError, match="k=2"):
        linear_manifold(torch.eye(2), torch.eye(2), 2)
    with pytest.raises(ValueError, match="do not project"):
        linear_manifold(
            torch.diag(torch.tensor([-1.0, 0.0])), torch.diag(torch.tensor([3.0, 0.0])), 1
        )
