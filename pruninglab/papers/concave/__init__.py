"""Concave masks: recipe, Figures 5, 7 to 9, Table II as `python -m pruninglab.papers concave`.

ResNet-20, VGG-11 and ResNet-56 on CIFAR-10, three rounds and three seeds, with the settings of
Section V-D: days on a GPU. The options make it smaller; the record's name says so.

What the paper leaves open: α (0.05 here), how the densities of its curves come about from one λ
(several λ here, the printed one among them), weight decay of the mask (with and without), the
epochs of ResNet-56 (those of ResNet-20), augmentation (none here), and the optimizer of the mask:
that of the weights. LeNet-300-100 is ours: a network for two cores, trained with Adam, since few
steps of SGD move a mask by little but λ. `concave-optimizers` puts that to the test: the weights
are trained by the paper's SGD in all its runs, and only what moves the mask differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from torch import Tensor

from ... import nets
from ...checks import Count, Positive, checked
from ...choices import budgets, scopes, stops
from ...choices.learned import learned_mask
from ...engine.recipes import Choices, Recipe, lottery_ticket
from ...engine.results import Row, Runs
from ...engine.training import OptimizerFactory, Training, adam, multistep, sgd
from ...ideas.concave import Regularizer, l1, log
from ..experiment import Experiment, Settings, networks

EPS, ALPHA, DECAY = 0.1, 0.05, 1e-4


@checked
def soft_mask(
    regularizer: Regularizer,
    lam: float,
    alpha: float = 0.05,
    *,
    weight_decay: float = 0.0,
    optimizer: OptimizerFactory | None = None,
    **choices: Unpack[Choices],
) -> Recipe:
    """Concave masks: learn a mask with the weights, and drop whoever it puts below α.

    λ decides how sparse it gets, not the threshold. `weight_decay` acts on the mask, and so does an
    `optimizer` of its own; without one that of the weights moves it too. Rounds 0 to `rounds` − 1
    learn the mask, the last one trains the ticket in isolation. Raises ValueError for `alpha`
    outside (0, 1) and whatever `learned_mask` refuses. Source: concave-masks paper, Algorithm 1; α
    is left open there. Taught in notebook 05.

    >>> from pruninglab.ideas.concave import log
    >>> soft_mask(log(0.1), 1e-6).row()["score"]
    'learned_mask(regularizer=log(0.1), lam=1e-06)'
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha} must lie strictly between 0 and 1")
    score = learned_mask(regularizer, lam, weight_decay, optimizer=optimizer)
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


def _plain_sgd(lr: float) -> OptimizerFactory:
    """Return the paper's SGD; a mask brings its own weight decay."""
    return sgd(lr=lr, momentum=0.9, weight_decay=0.0, nesterov=False)


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

    A ticket is the last row, trained in isolation, and what the label says of its run: "setting" is
    the number after the comma, λ or a density; "epochs" counts those of all rounds. So two methods
    can be compared at a density: `by_method(runs).paired(a, b, "test_accuracy", density=0.05)`.
    Drawn by `plots.concave.tickets`. Raises ValueError for a label without a setting.
    """
    tickets: dict[str, list[list[Row]]] = {}
    for label, seeds in results.items():
        method, _, setting = label.rpartition(", ")
        if not method:
            raise ValueError(f"results has {label!r}: 'method, setting' is needed")
        rows_of = tickets.setdefault(method, [[] for _ in seeds])
        for rows, run in zip(rows_of, seeds, strict=True):
            epochs = sum(row["epochs"] for row in run)
            rows.append({**run[-1], "epochs": epochs, "setting": float(setting.split()[-1])})
    return Runs(tickets)


@checked
def by_pixels(results: Mapping[str, tuple[Tensor, Tensor]], of: Count = 400) -> Runs:
    """Make runs of masks over λ, so that two methods can be compared at equally many pixels.

    `results` maps a method to (accuracy (runs, λ), living pixels (runs, λ)). A draw of the data is
    a seed; masks of it with the same number of pixels become one row, their mean. "density" is
    pixels / `of`. Raises ValueError for tensors of other shapes. Taught in notebook 05.

    >>> import torch
    >>> runs = by_pixels({"log": (torch.tensor([[0.9, 0.7, 0.5]]), torch.tensor([[8, 4, 4]]))})
    >>> [(row["density"], round(row["test_accuracy"], 2)) for row in runs["log"][0]]
    [(0.01, 0.6), (0.02, 0.9)]
    """
    runs: dict[str, list[list[Row]]] = {}
    for label, (accuracy, pixels) in results.items():
        if accuracy.dim() != 2 or accuracy.shape != pixels.shape:
            shapes = tuple(accuracy.shape), tuple(pixels.shape)
            raise ValueError(f"results[{label!r}] has {shapes}, not (runs, λ) twice")
        runs[label] = [
            [
                {"seed": seed, "density": int(count) / of,
                 "test_accuracy": float(right[living == count].double().mean())}
                for count in living.unique()
            ]
            for seed, (right, living) in enumerate(zip(accuracy, pixels, strict=True))
        ]  # fmt: skip
    return Runs(runs)


@checked
def gaps(tickets: Runs, reference: str, densities: Sequence[Positive]) -> str:
    """Return as text what every other method of `by_method` gains over `reference`, seed by seed.

    A line for each method and density: the paired difference of test accuracy, its standard
    deviation over the seeds that get there, and the epochs that each run had in all. Raises
    KeyError for an unknown reference.
    """
    if reference not in tickets:
        raise KeyError(f"reference={reference!r} is none of {list(tickets)}")
    lines, width = [], max(len(label) for label in tickets)
    for label in (label for label in tickets if label != reference):
        spent = " and ".join(f"{tickets.last('epochs')[name].mean():g}"
                             for name in (label, reference))  # fmt: skip
        for density in densities:
            try:
                gap = str(tickets.paired(label, reference, "test_accuracy", density))
            except ValueError:
                gap = "no seed has both"
            lines.append(f"{label:{width}} − {reference} at {density:.1%}: {gap}; epochs {spent}")
    return "\n".join(lines)


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

# What moves the mask: its optimizer, the penalty, and λ that lead to densities of interest.
MOVERS: dict[str, tuple[OptimizerFactory, Regularizer, Sequence[float]]] = {
    "SGD as the weights": (_plain_sgd(0.1), log(EPS), (4e-4, 4.2e-4, 4.4e-4, 5e-4)),
    "SGD × 100": (_plain_sgd(10.0), log(EPS), (5e-6, 1e-5, 3e-5, 5e-5)),
    "SGD × 100 on l1": (_plain_sgd(10.0), l1(), (5e-6, 7e-6, 1e-5, 3e-5)),
    "Adam": (adam(lr=4e-3, weight_decay=0.0), log(EPS), (1e-5, 3e-5, 1e-4)),
    "Adam / 2": (adam(lr=2e-3, weight_decay=0.0), log(EPS), (1e-5, 3e-5, 1e-4)),
}


def movers(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return masks that differ in what moves them, beside the lottery ticket, at equal epochs."""
    rounds = settings["rounds"]
    same: Choices = {"stop": stops.epochs(settings["epochs"]), "rounds": rounds}
    rows: dict[str, Recipe] = {}
    for density in (0.2, 0.1, 0.05, 0.02, 0.01):
        share = round(1 - density ** (1 / max(rounds, 1)), 6)
        ticket = lottery_ticket(share, **same).but(scope=scopes.global_)
        rows[f"lottery ticket, to {density:g}"] = ticket
    for label, (optimizer, regularizer, lambdas) in MOVERS.items():
        for lam in lambdas:
            soft = soft_mask(regularizer, lam, ALPHA, optimizer=optimizer, **same)
            rows[f"{label}, λ = {lam:g}"] = soft
    return rows


OPTIMIZERS = Experiment(
    name="concave-optimizers",
    about="Concave masks: what moves the mask? Figures 5 to 7 in small, with SGD beside Adam.",
    printed={"lenet_300_100": {"epochs": 5, "rounds": 3, "seeds": 4}},
    printed_nets=("lenet_300_100",),
    data={"lenet_300_100": ("fashion-mnist",)},
    make=networks({"lenet_300_100": nets.lenet_300_100}),
    methods=movers,
    training=lambda net, settings: Training(
        sgd(lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=False), batch_size=128
    ),
    keep=("seed", "round", "density", "epochs", "test_accuracy", "loss"),
)

NUMBER = 5
ROWS = {"Concave masks": soft_mask(log(0.1), 1e-6)}
EXPERIMENTS = (EXPERIMENT, OPTIMIZERS)
