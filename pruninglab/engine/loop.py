"""THE pruning loop: a generator of rounds, so that a notebook can draw while it runs."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..choices.rewinds import fine_tune, to_dense
from ..choices.scores import Batch, Score, at_snapshot, learned_mask
from ..data import Data
from ..ideas.nnrelief import clean_up
from ..settings import device as pick_device
from .masks import Masks, cut
from .recipes import Recipe, cell
from .soft import SoftMask
from .training import Epoch, State, Training, accuracy, fit, reproducible, validation_accuracy

Weights = dict[str, Tensor]
SCORE_SAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Round:
    """What one round did: trained under the masks `alive`, then pruned to `masks`.

    Accuracies in [0, 1], densities kept / total, `layer_density` that of `masks`. `trained` holds
    the state dict after training and before pruning. The last round only trains: there `masks`
    equals `alive` (Algorithm 1 of the SAP paper returns the trained w_T with m_T).
    `nonzero_dead` counts dead weights that training moved off zero: 0, or something is wrong.
    `soft` is the learned mask before the cut, if the recipe learns one.
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
    net: nn.Module
    snapshots: Mapping[str, Weights]
    soft: Mapping[str, Tensor] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"round {self.index}: {self.density:7.2%} of the weights live, test accuracy "
            f"{self.test_accuracy:.2%} after {len(self.history)} epochs; "
            f"cut to {self.pruned_density:.2%}: {self.pruned_test_accuracy:.2%}"
        )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a run needs to go on: the masks and weights with which `round` starts."""

    round: int
    masks: Masks
    weights: Weights
    snapshots: dict[str, Weights]
    soft: Weights = field(default_factory=dict)


def prune(
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    device: str | torch.device | None = None,
    training: Training = Training(),
    start: Checkpoint | None = None,
) -> Iterator[Round]:
    """Run `recipe`: yield one `Round` for each of its rounds 0 … `recipe.rounds`.

    Round 0 trains the dense network. Each round trains, is measured and (but for the last) pruned;
    the next one starts from the weights that the recipe rewinds to. `net` is trained in place and,
    when a round is yielded, holds that round's pruned weights. The same seed on the same machine
    gives the same bits. `start` goes on from an earlier run's `checkpoint`.

    Raises ValueError or TypeError for bad arguments before any training, and warns of a layer in
    which no weight lives. Taught in notebook 00; Algorithm 1 of the SAP paper is one of its rows.
    """
    if not isinstance(seed, int):
        raise TypeError(f"seed={seed!r} must be a whole number")
    _check_learned(recipe)
    target = pick_device(device)
    net.to(target)
    masks = Masks.full(net, biases=getattr(recipe.score, "biases", False))
    state = State(net, data.to(target), masks)
    if start is not None:
        _resume(state, start, target)
    return _rounds(state, recipe, training, seed)


def checkpoint(done: Round, recipe: Recipe, seed: int) -> Checkpoint:
    """Return what `prune(..., start=...)` needs to go on after the round `done`."""
    net = copy.deepcopy(done.net)
    _rewind(net, recipe, done.snapshots, done.masks, seed, done.index)
    soft = _dead_at_zero(done.soft, done.masks)
    return Checkpoint(done.index + 1, done.masks, copy_weights(net), dict(done.snapshots), soft)


def copy_weights(net: nn.Module) -> Weights:
    """Return an independent copy of the network's parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


def _resume(state: State, start: Checkpoint, device: torch.device) -> None:
    state.round = start.round
    # In the network's own order, whatever order the checkpoint has: ties are cut by index.
    state.masks = Masks({name: start.masks[name] for name in state.masks}).to(device)
    state.net.load_state_dict(start.weights)
    state.snapshots = {
        name: {key: tensor.to(device) for key, tensor in weights.items()}
        for name, weights in start.snapshots.items()
    }
    state.soft = {name: mask.to(device) for name, mask in start.soft.items()}


def _rounds(state: State, recipe: Recipe, training: Training, seed: int) -> Iterator[Round]:
    state.snapshots.setdefault("init", copy_weights(state.net))
    while state.round <= recipe.rounds:
        done = _one_round(state, recipe, training, seed)
        yield done
        _rewind(state.net, recipe, state.snapshots, state.masks, seed, state.round)
        state.round += 1


def _one_round(state: State, recipe: Recipe, training: Training, seed: int) -> Round:
    start = time.perf_counter()
    _train_round(state, recipe, training, seed)
    alive, trained, soft = state.masks.clone(), copy_weights(state.net), dict(state.soft)
    seconds = time.perf_counter() - start
    validated = validation_accuracy(state.net, state.data)
    test_accuracy = accuracy(state.net, state.data.test)
    nonzero_dead = alive.nonzero_dead(state.net)
    start = time.perf_counter()
    if state.round < recipe.rounds:
        with reproducible(seed, state.round, 0):
            _prune_round(state, recipe)
    seconds += time.perf_counter() - start
    collapsed = tuple(state.masks.collapsed())
    if collapsed:
        warnings.warn(f"no weight lives in {', '.join(collapsed)}", RuntimeWarning, stacklevel=4)
    return Round(
        index=state.round,
        density=alive.density,
        validation_accuracy=validated,
        test_accuracy=test_accuracy,
        pruned_density=state.masks.density,
        pruned_test_accuracy=accuracy(state.net, state.data.test),
        layer_density=state.masks.layer_density(),
        history=tuple(state.history),
        seconds=seconds,
        nonzero_dead=nonzero_dead,
        collapsed=collapsed,
        alive=alive,
        masks=state.masks.clone(),
        trained=trained,
        net=state.net,
        snapshots=state.snapshots,
        soft=soft,
    )


def _train_round(state: State, recipe: Recipe, training: Training, seed: int) -> None:
    wanted = getattr(recipe.rewind, "epoch", None)
    soft = _soft_mask(state, recipe)
    for _ in fit(state, training, recipe.stop, seed, soft):
        if state.round == 0 and state.epoch == wanted:
            weights = soft.unmasked() if soft else copy_weights(state.net)
            state.snapshots[f"epoch {wanted}"] = weights
    if soft:
        state.soft = soft.values()
    if state.round == 0:
        state.snapshots["dense"] = copy_weights(state.net)


def _prune_round(state: State, recipe: Recipe) -> None:
    """Score the network, cut what the budget asks, and set the newly dead to zero."""
    split = state.data.train.take(getattr(recipe.score, "samples", SCORE_SAMPLES))
    scores = _scores(state, recipe.score, (split.inputs, split.targets))
    state.masks.shrink(cut(scores, state.masks, recipe.budget, recipe.scope))
    if recipe.clean_up:
        state.masks.shrink(clean_up(state.net, state.masks, split.inputs))
    state.masks.apply_(state.net)
    state.soft = _dead_at_zero(state.soft, state.masks)


def _scores(state: State, score: Score, batch: Batch) -> dict[str, Tensor]:
    """Return the score of every weight: what training has learned, or what the score says."""
    if isinstance(score, learned_mask):
        return state.soft
    return score(_judged(state, score), batch)


def _soft_mask(state: State, recipe: Recipe) -> SoftMask | None:
    """Return the mask to learn in this round; the last round trains the ticket in isolation."""
    if not isinstance(recipe.score, learned_mask) or state.round >= recipe.rounds:
        return None
    state.masks.apply_(state.net)
    return SoftMask(state.net, state.masks, state.soft, recipe.score)


def _dead_at_zero(soft: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: mask.masked_fill(~masks[name], 0) for name, mask in soft.items()}


def _check_learned(recipe: Recipe) -> None:
    """Refuse to go on from weights that have the mask in them: it would be multiplied in twice."""
    if isinstance(recipe.score, learned_mask) and recipe.rewind in (fine_tune, to_dense):
        raise ValueError(
            f"rewind={cell(recipe.rewind)} goes on from m ⊙ θ, and a learned mask from m: "
            "choose to_init, to_epoch or reinitialise"
        )


def _judged(state: State, score: Score) -> nn.Module:
    """Return the network that the score looks at: today's, or one with a snapshot's weights."""
    if not isinstance(score, at_snapshot):
        return state.net
    earlier = copy.deepcopy(state.net)
    earlier.load_state_dict(state.snapshots[score.snapshot])
    state.masks.apply_(earlier)
    return earlier


def _rewind(
    net: nn.Module,
    recipe: Recipe,
    snapshots: Mapping[str, Weights],
    masks: Masks,
    seed: int,
    index: int,
) -> None:
    with reproducible(seed, index, -1):
        recipe.rewind(net, snapshots)
    masks.apply_(net)
