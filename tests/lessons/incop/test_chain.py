"""InCoP's proof on one weight: against autograd and against brute force."""

from __future__ import annotations

import pytest
import torch

from pruninglab.lessons.incop.chain import INPUTS, chain, flow_of

CORNERS = [(curve, c) for curve in (0.25, 2.0, 4.0) for c in (0.05, 0.3, 1.0)]


def test_the_slope_bounds_every_slope() -> None:
    w = torch.linspace(-3, 3, 401, dtype=torch.float64, requires_grad=True)
    (slopes,) = torch.autograd.grad(flow_of(w).sum(), w)
    assert float(slopes.max()) == pytest.approx(chain().slope)
    assert chain().slope == pytest.approx(sum(t * t for t in INPUTS) / len(INPUTS))


@pytest.mark.parametrize(("curvature", "additive"), CORNERS)
def test_the_squared_constant_is_the_smallest(curvature: float, additive: float) -> None:
    made = chain(curvature, additive)
    u = torch.linspace(0, 50, 200_001, dtype=torch.float64)
    assert bool((made.slope * u <= made.squared * u**2 + additive + 1e-12).all())
    assert not bool((made.slope * u <= 0.999 * made.squared * u**2 + additive).all())


@pytest.mark.parametrize(("curvature", "additive"), CORNERS)
def test_13_holds_just_where_the_printed_line_lies_below_the_parabola(
    curvature: float, additive: float
) -> None:
    made = chain(curvature, additive)
    epsilon = torch.linspace(0, 20, 100_001, dtype=torch.float64)
    below = bool((made.printed(epsilon) <= made.plain(epsilon) + 1e-12).all())
    assert below == made.constant_exists
    assert made.allowed == curvature / 2


@pytest.mark.parametrize(("curvature", "additive"), CORNERS)
def test_the_plain_bound_holds_and_bounds_from_below_only(
    curvature: float, additive: float
) -> None:
    made = chain(curvature, additive)
    assert bool((made.gap >= made.plain(made.distance) - 1e-12).all())
    # tanh saturates: the flow stays within some distance while the loss grows without end.
    far = made.w > 5
    near = made.distance[far] <= made.distance[far].max()
    assert bool(near.all()) and float(made.distance[far].max()) < 0.5
    assert float(made.gap[far].max()) > 10 * curvature
