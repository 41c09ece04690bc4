"""The SAP budget: counted by hand, against a second implementation, and its invariants."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pruninglab.choices.budgets import pq_bound
from pruninglab.choices.scopes import Groups, global_, layer, neuron
from pruninglab.choices.scores import magnitude
from pruninglab.data import Split
from pruninglab.engine.masks import Masks, cut
from pruninglab.recipes import sap


def gone(row: np.ndarray, p: float, q: float, eta: float, gamma: float, beta: float) -> float:
    """Algorithm 1 as printed, before the floor, on the living members of one group."""
    w = np.abs(row.astype(np.longdouble))
    d = len(w)
    if d == 0 or not w.any():
        return 0.0
    norm_p, norm_q = ((w**e).sum() ** (1 / np.longdouble(e)) for e in (p, q))
    index = 1 - d ** (1 / np.longdouble(q) - 1 / np.longdouble(p)) * norm_p / norm_q
    r = d * (1 + eta) ** (-q / (q - p)) * (1 - index) ** (p * q / (q - p))
    return float(d * min(gamma * (1 - r / d), beta))


def test_counted_by_hand() -> None:
    """(4, 1, 1, 0): I(½, 1) = 1/3, r = 8/3, c = ⌊4/3⌋ = 1. With (1, 2): r = 36/18 = 2, c = 2."""
    scores, alive = torch.tensor([[4.0, 1.0, 1.0, 0.0]]), torch.ones(1, 4, dtype=torch.bool)
    assert pq_bound(0.5, 1.0)(Groups(scores, alive)).tolist() == [3]
    assert pq_bound(1.0, 2.0, gamma=1.01)(Groups(scores, alive)).tolist() == [2]
    assert pq_bound(0.5, 1.0, gamma=2.0)(Groups(scores, alive)).tolist() == [2]
    assert pq_bound(0.5, 1.0, gamma=9.0, beta=0.5)(Groups(scores, alive)).tolist() == [2]
    # η = 1: r = (8/3) / 2² = 2/3, c = ⌊10/3⌋ = 3.
    assert pq_bound(0.5, 1.0, eta=1.0)(Groups(scores, alive)).tolist() == [1]


def test_only_the_living_count() -> None:
    scores = torch.tensor([[4.0, 100.0, 1.0, 1.0, 0.0], [5.0, 5.0, 5.0, 5.0, 5.0]])
    alive = torch.tensor([[True, False, True, True, True], [False] * 5])
    assert pq_bound()(Groups(scores, alive)).tolist() == [3, 0]


def test_equal_and_all_zero_groups_lose_nothing() -> None:
    scores, alive = torch.tensor([[2.0] * 6, [0.0] * 6]), torch.ones(2, 6, dtype=torch.bool)
    assert pq_bound(eta=0.0, gamma=5.0)(Groups(scores, alive)).tolist() == [6, 6]
    assert pq_bound(eta=3.0)(Groups(scores, alive)).tolist()[1] == 6, "there is no index to go by"


def test_counts_of_large_layers_need_float64() -> None:
    """1,001 equal weights among 3 · 10⁷: I = 1 − 1001/d, and η is chosen so that r = 1000.5."""
    scores = torch.zeros(1, 30_000_000)
    scores[0, :1001] = 1
    budget = pq_bound(eta=math.sqrt(1001 / 1000.5) - 1, beta=1.0)
    assert budget(Groups(scores, torch.ones_like(scores, dtype=torch.bool))).tolist() == [1001]


def exactly_gone(roots: tuple[int, ...], eta: str, gamma: str, beta: str) -> int:
    """Of squares I(½, 1) is a fraction: r/d = (Σ roots)² / (d Σ squares (1+η)²)."""
    d, total = len(roots), sum(root**2 for root in roots)
    retained = Fraction(sum(roots) ** 2, d * total) / (1 + Fraction(eta)) ** 2
    return math.floor(d * min(Fraction(gamma) * (1 - retained), Fraction(beta)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("eta", "gamma", "beta"),
    [
        ("0", "1", "0.9"),
        ("0", "3", "1"),
        ("1", "0.7", "0.9"),
        ("0.5", "1", "0.6"),
        ("0", "9", "0.7"),
    ],
)
def test_against_exact_rationals(dtype: torch.dtype, eta: str, gamma: str, beta: str) -> None:
    """All 2,996 groups of up to 6 squares of 0 … 7, and 500 long ones: not one off by one."""
    small = [
        roots
        for size in range(1, 7)
        for roots in itertools.combinations_with_replacement(range(8), size)
    ]
    many = np.random.default_rng(0).integers(0, 30, (500, 100))
    rows = [row for row in (*small, *(tuple(map(int, row)) for row in many)) if any(row)]
    scores = torch.zeros(len(rows), 100, dtype=dtype)
    alive = torch.zeros(len(rows), 100, dtype=torch.bool)
    for i, row in enumerate(rows):
        scores[i, : len(row)] = torch.tensor(row, dtype=dtype) ** 2
        alive[i, : len(row)] = True
    stay = pq_bound(eta=float(eta), gamma=float(gamma), beta=float(beta))(Groups(scores, alive))
    expected = [len(row) - exactly_gone(row, eta, gamma, beta) for row in rows]
    assert stay.tolist() == expected


@pytest.mark.parametrize(
    ("scores", "gone"),
    [([1.0, 1.0, 16.0], 1), ([4.0, 1.0, 1.0, 0.0], 1), ([1.0] + [0.0] * 99, 29)],
)
def test_a_product_that_is_whole_counts_as_whole(scores: list[float], gone: int) -> None:
    """(1, 1, 16) has I = ⅓: one of three goes. β = 0.29 of 100 is 29, as in `fraction(0.29)`."""
    beta = 0.29 if len(scores) == 100 else 0.9
    group = Groups(torch.tensor([scores]), torch.ones(1, len(scores), dtype=torch.bool))
    assert len(scores) - int(pq_bound(beta=beta)(group)) == gone


groups = st.lists(st.one_of(st.just(0.0), st.floats(1e-4, 1e4)), min_size=1, max_size=40).map(
    lambda values: torch.tensor([values], dtype=torch.float64)
)
parameters = st.fixed_dictionaries(
    {
        "p": st.sampled_from([0.1, 0.5, 0.9]),
        "q": st.sampled_from([1.0, 1.5, 2.0]),
        "eta": st.sampled_from([0.0, 0.1, 1.0]),
        "gamma": st.sampled_from([0.5, 1.0, 3.0]),
        "beta": st.sampled_from([0.3, 0.9]),
    }
)


@settings(deadline=None, max_examples=150)
@given(groups, parameters)
def test_against_a_second_implementation(scores: torch.Tensor, options: dict) -> None:
    ours = scores.numel() - int(pq_bound(**options)(Groups(scores, torch.ones_like(scores).bool())))
    theirs = gone(scores[0].numpy(), **options)
    whole = abs(theirs - round(theirs)) < 1e-9
    # Where the real number is whole to nine digits, either side of it is right.
    assert ours in ((round(theirs), round(theirs) - 1) if whole else (math.floor(theirs),))


@settings(deadline=None, max_examples=80)
@given(groups, parameters, st.floats(1e-3, 1e3))
def test_invariants(scores: torch.Tensor, options: dict, scale: float) -> None:
    alive = torch.ones_like(scores, dtype=torch.bool)
    keep = int(pq_bound(**options)(Groups(scores, alive)))
    assert 0 <= keep <= scores.numel()
    assert scores.numel() - keep <= options["beta"] * scores.numel() + 1e-9
    for name in ("gamma", "eta"):
        more = pq_bound(**(options | {name: options[name] + 0.5}))
        assert int(more(Groups(scores, alive))) <= keep, f"more {name} never keeps more"
    scaled = int(pq_bound(**options)(Groups(scores * scale, alive)))
    assert abs(scaled - keep) <= 1, "scale invariant, but for a whole number at the floor"
    twice = int(pq_bound(**options)(Groups(scores.repeat(1, 2), alive.repeat(1, 2))))
    assert 2 * keep - 1 <= twice <= 2 * keep, "cloning doubles what stays, up to the floor"


@pytest.mark.parametrize("scope", [neuron, layer, global_])
def test_scope_by_scope_by_index(scope: object) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 10))
    masks = Masks.full(net)
    for _ in range(3):
        sizes = magnitude(net, Split(torch.empty(0), torch.empty(0).long()))
        expected = by_hand(sizes, masks, scope)
        masks.shrink(cut(sizes, masks, pq_bound(), scope))
        for name, mask in masks.items():
            assert torch.equal(mask, expected[name]), name


def by_hand(sizes: dict, masks: Masks, scope: object) -> dict[str, torch.Tensor]:
    """Group, count and cut with numpy loops."""
    flat = {name: size.numpy().copy() for name, size in sizes.items()}
    alive = {name: mask.numpy().copy() for name, mask in masks.items()}
    places = [(name, i, j) for name in flat for i, j in np.ndindex(*flat[name].shape)]
    key = {neuron: lambda at: at[:2], layer: lambda at: at[0], global_: lambda at: 0}[scope]
    members: dict = {}
    for at in places:
        if alive[at[0]][at[1:]]:
            members.setdefault(key(at), []).append(at)
    for group in members.values():
        values = np.array([flat[name][i, j] for name, i, j in group])
        keep = len(values) - math.floor(gone(values, 0.5, 1.0, 0.0, 1.0, 0.9))
        for rank in np.argsort(-values, kind="stable")[keep:]:
            name, i, j = group[rank]
            alive[name][i, j] = False
    return {name: torch.from_numpy(mask) for name, mask in alive.items()}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"p": 1.5, "q": 2.0}, "p=1.5"),
        ({"p": 0.5, "q": 0.8}, "q=0.8"),
        ({"eta": -0.1}, "eta="),
        ({"gamma": -1.0}, "gamma="),
        ({"gamma": math.nan}, "gamma="),
        ({"beta": 1.2}, "beta="),
    ],
)
def test_parameters_out_of_range_are_named(options: dict, name: str) -> None:
    for make in (pq_bound, lambda **given: sap(**({"p": 0.5, "q": 1.0} | given))):
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            make(**options)
