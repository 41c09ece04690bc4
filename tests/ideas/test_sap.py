"""PQ Index: closed forms, invariants, an independent computation, and refusals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from pruninglab.ideas.sap import (
    effective_number,
    gini_index,
    pq_index,
    printed_index,
    retained_bound,
    tail_ratio,
)
from pruninglab.lessons.pq_index.exact import EXACT, in_decimals
from pruninglab.lessons.pq_index.examples import example_vectors
from pruninglab.lessons.pq_index.measures import MEASURES
from pruninglab.lessons.pq_index.properties import (
    PROPERTIES,
    Property,
    find_counterexample,
    property_table,
)
from pruninglab.lessons.pq_index.rounds import index_by_rank, poverty_line, turns

PAIRS = [(0.5, 1.0), (1.0, 2.0), (0.2, 1.5), (0.01, 1.0), (1.0, 1.01)]
LARGE = 2_000_000


def naive(w: np.ndarray, p: float, q: float) -> float:
    """Equation (1) as printed, in extended precision."""
    sizes = np.abs(w.astype(np.longdouble))
    norms = [(sizes**e).sum() ** (1 / np.longdouble(e)) for e in (p, q)]
    return float(1 - len(w) ** (1 / np.longdouble(q) - 1 / np.longdouble(p)) * norms[0] / norms[1])


def quantiles(kind: str, d: int) -> torch.Tensor:
    """Return the d mid-quantiles of a distribution: no sampling noise."""
    u = (np.arange(d) + 0.5) / d
    values = {
        "gaussian": special.ndtri(u),
        "uniform": u,
        "laplace": np.sign(u - 0.5) * -np.log(1 - 2 * np.abs(u - 0.5)),
    }
    return torch.from_numpy(values[kind])


@pytest.mark.parametrize(
    ("kind", "p", "q", "expected"),
    [
        ("gaussian", 0.5, 1.0, 0.152787),
        ("gaussian", 1.0, 2.0, 1 - math.sqrt(2 / math.pi)),
        ("uniform", 0.5, 1.0, 1 / 9),
        ("uniform", 1.0, 2.0, 1 - math.sqrt(3) / 2),
        ("laplace", 0.5, 1.0, 1 - math.pi / 4),
        ("laplace", 1.0, 2.0, 1 - 1 / math.sqrt(2)),
    ],
)
def test_closed_forms(kind: str, p: float, q: float, expected: float) -> None:
    assert float(pq_index(quantiles(kind, LARGE), p, q)) == pytest.approx(expected, abs=2e-6)


def test_gaussian_closed_form_is_an_integral() -> None:
    """Check the constant 0.152787 itself by numerical integration."""
    density = lambda x: 2 * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    half = integrate.quad(lambda x: math.sqrt(x) * density(x), 0, np.inf)[0]
    one = integrate.quad(lambda x: x * density(x), 0, np.inf)[0]
    assert 1 - half**2 / one == pytest.approx(0.152787, abs=1e-6)


@pytest.mark.parametrize(("p", "q"), PAIRS)
@pytest.mark.parametrize("d", [1, 2, 7, 1000])
def test_range_ends(d: int, p: float, q: float) -> None:
    """Theorem 1 and Remark 1: 0 for a constant vector, 1 − d^(1/q − 1/p) for a one-hot one."""
    one_hot = torch.zeros(d)
    one_hot[0] = -3
    constant = float(pq_index(torch.full((d,), 0.7), p, q))
    assert constant == pytest.approx(0, abs=1e-12) and math.copysign(1, constant) == 1
    expected = 1 - d ** (1 / q - 1 / p)
    assert float(pq_index(one_hot, p, q)) == pytest.approx(expected, rel=1e-12)


vectors = st.lists(
    st.one_of(st.just(0.0), st.floats(-1e6, -1e-6), st.floats(1e-6, 1e6)), min_size=1, max_size=30
).filter(lambda values: any(values))
pq_pairs = st.tuples(st.floats(0.05, 1), st.floats(1, 5)).filter(lambda pq: pq[1] - pq[0] > 0.01)


@settings(deadline=None, max_examples=80)
@given(vectors, pq_pairs)
def test_against_the_printed_equation(values: list[float], pq: tuple[float, float]) -> None:
    ours = float(pq_index(torch.tensor(values, dtype=torch.float64), *pq))
    assert ours == pytest.approx(naive(np.array(values), *pq), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(vectors, pq_pairs, st.floats(1e-3, 1e3))
def test_range_scale_cloning_babies(
    values: list[float], pq: tuple[float, float], scale: float
) -> None:
    w = torch.tensor(values, dtype=torch.float64)
    index = float(pq_index(w, *pq))
    assert 0 <= index <= 1 - len(w) ** (1 / pq[1] - 1 / pq[0]) + 1e-12
    assert float(pq_index(w * scale, *pq)) == pytest.approx(index, abs=1e-12)
    assert float(pq_index(torch.cat([w, -w]), *pq)) == pytest.approx(index, abs=1e-12)
    assert float(pq_index(torch.cat([w, torch.zeros(1)]), *pq)) > index


def test_no_overflow_where_float32_overflows() -> None:
    w = torch.rand(10_000_000) + 1e-3
    assert torch.linalg.vector_norm(w, 0.01).isinf()
    ours = float(pq_index(w, 0.01, 1.0))
    # A mean of logarithms: as p → 0 the p-mean tends to the geometric mean.
    logs = w.double().log()
    log_mean_p = math.log(torch.expm1(0.01 * logs).mean() + 1) / 0.01
    assert ours == pytest.approx(1 - math.exp(log_mean_p) / float(w.double().mean()), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_magnitudes(scale: float) -> None:
    w = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    assert float(pq_index(w * scale, 1.0, 2.0)) == pytest.approx(float(pq_index(w, 1.0, 2.0)))


def test_many_pairs_rows_masks_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(5, 4, 7, generator=generator)
    mask = torch.rand(5, 4, 7, generator=generator) < 0.6
    mask[..., 0] = True
    ps, qs = [0.5, 0.7, 1.0], [1.0, 1.3, 2.0]
    found = pq_index(w, ps, qs, mask=mask, dim=1)
    assert found.shape == (3, 5, 7)
    assert found.dtype == torch.float64
    for i, (p, q) in enumerate(zip(ps, qs, strict=True)):
        for a in range(5):
            for b in range(7):
                living = w[a, :, b][mask[a, :, b]]
                if len(living):
                    assert float(found[i, a, b]) == pytest.approx(naive(living.numpy(), p, q))


def test_long_vectors_and_many_rows() -> None:
    """They agree with the printed equation too."""
    w = torch.randn(3, 200_001, generator=torch.Generator().manual_seed(1))
    rows = pq_index(w, 0.5, 1.0, dim=1)
    assert rows.tolist() == pytest.approx([naive(row.numpy(), 0.5, 1.0) for row in w])
    tall = w[:, :150_000].reshape(-1, 3)
    picked = pq_index(tall, 0.5, 1.0, dim=1)[[0, 70_000, 149_999]]
    assert picked.tolist() == pytest.approx(
        [naive(tall[i].numpy(), 0.5, 1.0) for i in (0, 70_000, 149_999)]
    )


@pytest.mark.parametrize(
    ("p", "q"), [(0, 1), (-1, 1), (1.1, 2), (0.5, 0.9), (1, 1), (0.5, math.inf), (math.nan, 1)]
)
def test_pq_out_of_range(p: float, q: float) -> None:
    for call in (
        lambda: pq_index(torch.ones(3), p, q),
        lambda: retained_bound(10, 0.5, p, q),
    ):
        with pytest.raises(ValueError, match=r"0 < p ≤ 1 ≤ q with p ≠ q"):
            call()


@pytest.mark.parametrize(
    ("w", "message"),
    [
        (torch.zeros(3), "1 of 1 vectors without a non-zero"),
        (torch.empty(0), "empty"),
        (torch.tensor([1.0, torch.nan]), "NaN or infinite"),
        (torch.tensor([1.0, -torch.inf]), "NaN or infinite"),
    ],
)
def test_bad_vectors(w: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pq_index(w, 0.5, 1.0)


def test_bad_masks_and_lengths() -> None:
    with pytest.raises(ValueError, match=r"mask=float32 .* must be a Tensor of bool"):
        pq_index(torch.ones(3), 0.5, 1.0, mask=torch.ones(3))
    with pytest.raises(ValueError, match="equal length"):
        pq_index(torch.ones(3), [0.5, 0.6], [1.0])


def test_undefined_vectors_get_the_value_asked_for() -> None:
    w = torch.tensor([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]])
    mask = torch.tensor([[True, True], [True, True], [False, False]])
    assert pq_index(w, 0.5, 1.0, mask=mask, dim=1, undefined=0.0).tolist() == [0, 0.5, 0]
    with pytest.raises(ValueError, match="2 of 3"):
        pq_index(w, 0.5, 1.0, mask=mask, dim=1)


@settings(deadline=None, max_examples=50)
@given(vectors)
def test_gini_is_half_the_relative_mean_difference(values: list[float]) -> None:
    """The textbook definition: mean |a − b| over all pairs, over twice the mean."""
    sizes = np.abs(np.array(values))
    expected = np.abs(sizes[:, None] - sizes).mean() / (2 * sizes.mean())
    found = float(gini_index(torch.tensor(values, dtype=torch.float64)))
    assert found == pytest.approx(expected, abs=1e-9)


def test_gini_of_rows_with_masks() -> None:
    w = torch.tensor([[9.0, 0.0, 0.0, 4.0], [1.0, 2.0, 3.0, 4.0]])
    mask = torch.tensor([[False, True, True, True], [True, True, False, True]])
    found = gini_index(w, mask=mask, dim=1).tolist()
    assert found == pytest.approx(
        [float(gini_index(row[m])) for row, m in zip(w, mask, strict=True)]
    )
    with pytest.raises(ValueError, match="not defined"):
        gini_index(torch.zeros(2))


@settings(deadline=None, max_examples=80)
@given(vectors, pq_pairs, st.data())
def test_theorem_2(values: list[float], pq: tuple[float, float], data: st.DataObject) -> None:
    """With the η_r that belongs to r, the bound never asks for more than r.

    Where I is within 10⁻⁴ of 1, the digits of 1 − I are lost in I itself: left out.
    """
    w = torch.tensor(values, dtype=torch.float64)
    index = float(pq_index(w, *pq))
    assume(index < 1 - 1e-4)
    r = data.draw(st.integers(1, len(values)))
    eta = tail_ratio(w, r, pq[0])
    assert retained_bound(len(w), index, *pq, eta=eta) <= r * (1 + 1e-6)


def test_retained_bound_known_answers() -> None:
    assert retained_bound(100, 0.25, 0.5, 1.0) == pytest.approx(75)
    assert retained_bound(100, 0.25, 1.0, 2.0) == pytest.approx(100 * 0.75**2)
    assert retained_bound(100, 0.25, 1.0, 2.0, eta=1.0) == pytest.approx(100 * 0.75**2 / 4)
    gaussian = float(pq_index(quantiles("gaussian", LARGE), 1.0, 2.0))
    assert retained_bound(1, gaussian, 1.0, 2.0) == pytest.approx(2 / math.pi, abs=1e-5)
    many = retained_bound(torch.tensor([10.0, 20.0]), torch.tensor([0.5, 0.0]), 0.5, 1.0)
    assert many.tolist() == [5, 20]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": 1.2}, "index="),
        ({"index": math.nan}, "index="),
        ({"eta": -0.1}, "eta="),
        ({"d": -1}, "d=-1"),
    ],
)
def test_retained_bound_refuses(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        retained_bound(**({"d": 10, "index": 0.5, "p": 0.5, "q": 1.0} | options))


def test_tail_ratio_refuses() -> None:
    for w, r, p in ((torch.ones(3), 0, 1.0), (torch.ones(3), 4, 1.0), (torch.ones(3), 1, 0.0)):
        with pytest.raises(ValueError, match="must"):
            tail_ratio(w, r, p)
    with pytest.raises(ValueError, match="non-zero"):
        tail_ratio(torch.zeros(3), 1, 1.0)


@pytest.mark.parametrize("pq", PAIRS)
def test_as_printed_it_is_the_index_while_nothing_overflows(pq: tuple[float, float]) -> None:
    w = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    got = printed_index(w, *pq)
    torch.testing.assert_close(got, pq_index(w, *pq, dim=1), rtol=1e-9, atol=1e-12)
    by_hand = [naive(row.numpy(), *pq) for row in w]
    assert got.tolist() == pytest.approx(by_hand, rel=1e-9, abs=1e-12)


def test_as_printed_it_overflows_and_takes_any_pair() -> None:
    w = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    assert not bool(printed_index(w, 0.05, 1.0).isfinite())
    assert 0 < float(pq_index(w, 0.05, 1.0)) < 1
    assert float(printed_index(torch.tensor([3, 1]), 2.0, 4.0)) == pytest.approx(
        1 - 2 ** (1 / 4 - 1 / 2) * math.sqrt(10) / 82 ** (1 / 4)
    )
    assert math.isnan(float(printed_index(w, 1.0, 1e-300)))


@pytest.mark.parametrize("pq", PAIRS[:3])
def test_the_bound_lies_below_every_rank(pq: tuple[float, float]) -> None:
    w = torch.randn(70, generator=torch.Generator().manual_seed(0))
    index = float(pq_index(w, *pq))
    for r in range(1, 71):
        assert 0 < retained_bound(70, index, *pq, tail_ratio(w, r, pq[0])) <= r + 1e-9


def test_example_vectors_go_from_equal_to_one_takes_all() -> None:
    indices = [float(pq_index(w, 0.5, 1.0)) for w in example_vectors(500, seed=1).values()]
    assert indices[0] == pytest.approx(0, abs=1e-12) and indices[-1] == pytest.approx(1 - 1 / 500)
    assert indices == sorted(indices)
    assert torch.equal(example_vectors(9, 2)["Gaussian"], example_vectors(9, 2)["Gaussian"])


def test_the_index_turns_at_its_minimum() -> None:
    assert turns([0.3, 0.2, 0.1, 0.2, 0.3]) == 2
    assert turns([0.3, 0.2, 0.1, 0.2, 0.05, 0.2, 0.3], patience=2) == 4
    assert turns([0.3, 0.2, 0.1]) is None and turns([]) is None
    assert turns([0.1, 0.2]) == 0


@pytest.fixture(scope="module")
def kept() -> dict[str, set[str]]:
    """The properties that each measure keeps, by the search of notebook 01."""
    table = property_table(seed=0, tries=200)
    return {name: {code for code, holds in row.items() if holds} for name, row in table.items()}


# By hand. (D1) and (D3) of sums: each term concave or rising; of a ratio of norms: (D3) by the
# proof of Theorem 1, for every p < q, (D1) only for p ≤ 1 ≤ q. The entropy, of squares, is the
# limit p, q → 2. Of clones a sum is twice as large and a ratio without d is another.
TRUTH = {
    "ℓ0 (zeros)": "D2 P2",
    "−ℓ1": "D3",
    "−ℓp, p = ½": "D1 D3",
    "−tanh": "D1 D3",
    "−log": "D3",
    "ℓ2/ℓ1": "D1 D2 D3 P1",
    "Hoyer": "D1 D2 D3 P1 P2",
    "kurtosis κ4": "D2 D3 P1",
    "−Shannon entropy": "D2 D3 P1",
    "−Gaussian entropy": "D1 D3",
    "Gini": "D1 D2 D3 D4 P1 P2",
    "PQ Index (½, 1)": "D1 D2 D3 D4 P1 P2",
}


@pytest.mark.parametrize("name", MEASURES)
def test_the_search_finds_the_truth(name: str, kept: dict[str, set[str]]) -> None:
    assert kept[name] == set(TRUTH[name].split())


def test_among_the_poor_robin_hood_raises_minus_shannon_entropy() -> None:
    """A pair other than the richest and the poorest: found by a referee, true in decimals too."""
    before, after = (
        torch.tensor([*poor, 1.0, 1.0], dtype=torch.float64)
        for poor in ((0.02, 0.01), (0.018, 0.012))
    )
    name = "−Shannon entropy"
    assert MEASURES[name](after) > MEASURES[name](before)
    assert in_decimals(EXACT[name], after) > in_decimals(EXACT[name], before)
    pairs = {
        tuple((after != before).nonzero().flatten().tolist())
        for _ in range(60)
        for before, after in PROPERTIES["D1"].changes(torch.tensor([1.0, 2, 3, 10]), GENERATOR)
    }
    assert len(pairs) == 6, "every pair of the four is drawn"


GENERATOR = torch.Generator().manual_seed(0)


def test_what_float64_cannot_see_is_no_counterexample() -> None:
    """Of (30, 20) tanh is 1 twice, before and after the gift; in truth −Σ tanh falls."""

    def gift(w: torch.Tensor, generator: torch.Generator) -> Iterator[tuple]:
        yield torch.tensor([30.0, 20.0]).double(), torch.tensor([29.0, 21.0]).double()

    saturated = Property("D1", "Robin Hood", "at the ceiling", -1, gift)
    name = "−tanh"
    found = find_counterexample(MEASURES[name], saturated, GENERATOR)
    assert found is not None and found.value_before == found.value_after
    assert find_counterexample(MEASURES[name], saturated, GENERATOR, exact=EXACT[name]) is None


@pytest.mark.parametrize("code", PROPERTIES)
def test_no_gift_is_rounded(code: str) -> None:
    """Robin Hood gives what he takes and the tide lifts all alike, to the last bit."""
    w = torch.tensor([0.0, 0.5, 3 * 2.0**-20, 7.25], dtype=torch.float64)
    for before, after in PROPERTIES[code].changes(w, GENERATOR):
        exact_before, exact_after = ([Fraction(x) for x in v.tolist()] for v in (before, after))
        assert len({x % Fraction(1, 2**26) for x in (*exact_before, *exact_after)}) == 1
        if code == "D1":
            assert sum(exact_before) == sum(exact_after)
        if code == "D3":
            assert len({b - a for a, b in zip(exact_before, exact_after, strict=True)}) == 1


@pytest.mark.parametrize("code", ["D1", "D3"])
def test_equal_members_cannot_break_what_asks_for_unequal_ones(code: str) -> None:
    assert list(PROPERTIES[code].changes(torch.ones(3), GENERATOR)) == []


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("scale", [1e-170, 1e-3, 1.0, 20.0, 1e170])
def test_the_measures_in_decimals_are_the_measures(name: str, scale: float) -> None:
    if name == "−tanh" and scale > 100:
        pytest.skip("e^scale is beyond decimals too")
    w = scale * torch.tensor([0.3, 1.0, 0.7, 2.2, 0.01], dtype=torch.float64)
    for vector in (w, torch.cat([w, torch.zeros(1)])):
        if name != "−Gaussian entropy" or bool((vector > 0).all()):
            exact = float(in_decimals(EXACT[name], vector))
            assert MEASURES[name](vector) == pytest.approx(exact, rel=1e-12)


def test_a_counterexample_is_one() -> None:
    found = find_counterexample(MEASURES["−ℓ1"], PROPERTIES["D2"], torch.Generator().manual_seed(3))
    assert found is not None
    assert found.value_before == pytest.approx(-float(found.before.sum()))
    assert found.value_after != pytest.approx(found.value_before)
    with pytest.raises(ValueError, match="tries=0"):
        find_counterexample(MEASURES["−ℓ1"], PROPERTIES["D2"], torch.Generator(), tries=0)


# --- a cut, and the effective number -------------------------------------------------------------

GIANT = torch.tensor([100.0] + [1.0] * 100)


def test_a_cut_can_raise_the_index() -> None:
    """One giant among a hundred equals: found by a referee. I(½, 1) rises as the equals go."""
    index = index_by_rank(GIANT, 0.5, 1.0)
    assert float(index[100]) == pytest.approx(0.40099, abs=1e-5)
    assert float(index[50]) == pytest.approx(0.52941, abs=1e-5)
    assert float(pq_index(GIANT[:51], 0.5, 1.0)) == pytest.approx(float(index[50]))
    assert poverty_line(GIANT) < 1, "none of the equals is poor"


@settings(deadline=None, max_examples=40)
@given(vectors, pq_pairs)
def test_the_index_by_rank_is_that_of_the_largest(
    values: list[float], pq: tuple[float, float]
) -> None:
    w = torch.tensor(values, dtype=torch.float64)
    largest = w.abs().sort(descending=True).values
    expected = [float(pq_index(largest[:r], *pq)) for r in range(1, len(w) + 1)]
    assert index_by_rank(w, *pq).tolist() == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=80)
@given(vectors)
def test_below_the_poverty_line_and_only_there_a_cut_lowers_the_index(values: list[float]) -> None:
    w = torch.tensor(values, dtype=torch.float64).abs().sort(descending=True).values
    assume(len(w) > 1)
    before, after = (float(pq_index(part, 0.5, 1.0)) for part in (w, w[:-1]))
    assume(abs(after - before) > 1e-12)
    assert (after < before) == (float(w[-1]) < poverty_line(w))


@pytest.mark.parametrize("order", [0, 0.3, 0.5, 0.999, 1, 1.001, 2, 7.5, 1e300])
def test_the_effective_number_counts_equals(order: float) -> None:
    """Seven equals among zeros count as seven, at every order and scale."""
    for scale in (5e-324, 1.0, 1e300):
        w = scale * torch.tensor([1.0] * 7 + [0.0] * 5, dtype=torch.float64)
        assert effective_number(w, order) == pytest.approx(7)


@settings(deadline=None, max_examples=60)
@given(vectors, st.floats(0.05, 0.95), st.floats(1.05, 5))
def test_with_eta_0_the_bound_is_a_hill_number(values: list[float], p: float, q: float) -> None:
    w = torch.tensor(values, dtype=torch.float64)
    for pair, order in (((p, 1.0), p), ((1.0, q), q)):
        index = float(pq_index(w, *pair))
        assume(index < 1 - 1e-3)
        bound = retained_bound(len(w), index, *pair)
        assert effective_number(w, order) == pytest.approx(bound, rel=1e-6)


@settings(deadline=None, max_examples=60)
@given(vectors)
def test_the_effective_number_falls_with_its_order(values: list[float]) -> None:
    w = torch.tensor(values, dtype=torch.float64)
    orders = (0, 0.2, 0.99, 0.9999, 1, 1.0001, 1.02, 2, 10, 1e4)
    numbers = [effective_number(w, order) for order in orders]
    assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(numbers))
    assert numbers[0] == pytest.approx(int((w != 0).sum()))
    shares = (w.abs() / w.abs().sum()).numpy()
    assert numbers[4] == pytest.approx(math.exp(special.entr(shares).sum()))
    assert numbers[-1] >= 1 - 1e-9


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-170, 1.0, 1e170, 4e307])
@pytest.mark.parametrize("pq", [(0.5, 1.0), (0.5, 100.0), (1.0, 1e308), (1e-300, 1.0), (1e-8, 3.0)])
def test_the_index_does_not_know_the_scale_at_the_ends(
    scale: float, pq: tuple[float, float]
) -> None:
    w = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    assert float(pq_index(scale * w, *pq)) == pytest.approx(float(pq_index(w, *pq)), rel=1e-12)


@pytest.mark.parametrize("p", [1e-3, 1e-5, 1e-12, 1e-300])
def test_for_a_small_p_the_mean_is_geometric(p: float) -> None:
    """Equation (1) with p → 0: 1 − geometric mean / mean; a dead member does not count."""
    w = torch.tensor([1.0, 2.0, 4.0, 100.0], dtype=torch.float64)
    mask = torch.tensor([True, True, True, False])
    assert float(pq_index(w, p, 1.0, mask=mask)) == pytest.approx(
        1 - 2 / (7 / 3), abs=2 * p + 1e-12
    )
    with_zero = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    assert float(pq_index(with_zero, p, 1.0)) == pytest.approx(1)


# --- what is refused, and what lies at the ends of a dtype ---------------------------------------


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.uint16, torch.float16])
def test_every_real_dtype_counts_as_its_numbers(dtype: torch.dtype) -> None:
    """|−128| is 128, although int8 has no such number."""
    lowest = -128 if dtype == torch.int8 else 200
    w = torch.tensor([lowest, 100, 3, 0]).to(dtype)
    exact = torch.tensor([lowest, 100, 3, 0], dtype=torch.float64)
    for measure in (lambda w: pq_index(w, 0.5, 1.0), gini_index, lambda w: tail_ratio(w, 2, 0.5)):
        assert float(measure(w)) == float(measure(exact))


@pytest.mark.parametrize("scale", [5e-324, 1e-170, 1e170, 1e307])
@pytest.mark.parametrize("name", ["ℓ2/ℓ1", "Hoyer", "kurtosis κ4", "−Shannon entropy", "Gini"])
def test_measures_that_ignore_the_scale_do_so_at_every_scale(name: str, scale: float) -> None:
    w = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64)
    assert MEASURES[name](w * scale) == pytest.approx(MEASURES[name](w), rel=1e-12)


def test_measures_in_logarithms_do_not_overflow() -> None:
    for scale in (1e-170, 1e170):
        w = torch.tensor([scale], dtype=torch.float64)
        assert MEASURES["−Gaussian entropy"](w) == pytest.approx(-2 * math.log(scale))
    assert MEASURES["−log"](w) == pytest.approx(-2 * math.log(1e170))


def test_gini_of_a_long_vector() -> None:
    """Of 0, 1, …, d − 1 the Gini index is (d + 1) / (3 d)."""
    d = 200_001
    w = torch.arange(float(d), dtype=torch.float64).flip(0)
    assert float(gini_index(w)) == pytest.approx((d + 1) / (3 * d), rel=1e-12)
    mask = (w % 3 == 0).expand(2, -1)
    alone = float(gini_index(w[mask[0]]))
    assert gini_index(w.expand(2, -1), mask, dim=1).tolist() == pytest.approx([alone] * 2)


ONES = torch.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pq_index(None, 0.5, 1.0), TypeError, "w=None"),
        (lambda: pq_index(ONES.bool(), 0.5, 1.0), ValueError, "w=bool"),
        (lambda: pq_index(ONES.cfloat(), 0.5, 1.0), ValueError, "w=complex64"),
        (lambda: pq_index(ONES, "half", 1.0), ValueError, "p='half'"),
        (lambda: pq_index(ONES, [None], [1.0]), ValueError, r"p=\[None\]"),
        (lambda: pq_index(ONES, 0.5, 10**400), ValueError, "p=0.5, q=1000"),
        (lambda: pq_index(ONES, 0.5, 1.0, dim=1), ValueError, "dim=1"),
        (lambda: pq_index(torch.tensor(2.0), 0.5, 1.0, dim=0), ValueError, "dim=0"),
        (lambda: retained_bound(math.nan, 0.5, 0.5, 1.0), ValueError, "d=nan"),
        (lambda: retained_bound(math.inf, 0.5, 0.5, 1.0), ValueError, "d=inf"),
        (lambda: retained_bound(ONES * math.nan, 0.5, 0.5, 1.0), ValueError, "d from nan"),
        (lambda: retained_bound(ONES, torch.ones(2), 0.5, 1.0), ValueError, "index=float32"),
        (lambda: retained_bound(3, ONES * 2, 0.5, 1.0), ValueError, "index from 2"),
        (lambda: tail_ratio(ONES, 1.5, 0.5), TypeError, r"r=1\.5"),
        (lambda: tail_ratio(torch.empty(0), 1, 0.5), ValueError, "w is empty"),
        (lambda: MEASURES["Hoyer"](torch.ones(1)), ValueError, "w has one member"),
        (lambda: MEASURES["ℓ2/ℓ1"](torch.zeros(2)), ValueError, "w has no non-zero"),
        (lambda: MEASURES["−ℓ1"](ONES * math.nan), ValueError, "w, of shape"),
        (lambda: find_counterexample(None, PROPERTIES["D1"], None), TypeError, "measure=None"),
        (lambda: example_vectors(seed=0.5), TypeError, r"seed=0\.5"),
        (lambda: turns([0.1], patience=0), ValueError, "patience=0"),
        (lambda: turns(["0.1"]), ValueError, "values="),
        (lambda: printed_index(ONES, 0.0, 1.0), ValueError, r"p=0\.0"),
        (lambda: printed_index(torch.tensor(2.0), 0.5, 1.0), ValueError, "w=float32"),
        (lambda: printed_index(torch.empty(2, 0), 0.5, 1.0), ValueError, "w is empty"),
        (lambda: effective_number(torch.zeros(3), 1.0), ValueError, "w, 3 members"),
        (lambda: effective_number(ONES, -1.0), ValueError, r"order=-1\.0"),
        (lambda: index_by_rank(ONES, 1.0, 1.0), ValueError, r"p=1\.0, q=1\.0"),
    ],
)
def test_bad_arguments_are_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        call()


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=20).map(torch.tensor),
    st.lists(st.floats(0.05, 0.95), min_size=2, max_size=2).map(sorted),
    st.lists(st.floats(1.05, 5), min_size=2, max_size=2).map(sorted),
)
def test_the_larger_p_or_q_the_more_goes(w: torch.Tensor, ps: list[float], qs: list[float]) -> None:
    """With η = 0 the bound is where a chord of a convex curve meets the axis (Hölder)."""
    for pairs in ([(p, 1.0) for p in ps], [(1.0, q) for q in qs]):
        less, more = (retained_bound(1.0, float(pq_index(w, *pair)), *pair) for pair in pairs)
        assert more <= less + 1e-9
