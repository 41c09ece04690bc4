"""Concave masks: recipe, Figures 5, 7 to 9, Table II as `python -m pruninglab.papers concave`.

ResNet-20, VGG-11 and ResNet-56 on CIFAR-10, three rounds and three seeds, with the settings of
Section V-D: days on a GPU. The options make it smaller; the record's name says so.

What the paper leaves open: α (0.05 here), how the densities of its curves come about from one λ
(several λ here, the printed one among them), weight decay of the mask (with and without), the
epochs of ResNet-56 (those of ResNet-20), augmentation (none here). LeNet-300-100 is ours: a network
for two cores, trained with Adam, since few steps of SGD move a mask by little but λ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import Unpack

from .. import nets
from ..choices import budgets, scopes, stops
from ..choices.learned import learned_mask
from ..engine.recipes import Choices, Recipe, lottery_ticket
from ..engine.results import Row, Runs
from ..engine.training import Training, adam, multistep, sgd
from ..ideas.checks import checked
from ..ideas.concave import Regularizer, l1, log
from .experiment import Experiment, Settings, networks

EPS, ALPHA, DECAY = 0.1, 0.05, 1e-4


@checked
def soft_mask(
    regularizer: Regularizer,
    lam: float,
    alpha: float = 0.05,
    *,
    weight_decay: float = 0.0,
    **choices: Unpack[Choices],
) -> Recipe:
    """Concave masks: learn a mask with the weights, and drop whoever it puts below α.

    λ decides how sparse it gets, not the threshold. `weight_decay` acts on the mask. Rounds 0 to
    `rounds` − 1 learn the mask, the last one trains the ticket in isolation. Raises ValueError for
    `alpha` outside (0, 1) and whatever `learned_mask` refuses. Source: concave-masks paper,
    Algorithm 1; α is left open there. Taught in notebook 05.

    >>> from pruninglab.ideas.concave import log
    >>> soft_mask(log(0.1), 1e-6).row()["score"]
    'learned_mask(regularizer=log(0.1), lam=1e-06)'
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha} must lie strictly between 0 and 1")
    score = learned_mask(regularizer, lam, weight_decay)
    recipe = Recipe(score, budgets.threshold(alpha), scopes.global_, rounds=3)
    return recipe.but(**choices)


@dataclass(frozen=True)
class Setting:
    """How a network is trained, and what it is pruned to: λ per regulariser, or densities."""

    make: Any
    training: Training
    l1: Sequence[float]
    log: Sequence[float]
    densities: Sequence[float]


def _printed(make: Any, at: tuple[int, int]) -> Setting:
    """Return the settings of Section V-D; the first λ of each list is the printed one."""
    optimizer = sgd(lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=False)
    training = Training(optimizer, batch_size=128, schedule=multistep(at))
    densities = (0.2, 0.1, 0.05, 0.02)
    return Setting(make, training, (3e-6, 1e-5, 3e-5), (1e-6, 3e-6, 1e-5), densities)


SETTINGS = {
    "resnet_20": _printed(nets.resnet_20, (56, 71)),
    "vgg_11": _printed(nets.vgg_11, (60, 90)),
    "resnet_56": _printed(nets.resnet_56, (56, 71)),
    "lenet_300_100": Setting(
        nets.lenet_300_100,
        Training(adam(lr=4e-3, weight_decay=1e-4), batch_size=100),
        (2e-5, 6e-5, 2e-4),
        (1e-5, 3e-5, 1e-4),
        (0.15, 0.05, 0.02),
    ),
}


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return every method and setting as "method, what varies", all at equal training cost.

    The lottery ticket and the hard approach of Figure 8 take the share that leads to a density. The
    sigmoid of Figure 9 has a tenth of the λ of ℓ1: it prunes so much more that they would not meet.
    """
    setting, rounds = SETTINGS[net], settings["rounds"]
    same: Choices = {"stop": stops.epochs(settings["epochs"]), "rounds": rounds}
    rows: dict[str, Recipe] = {}
    for density in setting.densities:
        share = round(1 - density ** (1 / max(rounds, 1)), 6)
        ticket = lottery_ticket(share, **same).but(scope=scopes.global_)
        rows[f"lottery ticket, to {density:g}"] = ticket
        hard = learned_mask(log(EPS), setting.log[0])
        rows[f"log mask by fixed share, to {density:g}"] = ticket.but(score=hard)
    for lam in setting.log:
        rows[f"log mask, λ = {lam:g}"] = soft_mask(log(EPS), lam, ALPHA, **same)
        decayed = soft_mask(log(EPS), lam, ALPHA, weight_decay=DECAY, **same)
        rows[f"log mask with decay, λ = {lam:g}"] = decayed
    for lam in setting.l1:
        soft = soft_mask(l1(), lam, ALPHA, **same)
        rows[f"l1 mask, λ = {lam:g}"] = soft
        sharp = learned_mask(l1(), lam / 10, form="sigmoid")
        rows[f"sigmoid, λ = {lam / 10:g}"] = soft.but(score=sharp)
    return rows


def by_method(results: Runs) -> Runs:
    """Gather the settings of each method: a run's rows are its tickets, one for each setting.

    A ticket is the last row, trained in isolation. So two methods can be compared at a density:
    `by_method(runs).paired(a, b, "test_accuracy", density=0.05)`. Drawn by `plots.concave.tickets`.
    """
    methods = dict.fromkeys(label.partition(",")[0] for label in results)
    tickets: dict[str, list[list[Row]]] = {}
    for method in methods:
        settings = [seeds for label, seeds in results.items() if label.partition(",")[0] == method]
        tickets[method] = [[rows[-1] for rows in seed] for seed in zip(*settings, strict=True)]
    return Runs(tickets)


EXPERIMENT = Experiment(
    name="concave",
    about=(__doc__ or "").split("\n")[0],
    printed={
        net: {"epochs": epochs, "rounds": 3, "seeds": 3}
        for net, epochs in (
            ("resnet_20", 85), ("vgg_11", 120), ("resnet_56", 85), ("lenet_300_100", 4),
        )
    },
    printed_nets=("resnet_20", "vgg_11", "resnet_56"),
    data=dict.fromkeys(SETTINGS, ("cifar10",)),
    make=networks({net: setting.make for net, setting in SETTINGS.items()}),
    methods=methods,
    training=lambda net, settings: SETTINGS[net].training,
    keep=("seed", "round", "density", "epochs", "test_accuracy", "loss"),
)  # fmt: skip

EXPERIMENTS = (EXPERIMENT,)
