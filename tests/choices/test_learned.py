"""Algorithm 1 of the concave-masks paper, against numpy, autograd and itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

import pruninglab as lab
from pruninglab.choices.learned import SoftMask, learned_mask
from pruninglab.choices.scopes import Groups
from pruninglab.data import Data, Split
from pruninglab.engine.loop import Round
from pruninglab.engine.masks import Masks
from pruninglab.engine.records import recorded
from pruninglab.engine.training import State, constant, fit
from pruninglab.ideas.concave import l1, log, lq, mcp

PLAINEST = lab.sgd(lr=0.1, momentum=0.0, nesterov=False)
PLAIN = lab.Training(optimizer=lab.sgd(lr=0.1, weight_decay=1e-3), batch_size=15)
SPARSE = lab.recipes.soft_mask(
    log(0.1), 0.02, 0.2, weight_decay=1e-3, stop=lab.stops.epochs(8), rounds=2
)


def runs(net: nn.Module, data: Data, recipe: lab.Recipe, **options: object) -> list[Round]:
    """Return all rounds."""
    return list(lab.prune(net, data, recipe, seed=0, training=PLAIN, device="cpu", **options))


def test_three_steps_by_hand() -> None:
    """One weight matrix, one batch, momentum and both weight decays, written out in numpy."""
    torch.manual_seed(0)
    x, y = torch.randn(8, 3), torch.tensor([0, 1] * 4)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 2, bias=False))
    split = Split(x.reshape(8, 1, 1, 3), y)
    masks = Masks.full(net)
    masks.shrink({"1.weight": torch.tensor([[True, False, True], [True, True, True]])})
    how = learned_mask(log(0.1), 0.3, weight_decay=0.05)
    theta, m = net[1].weight.detach().numpy().astype(float).copy(), np.full((2, 3), 0.5)
    alive = masks["1.weight"].numpy()
    m, theta = m * alive, theta * alive
    speed = np.zeros((2, 2, 3))
    for _ in range(3):
        logits = x.numpy().astype(float) @ (m * theta).T
        chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        slope = (chance - np.eye(2)[y.numpy()]).T @ x.numpy() / 8
        of_m = slope * theta + 0.3 / ((m + 0.1) * np.log(11)) + 0.05 * m
        of_theta = slope * m + 0.01 * theta
        speed = 0.9 * speed + np.stack([of_theta, of_m])
        theta, m = theta - 0.1 * speed[0], np.clip(m - 0.1 * speed[1], 0, 1) * alive

    masks.apply_(net)
    state = State(net, Data("x", split, split, split, ("a", "b")), masks)
    soft = SoftMask(net, masks, {}, how)
    optimizer = lab.sgd(lr=0.1, weight_decay=0.01, nesterov=False)
    training = lab.Training(optimizer=optimizer, batch_size=8, schedule=constant)
    for _ in fit(state, training, lab.stops.epochs(3), 0, soft):
        pass
    np.testing.assert_allclose(soft.scores()["1.weight"].numpy(), m, atol=1e-6)
    np.testing.assert_allclose(soft.weights()["1.weight"].numpy()[alive], theta[alive], atol=1e-6)
    np.testing.assert_allclose(net[1].weight.detach().numpy(), m * theta, atol=1e-6)
    assert 0 < (m == 0).sum() < 6


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_a_mask_may_have_an_optimizer_of_its_own(
    tiny_net: nn.Module, tiny_data: Data, rate: float
) -> None:
    """Like that of the weights it changes nothing; else only its own rate counts for m."""
    training = replace(PLAIN, schedule=constant)
    finals = []
    for own in (None, lab.sgd(lr=rate, weight_decay=7.0)):
        how = learned_mask(log(0.1), 0.02, weight_decay=1e-3, optimizer=own)
        recipe = replace(SPARSE, score=how)
        net = copy.deepcopy(tiny_net)
        done = next(lab.prune(net, tiny_data, recipe, seed=0, training=training, device="cpu"))
        finals.append(torch.cat([m.flatten() for m in done.learned.values()]))
    assert torch.equal(*finals) == (rate == 0.1)


def test_the_own_optimizer_steps_a_lone_mask(tiny_net: nn.Module) -> None:
    """No step of the weights' optimizer is needed: m moves by rate × (slope + λr′ + decay)."""
    how = learned_mask(l1(), 0.5, weight_decay=0.2, optimizer=PLAINEST)
    soft = SoftMask(tiny_net, Masks.full(tiny_net), {}, how)
    assert len(soft.groups()) == 1
    for weight in lab.scores.prunable(tiny_net).values():
        weight.grad = torch.zeros_like(weight)
    soft.after_backward()
    soft.after_step()
    for m in soft.scores().values():
        torch.testing.assert_close(m, torch.full_like(m, 0.5 - 0.1 * (0.5 + 0.2 * 0.5)))
    with pytest.raises(TypeError, match="optimizer=7"):
        learned_mask(l1(), 0.1, optimizer=7)


@pytest.mark.parametrize("form", ["box", "sigmoid"])
@pytest.mark.parametrize("regularizer", [l1(), log(0.1), lq(0.5), mcp(0.8)], ids=repr)
def test_gradients_are_autograds(
    tiny_net: nn.Module, tiny_data: Data, form: str, regularizer: object
) -> None:
    masks, split = Masks.full(tiny_net), tiny_data.train
    theta = {name: w.detach().clone() for name, w in tiny_net.named_parameters()}
    soft = SoftMask(tiny_net, masks, {}, learned_mask(regularizer, 0.1, start=0.3, form=form))
    soft.begin_epoch(1, 2)
    free = {name: v.detach().clone().requires_grad_() for name, v in soft._free.items()}
    leaf = {name: w.clone().requires_grad_() for name, w in theta.items()}
    beta = 200**0.5
    m = {k: torch.sigmoid(beta * v) if form == "sigmoid" else v for k, v in free.items()}
    weights = {name: leaf[name] * m.get(name, torch.ones(1)) for name in leaf}
    logits = functional_call(tiny_net, weights, (split.inputs,))
    penalty = sum(regularizer.value(one).sum() for one in m.values())
    loss = nn.functional.cross_entropy(logits, split.targets)
    (loss + 0.1 * penalty).backward()
    nn.functional.cross_entropy(tiny_net(split.inputs), split.targets).backward()
    soft.after_backward()
    for name, one in free.items():
        torch.testing.assert_close(soft._free[name].grad, one.grad)
        torch.testing.assert_close(soft._theta[name].grad, leaf[name].grad)
        assert dict(tiny_net.named_parameters())[name].grad is None


def test_a_run_keeps_m_between_rounds_and_rewinds_the_weights(
    tiny_net: nn.Module, tiny_data: Data
) -> None:
    start = {name: w.detach().clone() for name, w in lab.scores.prunable(tiny_net).items()}
    first, second, last = runs(tiny_net, tiny_data, SPARSE)
    for done in (first, second):
        for name, m in done.learned.items():
            assert bool(((m >= 0) & (m <= 1)).all())
            assert torch.equal(done.masks[name], done.alive[name] & (m >= 0.2))
    assert 1 > first.pruned_density >= second.pruned_density > 0
    assert [done.nonzero_dead for done in (first, second, last)] == [0, 0, 0]
    again = copy.deepcopy(tiny_net)
    again.load_state_dict(first.checkpoint.snapshots["init"])
    first.masks.apply_(again)
    soft = SoftMask(again, first.masks, first.learned, SPARSE.score)
    soft.begin_epoch(1, 8)
    for name, weight in lab.scores.prunable(again).items():
        kept = first.learned[name] * first.masks[name]
        torch.testing.assert_close(weight, kept * start[name])


def test_the_last_round_trains_the_ticket_in_isolation(
    tiny_net: nn.Module, tiny_data: Data
) -> None:
    alone = copy.deepcopy(tiny_net)
    last = runs(tiny_net, tiny_data, SPARSE)[-1]
    state = State(alone, tiny_data, last.alive.clone(), round=2)
    for _ in fit(state, PLAIN, lab.stops.epochs(8), 0):
        pass
    for name, weight in alone.state_dict().items():
        assert torch.equal(last.trained[name], weight)
    assert torch.equal(torch.cat([m.flatten() for m in last.alive.values()]).sum(), torch.tensor(
        sum(int((last.trained[name] != 0).sum()) for name in last.alive)
    ))  # fmt: skip


def test_a_larger_lambda_is_sparser_and_decay_of_the_mask_helps(
    tiny_net: nn.Module, tiny_data: Data
) -> None:
    def left(lam: float, decay: float) -> float:
        recipe = lab.recipes.soft_mask(l1(), lam, 0.2, weight_decay=decay, rounds=1)
        return runs(copy.deepcopy(tiny_net), tiny_data, recipe)[0].pruned_density

    assert left(0.0, 0.0) > left(0.01, 0.0) > left(0.03, 0.0)
    assert left(0.0, 0.0) > left(0.0, 0.05) and left(0.01, 0.05) < 0.5 < left(0.01, 0.0)


def test_dead_entries_never_revive(tiny_net: nn.Module, tiny_data: Data) -> None:
    rounds = runs(tiny_net, tiny_data, SPARSE)
    for earlier, later in pairwise(rounds[:-1]):
        for name, mask in earlier.masks.items():
            assert bool((later.learned[name][~mask] == 0).all())


def test_resumed_runs_go_on_with_the_same_mask(
    tiny_net: nn.Module, tiny_data: Data, tmp_path: Path
) -> None:
    other, third = copy.deepcopy(tiny_net), copy.deepcopy(tiny_net)
    whole = runs(tiny_net, tiny_data, SPARSE)
    first = next(lab.prune(other, tiny_data, SPARSE, seed=0, training=PLAIN, device="cpu"))
    point = first.checkpoint
    rest = runs(third, tiny_data, SPARSE, start=point)
    for done, expected in zip(rest, whole[1:], strict=True):
        assert all(torch.equal(done.learned[name], m) for name, m in expected.learned.items())
        assert all(torch.equal(done.trained[k], w) for k, w in expected.trained.items())


def test_a_record_stops_and_goes_on(tiny_net: nn.Module, tiny_data: Data, tmp_path: Path) -> None:
    options = {"seed": 0, "training": PLAIN, "device": "cpu"}
    fresh = [copy.deepcopy(tiny_net) for _ in range(3)]
    whole = list(recorded(fresh[0], tiny_data, SPARSE, folder=tmp_path / "a", **options))
    next(iter(recorded(fresh[1], tiny_data, SPARSE, folder=tmp_path / "b", **options)))
    resumed = list(recorded(fresh[2], tiny_data, SPARSE, folder=tmp_path / "b", **options))
    for one, other in zip(whole, resumed, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_to_epoch_goes_back_to_the_weights_without_the_mask(
    tiny_net: nn.Module, tiny_data: Data
) -> None:
    recipe = replace(SPARSE, rewind=lab.rewinds.to_epoch(2))
    first = runs(tiny_net, tiny_data, recipe)[0]
    theta, product = first.checkpoint.snapshots["epoch 2"], first.checkpoint.snapshots["dense"]
    for name, m in first.learned.items():
        assert bool((product[name][m == 0] == 0).all())
        assert bool((theta[name] != 0).all())


def test_the_sigmoid_sharpens_and_starts_each_round_anew(
    tiny_net: nn.Module, tiny_data: Data
) -> None:
    score = learned_mask(l1(), 0.01, form="sigmoid")
    first, *_ = runs(tiny_net, tiny_data, replace(SPARSE, score=score))
    m = torch.cat([one.flatten() for one in first.learned.values()])
    assert ((m < 0.05) | (m > 0.95)).float().mean() > 0.7
    soft = SoftMask(tiny_net, first.masks, first.learned, score)
    fresh = torch.cat([one.flatten() for one in soft.scores().values()])
    assert fresh.max() <= 0.5 + 1e-6 and bool((fresh[m < 0.2] <= 0.2).all())


class NoSlope:
    value: Callable = torch.square


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: lab.recipes.soft_mask(l1(), -1.0), ValueError, "lam=-1.0"),
        (lambda: lab.recipes.soft_mask(l1(), float("nan")), ValueError, "lam=nan"),
        (lambda: lab.recipes.soft_mask(l1(), 1.0, 0.0), ValueError, "alpha=0.0"),
        (lambda: lab.recipes.soft_mask(l1(), 1.0, 1.0), ValueError, "alpha=1.0"),
        (lambda: lab.recipes.soft_mask(l1(), 1.0, weight_decay=-1), ValueError, "weight_decay=-1"),
        (
            lambda: lab.recipes.soft_mask(NoSlope(), 1.0),
            TypeError,
            "regularizer=.* must be Regularizer",
        ),
        (lambda: learned_mask(l1(), 1.0, start=0.0), ValueError, "start=0.0"),
        (lambda: learned_mask(l1(), 1.0, form="tanh"), ValueError, "form='tanh'"),
        (lambda: learned_mask(l1(), 1.0, steepest=0.5), ValueError, "steepest=0.5"),
        (
            lambda: learned_mask(l1(), 1.0)(
                nn.Linear(1, 1), Split(torch.ones(1), torch.ones(1).long())
            ),
            TypeError,
            "learned in training",
        ),
        (lambda: lab.budgets.threshold(0.0), ValueError, "alpha=0.0"),
    ],
)
def test_nonsense_is_refused(make: Callable, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize("rewind", [lab.rewinds.fine_tune, lab.rewinds.to_dense])
def test_weights_with_the_mask_in_them_are_no_start(
    tiny_net: nn.Module, tiny_data: Data, rewind: Callable
) -> None:
    with pytest.raises(ValueError, match=f"rewind={rewind.__name__}"):
        lab.prune(tiny_net, tiny_data, replace(SPARSE, rewind=rewind), seed=0)


def test_threshold_counts_the_living_only() -> None:
    scores = torch.tensor([[0.05, 0.1, 0.2, 0.9], [0.0, 0.0, 0.0, 0.3]])
    alive = torch.tensor([[True, True, True, False], [True, True, True, True]])
    assert lab.budgets.threshold(0.1)(Groups(scores, alive)).tolist() == [2, 1]
