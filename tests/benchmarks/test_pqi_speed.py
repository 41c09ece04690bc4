"""Ten PQ indices of 11 million weights in one pass, beside one norm after another."""

from __future__ import annotations

import pytest
import torch
from ratios import best_seconds

from pruninglab.ideas.sap import pq_index

pytestmark = pytest.mark.benchmark

PS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
QS = [1.0] * 9 + [2.0]


def norm_by_norm(w: torch.Tensor) -> list[torch.Tensor]:
    """Definition 1 pair by pair, as a student would write it."""
    d = w.numel()
    return [
        1 - d ** (1 / q - 1 / p) * torch.linalg.norm(w, p) / torch.linalg.norm(w, q)
        for p, q in zip(PS, QS, strict=True)
    ]


def test_ten_pairs_of_a_large_layer() -> None:
    w = torch.randn(11_000_000)
    doubled = w.double()
    ours, student, single = best_seconds(
        lambda: pq_index(w, PS, QS),
        lambda: norm_by_norm(doubled),
        lambda: norm_by_norm(w),
        repeats=5,
    )
    print(f"\nten PQ indices of 11 million weights: ours {ours:.3f} s, from float32 to float64")
    print(f"norm by norm in float64 / ours {student / ours:.1f} (≥ 5), ", end="")
    print(f"in float32, which overflows at p = 0.1, {single / ours:.1f}")
    torch.testing.assert_close(pq_index(w, PS, QS), torch.stack(norm_by_norm(doubled)))
    assert student / ours >= 5
