"""A new learned score, written as in a notebook cell: the engine knows nothing of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine import training as loop
from pruninglab.engine.loop import Round
from pruninglab.engine.parametrisation import HardMask
from pruninglab.engine.records import recorded
from pruninglab.engine.training import State, fit

TRAINING = lab.Training(lab.sgd(lr=0.05), batch_size=30)


class Movement(HardMask):
    """Movement pruning (Sanh et al. 2020): weights that move away from zero are kept."""

    def __init__(self, net: nn.Module, masks: lab.Masks, earlier: dict[str, Tensor]) -> None:
        super().__init__(net, masks, earlier)
        zeros = {name: torch.zeros_like(w.data) for name, w in self.parameters.items()}
        self.movement = {name: earlier.get(name, zero).clone() for name, zero in zeros.items()}

    def after_backward(self) -> None:
        for name, weight in self.parameters.items():
            self.movement[name] -= weight.grad * weight.data

    def state(self) -> dict[str, Tensor]:
        return super().state() | {f"move {k}": v.clone() for k, v in self.movement.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        super().load({k: v for k, v in state.items() if not k.startswith("move ")})
        self.movement = {name: state[f"move {name}"].clone() for name in self.movement}

    def scores(self) -> dict[str, Tensor]:
        return {
            name: (moved - moved.min()) * self.masks[name] for name, moved in self.movement.items()
        }


MOVEMENT = lab.Recipe(lab.scores.learned(Movement), stop=lab.stops.epochs(3), rounds=2)


def run(net: nn.Module, data: Data, recipe: lab.Recipe, **options: object) -> list[Round]:
    options = {"seed": 0, "training": TRAINING, "device": "cpu"} | options
    return list(lab.prune(copy.deepcopy(net), data, recipe, **options))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "budget",
    [
        lab.budgets.fraction(0.4),
        lab.budgets.count(1),
        lab.budgets.pq_bound(gamma=2.0),
        lab.budgets.signal_share(0.8),
        lab.budgets.threshold(0.02),
        lambda groups: groups.living // 2,
    ],
    ids=["fraction", "count", "pq_bound", "signal_share", "threshold", "function"],
)
@pytest.mark.parametrize("scope", [lab.scopes.neuron, lab.scopes.global_])
def test_any_budget_cuts_by_it(
    tiny_net: nn.Sequential, tiny_data: Data, budget: Callable, scope: Callable
) -> None:
    recipe = MOVEMENT.but(budget=budget, scope=scope)
    first, second, last = run(tiny_net, tiny_data, recipe)
    for done in (first, second):
        assert set(done.learned) == set(done.masks) and done.nonzero_dead == 0
        for groups in scope(done.learned, done.alive):
            kept = torch.cat([done.masks[name].reshape(len(groups.scores), -1)
                              for name, _ in groups.pieces], dim=1)  # fmt: skip
            assert torch.equal(kept.sum(dim=1), budget(groups))
            least = groups.scores.masked_fill(~kept, torch.inf).amin(dim=1)
            best = groups.scores.masked_fill(kept | ~groups.alive, -torch.inf).amax(dim=1)
            assert bool((least >= best).all())
    assert 1 > first.pruned_density > second.pruned_density == last.density
    # The last round trains the ticket alone; what was learned before stays as it was.
    assert same(last.learned, second.checkpoint.learned)


@pytest.mark.parametrize(
    "rewind",
    [
        lab.rewinds.to_init,
        lab.rewinds.to_dense,
        lab.rewinds.fine_tune,
        lab.rewinds.reinitialise,
        lab.rewinds.to_epoch(2),
    ],
)
def test_a_resumed_run_has_the_same_bits(
    tiny_net: nn.Sequential, tiny_data: Data, rewind: Callable
) -> None:
    recipe = MOVEMENT.but(rewind=rewind, scope=lab.scopes.global_)
    whole = run(tiny_net, tiny_data, recipe)
    for earlier in whole[:-1]:
        rest = run(tiny_net, tiny_data, recipe, start=earlier.checkpoint)
        for done, expected in zip(rest, whole[earlier.index + 1 :], strict=True):
            assert same(done.trained, expected.trained)
            assert same(done.learned, expected.learned) and same(done.masks, expected.masks)


def test_a_record_stops_and_goes_on(
    tiny_net: nn.Sequential, tiny_data: Data, tmp_path: Path
) -> None:
    options = {"seed": 0, "training": TRAINING, "device": "cpu", "key": "movement"}
    nets = [copy.deepcopy(tiny_net) for _ in range(3)]
    whole = list(recorded(nets[0], tiny_data, MOVEMENT, folder=tmp_path / "a", **options))
    next(recorded(nets[1], tiny_data, MOVEMENT, folder=tmp_path / "b", **options))
    rest = list(recorded(nets[2], tiny_data, MOVEMENT, folder=tmp_path / "b", **options))
    assert [{**row, "seconds": 0} for row in rest] == [{**row, "seconds": 0} for row in whole]
    assert same(nets[0].state_dict(), nets[2].state_dict())


def test_what_was_learned_goes_into_the_next_round(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    seen: list[dict[str, Tensor]] = []

    class Watched(Movement):
        def __init__(self, net: nn.Module, masks: lab.Masks, earlier: dict[str, Tensor]) -> None:
            seen.append(dict(earlier))
            super().__init__(net, masks, earlier)

    recipe = MOVEMENT.but(score=lab.scores.learned(Watched))
    first, _, _ = run(tiny_net, tiny_data, recipe)
    # The first is the trial before training.
    assert len(seen) == 3 and seen[0] == seen[1] == {}
    for name, mask in first.masks.items():
        assert torch.equal(seen[2][name], first.learned[name] * mask)


def test_the_movement_is_that_of_plain_training(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    """It watches and changes nothing: the dense round is that of magnitude pruning."""
    learned, plain = (run(tiny_net, tiny_data, recipe)[0] for recipe in
                      (MOVEMENT, lab.Recipe(stop=lab.stops.epochs(3))))  # fmt: skip
    assert same(learned.trained, plain.trained) and plain.learned == {}
    one_step = lab.Training(lab.sgd(lr=0.05), batch_size=90)
    recipe = MOVEMENT.but(stop=lab.stops.epochs(1))
    first = run(tiny_net, tiny_data, recipe, training=one_step)[0]
    loss = nn.functional.cross_entropy(tiny_net(tiny_data.train.inputs), tiny_data.train.targets)
    for name in first.learned:
        weight = dict(tiny_net.named_parameters())[name]
        moved = -weight * torch.autograd.grad(loss, weight, retain_graph=True)[0]
        torch.testing.assert_close(first.learned[name], (moved - moved.min()).detach())


@pytest.mark.parametrize("make", [Movement, HardMask])
def test_best_of_brings_the_learned_state_back(
    tiny_net: nn.Sequential, tiny_data: Data, monkeypatch: pytest.MonkeyPatch, make: type
) -> None:
    reached = iter([0.2, 0.7, 0.7, 0.4])
    monkeypatch.setattr(loop, "validation_accuracy", lambda net, data: next(reached))
    state = State(tiny_net, tiny_data, lab.Masks.full(tiny_net))
    held = make(tiny_net, state.masks, {})
    after = [held.state() for _ in fit(state, TRAINING, lab.stops.best_of(4), 0, held)]
    assert len(after) == 4
    assert same(after[3], after[1]) and not same(after[3], after[2])
    again = make(copy.deepcopy(tiny_net), state.masks, {})
    again.load(after[0])
    assert same(again.state(), after[0]) and same(again.weights(), {
        name: after[0][name] for name in tiny_net.state_dict()
    })  # fmt: skip
    assert [len(name) for name in after[0]] == [len(name) for name in held.state()]


def test_best_of_in_a_whole_run(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    recipe = MOVEMENT.but(stop=lab.stops.best_of(5))
    for done in run(tiny_net, tiny_data, recipe):
        best = max(epoch.validation_accuracy for epoch in done.history)
        assert done.validation_accuracy == best and len(done.history) == 5


def test_parameters_of_its_own_are_trained(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    """A gate per weight, by the optimizer of the run, as a second group."""

    class Gates(HardMask):
        def __init__(self, net: nn.Module, masks: lab.Masks, earlier: dict[str, Tensor]) -> None:
            super().__init__(net, masks, earlier)
            self.gate = {k: nn.Parameter(torch.ones_like(w)) for k, w in self.parameters.items()}

        def groups(self) -> list[dict]:
            mine = {"params": list(self.gate.values()), "lr": 1e-3, "weight_decay": 0.0}
            return [*super().groups(), mine]

        def after_backward(self) -> None:
            for name, weight in self.parameters.items():
                self.gate[name].grad = weight.grad * weight.data

        def scores(self) -> dict[str, Tensor]:
            return {name: gate.detach().clamp_min(0) for name, gate in self.gate.items()}

    first = run(tiny_net, tiny_data, MOVEMENT.but(score=lab.scores.learned(Gates)))[0]
    assert all(bool((gate != 1).any()) for gate in first.learned.values())
    assert all(float((gate - 1).abs().max()) < 0.1 for gate in first.learned.values())


def test_a_learned_score_cannot_be_asked_of_a_trained_net(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    with pytest.raises(TypeError, match="learned in training"):
        lab.cut_once(tiny_net, tiny_data.train, MOVEMENT.score, MOVEMENT.budget, MOVEMENT.scope)
    snapshot = MOVEMENT.but(score=lab.scores.at_snapshot(MOVEMENT.score, "dense"))
    with pytest.raises(ValueError, match=r"score=at_snapshot.* cannot judge .* snapshot 'dense'"):
        lab.prune(tiny_net, tiny_data, snapshot, seed=0)
    with pytest.raises(TypeError, match="make="):
        lab.scores.learned("movement")
