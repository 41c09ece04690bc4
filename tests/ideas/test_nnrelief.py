"""Importance and the α cut: by hand, and against numpy loops over neurons and positions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pruninglab.ideas.nnrelief import (
    VARIANTS,
    chance_jaccard,
    connection_importance,
    connection_signal,
    entry_share,
    importance,
    jaccard,
    kernel_importance,
    kernel_signal,
    share_count,
    share_cut,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Connections, Eq. (1)


def loop_over_connections(weight: Tensor, bias: Tensor, inputs: Tensor) -> np.ndarray:
    """Eq. (1) read aloud: neuron by neuron, connection by connection, sample by sample."""
    w, b, x = (tensor.double().numpy() for tensor in (weight, bias, inputs))
    found = np.zeros((len(w), w.shape[1] + 1))
    for j in range(len(w)):
        for i in range(w.shape[1]):
            found[j, i] = sum(abs(w[j, i] * x[n, i]) for n in range(len(x))) / len(x)
        found[j, -1] = abs(b[j])
        found[j] /= found[j].sum()
    return found


def test_connections_by_hand() -> None:
    weight, bias = torch.tensor([[1.0, -2.0], [0.0, 3.0]]), torch.tensor([-1.0, 0.0])
    inputs = torch.tensor([[1.0, 0.0], [-3.0, 1.0]])  # mean |x| = 2, 1/2
    torch.testing.assert_close(
        connection_signal(weight, bias, inputs), torch.tensor([[2.0, 1.0, 1.0], [0.0, 1.5, 0.0]])
    )
    torch.testing.assert_close(
        connection_importance(weight, bias, inputs),
        torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]]),
    )


@pytest.mark.parametrize("seed", range(3))
def test_connections_against_a_loop(seed: int) -> None:
    weight, bias, inputs = normal(4, 5, seed=seed), normal(4, seed=9), normal(7, 5, seed=seed + 10)
    found = connection_importance(weight, bias, inputs)
    np.testing.assert_allclose(
        found.double(), loop_over_connections(weight, bias, inputs), rtol=1e-5
    )


def test_without_a_bias_the_last_column_is_zero() -> None:
    found = connection_importance(normal(3, 4), None, normal(5, 4))
    assert found.shape == (3, 5)
    assert bool((found[:, -1] == 0).all())


def test_a_neuron_without_signal_has_no_importance() -> None:
    found = connection_importance(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), None, torch.ones(2, 2))
    assert found.tolist() == [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


@given(
    scale=st.floats(0.01, 100), neurons=st.integers(1, 5), width=st.integers(1, 6),
    seed=st.integers(0, 100),
)  # fmt: skip
def test_connections_sum_to_one_and_ignore_scale_and_signs(
    scale: float, neurons: int, width: int, seed: int
) -> None:
    weight, bias = normal(neurons, width, seed=seed), normal(neurons, seed=seed + 1)
    inputs = normal(3, width, seed=seed + 2)
    found = connection_importance(weight, bias, inputs)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(neurons))
    # A neuron that is scaled as a whole divides its signal as before; so does one mirrored.
    other = connection_importance(-scale * weight, scale * bias, inputs.abs())
    torch.testing.assert_close(found, other, rtol=1e-4, atol=1e-6)


def test_importance_needs_no_gradient() -> None:
    weight = normal(2, 3).requires_grad_()
    assert not connection_importance(weight, None, normal(4, 3)).requires_grad


# Kernels, Eqs. (2) and (3)


def loop_over_positions(
    weight: Tensor, bias: Tensor | None, inputs: Tensor, *, stride: int = 1, padding: int = 0,
    dilation: int = 1, groups: int = 1, variant: str = "frobenius",
) -> np.ndarray:  # fmt: skip
    """Eqs. (2) and (3) read aloud: sample, filter, kernel, place by place."""
    k, x = weight.double().abs().numpy(), inputs.double().abs().numpy()
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    filters, channels, high, wide = k.shape
    tall = (x.shape[2] - dilation * (high - 1) - 1) // stride + 1
    broad = (x.shape[3] - dilation * (wide - 1) - 1) // stride + 1
    maps = np.zeros((len(x), filters, channels, tall, broad))
    for n, j, i, y, z in np.ndindex(maps.shape):
        source = x[n, (j // (filters // groups)) * channels + i]
        for q, t in np.ndindex(high, wide):
            at = source[y * stride + q * dilation, z * stride + t * dilation]
            maps[n, j, i, y, z] += k[j, i, q, t] * at
    sizes = {
        "frobenius": lambda: np.sqrt((maps**2).sum(axis=(3, 4))).mean(axis=0),
        "l1": lambda: maps.sum(axis=(3, 4)).mean(axis=0),
        "mean_map": lambda: np.sqrt((maps.mean(axis=0) ** 2).sum(axis=(2, 3))),
    }[variant]()
    spread = tall * broad if variant == "l1" else math.sqrt(tall * broad)
    b = np.zeros(filters) if bias is None else bias.double().abs().numpy()
    found = np.concatenate([sizes, b[:, None] * spread], axis=1)
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1},
        {"dilation": 2, "padding": 2},
        {"groups": 2},
        {"groups": 4, "stride": 2},
    ],
)
def test_kernels_against_a_loop(variant: str, options: dict[str, int]) -> None:
    weight = normal(4, 4 // options.get("groups", 1), 3, 2)
    bias, inputs = normal(4, seed=1), normal(3, 4, 7, 6, seed=2)
    found = kernel_importance(weight, bias, inputs, variant=variant, **options)
    expected = loop_over_positions(weight, bias, inputs, variant=variant, **options)
    np.testing.assert_allclose(found.double(), expected, rtol=1e-5)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(4))


def test_the_variants_are_three_different_things() -> None:
    arguments = normal(2, 3, 3, 3), normal(2, seed=1), normal(5, 3, 6, 6, seed=2)
    found = [kernel_importance(*arguments, variant=variant) for variant in VARIANTS]
    assert not torch.allclose(found[0], found[1], rtol=1e-3)
    assert not torch.allclose(found[0], found[2], rtol=1e-3)


def test_a_1x1_image_makes_a_kernel_a_connection() -> None:
    weight, bias, inputs = normal(4, 3), normal(4, seed=1), normal(6, 3, seed=2)
    as_kernels = kernel_importance(weight[:, :, None, None], bias, inputs[:, :, None, None])
    torch.testing.assert_close(as_kernels, connection_importance(weight, bias, inputs))


def test_blocks_of_images_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = normal(4, 3, 3, 3), normal(4, seed=1), normal(7, 3, 5, 5, seed=2)
    whole = kernel_signal(*arguments)
    monkeypatch.setattr(importance, "BLOCK", 2 * 3 * 25 * 9)
    torch.testing.assert_close(kernel_signal(*arguments), whole)


# Bad input


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", ["weight", "bias", "inputs"])
def test_nan_and_infinity_are_refused_by_name(bad: float, place: str) -> None:
    flat = {"weight": normal(2, 3), "bias": normal(2), "inputs": normal(4, 3)}
    deep = {"weight": normal(2, 3, 2, 2), "bias": normal(2), "inputs": normal(4, 3, 5, 5)}
    for function, arguments in ((connection_importance, flat), (kernel_importance, deep)):
        arguments[place].view(-1)[0] = bad
        with pytest.raises(ValueError, match=f"{place} holds NaN"):
            function(**arguments)


def test_shapes_samples_and_variants_are_checked() -> None:
    with pytest.raises(ValueError, match="no samples"):
        connection_importance(normal(2, 3), None, torch.empty(0, 3))
    with pytest.raises(ValueError, match="no samples"):
        kernel_importance(normal(2, 3, 2, 2), None, torch.empty(0, 3, 4, 4))
    with pytest.raises(ValueError, match=r"inputs=float32 \(4, 2\) must be .* to fit weight"):
        connection_importance(normal(2, 3), None, normal(4, 2))
    with pytest.raises(ValueError, match=r"bias=float32 \(3,\) must be"):
        connection_importance(normal(2, 3), normal(3), normal(4, 3))
    with pytest.raises(TypeError, match="weight=None must be a Tensor"):
        connection_importance(None, None, normal(4, 3))
    with pytest.raises(ValueError, match="groups=2"):
        kernel_importance(normal(2, 3, 2, 2), None, normal(4, 3, 4, 4), groups=2)
    with pytest.raises(ValueError, match="'l2'"):
        kernel_importance(normal(2, 3, 2, 2), None, normal(4, 3, 4, 4), variant="l2")
    with pytest.raises(ValueError, match=r"inputs .* are smaller than weight"):
        kernel_importance(normal(2, 3, 2, 2), None, normal(4, 3, 4, 4), dilation=4)
    with pytest.raises(ValueError, match="stride=0 must be a whole number, at least 1"):
        kernel_importance(normal(2, 3, 2, 2), None, normal(4, 3, 4, 4), stride=0)


def test_signals_that_overflow_are_refused_and_not_called_nothing() -> None:
    flat, deep = torch.full((1, 3), 1e30), torch.full((1, 3, 1, 1), 1e30)
    for function, weight in ((connection_importance, flat), (kernel_importance, deep)):
        with pytest.raises(ValueError, match="too large: their signal is infinite in float32"):
            function(weight, None, weight)
        assert float(function(weight.double(), None, weight)[0, 0]) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("strong", "bright"), [(1e15, 1e10), (1e-15, 1e-12)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_squares_of_kernels_neither_overflow_nor_vanish(
    variant: str, strong: float, bright: float
) -> None:
    weight, bias, inputs = normal(4, 3, 3, 3), normal(4, seed=1), normal(5, 3, 6, 6, seed=2)
    expected = kernel_importance(weight, bias, inputs, variant=variant)
    found = kernel_importance(
        weight * strong, bias * strong * bright, inputs * bright, variant=variant
    )
    torch.testing.assert_close(found, expected)


# The cut, Algorithms 1 and 2


def smallest_count(row: list[float], alpha: float) -> int:
    """p₀ by trying p = 0, 1, 2, …"""
    ordered = sorted(row, reverse=True)
    return next(
        p for p in range(len(row) + 1)
        if math.fsum(ordered[:p]) >= alpha * math.fsum(row) * (1 - 1e-12)
    )  # fmt: skip


@given(
    rows=st.lists(
        st.lists(st.integers(0, 50), min_size=6, max_size=6), min_size=1, max_size=5
    ),
    percent=st.integers(1, 100),
)  # fmt: skip
def test_the_cut_keeps_p0_by_index(rows: list[list[int]], percent: int) -> None:
    """Small whole numbers: many ties, and sums that floating point holds exactly."""
    alpha = percent / 100
    scores = torch.tensor(rows, dtype=torch.float32)
    kept = share_cut(scores, alpha)
    for row, mask, count in zip(rows, kept, share_count(scores, alpha), strict=True):
        p0 = smallest_count([float(value) for value in row], alpha)
        assert int(count) == int(mask.sum()) == p0
        # Exactly the first p0 when sorted by falling score, then by index.
        order = sorted(range(len(row)), key=lambda i: (-row[i], i))
        assert mask.nonzero().flatten().tolist() == sorted(order[:p0])


@given(alpha=st.floats(0.01, 0.99), seed=st.integers(0, 1000))
def test_a_larger_share_keeps_more_and_enough(alpha: float, seed: int) -> None:
    scores = normal(5, 40, seed=seed).abs()
    shares = scores / scores.sum(dim=1, keepdim=True)
    kept = share_cut(shares, alpha)
    carried = (shares * kept).double().sum(dim=1)
    assert bool((carried >= alpha - 1e-6).all())
    more = share_cut(shares, (1 + alpha) / 2)
    assert bool((more | ~kept).all())


@given(
    rows=st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=1, max_size=4),
    percent=st.integers(1, 100),
)
def test_one_sort_gives_the_cut_at_every_share(rows: list[list[int]], percent: int) -> None:
    scores = torch.tensor(rows, dtype=torch.float32)
    assert torch.equal(entry_share(scores) < percent / 100, share_cut(scores, percent / 100))


def test_ties_zero_rows_and_the_whole_share() -> None:
    equal = torch.full((1, 4), 0.25)
    assert share_cut(equal, 0.5).tolist() == [[True, True, False, False]]
    assert share_cut(torch.zeros(2, 3), 0.9).tolist() == [[False] * 3] * 2
    assert share_cut(torch.tensor([[0.5, 0.0, 0.5]]), 1.0).tolist() == [[True, False, True]]
    # 0.95 is not 0.95 in binary; a share reached but for rounding is reached.
    assert share_count(torch.tensor([[0.95, 0.05]], dtype=torch.float64), 0.95).tolist() == [1]
    assert share_count(torch.full((1, 10), 0.1), 0.3).tolist() == [3]


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.01, float("nan")])
def test_alpha_out_of_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"alpha=.* must lie in \(0, 1\]"):
        share_cut(torch.ones(1, 2), alpha)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_scores_that_are_no_signals_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        share_cut(torch.tensor([[1.0, bad]]), 0.5)
    with pytest.raises(ValueError, match="scores must be finite and not negative"):
        entry_share(torch.tensor([[1.0, bad]]))


# How alike are two masks?


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_jaccard_is_that_of_sets(pairs: list[tuple[bool, bool]]) -> None:
    one, other = (torch.tensor(side) for side in zip(*pairs, strict=True))
    first, second = ({i for i, pair in enumerate(pairs) if pair[side]} for side in (0, 1))
    if not first | second:
        with pytest.raises(ValueError, match="neither"):
            jaccard(one, other)
        return
    assert jaccard(one, other) == len(first & second) / len(first | second)


def test_jaccard_refuses_what_is_no_mask() -> None:
    with pytest.raises(ValueError, match=r"one=float32 \(2,\) must be a Tensor of bool"):
        jaccard(torch.ones(2), torch.ones(2, dtype=torch.bool))
    with pytest.raises(ValueError, match="other=bool"):
        jaccard(torch.ones(2, dtype=torch.bool), torch.ones(3, dtype=torch.bool))


def test_independent_masks_meet_at_the_chance_level() -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.rand(10**6, generator=generator) < p for p in (0.2, 0.5))
    assert jaccard(one, other) == pytest.approx(chance_jaccard(0.2, 0.5), abs=0.002)
    assert chance_jaccard(1, 1) == 1
    with pytest.raises(ValueError, match="both 0"):
        chance_jaccard(0, 0)
    with pytest.raises(ValueError, match=r"other=1.5 must be in \[0, 1\]"):
        chance_jaccard(0.5, 1.5)
