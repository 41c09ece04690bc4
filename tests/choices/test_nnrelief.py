"""NNrelief as a row of the table: its score, its budget, its stop, its recipe."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.choices import afters, budgets, rewinds, scopes, scores, stops
from pruninglab.choices.scopes import Groups
from pruninglab.data import Data, Split
from pruninglab.engine import training as loop
from pruninglab.engine.masks import Masks, cut
from pruninglab.engine.training import State, fit
from pruninglab.ideas.nnrelief import clean_up, connection_importance, network_importance, share_cut

TRAINING = lab.Training(batch_size=30)


# The score


def test_the_score_is_the_importance_of_weights_and_biases(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    found = scores.nnrelief(samples=7)(tiny_net, tiny_data.train)
    assert list(found) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    seen = tiny_data.train.inputs[:7].flatten(1)
    expected = connection_importance(tiny_net[1].weight, tiny_net[1].bias, seen)
    torch.testing.assert_close(found["1.weight"], expected[:, :-1])
    torch.testing.assert_close(found["1.bias"], expected[:, -1])


def test_the_score_of_kernels_fits_their_masks() -> None:
    net = lab.nets.resnet_20(inputs=(1, 8, 8), seed=0)
    found = scores.nnrelief()(net, Split(torch.rand(3, 1, 8, 8), torch.zeros(3).long()))
    named = dict(net.named_parameters())
    for name, score in found.items():
        parameter = named[name]
        kernels = (*parameter.shape[:2], *(1,) * (parameter.dim() - 2))
        assert score.shape == kernels
    assert set(found) == set(Masks.full(net, biases=True))


def test_options_of_the_score_change_it() -> None:
    net = lab.nets.resnet_20(inputs=(1, 8, 8), seed=0)
    net.block1_1.bn2.weight.data[:4] = 1e-6
    batch = Split(torch.rand(6, 1, 8, 8), torch.zeros(6).long())
    plain = scores.nnrelief()(net, batch)
    for other in (
        scores.nnrelief(samples=3),
        scores.nnrelief(kernels="l1"),
        scores.nnrelief(kernels="mean_map"),
        scores.nnrelief(residual=0.95),
    ):
        found = other(net, batch)
        assert not all(torch.allclose(found[name], plain[name], rtol=1e-4) for name in plain)


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"samples": 0}, ValueError, "samples=0"),
        ({"samples": 1.5}, TypeError, "samples=1.5"),
        ({"kernels": "l2"}, ValueError, "kernels='l2'"),
        ({"residual": 0.0}, ValueError, "residual=0.0"),
    ],
)
def test_the_score_refuses(options: dict[str, object], error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        scores.nnrelief(**options)


# The budget


def test_the_budget_counts_by_hand() -> None:
    values = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.9, 0.05, 0.05, 0.0], [0.0, 0.0, 0.0, 0.0]])
    alive = torch.ones_like(values, dtype=torch.bool)
    assert budgets.signal_share(0.8)(Groups(values, alive)).tolist() == [2, 1, 0]
    assert budgets.signal_share(1.0)(Groups(values, alive)).tolist() == [3, 3, 0]
    # The share is taken of the living: without the first, 0.3 is less than 80 % of 0.5.
    alive[0, 0] = False
    assert budgets.signal_share(0.8)(Groups(values, alive)).tolist() == [2, 1, 0]
    assert budgets.signal_share(0.6)(Groups(values, alive)).tolist() == [1, 1, 0]


def test_the_cut_of_the_engine_is_that_of_the_idea(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    masks = Masks.full(tiny_net, biases=True)
    scored = scores.nnrelief()(tiny_net, tiny_data.train)
    kept = cut(scored, masks, budgets.signal_share(0.7), scopes.neuron)
    for name, shares in network_importance(tiny_net, tiny_data.train.inputs).items():
        expected = share_cut(shares, 0.7)
        assert torch.equal(kept[f"{name}.weight"], expected[:, :-1])
        assert torch.equal(kept[f"{name}.bias"], expected[:, -1])


def test_connections_and_kernels_have_their_own_share() -> None:
    net = lab.nets.lenet_5(inputs=(1, 16, 16), seed=0)
    batch = Split(torch.rand(5, 1, 16, 16), torch.zeros(5).long())
    scored, masks = scores.nnrelief()(net, batch), Masks.full(net, biases=True)

    def kept(*shares: float) -> dict[str, int]:
        found = cut(scored, masks, budgets.signal_share(*shares), scopes.neuron)
        return {name: int(mask.sum()) for name, mask in found.items()}

    both, strict_conv, strict_fc = kept(0.9), kept(0.9, 0.5), kept(0.5, 0.9)
    assert both == kept(0.9, 0.9)
    for name in both:
        conv, fc = name.startswith("conv"), name.startswith("fc")
        if name.endswith("weight"):
            assert (strict_conv[name] < both[name]) == (conv and name != "conv1.weight")
            assert (strict_fc[name] < both[name]) == fc


def test_shares_that_cannot_be_told_apart_are_refused(tiny_net: nn.Sequential) -> None:
    mixed = {"a.weight": torch.rand(2, 3), "b.weight": torch.rand(2, 2, 3, 3)}
    alive = {name: torch.ones_like(score, dtype=torch.bool) for name, score in mixed.items()}
    with pytest.raises(ValueError, match=r"alpha_fc=0\.9 and alpha_conv=0\.5 differ"):
        cut(mixed, alive, budgets.signal_share(0.9, 0.5), scopes.global_)
    cut(mixed, alive, budgets.signal_share(0.9, 0.9), scopes.global_)
    for bad in (0.0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="alpha_fc="):
            budgets.signal_share(bad)
        with pytest.raises(ValueError, match="alpha_conv="):
            budgets.signal_share(0.9, bad)


def test_the_share_works_for_magnitudes_too(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net)
    sizes = scores.magnitude(tiny_net, Split(torch.empty(0), torch.empty(0).long()))
    kept = cut(sizes, masks, budgets.signal_share(0.9), scopes.layer)
    for name, size in sizes.items():
        values, total = size[kept[name]].double(), float(size.double().sum())
        assert float(values.sum()) >= 0.9 * total
        assert float(values.sum() - values.min()) < 0.9 * total


# The stop


def test_best_of_goes_back_to_the_best_epoch(
    tiny_net: nn.Sequential, tiny_data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(tiny_net, tiny_data, Masks.full(tiny_net))
    reached = iter([0.5, 0.8, 0.7, 0.8, 0.6])
    monkeypatch.setattr(loop, "validation_accuracy", lambda net, data: next(reached))
    epochs = [
        tiny_net[1].weight.detach().clone() for _ in fit(state, TRAINING, stops.best_of(5), 0)
    ]
    assert [len(epochs), next(reached, None)] == [5, None]
    assert torch.equal(epochs[4], epochs[1])
    assert not any(torch.equal(epochs[4], epochs[other]) for other in (0, 2, 3))
    assert state.memory == {}


def test_best_of_leaves_a_round_with_its_best_validation_accuracy(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    recipe = lab.recipes.nnrelief(0.7, stop=stops.best_of(6), rounds=2)
    for done in lab.prune(tiny_net, tiny_data, recipe, seed=0, training=TRAINING):
        assert len(done.history) == 6
        best = max(epoch.validation_accuracy for epoch in done.history)
        assert done.validation_accuracy == best
        assert done.nonzero_dead == 0


def test_best_of_refuses(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    with pytest.raises(ValueError, match="at_most=-1"):
        stops.best_of(-1)
    nothing = Split(tiny_data.validation.inputs[:0], tiny_data.validation.targets[:0])
    with pytest.raises(ValueError, match="validation split"):
        lab.train(tiny_net, replace(tiny_data, validation=nothing), stop=stops.best_of(2))


# The recipe


def test_the_recipe_prints_its_row() -> None:
    assert str(lab.recipes.nnrelief(0.9, samples=500, rounds=3)) == (
        "nnrelief(samples=500) × signal_share(alpha_fc=0.9) × neuron × epochs(5) × to_init, "
        "3 rounds, then clean_up"
    )
    plain = lab.recipes.nnrelief(after=(), rewind=rewinds.fine_tune, rounds=1)
    assert str(plain).endswith("× fine_tune, 1 rounds")


def test_a_round_of_the_recipe_by_hand(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    recipe = lab.recipes.nnrelief(0.6, stop=stops.epochs(2), rounds=2)
    rounds = list(lab.prune(copy.deepcopy(tiny_net), tiny_data, recipe, seed=0, training=TRAINING))
    first = rounds[0]
    trained = copy.deepcopy(tiny_net)
    trained.load_state_dict(first.trained)
    expected = Masks.full(trained, biases=True)
    for name, shares in network_importance(trained, tiny_data.train.inputs).items():
        kept = share_cut(shares, 0.6)
        expected.shrink({f"{name}.weight": kept[:, :-1], f"{name}.bias": kept[:, -1]})
    expected.shrink(clean_up(trained, expected, tiny_data.train.inputs))
    assert all(torch.equal(first.masks[name], expected[name]) for name in expected)
    assert first.masks.total == 24 + 6 + 18 + 3
    assert 0 < rounds[2].density < rounds[1].density < 1


def test_clean_up_changes_the_count_but_not_the_outputs(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    kept, outputs = [], []
    for after in ((), (afters.clean_up,)):
        net = copy.deepcopy(tiny_net)
        recipe = lab.recipes.nnrelief(0.25, stop=stops.epochs(3), after=after, rounds=1)
        done = next(lab.prune(net, tiny_data, recipe, seed=0, training=TRAINING))
        kept.append(done.masks.kept)
        outputs.append(net(tiny_data.test.inputs).detach().numpy())
    assert kept[1] < kept[0]
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-6)


def test_a_layer_without_biases_has_not_collapsed(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net, biases=True)
    masks.shrink({"3.bias": torch.zeros(3, dtype=torch.bool)})
    assert masks.collapsed() == []
    masks.shrink({"3.weight": torch.zeros(3, 6, dtype=torch.bool)})
    assert masks.collapsed() == ["3.weight"]


def test_a_residual_network_loses_whole_kernels() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(60, 1, 8, 8, generator=generator)
    split = Split(pictures, (pictures.mean(dim=(1, 2, 3)) > 0.5).long())
    data = Data("noise", split, split, split, classes=("dark", "bright"))
    net = lab.nets.resnet_20(inputs=(1, 8, 8), classes=2, seed=0)
    recipe = lab.recipes.nnrelief(
        0.9, 0.8, residual=0.95, stop=stops.epochs(1), rewind=rewinds.fine_tune, rounds=2
    )
    for done in lab.prune(net, data, recipe, seed=0, training=TRAINING):
        assert done.nonzero_dead == 0
        for mask in done.masks.values():
            kernels = mask.flatten(2) if mask.dim() > 2 else mask[..., None]
            assert torch.equal(kernels.any(dim=-1), kernels.all(dim=-1))
    assert done.density < 0.7
