"""Lemma 1: the constants against derivatives that autograd takes on a fine grid."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from pruninglab.lessons.incop import lemma1

CORNERS = list(product(lemma1.ACTIVATIONS, (-4.0, 0.0, 0.5, 4.0), (0.5, 4.0)))


@pytest.mark.parametrize(("activation", "w", "reach"), CORNERS)
def test_no_slope_is_above_the_plain_constant(activation: str, w: float, reach: float) -> None:
    t = torch.linspace(-reach, reach, 5001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(lemma1.weighted(activation, w, t).sum(), t)
    pairs = lemma1.changes(activation, w, reach)
    assert float(slope.abs().max()) <= pairs.plain + 1e-12
    assert bool((pairs.change <= pairs.plain * pairs.gap + 1e-12).all())


@pytest.mark.parametrize(("activation", "w", "reach"), CORNERS)
def test_pairs_lie_in_reach_and_the_printed_bound_is_that_of_19(
    activation: str, w: float, reach: float
) -> None:
    pairs = lemma1.changes(activation, w, reach)
    assert float(pairs.gap.min()) > 0 and float(pairs.gap.max()) <= 2 * reach
    _, lipschitz, largest = lemma1.ACTIVATIONS[activation]
    assert pairs.squared == pytest.approx(reach**2 * lipschitz * w**2 + largest)
    over = sum(bool(c > pairs.squared * g**2) for c, g in zip(pairs.change, pairs.gap, strict=True))
    assert pairs.broken == pytest.approx(over / len(pairs.gap))


@pytest.mark.parametrize(("activation", "w", "reach"), CORNERS)
@pytest.mark.parametrize("apart", [0.0, 0.001, -1.5])
def test_lemma_2_holds_with_plain_distances(
    activation: str, w: float, reach: float, apart: float
) -> None:
    pairs = lemma1.changes_of_both(activation, w, w + apart, reach)
    assert bool((pairs.change <= pairs.plain + 1e-12).all())
    if apart == 0:
        # Then it is Lemma 1.
        alone = lemma1.changes(activation, w, reach)
        torch.testing.assert_close(pairs.change, alone.change)
        torch.testing.assert_close(pairs.plain, alone.plain * alone.gap)
        torch.testing.assert_close(pairs.squared, alone.squared * alone.gap**2)


def test_lemma_2_is_broken_with_squared_distances() -> None:
    assert lemma1.changes_of_both("tanh", 2.0, 2.001, 2.0).broken > 0.01


@pytest.mark.parametrize("probability", [0.001, 0.5, 1.0])
def test_no_constant_reverses_jensen_for_all(probability: float) -> None:
    outcomes = [0.0, 1 / probability]
    chances = [1 - probability, probability]
    mean = sum(p * z for p, z in zip(chances, outcomes, strict=True))
    squares = sum(p * z * z for p, z in zip(chances, outcomes, strict=True))
    assert lemma1.rare_and_large(probability) == pytest.approx((mean**2, squares))
