"""Faults that once gave wrong numbers without a word: each test is its reproduction."""

from __future__ import annotations

import copy
import math
import threading
import warnings
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import pruninglab as lab
from pruninglab.choices.needs import Needs, asks
from pruninglab.choices.scopes import Groups
from pruninglab.data import Data, Split
from pruninglab.engine.loop import Round
from pruninglab.ideas.concave import l1

TRAINING = lab.Training(batch_size=30)


def run(net: nn.Module, data: Data, recipe: lab.Recipe, **options: Any) -> list[Round]:
    options = {"seed": 0, "training": TRAINING} | options
    return list(lab.prune(copy.deepcopy(net), data, recipe, **options))


def without_validation(data: Data) -> Data:
    return Data(data.name, data.train, data.validation.take(0), data.test, data.classes)


# --- epochs asked are epochs trained -------------------------------------------------------------


def test_a_stop_that_says_how_long_is_not_cut_short_by_a_default(
    tiny_net: nn.Module, tiny_data: Data
) -> None:
    recipe = lab.Recipe(stop=lab.stops.epochs(103), rounds=0)
    assert [len(r.history) for r in run(tiny_net, tiny_data, recipe)] == [103]


@pytest.mark.parametrize(("first", "later"), [(0, 3), (2, 0), (0, 0)])
def test_a_round_may_have_no_epoch(
    tiny_net: nn.Module, tiny_data: Data, first: int, later: int
) -> None:
    recipe = lab.Recipe(stop=lab.stops.first_then(first, later), rounds=1)
    rounds = run(tiny_net, tiny_data, recipe)
    assert [len(r.history) for r in rounds] == [first, later]
    if not first:
        start = tiny_net.state_dict()
        assert all(torch.equal(w, start[name]) for name, w in rounds[0].trained.items())


# --- best_of -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cap", "lr"), [(None, 3.0), (3, 2.0)])
def test_best_of_ends_with_the_weights_of_its_best_epoch(
    tiny_net: nn.Module, tiny_data: Data, cap: int | None, lr: float
) -> None:
    wild = lab.Training(lab.sgd(lr=lr), batch_size=10, max_epochs=cap)
    recipe = lab.Recipe(stop=lab.stops.best_of(6), rounds=0)
    (only,) = run(tiny_net, tiny_data, recipe, training=wild)
    reached = [epoch.validation_accuracy for epoch in only.history]
    assert len(reached) == (cap or 6)
    assert only.validation_accuracy == max(reached) > reached[-1]


def test_best_of_restores_a_learned_mask_with_its_weights(
    tiny_net: nn.Module, tiny_data: Data
) -> None:
    """The network holds m ⊙ θ: what lives in it and what the mask says must agree."""
    recipe = lab.recipes.soft_mask(l1(), 0.02, 0.2, stop=lab.stops.best_of(8), rounds=1)
    wild = lab.Training(lab.sgd(lr=1.0), batch_size=10)
    first = run(tiny_net, tiny_data, recipe, training=wild)[0]
    reached = [epoch.validation_accuracy for epoch in first.history]
    assert first.validation_accuracy == max(reached)
    for name, m in first.learned.items():
        assert torch.equal(m == 0, first.trained[name] == 0)


# --- counting ------------------------------------------------------------------------------------


def counted(budget: Any, scores: list[float]) -> int:
    row = torch.tensor([scores], dtype=torch.float64)
    return int(budget(Groups(row, torch.ones_like(row, dtype=torch.bool))))


def test_the_pqi_bound_counts_exact_products_exactly() -> None:
    """Squares have rational roots, so I(½, 1) and d · I are exact rationals: count with those."""
    tried = 0
    for roots in product(range(1, 7), repeat=4):
        scores, d = [n**2 for n in roots], len(roots)
        index = 1 - Fraction(sum(roots) ** 2, d * sum(scores))
        expected = d - math.floor(d * min(index, Fraction(9, 10)))
        assert counted(lab.budgets.pq_bound(), [float(s) for s in scores]) == expected, scores
        tried += (d * index).denominator == 1
    assert tried > 20, "enough products are whole numbers"
    assert counted(lab.budgets.pq_bound(), [1, 1, 16]) == 2


@pytest.mark.parametrize("percent", range(1, 100))
def test_beta_takes_the_share_that_it_names(percent: int) -> None:
    scores = [0.0] * 99 + [1.0]
    assert counted(lab.budgets.pq_bound(beta=percent / 100), scores) == 100 - percent
    assert counted(lab.budgets.fraction(percent / 100), scores) == 100 - percent


# --- what cannot work is refused before training -------------------------------------------------


def plain_biases(net: nn.Module, images: Split) -> dict[str, torch.Tensor]:
    return {name: p.detach().abs() for name, p in net.named_parameters()}


def nothing(net: nn.Module, images: Split) -> dict[str, torch.Tensor]:
    return {}


def no_groups(scores: Any, alive: Any) -> Any:
    return iter(())


def half_a_weight(groups: Groups) -> torch.Tensor:
    return groups.living / 2


def one_count(groups: Groups) -> torch.Tensor:
    return groups.living[:1]


def nan_count(groups: Groups) -> torch.Tensor:
    return groups.living * math.nan


def stay(net: nn.Module, snapshots: Any) -> None:
    pass


CHOICES: list[tuple[dict[str, Any], str]] = [
    ({"score": plain_biases}, "bias"),
    ({"score": nothing}, "scores is empty"),
    ({"scope": no_groups}, "scope yields no groups"),
    ({"budget": half_a_weight}, "budget must return a whole number"),
    ({"budget": one_count, "scope": lab.scopes.neuron}, "budget must return a whole number"),
    ({"budget": nan_count}, "budget must return a whole number"),
    ({"rewind": lab.rewinds.to_epoch(9), "stop": lab.stops.epochs(3)}, r"rewind=to_epoch\(9\)"),
    ({"rewind": lab.rewinds.to_epoch(2), "stop": lab.stops.first_then(1, 9)}, "rewind=to_epoch"),
    ({"score": lab.scores.leverage("sharp", 500)}, "sharp=500"),
    ({"score": lab.scores.learned_mask(l1(), 0.1), "rewind": stay}, "rewind=stay"),
    ({"score": lab.scores.learned_mask(l1(), 0.1), "rewind": lab.rewinds.fine_tune},
     "rewind=fine_tune"),
    ({"score": lab.scores.at_snapshot(lab.scores.nnrelief()), "scope": no_groups},
     "scope yields no groups"),
]  # fmt: skip


@pytest.mark.parametrize(("choices", "message"), CHOICES)
def test_choices_that_cannot_work_are_refused_before_training(
    tiny_net: nn.Module, tiny_data: Data, choices: dict[str, Any], message: str
) -> None:
    before = copy.deepcopy(tiny_net.state_dict())
    with pytest.raises((ValueError, KeyError), match=message):
        lab.prune(tiny_net, tiny_data, lab.Recipe().but(**choices), seed=0, training=TRAINING)
    assert all(torch.equal(w, before[name]) for name, w in tiny_net.state_dict().items())


@pytest.mark.parametrize("stop", [lab.stops.best_of(2), lab.stops.accuracy_within(0.1, 2)])
def test_a_stop_that_needs_validation_says_so_first(
    tiny_net: nn.Module, tiny_data: Data, stop: Any
) -> None:
    data = without_validation(tiny_data)
    for start in (
        lambda: lab.prune(tiny_net, data, lab.Recipe(stop=stop), seed=0),
        lambda: lab.train(tiny_net, data, stop=stop),
    ):
        with pytest.raises(ValueError, match="stop needs a validation split"):
            start()


def test_at_snapshot_hands_on_what_its_score_needs(tiny_net: nn.Module, tiny_data: Data) -> None:
    score = lab.scores.at_snapshot(lab.scores.nnrelief(samples=20), "dense")
    recipe = lab.Recipe(score, scope=lab.scopes.neuron, rounds=1, stop=lab.stops.epochs(1))
    assert "1.bias" in run(tiny_net, tiny_data, recipe)[0].masks
    with pytest.raises(ValueError, match="snapshot='dens'"):
        lab.scores.at_snapshot(lab.scores.magnitude, "dens")


def test_a_score_of_biases_says_so(tiny_net: nn.Module, tiny_data: Data) -> None:
    declared = asks(biases=True)(lambda net, images: plain_biases(net, images))
    recipe = lab.Recipe(declared, scope=lab.scopes.global_, rounds=1, stop=lab.stops.epochs(1))
    assert run(tiny_net, tiny_data, recipe)[0].masks.total == 51


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lab.scores.leverage("flat", samples="abc"), "samples='abc'"),
        (lambda: lab.scores.curvature("flat", samples=0), "samples=0"),
        (lambda: lab.scores.leverage("flat", samples=-1), "samples=-1"),
        (lambda: lab.Training(optimizer=None), "optimizer=None"),
        (lambda: lab.budgets.count(True), "number=True"),
        (lambda: Needs(restore="middle"), "restore='middle'"),
    ],
)
def test_settings_are_checked_where_they_are_made(make: Callable, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


# --- odd networks --------------------------------------------------------------------------------


class Extra(nn.Linear):
    def get_extra_state(self) -> str:
        return "more"

    def set_extra_state(self, state: Any) -> None:
        pass


def frozen(net: nn.Module) -> nn.Module:
    return net.requires_grad_(False)


ODD: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "weight norm": (lambda: parametrizations.weight_norm(nn.Linear(4, 3)), "weight_norm"),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Linear(4, 3)), "spectral_norm"),
    "empty": (lambda: nn.Linear(4, 0), "empty weight"),
    "half": (lambda: nn.Linear(4, 3).half(), "torch.float16"),
    "double": (lambda: nn.Linear(4, 3).double(), "torch.float64"),
    "frozen": (lambda: frozen(nn.Linear(4, 3)), "requires a gradient"),
    "meta": (lambda: nn.Linear(4, 3, device="meta"), "net holds a meta tensor"),
    "lazy": (lambda: nn.LazyLinear(3), "net holds an uninitialised tensor"),
    "extra state": (lambda: Extra(4, 3), "get_extra_state"),
    "parallel": (lambda: nn.DataParallel(nn.Linear(4, 3)), "DataParallel"),
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("kind", ODD)
def test_networks_that_cannot_be_pruned_are_refused_by_name(kind: str, tiny_data: Data) -> None:
    make, message = ODD[kind]
    net = nn.Sequential(nn.Flatten(), make())
    if kind == "parallel":
        net = make()
    with pytest.raises(ValueError, match=message):
        lab.prune(net, tiny_data, lab.Recipe(), seed=0)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.out = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.second(torch.relu(self.first(x.flatten(1)))))


def test_tied_weights_count_once(tiny_data: Data) -> None:
    rounds = run(Tied(), tiny_data, lab.Recipe(rounds=1, stop=lab.stops.epochs(1)))
    assert rounds[0].masks.total == 16 + 12
    assert rounds[-1].nonzero_dead == 0


def test_what_stays_outside_the_density_is_said(tiny_data: Data) -> None:
    net = nn.Sequential(
        nn.ConvTranspose2d(1, 2, 2), nn.Flatten(), nn.Linear(18, 3)
    )  # 2×2 images become 3×3
    with pytest.warns(UserWarning, match=r"0\.weight: not pruned, and outside the density"):
        run(net, tiny_data, lab.Recipe(rounds=0, stop=lab.stops.epochs(0)))


# --- state ---------------------------------------------------------------------------------------


def test_accuracy_gives_every_module_its_own_mode_back(tiny_data: Data) -> None:
    norm = nn.BatchNorm1d(4).eval()
    net = nn.Sequential(nn.Flatten(), norm, nn.Linear(4, 3))
    net.train()
    norm.eval()
    lab.accuracy(net, tiny_data.test)
    assert net.training and not norm.training
    with pytest.raises(KeyboardInterrupt):
        net.register_forward_hook(lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        lab.accuracy(net, tiny_data.test)
    assert net.training and not norm.training


def test_accuracy_is_never_above_one(tiny_net: nn.Module, tiny_data: Data) -> None:
    with pytest.raises((ValueError, TypeError), match="targets"):
        lab.accuracy(tiny_net, Split(tiny_data.test.inputs, tiny_data.test.targets[:, None]))


def test_rounds_that_were_listed_are_each_their_own(tiny_net: nn.Module, tiny_data: Data) -> None:
    recipe = lab.Recipe(rewind=lab.rewinds.fine_tune, rounds=2, stop=lab.stops.epochs(1))
    listed = run(tiny_net, tiny_data, recipe)
    started = lab.prune(copy.deepcopy(tiny_net), tiny_data, recipe, seed=0, training=TRAINING)
    live = [copy.deepcopy(next(started).checkpoint.weights) for _ in range(3)]
    for finished, weights in zip(listed, live, strict=True):
        assert all(torch.equal(w, weights[k]) for k, w in finished.checkpoint.weights.items())
        pruned = finished.pruned_net()
        assert lab.accuracy(pruned, tiny_data.test) == finished.pruned_test_accuracy
        assert lab.accuracy(finished.trained_net(), tiny_data.test) == finished.test_accuracy


def test_two_threads_prune_side_by_side(tiny_data: Data) -> None:
    """Dropout, a random score and reinitialisation all draw from the shared generators."""

    def net() -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return nn.Sequential(nn.Flatten(), nn.Linear(4, 30), nn.Dropout(0.5), nn.Linear(30, 3))

    recipe = lab.recipes.random_pruning(
        0.3, rewind=lab.rewinds.reinitialise, rounds=6, stop=lab.stops.epochs(3)
    )
    alone = {seed: run(net(), tiny_data, recipe, seed=seed)[-1].trained for seed in (0, 1)}
    nets = {seed: net() for seed in alone}
    beside: dict[int, dict[str, torch.Tensor]] = {}

    def work(seed: int) -> None:
        beside[seed] = run(nets[seed], tiny_data, recipe, seed=seed)[-1].trained

    threads = [threading.Thread(target=work, args=(seed,)) for seed in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, weights in alone.items():
        assert all(torch.equal(w, beside[seed][name]) for name, w in weights.items())


def test_masks_follow_the_network_to_its_device(tiny_net: nn.Module) -> None:
    masks = lab.Masks.full(tiny_net)
    keep = {name: torch.zeros_like(mask) for name, mask in masks.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks.shrink(keep)
    assert masks.kept == 0
