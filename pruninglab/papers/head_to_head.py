"""All five papers and their baselines on one board, `python -m pruninglab.papers head-to-head`.

Every method meets six densities at equal training cost: at density d each has spent as many epochs
(`stops.at_pace`), however it got there. Methods whose budget is a share of weights go down one
ladder of densities; SAP, InCoP, NNrelief and concave masks choose their own steps.

First `head-to-head-trials`: each method is run with four settings, on one seed that is used for
nothing else, and the best mean validation accuracy over the six densities is taken; what a setting
never reaches, or only at a higher cost, counts as chance. LeNet-300-100 also tries mixtures that no
paper has. LeNet-5, slow as it is, takes over what was chosen for LeNet-300-100.
Then `head-to-head` runs the chosen settings on other seeds. No setting is chosen on the test set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate, product, takewhile
from math import log2

import numpy as np

from .. import nets
from ..checks import checked
from ..choices import budgets, rewinds, saliency, scopes, scores, stops
from ..choices.rewinds import Rewind
from ..choices.scopes import Scope
from ..choices.scores import Score
from ..engine.recipes import Choices, Recipe, cell, lottery_ticket, one_shot, random_pruning
from ..engine.results import Row, Runs, number
from ..engine.training import Training, adam, constant
from ..ideas.concave import log
from .concave import soft_mask
from .experiment import Experiment, Measured, Settings, networks
from .imc import imc
from .incop import incop_gf, incop_if
from .nnrelief import nnrelief
from .sap import sap

NETS = {"sap_mlp": nets.sap_mlp, "lenet_300_100": nets.lenet_300_100, "lenet_5": nets.lenet_5}
DENSITIES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
# Epochs that a run may have cost more than the pace says: one, the shortest round.
SLACK = 1.0
# A seed of their own for the trials.
TRIAL_SEED = 100
# Rounds enough for whoever chooses the steps; a share of the living needs this many to 1 %.
OWN_STEPS = 15
LADDER: Choices = {"budget": budgets.ladder(DENSITIES), "rounds": len(DENSITIES)}
TWO_SCOPES: Mapping[str, Scope] = {"layer": scopes.layer, "global": scopes.global_}
# With γ = 1 SAP's bound takes a few percent a round from networks that were trained so briefly: in
# 15 rounds it does not come below a fifth. These γ bring it to a hundredth. With the printed
# β = .9 their first round would take nine tenths at once; β = ½ lets SAP pass by every density.
PQ_AND_GAMMA = ((0.5, 1.0, 16.0), (1.0, 2.0, 5.0))
BETA = 0.5
MIXTURE = "best mixture"
MIXED_IN = "lenet_300_100"


@checked
def trials(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return four settings of every method as "method: setting"; mixtures for LeNet-300-100 too."""
    pace = stops.at_pace(settings["dense"], settings["per-halving"])
    rows = _baselines(pace) | _papers(pace)
    if net == MIXED_IN:
        rows |= _mixtures(pace)
    return rows


def _baselines(pace: stops.at_pace) -> dict[str, Recipe]:
    """Return what each paper compares itself with, and chance."""
    rows: dict[str, Recipe] = {}
    from_dense = replace(pace, earlier="dense")
    for name, scope in TWO_SCOPES.items():
        for rewind in (rewinds.to_init, rewinds.to_epoch(1)):
            ticket = lottery_ticket(**LADDER).but(stop=pace, scope=scope, rewind=rewind)
            rows[f"lottery ticket: {name}, {_word(rewind)}"] = ticket
        for rewind in (rewinds.to_init, rewinds.to_dense):
            once = one_shot(**LADDER).but(stop=from_dense, scope=scope, rewind=rewind)
            rows[f"one-shot: {name}, {_word(rewind)}"] = once
        for rewind in (rewinds.to_init, rewinds.fine_tune):
            chance = random_pruning(**LADDER).but(stop=pace, scope=scope, rewind=rewind)
            rows[f"random: {name}, {_word(rewind)}"] = chance
        tuned = lottery_ticket().but(stop=pace, scope=scope, rewind=rewinds.fine_tune)
        rows[f"magnitude, fine-tuned: {name}, ladder"] = tuned.but(**LADDER)
        # A little below the last density: each group keeps the whole numbers above the curve.
        cubic = budgets.cubic(1 - 0.9 * DENSITIES[-1])
        rows[f"magnitude, fine-tuned: {name}, cubic"] = tuned.but(**LADDER).but(budget=cubic)
    return rows


def _papers(pace: stops.at_pace) -> dict[str, Recipe]:
    rows: dict[str, Recipe] = {}
    own: Choices = {"stop": pace, "rounds": OWN_STEPS}
    for (p, q, gamma), (name, scope) in product(PQ_AND_GAMMA, TWO_SCOPES.items()):
        recipe = sap(p, q, gamma=gamma, beta=BETA, **own).but(scope=scope)
        rows[f"SAP: ({p:g}, {q:g}), γ = {gamma:g}, {name}"] = recipe
    for (p, q, gamma), near in product(PQ_AND_GAMMA, (True, False)):
        for label, make, epsilon in (
            ("InCoP-IF", incop_if, 0.4 if near else 0.8),
            ("InCoP-GF", incop_gf, 0.5 if near else 1.0),
        ):
            recipe = make(epsilon, 100, distance="relative", rounds=OWN_STEPS)
            recipe = recipe.but(
                budget=budgets.pq_bound(p, q, gamma=gamma, beta=BETA),
                stop=stops.sooner(recipe.stop, pace),
            )
            rows[f"{label}: ({p:g}, {q:g}), γ = {gamma:g}, ε = {epsilon:g}"] = recipe
    for alpha, rewind in product((0.7, 0.8), (rewinds.to_init, rewinds.fine_tune)):
        recipe = nnrelief(alpha, **own).but(rewind=rewind)
        rows[f"NNrelief: α = {alpha:g}, {_word(rewind)}"] = recipe
    for lam in (1e-5, 1e-4):
        mask = soft_mask(log(0.1), lam, **LADDER).but(stop=pace, budget=LADDER["budget"])
        rows[f"concave masks: λ = {lam:g}, ladder"] = mask
    for lam in (3e-4, 1e-3):
        rows[f"concave masks: λ = {lam:g}, threshold"] = soft_mask(log(0.1), lam, **own)
    # Flat leverage, the letter of the paper, wants minutes of Lanczos steps for each cut.
    for reading in ("flat diagonal", "sharp diagonal", "brain damage"):
        rows[f"IMC: {reading}, fine_tune"] = imc(reading, **LADDER).but(stop=pace)
    rewound = imc("flat diagonal", **LADDER).but(stop=pace, rewind=rewinds.to_epoch(1))
    rows["IMC: flat diagonal, to_epoch_1"] = rewound
    return rows


def _mixtures(pace: stops.at_pace) -> dict[str, Recipe]:
    """Return rows of choices from different papers that no paper has put together."""
    judges: dict[str, Score] = {
        "NNrelief": scores.nnrelief(1000),
        "Fisher": saliency.fisher(),
        "Wanda": saliency.wanda(),
        "RIA": saliency.ria(),
    }
    ways: tuple[Rewind, ...] = (rewinds.fine_tune, rewinds.to_epoch(1))
    rows: dict[str, Recipe] = {}
    for (who, score), (name, scope), rewind in product(judges.items(), scopes.SCOPES.items(), ways):
        recipe = Recipe(score, scope=scope, stop=pace, rewind=rewind).but(**LADDER)
        rows[f"{MIXTURE}: {who}, {name}, {_word(rewind)}"] = recipe
    for p, q, gamma in PQ_AND_GAMMA:
        bound = sap(p, q, gamma=gamma, beta=BETA, stop=pace, rounds=OWN_STEPS)
        bound = bound.but(scope=scopes.global_, rewind=rewinds.fine_tune)
        rows[f"{MIXTURE}: SAP ({p:g}, {q:g}), γ = {gamma:g}, global, fine_tune"] = bound
    return rows


def _word(rewind: Rewind) -> str:
    return cell(rewind).replace("(", "_").strip(")")


@checked
def means(runs: Runs) -> dict[str, float]:
    """Return the mean validation accuracy over DENSITIES of each trial; chance where it is not.

    Taught in notebook 07.
    """
    chance = 0.1
    at = [runs.at_density("validation_accuracy", density) for density in DENSITIES]
    return {
        label: float(np.mean([np.nan_to_num(values[label], nan=chance) for values in at]))
        for label in runs
    }


@checked
def chosen(runs: Runs) -> dict[str, str]:
    """Return of each method the trial with the best mean validation accuracy: {method: setting}.

    The first one if several are equally good. Taught in notebook 07.
    """
    best: dict[str, tuple[str, float]] = {}
    for label, mean in means(runs).items():
        method, _, setting = label.partition(": ")
        if method not in best or mean > best[method][1]:
            best[method] = (setting, mean)
    return {method: setting for method, (setting, _) in best.items()}


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the chosen setting of every method, and the best mixture of LeNet-300-100.

    LeNet-5 takes over all that was chosen for LeNet-300-100. Raises FileNotFoundError where the
    trials were not run.
    """
    recipes = trials(net, settings) | trials(MIXED_IN, settings)
    everywhere = chosen(at_equal_cost(TRIALS.record(f"{DATA}_{MIXED_IN}")))
    picked = everywhere
    if net in TRIALS.printed_nets:
        asked = {key: settings[key] for key in TRIALS.printed[net]} | {"seeds": 1}
        name = TRIALS.record_name(settings["data"], net, asked, settings["small"])
        picked = chosen(at_equal_cost(TRIALS.record(name))) | {MIXTURE: everywhere[MIXTURE]}
    return {method: recipes[f"{method}: {setting}"] for method, setting in picked.items()}


@checked
def with_paid(measured: Measured) -> Runs:
    """Return the runs of a record; each row also has "paid", the epochs that its network has cost.

    What a one-shot ranking pays for is the dense round and the row's own, not those between.
    Taught in notebook 07.
    """
    recipes = _recipes(measured)
    return Runs({
        label: [_paid(rows, recipes[label].stop) for rows in seeds]
        for label, seeds in measured.runs.items()
    })  # fmt: skip


@checked
def at_equal_cost(measured: Measured) -> Runs:
    """Return the runs of a record, each up to where it has cost more than the pace and one epoch.

    A round has at least one epoch, so whoever cuts in small steps pays for each of them: below that
    density a run counts as one that does not get there. Taught in notebook 07.
    """
    dense, per_halving = measured.settings["dense"], measured.settings["per-halving"]

    def fair(row: Row) -> bool:
        # With nothing left, no cost is too high.
        halvings = -log2(max(number(row, "density"), 1e-9))
        return number(row, "paid") <= float(dense + per_halving * halvings) + SLACK

    return Runs({
        label: [list(takewhile(fair, rows)) for rows in seeds]
        for label, seeds in with_paid(measured).items()
    })  # fmt: skip


def _recipes(measured: Measured) -> dict[str, Recipe]:
    """Return what a record has run: trials are named "method: setting", methods are not."""
    make = trials if all(": " in label for label in measured.runs) else methods
    return make(measured.settings["net"], measured.settings)


def _paid(rows: list[Row], stop: stops.Stop) -> list[Row]:
    epochs = [number(row, "epochs") for row in rows]
    if isinstance(stop, stops.at_pace) and stop.earlier == "dense":
        paid = [epochs[0], *(epochs[0] + own for own in epochs[1:])]
    else:
        paid = list(accumulate(epochs))
    return [row | {"paid": so_far} for row, so_far in zip(rows, paid, strict=True)]


def training(net: str, settings: Settings) -> Training:
    """Return Adam at a constant rate: rounds of different lengths know no schedule."""
    return Training(adam(lr=1e-3, weight_decay=0.0), settings["batch"], constant)


KEEP = ("seed", "round", "density", "epochs", "validation_accuracy", "test_accuracy")
DATA = "fashion-mnist"
# LeNet-5 takes sixteen times as long as LeNet-300-100, so it gets half the pace.
PRINTED: dict[str, Settings] = {
    net: {"dense": 2, "per-halving": 2, "batch": 250, "seeds": 5} for net in NETS
} | {"lenet_5": {"dense": 2, "per-halving": 1, "batch": 100, "seeds": 5}}

TRIALS = Experiment(
    name="head-to-head-trials",
    about="Four settings of every method on validation, before they meet.",
    printed={net: settings | {"seeds": 1} for net, settings in PRINTED.items()},
    # Forty more runs of LeNet-5 would take longer than all the others.
    printed_nets=("sap_mlp", "lenet_300_100"),
    data=dict.fromkeys(NETS, (DATA,)),
    make=networks(NETS),
    methods=trials,
    training=training,
    keep=KEEP,
    first_seed=TRIAL_SEED,
)

EXPERIMENT = Experiment(
    name="head-to-head",
    about=(__doc__ or "").split("\n")[0],
    printed=PRINTED,
    printed_nets=tuple(NETS),
    data=dict.fromkeys(NETS, (DATA,)),
    make=networks(NETS),
    methods=methods,
    training=training,
    keep=KEEP,
)

EXPERIMENTS = (TRIALS, EXPERIMENT)
