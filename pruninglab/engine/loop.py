"""THE pruning loop: a generator of rounds, so that a notebook can draw while it runs."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..choices.needs import Parametrisation, needs
from ..choices.scores import outside
from ..choices.stops import Epoch
from ..data import Data, Split
from ..ideas.checks import Seed, checked, warn
from ..settings import device as pick_device
from .masks import Masks, cut
from .parametrisation import HardMask, Weights, copy_weights
from .recipes import Recipe
from .training import (
    State,
    Training,
    accuracy,
    fit,
    reproducible,
    threads_for,
    validation_accuracy,
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a run needs to go on: the masks and weights with which `round` starts.

    `learned` is what the round before has learned of each weight, if its score is a learned one;
    `spent` counts the epochs so far.
    """

    round: int
    masks: Masks
    weights: Weights
    snapshots: Mapping[str, Weights]
    learned: Weights = field(default_factory=dict)
    spent: int = 0


@dataclass(frozen=True, eq=False)
class Round:
    """What one round did: trained under the masks `alive`, then pruned to `masks`.

    Accuracies in [0, 1], densities kept / total, `layer_density` that of `masks`. `trained` holds
    the state dict after training and before pruning. The last round only trains: there `masks`
    equals `alive` (Algorithm 1 of the SAP paper returns the trained w_T with m_T).
    `nonzero_dead` counts dead weights that training moved off zero: 0, or something is wrong.
    `learned` is what training has learned of each weight, before the cut, if the score is a learned
    one. `checkpoint` is from where `prune(..., start=...)` goes on. All of it is this round's own:
    later rounds change none of it.
    """

    index: int
    density: float
    validation_accuracy: float
    test_accuracy: float
    pruned_density: float
    pruned_test_accuracy: float
    layer_density: dict[str, float]
    history: tuple[Epoch, ...]
    seconds: float
    nonzero_dead: int
    collapsed: tuple[str, ...]
    alive: Masks
    masks: Masks
    trained: Weights
    learned: Weights
    checkpoint: Checkpoint
    _net: nn.Module = field(repr=False)

    def trained_net(self) -> nn.Module:
        """Return a network of its own, in eval mode, as it was after training."""
        net = copy.deepcopy(self._net).eval()
        net.load_state_dict(self.trained)
        return net

    def pruned_net(self) -> nn.Module:
        """Return a network of its own, in eval mode, as it was after the cut."""
        net = self.trained_net()
        self.masks.apply_(net)
        return net

    def __str__(self) -> str:
        return (
            f"round {self.index}: {self.density:7.2%} of the weights live, test accuracy "
            f"{self.test_accuracy:.2%} after {len(self.history)} epochs; "
            f"cut to {self.pruned_density:.2%}: {self.pruned_test_accuracy:.2%}"
        )


@checked
def prune(
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    seed: Seed,
    device: str | torch.device | None = None,
    training: Training = Training(),
    start: Checkpoint | None = None,
) -> Iterator[Round]:
    """Run `recipe`: yield one `Round` for each of its rounds 0 … `recipe.rounds`.

    Round 0 trains the dense network. Each round trains, is measured and (but for the last) pruned;
    the next one starts from the weights that the recipe rewinds to. `net` is trained in place: when
    a round is yielded it holds that round's pruned weights, in the end the ticket. The same seed on
    the same machine gives the same bits. `start` goes on from the `checkpoint` of an earlier run's
    round.

    What cannot work is refused before any training (`Recipe.check`: ValueError or TypeError). Warns
    of weights that stay outside the density, and of a layer in which no weight lives. Taught in
    notebook 00; Algorithm 1 of the SAP paper is one of its rows.
    """
    target = pick_device(device)
    data = data.to(target)
    recipe.check(net, data, training)
    net.to(target)
    state = State(net, data, Masks.full(net, biases=needs(recipe.score).biases))
    if start is not None:
        _resume(state, start, target)
    if dense := outside(net):
        warn(f"{', '.join(dense)}: not pruned, and outside the density", UserWarning)
    return _rounds(state, recipe, training, seed)


def _resume(state: State, start: Checkpoint, device: torch.device) -> None:
    state.round, state.spent = start.round, start.spent
    # In the network's own order, whatever order the checkpoint has: ties are cut by index.
    state.masks = Masks({name: start.masks[name] for name in state.masks}).to(device)
    state.net.load_state_dict(start.weights)
    state.snapshots = {
        name: {key: tensor.to(device) for key, tensor in weights.items()}
        for name, weights in start.snapshots.items()
    }
    state.learned = {name: score.to(device) for name, score in start.learned.items()}


def _rounds(state: State, recipe: Recipe, training: Training, seed: int) -> Iterator[Round]:
    state.snapshots.setdefault("init", copy_weights(state.net))
    template = copy.deepcopy(state.net)
    while state.round <= recipe.rounds:
        with threads_for(state.net):
            finished = _one_round(state, recipe, training, seed, template)
        yield finished
        state.round, state.spent = state.round + 1, finished.checkpoint.spent
        if state.round <= recipe.rounds:
            state.net.load_state_dict(finished.checkpoint.weights)


def _one_round(
    state: State, recipe: Recipe, training: Training, seed: int, template: nn.Module
) -> Round:
    start = time.perf_counter()
    _train_round(state, recipe, training, seed)
    seconds = time.perf_counter() - start
    trained = _after_training(state)
    start = time.perf_counter()
    if state.round < recipe.rounds:
        with reproducible(seed, state.round, 0):
            _prune_round(state, recipe)
    seconds += time.perf_counter() - start
    return Round(
        index=state.round,
        seconds=seconds,
        checkpoint=_next_start(state, recipe, seed),
        _net=template,
        **trained,
        **_after_cut(state),
    )


def _after_training(state: State) -> dict[str, Any]:
    alive = state.masks.clone()
    return {
        "density": alive.density,
        "validation_accuracy": validation_accuracy(state.net, state.data),
        "test_accuracy": accuracy(state.net, state.data.test),
        "history": tuple(state.history),
        "nonzero_dead": alive.nonzero_dead(state.net),
        "alive": alive,
        "trained": copy_weights(state.net),
        "learned": dict(state.learned),
    }


def _after_cut(state: State) -> dict[str, Any]:
    if collapsed := tuple(state.masks.collapsed()):
        warn(f"no weight lives in {', '.join(collapsed)}", RuntimeWarning)
    return {
        "pruned_density": state.masks.density,
        "pruned_test_accuracy": accuracy(state.net, state.data.test),
        "layer_density": state.masks.layer_density(),
        "collapsed": collapsed,
        "masks": state.masks.clone(),
    }


def _train_round(state: State, recipe: Recipe, training: Training, seed: int) -> None:
    wanted = needs(recipe.rewind).snapshot
    held = _hold(state, recipe)
    for _ in fit(state, training, recipe.stop, seed, held):
        if state.round == 0 and state.epoch == wanted:
            state.snapshots[f"epoch {wanted}"] = held.weights()
    state.learned = held.scores() or state.learned
    if state.round == 0:
        state.snapshots["dense"] = copy_weights(state.net)


def _hold(state: State, recipe: Recipe) -> Parametrisation:
    """Return what this round trains; the last round trains the ticket in isolation."""
    state.masks.apply_(state.net)
    learns = needs(recipe.score).learns
    if learns is None or state.round >= recipe.rounds:
        return HardMask(state.net, state.masks, {})
    return learns(state.net, state.masks, state.learned)


def _prune_round(state: State, recipe: Recipe) -> None:
    """Score the network, cut what the budget asks, and set the newly dead to zero."""
    wants = needs(recipe.score)
    images = state.data.train.take(wants.images)
    scores = state.learned if wants.learns else _score(state, recipe, images)
    where = {"round": state.round, "rounds": recipe.rounds}
    state.masks.shrink(cut(scores, state.masks, recipe.budget, recipe.scope, **where))
    for shrink in recipe.after:
        state.masks.shrink(shrink(state.net, state.masks, images))
    state.masks.apply_(state.net)
    state.learned = {
        name: score.masked_fill(~state.masks[name], 0) for name, score in state.learned.items()
    }


def _score(state: State, recipe: Recipe, images: Split) -> dict[str, Tensor]:
    """Score today's weights, or those of the snapshot that the score asks for."""
    judged, whose = state.net, needs(recipe.score).weights
    if whose != "now":
        judged = copy.deepcopy(state.net)
        judged.load_state_dict(state.snapshots[whose])
        state.masks.apply_(judged)
    return recipe.score(judged, images)


def _next_start(state: State, recipe: Recipe, seed: int) -> Checkpoint:
    """Return what the next round starts from, rewound in a copy of the network."""
    net = copy.deepcopy(state.net)
    with reproducible(seed, state.round, -1):
        recipe.rewind(net, state.snapshots)
    state.masks.apply_(net)
    return Checkpoint(
        state.round + 1,
        state.masks.clone(),
        copy_weights(net),
        dict(state.snapshots),
        dict(state.learned),
        state.spent + len(state.history),
    )
