"""The PQI bound is where a chord of a convex curve meets the axis."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruninglab.ideas.pqi import chord_at_zero, log_moments, pq_index, retained_bound

VECTORS = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20).map(torch.tensor)


@given(VECTORS, st.floats(0.05, 0.95), st.floats(1.05, 5))
def test_the_chord_meets_the_axis_at_the_bound(w: torch.Tensor, p: float, q: float) -> None:
    for pair in ((p, 1.0), (1.0, q), (p, q)):
        share = retained_bound(1.0, float(pq_index(w, *pair)), *pair)
        assert math.exp(chord_at_zero(w, *pair)) == pytest.approx(share, rel=1e-9)


@given(VECTORS, st.lists(st.floats(0, 5), min_size=3, max_size=3, unique=True).map(sorted))
def test_the_curve_is_convex_and_the_larger_p_or_q_the_more_goes(
    w: torch.Tensor, exponents: list[float]
) -> None:
    low, mid, high = exponents
    at = log_moments(w, exponents).tolist()
    share = (mid - low) / (high - low)
    assert at[1] <= (1 - share) * at[0] + share * at[2] + 1e-9
    if low > 0.01 and min(mid - low, high - mid) > 0.01:
        chords = [chord_at_zero(w, *pair) for pair in ((low, mid), (low, high), (mid, high))]
        assert chords[0] >= chords[1] - 1e-9 and chords[1] >= chords[2] - 1e-9


def test_moments_by_hand() -> None:
    w = torch.tensor([[3.0, -1.0], [0.0, 4.0]])  # mean |w| = 2
    by_hand = [3 / 4, 1, (9 + 1 + 16) / 4 / 4]
    assert log_moments(w, [0, 1, 2]).exp().tolist() == pytest.approx(by_hand)
    assert log_moments(w, []).shape == (0,)
    assert log_moments(1e-30 * w.double(), [50]).item() == pytest.approx(
        log_moments(w, [50]).item()
    )


@pytest.mark.parametrize("w", [[], [0.0, 0.0], [1.0, math.nan], [math.inf]])
def test_what_has_no_moments_is_refused(w: list[float]) -> None:
    with pytest.raises(ValueError, match="w must have members"):
        log_moments(torch.tensor(w), [0.5])
    with pytest.raises(ValueError, match=r"p=1\.0, q=1\.0"):
        chord_at_zero(torch.ones(3), 1.0, 1.0)
