"""The readings of IMC as scores, against numpy on softmax regression; the stop of IMC."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.choices import scores, stops
from pruninglab.data import Data, Split
from pruninglab.engine.masks import Masks
from pruninglab.engine.training import State
from pruninglab.ideas import imc

RANDOM = np.random.default_rng(0)


@pytest.fixture
def problem() -> tuple[nn.Module, Split, np.ndarray]:
    """Return softmax regression, a batch, and its Hessian in closed form."""
    torch.manual_seed(0)
    net = nn.Linear(4, 3, bias=False)
    x, y = RANDOM.normal(size=(25, 4)), RANDOM.integers(0, 3, size=25)
    outputs = x @ net.weight.detach().double().numpy().T
    p = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    middle = [np.diag(row) - np.outer(row, row) for row in p]
    hessian = sum(np.kron(m, np.outer(r, r)) for m, r in zip(middle, x, strict=True)) / 25
    return net, Split(torch.from_numpy(x).float(), torch.from_numpy(y).long()), hessian


@pytest.mark.parametrize("sharp", [3, 0.25])
def test_leverage(problem: tuple, sharp: float) -> None:
    net, batch, hessian = problem
    vectors = np.linalg.eigh(hessian)[1]
    mass = (vectors[:, -3:] ** 2).sum(axis=1).reshape(3, 4)
    found = {side: scores.leverage(side, sharp)(net, batch)["weight"] for side in scores.SIDES}
    np.testing.assert_allclose(found["sharp"], mass, atol=1e-4)
    np.testing.assert_allclose(found["flat"], 1 - mass, atol=1e-4)
    assert found["flat"].dtype == net.weight.dtype
    assert float(found["flat"].sum()) == pytest.approx(9, abs=1e-4)


def test_curvature(problem: tuple) -> None:
    net, batch, hessian = problem
    diagonal = np.diag(hessian).reshape(3, 4)
    weight = net.weight.detach().numpy()
    found = scores.curvature("sharp")(net, batch)["weight"]
    np.testing.assert_allclose(found, diagonal, atol=1e-6)
    saliency = scores.curvature("sharp", weighted=True)(net, batch)["weight"]
    np.testing.assert_allclose(saliency, diagonal * weight**2 / 2, atol=1e-6)
    flat = scores.curvature("flat")(net, batch)["weight"]
    assert flat.flatten().argsort().tolist() == found.flatten().argsort(descending=True).tolist()


def test_beyond_5000_parameters_lanczos_and_probes_take_over(
    problem: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, batch, hessian = problem
    exact = scores.leverage("flat", 2)(net, batch)["weight"]
    monkeypatch.setattr(imc, "PARAMETERS_AT_MOST", 5)
    torch.testing.assert_close(scores.leverage("flat", 2)(net, batch)["weight"], exact, atol=1e-3,
                               rtol=0)  # fmt: skip
    with pytest.raises(ValueError, match=r"sharp=0.47 of 12 directions"):
        scores.leverage("flat")(net, batch)
    estimate = scores.curvature("sharp", probes=4000)(net, batch)["weight"]
    np.testing.assert_allclose(estimate, np.diag(hessian).reshape(3, 4), atol=0.02)


def test_only_prunable_weights_are_scored(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    for score in (
        scores.leverage("flat"),
        scores.curvature("flat"),
        scores.curvature("sharp", weighted=True),
    ):
        found = score(tiny_net, tiny_data.train)
        assert {name: value.shape for name, value in found.items()} == {
            name: weight.shape for name, weight in scores.prunable(tiny_net).items()
        }
        assert all(bool((value >= 0).all()) for value in found.values())


@pytest.mark.parametrize("sharp", [0, -1, 0.0, 1.0, float("nan")])
def test_a_cut_out_of_range_is_refused(sharp: float) -> None:
    with pytest.raises(ValueError, match="sharp="):
        scores.leverage("flat", sharp)


def test_another_side_is_refused() -> None:
    for make in (scores.leverage, scores.curvature):
        with pytest.raises(ValueError, match="side='round'"):
            make("round")


def test_first_then(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    stop = stops.first_then(2, 5)
    state = State(tiny_net, tiny_data, Masks.full(tiny_net), epoch=2)
    assert stop(state) and stop.needs.epochs == 5 and stop.needs.dense == 2
    state.round = 1
    assert not stop(state)
    state.epoch = 5
    assert stop(state)
    with pytest.raises(ValueError, match="later=-1"):
        stops.first_then(1, -1)


@pytest.mark.parametrize("reading", list(lab.recipes.READINGS))
@pytest.mark.parametrize(
    "rewind", [lab.rewinds.fine_tune, lab.rewinds.to_epoch(1), lab.rewinds.reinitialise]
)
def test_imc_prunes_once(
    tiny_net: nn.Sequential, tiny_data: Data, reading: str, rewind: object
) -> None:
    recipe = lab.recipes.imc(reading, stop=stops.first_then(2, 3), rewind=rewind)
    dense, pruned = lab.prune(tiny_net, tiny_data, recipe, seed=0)
    assert (len(dense.history), len(pruned.history)) == (2, 3)
    assert dense.masks.kept == 42 - int(0.47 * 42)
    assert pruned.nonzero_dead == 0 and pruned.density == dense.masks.density
    tiny_net.load_state_dict(dense.trained)
    values = torch.cat([v.flatten() for v in recipe.score(tiny_net, tiny_data.train).values()])
    kept = torch.cat([mask.flatten() for mask in dense.masks.values()])
    assert float(values[kept].min()) >= float(values[~kept].max())


def test_an_unknown_reading_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match=r"reading='tea leaves'.*flat leverage"):
        lab.recipes.imc("tea leaves")
    assert lab.recipes.imc(lab.scores.magnitude).score is lab.scores.magnitude
