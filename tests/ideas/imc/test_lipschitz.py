"""Eqs. (22), (23) and the ascent where the Lipschitz constant is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pruninglab.ideas.imc import (
    Curvature,
    hessian,
    hessian_operator,
    lipschitz_ascent,
    lipschitz_estimate,
)


class Point(nn.Module):
    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(values)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.w


def cubic(size: int, steepness: float = 3.0) -> Curvature:
    """Loss c/6 Σ w³: the Hessian is c·diag(w), so K over the box is exactly c·B."""
    net, one = Point(torch.linspace(-1, 1, size)), torch.zeros(1)
    return hessian_operator(net, one, one, loss=lambda w, _: steepness * (w**3).sum() / 6)


def test_a_quadratic_is_linear() -> None:
    net, one = Point(torch.ones(3)), torch.zeros(1)
    curvature = hessian_operator(net, one, one, loss=lambda w, _: (w**2).sum())
    assert float(lipschitz_estimate(curvature, box=1.0)) == pytest.approx(0, abs=1e-10)
    assert lipschitz_ascent(curvature, box=1.0).bound == 0


def test_equation_23_on_a_cubic() -> None:
    found = lipschitz_estimate(cubic(5), delta=0.01, box=0.7, repeats=3, seed=1)
    generator = torch.Generator().manual_seed(1)
    for value in found:
        m = torch.randn(5, generator=generator, dtype=torch.float64).numpy()
        m /= np.linalg.norm(m)
        # The second difference of c w²/2 along m is exactly c m∘m.
        assert float(value) == pytest.approx(2 * 0.7 * 3 * np.linalg.norm(m**2), rel=1e-6)


def test_one_random_direction_misses_in_many_dimensions_and_the_ascent_does_not() -> None:
    curvature = cubic(400)
    exact = 3.0 * 0.7
    assert float(lipschitz_estimate(curvature, box=0.7, repeats=20).max()) < exact / 4
    ascent = lipschitz_ascent(curvature, box=0.7)
    assert ascent.bound == pytest.approx(exact, rel=1e-3)
    assert float(ascent.shift.abs().max()) <= 0.7


@pytest.mark.parametrize("seed", range(6))
def test_ascent_climbs_where_the_curvature_falls_too(seed: int) -> None:
    """Loss −exp(mean direction): along a the Hessian changes by 1 − exp(a·U)."""
    net, one, a = Point(torch.zeros(16).double()), torch.zeros(1), torch.full((16,), 0.25).double()
    curvature = hessian_operator(net, one, one, loss=lambda w, _: -torch.exp(w @ a))
    signs = torch.randn(16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    upward = float(signs.sign().sum()) > 0
    ascent = lipschitz_ascent(curvature, box=0.25, steps=2, seed=seed)
    expected = np.exp(1) - 1 if upward else 1 - np.exp(-1)
    assert ascent.bounds[1] == pytest.approx(expected)


def test_inside_the_box_differs_where_the_third_derivative_does() -> None:
    net, one = Point(torch.zeros(1)), torch.zeros(1)
    curvature = hessian_operator(net, one, one, loss=lambda w, _: (w**4).sum() / 24)
    at_centre = lipschitz_estimate(curvature, box=1.0, repeats=50)
    within = lipschitz_estimate(curvature, box=1.0, repeats=50, inside=True)
    assert float(at_centre.max()) == pytest.approx(0, abs=1e-10)
    assert 1.8 < float(within.max()) <= 2.0, "2B·|w|, w within the box"


def test_ascent_is_a_lower_bound_that_the_exact_hessian_confirms() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    problem = torch.randn(60, 4), torch.randint(0, 3, (60,))
    curvature = hessian_operator(net, *problem)
    ascent = lipschitz_ascent(curvature, box=0.3, steps=8, power=30)
    change = _exact(net, problem, curvature, ascent.shift) - hessian(net, *problem)
    exact = float(torch.linalg.matrix_norm(change, 2))
    assert ascent.bound <= exact * (1 + 1e-9)
    assert ascent.bound == pytest.approx(exact, rel=0.02)
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        shift = 0.3 * (2 * torch.rand(len(ascent.shift), generator=generator).double() - 1)
        other = _exact(net, problem, curvature, shift) - hessian(net, *problem)
        assert float(torch.linalg.matrix_norm(other, 2)) < ascent.bound


def test_kinks_are_explained_and_not_refused() -> None:
    torch.manual_seed(0)
    problem = torch.randn(60, 4), torch.randint(0, 3, (60,))
    bent = hessian_operator(nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 3)), *problem)
    with pytest.warns(UserWarning, match="1 has kinks"):
        coarse, fine = (lipschitz_estimate(bent, box=1.0, delta=d, repeats=20).max()
                        for d in (1.0, 0.01))  # fmt: skip
    assert float(fine) > 3 * float(coarse)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        smooth = hessian_operator(
            nn.Sequential(nn.Linear(4, 30), nn.Tanh(), nn.Linear(30, 3)), *problem
        )
        values = [lipschitz_estimate(smooth, box=1.0, delta=d) for d in (0.1, 0.01)]
    torch.testing.assert_close(values[0], values[1], rtol=0.01, atol=0)


def _exact(
    net: nn.Module, problem: tuple[Tensor, Tensor], curvature: Curvature, shift: Tensor
) -> Tensor:
    moved = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    moved.load_state_dict(curvature.split(curvature.weights + shift))
    return hessian(moved, *problem)


def test_bad_input() -> None:
    curvature = cubic(3)
    for wrong in ({"delta": 0.0}, {"box": -1.0}, {"repeats": 0}, {"delta": float("nan")}):
        [(name, value)] = wrong.items()
        with pytest.raises(ValueError, match=f"{name}={value} must be"):
            lipschitz_estimate(curvature, **({"box": 1.0} | wrong))
    with pytest.raises(ValueError, match="steps=0"):
        lipschitz_ascent(curvature, box=1.0, steps=0)
