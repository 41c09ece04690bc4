"""`Runs` against numbers worked out by hand."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.results import number, spread


def rows(seed: int, *points: tuple[float, float | None]) -> list[dict]:
    return [
        {"seed": seed, "round": index, "density": density, "pqi": {"global": {"all": value}}}
        for index, (density, value) in enumerate(points)
    ]


@pytest.fixture
def runs() -> lab.Runs:
    """Two methods; the second has its seeds in another order, and one more."""
    return lab.Runs(
        {
            "a": [rows(0, (1.0, 0.9), (0.25, 0.7)), rows(1, (1.0, 0.8), (0.25, 0.5))],
            "b": [
                rows(2, (1.0, 0.1), (0.5, 0.1)),
                rows(1, (1.0, 0.8), (0.5, 0.4)),
                rows(0, (1.0, 0.9), (0.5, 0.4)),
            ],
        }
    )


PQI = "pqi.global.all"


def test_values_by_seed_and_round(runs: lab.Runs) -> None:
    values = runs.over_rounds(PQI)
    assert values["a"].tolist() == [[0.9, 0.7], [0.8, 0.5]]
    assert values["b"].shape == (3, 2) and values["b"].dtype == np.float64
    assert runs.last(PQI)["b"].tolist() == [0.1, 0.4, 0.4]
    assert runs.last("density")["a"].tolist() == [0.25, 0.25]


def test_names_of_layers_have_dots() -> None:
    row = {"layer_density": {"net.fc1.weight": 0.3, "net": 1.0}, "a.b": 2.0}
    assert number(row, "layer_density.net.fc1.weight") == 0.3
    assert number(row, "layer_density.net") == 1.0 and number(row, "a.b") == 2.0
    for key in ("layer_density.net.fc1", "layer_density", "a", ""):
        with pytest.raises(KeyError, match=f"key {key!r} is no"):
            number(row, key)


def test_what_was_not_measured_is_nan() -> None:
    runs = lab.Runs({"a": [rows(0, (1.0, 0.9), (0.5, None))]})
    assert math.isnan(runs.over_rounds(PQI)["a"][0, 1])
    assert math.isnan(runs.last(PQI)["a"][0])
    assert math.isnan(runs.at_density(PQI, 0.7)["a"][0])


def test_it_is_a_mapping_of_its_own(runs: lab.Runs) -> None:
    assert list(runs) == ["a", "b"] and len(runs) == 2 and "a" in runs
    assert repr(runs) == "Runs(a: 2 seeds, b: 3 seeds)"
    assert list(runs.only("b", "a")) == ["b", "a"] and list(runs.only("b")) == ["b"]
    mine = {"a": [rows(0, (1.0, 0.9))]}
    taken = lab.Runs(mine)
    mine["a"].append([])
    mine["a"][0].append({})
    assert len(taken["a"]) == 1 and len(taken["a"][0]) == 1


def test_at_a_density_the_logarithm_is_interpolated(runs: lab.Runs) -> None:
    # 0.5 is half way from 1 to 0.25 on a logarithmic axis.
    np.testing.assert_allclose(runs.at_density(PQI, 0.5)["a"], [0.8, 0.65])
    np.testing.assert_allclose(runs.at_density(PQI, 0.5)["b"], [0.1, 0.4, 0.4])
    np.testing.assert_allclose(runs.at_density(PQI, 1.0)["a"], [0.9, 0.8])
    # 2^-1/2 is a quarter of the way of a, a half of that of b.
    np.testing.assert_allclose(runs.at_density(PQI, 2**-0.5)["a"], [0.85, 0.725])
    assert np.isnan(runs.at_density(PQI, 0.3)["b"]).all()
    assert not np.isnan(runs.at_density(PQI, 0.3)["a"]).any()


def test_a_density_beside_a_dead_network_has_no_value() -> None:
    runs = lab.Runs({"a": [rows(0, (1.0, 0.9), (0.25, 0.7), (0.0, 0.1))]})
    np.testing.assert_allclose(runs.at_density(PQI, 0.5)["a"], [0.8])
    np.testing.assert_allclose(runs.at_density(PQI, 0.25)["a"], [0.7])
    assert np.isnan(runs.at_density(PQI, 0.1)["a"]).all()


def test_paired_differences_share_seeds(runs: lab.Runs) -> None:
    """Seeds 0 and 1: 0.7 − 0.4 and 0.5 − 0.4; the standard deviation of (0.3, 0.1) is √0.02."""
    gap = runs.paired("a", "b", PQI)
    assert (gap.mean, gap.std, gap.seeds) == pytest.approx((0.2, math.sqrt(0.02), 2))
    assert str(gap) == "+0.2000 ± 0.1414 over 2 seeds"
    back = runs.paired("b", "a", PQI)
    assert (back.mean, back.std) == pytest.approx((-gap.mean, gap.std))
    # At density ½: 0.8 − 0.4 and 0.65 − 0.4.
    at = runs.paired("a", "b", PQI, density=0.5)
    assert (at.mean, at.std, at.seeds) == pytest.approx((0.325, math.sqrt(2 * 0.075**2), 2))


def test_a_pair_without_the_value_does_not_count() -> None:
    runs = lab.Runs(
        {
            "a": [rows(0, (1.0, 0.9)), rows(1, (1.0, None))],
            "b": [rows(0, (1.0, 0.4)), rows(1, (1.0, 0.7))],
            "c": [rows(1, (1.0, 0.4))],
        }
    )
    gap = runs.paired("a", "b", PQI)
    assert (gap.mean, gap.std, gap.seeds) == (0.5, 0.0, 1)
    with pytest.raises(ValueError, match="b='c' share no seed with key='pqi"):
        runs.paired("a", "c", PQI)
    with pytest.raises(ValueError, match="share no seed"):
        runs.paired("a", "b", PQI, density=0.5)


def test_the_table_has_means_and_deviations(runs: lab.Runs) -> None:
    head, a, b = runs.table("density", PQI).splitlines()
    assert head.split() == ["density", PQI]
    assert a.split() == ["a", "0.2500", "±", "0.0000", "0.6000", "±", "0.1414"]
    assert b.split() == ["b", "0.5000", "±", "0.0000", "0.3000", "±", "0.1732"]
    assert len(head) == len(a) == len(b)


def test_spread_is_that_of_the_sample() -> None:
    assert spread(np.array([1.0, 3.0])) == pytest.approx(math.sqrt(2))
    assert spread(np.array([5.0])) == 0
    assert spread(np.array([[1.0, 2.0], [3.0, 2.0]])).tolist() == pytest.approx([math.sqrt(2), 0])


def test_what_is_not_there_is_named(runs: lab.Runs) -> None:
    for ask in (runs.over_rounds, runs.last, runs.table, lambda key: runs.at_density(key, 0.5)):
        with pytest.raises(KeyError, match=r"key 'pqi.layer' is not in the row.*'density'"):
            ask("pqi.layer")
    with pytest.raises(KeyError, match=r"'density\.deep'"):
        number({"density": 1.0}, "density.deep")
    with pytest.raises(KeyError, match=r"label 'c' is none of \['a', 'b'\]"):
        runs.only("a", "c")
    with pytest.raises(KeyError, match="='c' is none"):
        runs.paired("a", "c", PQI)
    with pytest.raises(KeyError, match="key 'seed' is not in the row"):
        lab.Runs({"a": [[{"density": 1.0}]]}).paired("a", "a", "density")
    for density in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="density="):
            runs.at_density(PQI, density)
    with pytest.raises(ValueError, match=r"runs\['a'\] has no runs"):
        lab.Runs({"a": []})
    with pytest.raises(ValueError, match=r"runs\['b'\] has no runs, or one without rows"):
        lab.Runs({"a": [rows(0, (1.0, 0.9))], "b": [[]]})
    with pytest.raises(TypeError, match="runs="):
        lab.Runs(None)
    for ask in (runs.over_rounds, runs.last):
        with pytest.raises(TypeError, match="key=None"):
            ask(None)
    assert lab.Runs({}).table("density").split() == ["density"]
    uneven = lab.Runs({"a": [rows(0, (1.0, 0.9)), rows(1, (1.0, 0.9), (0.5, 0.4))]})
    with pytest.raises(ValueError, match="runs of 'a' have different numbers of rounds"):
        uneven.over_rounds(PQI)
    assert uneven.last(PQI)["a"].tolist() == [0.9, 0.4]


def test_a_live_comparison_has_the_same_shape(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    recipe = lab.Recipe(stop=lab.stops.epochs(1), rounds=1)
    recipes = {"ticket": recipe, "random": recipe.but(score=lab.scores.random)}
    live = lab.compare(recipes, lambda seed: copy.deepcopy(tiny_net), tiny_data, seeds=(0, 3))
    assert isinstance(live, lab.Runs)
    accuracies = live.over_rounds("test_accuracy")
    assert all(values.shape == (2, 2) for values in accuracies.values())
    gap = live.paired("ticket", "random", "test_accuracy")
    expected = accuracies["ticket"][:, 1] - accuracies["random"][:, 1]
    assert (gap.mean, gap.seeds) == (pytest.approx(expected.mean()), 2)
    # Both start from the same weights and batches, and are cut after that only.
    assert live.paired("ticket", "random", "test_accuracy", density=1.0).std == 0
    assert np.isnan(live.last("pruned_test_accuracy")["ticket"]).all()
    assert np.isnan(live.last("pruned_pqi.global.all")["ticket"]).all()
    layers = live.over_rounds("pruned_pqi.layer.1.weight")["ticket"]
    assert np.isnan(layers[:, 1]).all() and not np.isnan(layers[:, 0]).any()


@pytest.fixture
def costed() -> lab.Runs:
    """Two methods that are equally sparse at other costs."""

    def made(seed: int, *points: tuple[float, int, float]) -> list[dict]:
        return [
            {"seed": seed, "density": density, "epochs": epochs, "test_accuracy": accuracy}
            for density, epochs, accuracy in points
        ]

    return lab.Runs(
        {
            "slow": [made(s, (1.0, 10, 0.9 + s / 100), (0.25, 10, 0.7)) for s in (0, 1)],
            "fast": [made(s, (1.0, 5, 0.8), (0.25, 1, 0.6), (0.04, 4, 0.1)) for s in (0, 1)],
        }
    )


def test_values_at_equal_cost_lie_between_two_rounds(costed: lab.Runs) -> None:
    at = costed.at_cost("test_accuracy", 10)
    assert at["slow"] == pytest.approx([0.9, 0.91])
    assert at["fast"] == pytest.approx([0.1, 0.1])
    assert costed.at_cost("test_accuracy", 15)["slow"] == pytest.approx([0.8, 0.805])
    assert np.isnan(costed.at_cost("test_accuracy", 15)["fast"]).all()
    assert costed.with_costs().over_rounds("cost")["fast"].tolist() == [[5, 6, 10]] * 2


def test_pairs_at_equal_cost(costed: lab.Runs) -> None:
    gap = costed.paired("slow", "fast", "test_accuracy", epochs=10)
    assert (gap.mean, gap.seeds) == (pytest.approx(0.805), 2)
    with pytest.raises(ValueError, match="give one of them"):
        costed.paired("slow", "fast", "test_accuracy", 0.5, epochs=10)
    with pytest.raises(ValueError, match="epochs=15"):
        costed.paired("slow", "fast", "test_accuracy", epochs=15)


def test_against_tells_gaps_and_costs(costed: lab.Runs) -> None:
    lines = costed.against("slow", [0.5, 0.04]).splitlines()
    assert lines == [
        "fast − slow at  50.0%: -0.1025 ± 0.0035 over 2 seeds; epochs 5.5 and 15.0",
        "fast − slow at   4.0%: not both of them get there",
    ]
    with pytest.raises(KeyError, match="reference='none'"):
        costed.against("none", [0.5])
