"""THE pruning loop: a generator of rounds, so that a notebook can draw while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..checks import Seed, checked, warn
from ..choices.needs import Parametrisation, needs
from ..choices.scores import outside, prunable
from ..choices.stops import Epoch
from ..data import Data
from ..ideas.weights import Weights, copy_weights, everything, load_weights, weights_of
from ..modes import at_once, copied, lent
from ..settings import device as pick_device
from .masks import Masks, cut, scored
from .parametrisation import HardMask
from .progress import bar
from .recipes import Recipe
from .training import State, Training, accuracy, fit, reproducible, threads_for, validation_accuracy


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a run needs to go on: the masks and weights with which `round` starts.

    `learned` is what the round before has learned of each weight, if its score is a learned one;
    `spent` counts the epochs so far.
    """

    round: int
    masks: Masks
    weights: Mapping[str, Tensor]
    snapshots: Mapping[str, Mapping[str, Tensor]]
    learned: dict[str, Tensor] = field(default_factory=dict)
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
    learned: dict[str, Tensor]
    checkpoint: Checkpoint
    _net: nn.Module = field(repr=False)

    def trained_net(self) -> nn.Module:
        """Return a network of its own, in eval mode, as it was after training."""
        return copied(self._net).eval()

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
    progress: bool = True,
) -> Iterator[Round]:
    """Run `recipe`: yield one `Round` for each of its rounds 0 … `recipe.rounds`.

    Round 0 trains the dense network. Each round trains, is measured and (but for the last) pruned;
    the next one starts from the weights that the recipe rewinds to. `net` is trained in place: when
    a round is yielded it holds that round's pruned weights, in the end the ticket. The same seed on
    the same machine gives the same bits. `start` goes on from the `checkpoint` of an earlier run's
    round. A bar shows how far it is if it takes more than three seconds, and `progress`.

    What cannot work is refused before any training (`Recipe.check`: ValueError or TypeError). Warns
    of weights that stay outside the density, of weights that are zero from the start and yet count
    as living, and of a layer in which no weight lives. Taught in notebook 00; Algorithm 1 of the
    SAP paper is one of its rows.
    """
    target = pick_device(device)
    with torch.inference_mode(False):
        data = data.to(target)
        recipe.check(net, data, training)
        net.to(target)
        state = State(net, data, Masks.full(net, biases=needs(recipe.score).biases))
        if start is not None:
            _resume(state, start, target)
        elif zeros := sum(int((weight == 0).sum()) for weight in prunable(net).values()):
            warn(
                f"net has {zeros:,} weights that are exactly zero: they count as living, and "
                "training moves them. If they were pruned, give start=Checkpoint(0, masks, "
                "net.state_dict(), {})",
                UserWarning,
            )
    if dense := outside(net):
        warn(f"{', '.join(dense)}: not pruned, and outside the density", UserWarning)
    rounds = _rounds(state, recipe, training, seed)
    return _shown(rounds, recipe.rounds + 1 - state.round) if progress else rounds


def _resume(state: State, start: Checkpoint, device: torch.device) -> None:
    state.round, state.spent = start.round, start.spent
    # In the network's own order, whatever order the checkpoint has: ties are cut by index.
    state.masks = Masks({name: start.masks[name] for name in state.masks}).to(device)
    load_weights(state.net, start.weights)
    state.snapshots = {
        name: weights_of(state.net, {k: t.to(device) for k, t in everything(weights).items()})
        for name, weights in start.snapshots.items()
    }
    state.learned = {name: score.to(device) for name, score in start.learned.items()}


def _shown(rounds: Iterator[Round], count: int) -> Iterator[Round]:
    with bar(count, "round", "pruning") as shown:
        for finished in rounds:
            shown.update()
            yield finished


def _rounds(state: State, recipe: Recipe, training: Training, seed: int) -> Iterator[Round]:
    while state.round <= recipe.rounds:
        with threads_for(state.net), torch.inference_mode(False), at_once(training.batch_size):
            state.snapshots.setdefault("init", copy_weights(state.net))
            finished = _one_round(state, recipe, training, seed)
        yield finished
        state.round, state.spent = state.round + 1, finished.checkpoint.spent
        if state.round <= recipe.rounds:
            with torch.inference_mode(False):
                load_weights(state.net, finished.checkpoint.weights)


def _one_round(state: State, recipe: Recipe, training: Training, seed: int) -> Round:
    start = time.perf_counter()
    _train_round(state, recipe, training, seed)
    seconds = time.perf_counter() - start
    alive, net, learned = state.masks.clone(), copied(state.net), dict(state.learned)
    validated = validation_accuracy(state.net, state.data)
    tested, trained = accuracy(state.net, state.data.test), copy_weights(state.net)
    start = time.perf_counter()
    if state.round < recipe.rounds:
        with reproducible(seed, state.round, 0):
            _prune_round(state, recipe)
    seconds += time.perf_counter() - start
    if collapsed := tuple(state.masks.collapsed()):
        warn(f"no weight lives in {', '.join(collapsed)}", RuntimeWarning)
    return Round(
        index=state.round,
        density=alive.density,
        validation_accuracy=validated,
        test_accuracy=tested,
        pruned_density=state.masks.density,
        pruned_test_accuracy=accuracy(state.net, state.data.test),
        layer_density=state.masks.layer_density(),
        history=tuple(state.history),
        seconds=seconds,
        nonzero_dead=alive.nonzero_dead(net),
        collapsed=collapsed,
        alive=alive,
        masks=state.masks.clone(),
        trained=trained,
        learned=learned,
        checkpoint=_next_start(state, recipe, seed),
        _net=net,
    )


def _train_round(state: State, recipe: Recipe, training: Training, seed: int) -> None:
    learns, wanted = needs(recipe.score).learns, needs(recipe.rewind).snapshot
    state.masks.apply_(state.net)
    # The last round trains the ticket in isolation.
    last = state.round >= recipe.rounds
    make, earlier = (HardMask, {}) if learns is None or last else (learns, state.learned)
    held: Parametrisation = make(state.net, state.masks, earlier)
    for _ in fit(state, training, recipe.stop, seed, held):
        if state.round == 0 and state.epoch == wanted:
            state.snapshots[f"epoch {wanted}"] = held.weights()
    state.learned = held.scores() or state.learned
    if state.round == 0:
        state.snapshots["dense"] = copy_weights(state.net)


def _prune_round(state: State, recipe: Recipe) -> None:
    """Score the network, cut what the budget asks, and set the newly dead to zero."""
    wants, judged = needs(recipe.score), state.net
    if wants.weights != "now":
        judged = copied(state.net)
        load_weights(judged, state.snapshots[wants.weights])
        state.masks.apply_(judged)
    scores = state.learned if wants.learns else scored(judged, state.data.train, recipe.score)
    where = {"round": state.round, "rounds": recipe.rounds}
    state.masks.shrink(cut(scores, state.masks, recipe.budget, recipe.scope, **where))
    for shrink in recipe.after:
        with lent(state.net) as net:
            images = state.data.train.take(wants.images).clone()
            state.masks.shrink(shrink(net, state.masks.clone(), images))
    state.masks.apply_(state.net)
    state.learned = {
        name: score.masked_fill(~state.masks[name], 0) for name, score in state.learned.items()
    }


def _next_start(state: State, recipe: Recipe, seed: int) -> Checkpoint:
    """Return what the next round starts from, rewound in a copy of the network."""
    net = copied(state.net)
    with reproducible(seed, state.round, -1), lent(state.net) as rewound:
        recipe.rewind(rewound, state.snapshots)
        load_weights(net, everything(rewound))
    state.masks.apply_(net)
    return Checkpoint(
        state.round + 1,
        state.masks.clone(),
        copy_weights(net),
        dict(state.snapshots),
        dict(state.learned),
        state.spent + len(state.history),
    )
