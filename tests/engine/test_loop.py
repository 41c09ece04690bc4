"""The pruning loop, its recipes, its resumption."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.choices import budgets, rewinds, scopes, scores, stops
from pruninglab.data import Data, Split
from pruninglab.engine.loop import Round
from pruninglab.engine.training import State

TRAINING = lab.Training(batch_size=30)


def run(net: nn.Module, data: Data, recipe: lab.Recipe, **options: object) -> list[Round]:
    options = {"seed": 0, "training": TRAINING} | options
    return list(lab.prune(copy.deepcopy(net), data, recipe, **options))


def short(make: object = lab.recipes.lottery_ticket, **options: object) -> lab.Recipe:
    return make(0.5, stop=stops.epochs(2), rounds=3, **options)


def test_rounds_and_densities(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    rounds = run(tiny_net, tiny_data, short())
    assert [done.index for done in rounds] == [0, 1, 2, 3]
    # 24 and 18 weights, half of the living goes from each: 12 + 9, 6 + 5, 3 + 3 stay.
    assert [done.alive.kept for done in rounds] == [42, 21, 11, 6]
    assert [done.masks.kept for done in rounds] == [21, 11, 6, 6]
    assert [done.density for done in rounds] == [done.alive.density for done in rounds]
    assert [done.pruned_density for done in rounds] == [done.masks.density for done in rounds]
    assert all(done.nonzero_dead == 0 for done in rounds)
    assert all(len(done.history) == 2 for done in rounds)
    assert rounds[-1].pruned_test_accuracy == rounds[-1].test_accuracy


def test_masks_are_nested_and_hold_in_the_network(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    net = copy.deepcopy(tiny_net)
    before = None
    for done in lab.prune(net, tiny_data, short(), seed=0, training=TRAINING):
        assert done.masks.nonzero_dead(net) == 0
        for name, mask in done.masks.items():
            assert before is None or not bool((mask & ~before[name]).any())
        before = done.masks


def test_lottery_ticket_prunes_the_smallest_trained_weights(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    first = run(tiny_net, tiny_data, short())[0]
    for name, mask in first.masks.items():
        size = first.trained[name].abs()
        assert float(size[mask].min()) >= float(size[~mask].max())


def test_one_shot_ranks_by_the_dense_weights_in_every_round(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    rounds = run(tiny_net, tiny_data, short(lab.recipes.one_shot, scope=scopes.global_))
    dense = rounds[0].trained
    sizes = torch.cat([dense[name].abs().flatten() for name in rounds[0].masks])
    for done in rounds[:-1]:
        kept = torch.cat([mask.flatten() for mask in done.masks.values()])
        assert float(sizes[kept].min()) >= float(sizes[~kept].max())


@pytest.mark.parametrize(
    ("rewind", "name"),
    [(rewinds.to_init, "init"), (rewinds.to_dense, "dense"), (rewinds.to_epoch(1), "epoch 1")],
)
def test_rewinding_starts_the_next_round_from_the_snapshot(
    tiny_net: nn.Sequential, tiny_data: Data, rewind: object, name: str
) -> None:
    """With no retraining epochs after round 0 the weights of round 1 are the masked snapshot."""

    def train_only_once(state: State) -> bool:
        return state.round > 0 or state.epoch == 2

    recipe = lab.Recipe(
        scores.magnitude, budgets.fraction(0.5), scopes.layer, train_only_once, rewind, 1
    )
    still = lab.Training(optimizer=lab.sgd(lr=0.0), batch_size=30)
    net = copy.deepcopy(tiny_net)
    rounds = lab.prune(net, tiny_data, recipe, seed=0, training=TRAINING)
    first = next(rounds)
    start = first.checkpoint
    for key, mask in first.masks.items():
        assert torch.equal(start.weights[key], first.checkpoint.snapshots[name][key] * mask)
    second = run(tiny_net, tiny_data, recipe, training=still, start=start)[0]
    assert second.index == 1
    for key, mask in first.masks.items():
        assert torch.equal(second.trained[key], first.checkpoint.snapshots[name][key] * mask)
    if name == "init":
        assert torch.equal(first.checkpoint.snapshots["init"]["1.weight"], tiny_net[1].weight)


def test_same_seed_same_bits_and_other_seed_other_bits(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    recipe = short(lab.recipes.random_pruning, rewind=rewinds.reinitialise)
    first, again, other = (run(tiny_net, tiny_data, recipe, seed=seed)[-1] for seed in (5, 5, 6))
    assert all(torch.equal(first.trained[name], again.trained[name]) for name in first.trained)
    assert not all(torch.equal(first.trained[name], other.trained[name]) for name in first.trained)


@pytest.mark.parametrize("rewind", [rewinds.to_init, rewinds.fine_tune, rewinds.reinitialise])
def test_a_resumed_run_ends_with_the_same_bits(
    tiny_net: nn.Sequential, tiny_data: Data, rewind: object
) -> None:
    recipe = short(lab.recipes.random_pruning, rewind=rewind)
    whole = run(tiny_net, tiny_data, recipe)
    started = lab.prune(copy.deepcopy(tiny_net), tiny_data, recipe, seed=0, training=TRAINING)
    next(started)
    saved = next(started).checkpoint
    # A file may give the masks back in another order.
    backwards = lab.Masks(dict(reversed(list(saved.masks.items()))))
    saved = dataclasses.replace(saved, masks=backwards)
    resumed = run(tiny_net, tiny_data, recipe, start=saved)
    assert [done.index for done in resumed] == [2, 3]
    assert list(resumed[0].alive) == list(whole[0].alive)
    for name, value in whole[-1].trained.items():
        assert torch.equal(value, resumed[-1].trained[name])
    assert whole[-1].test_accuracy == resumed[-1].test_accuracy


def test_a_score_from_a_notebook_cell(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    def gradient(net: nn.Module, images: Split) -> dict:
        inputs, targets = images
        names = list(scores.prunable(net))
        loss = nn.functional.cross_entropy(net(inputs), targets)
        grads = torch.autograd.grad(loss, [dict(net.named_parameters())[n] for n in names])
        return {name: grad.abs() for name, grad in zip(names, grads, strict=True)}

    recipe = lab.Recipe(
        gradient, budgets.fraction(0.5), scopes.global_, stops.epochs(1), rewinds.fine_tune, 1
    )
    assert str(recipe) == "gradient × fraction(0.5) × global_ × epochs(1) × fine_tune, 1 rounds"
    assert run(tiny_net, tiny_data, recipe)[-1].density == 0.5


def test_a_collapsed_layer_is_named(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    recipe = lab.Recipe(
        scores.magnitude, budgets.fraction(1.0), scopes.layer, stops.epochs(1), rewinds.to_init, 1
    )
    with pytest.warns(RuntimeWarning, match=r"no weight lives in 1\.weight, 3\.weight"):
        rounds = run(tiny_net, tiny_data, recipe)
    assert rounds[0].collapsed == ("1.weight", "3.weight")


def test_recipes_refuse_nonsense(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    with pytest.raises(TypeError, match="scope='layer'"):
        lab.recipes.lottery_ticket(scope="layer")
    with pytest.raises(ValueError, match="rounds=-1"):
        lab.recipes.lottery_ticket(rounds=-1)
    with pytest.raises(TypeError, match=r"seed=0\.5"):
        lab.prune(tiny_net, tiny_data, short(), seed=0.5)
    with pytest.raises(ValueError, match="tpu"):
        lab.prune(tiny_net, tiny_data, short(), seed=0, device="tpu")
