"""SAP (PQ Index): its recipe, and Table 3 in one command, `python -m pruninglab.papers sap`.

One-shot, the lottery ticket and SAP with two (p, q), global scope, four seeds, for each of the
paper's networks on Fashion-MNIST and CIFAR-10: days on a GPU. The options make it smaller; the
record's name says so. Unlike the authors we do not augment the images. Three more commands:
`sap-scopes` and `sap-layers` for Figures 4 and 19, `sap-grid` for Figure 7.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Unpack

from ... import nets
from ...checks import checked
from ...choices import budgets, scopes, stops
from ...data import Data
from ...engine.loop import Round, prune
from ...engine.recipes import Choices, Recipe, lottery_ticket, one_shot
from ...engine.results import Row, Runs, number
from ...engine.training import Training
from ...ideas.sap import pq_index
from ..experiment import Experiment, Measured, Settings, networks

NETS = {
    "linear": nets.sap_linear,
    "mlp": nets.sap_mlp,
    "cnn": nets.sap_cnn,
    "resnet18": nets.resnet_18,
}
SHARE = 0.2
# The (p, q) of Figure 7, as far as they are two numbers.
GRID = tuple((p, q) for p, q in product((0.1, 0.5, 1.0), (1.0, 1.5, 2.0, 4.0)) if p != q)


@checked
def sap(
    p: float = 0.5,
    q: float = 1.0,
    *,
    eta: float = 0.0,
    gamma: float = 1.0,
    beta: float = 0.9,
    **choices: Unpack[Choices],
) -> Recipe:
    """Sparsity-informed adaptive pruning: the lottery ticket with the PQI bound as its budget.

    Source: SAP paper, Algorithm 1. Taught in notebook 02.

    >>> print(sap(1.0, 2.0, rounds=3))
    magnitude × pq_bound(p=1.0, q=2.0) × layer × epochs(5) × to_init, 3 rounds
    """
    return Recipe(budget=budgets.pq_bound(p, q, eta, gamma, beta)).but(**choices)


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the four methods of Figures 2 and 3, at equal training cost."""
    same: Choices = {
        "scope": scopes.global_,
        "stop": stops.epochs(settings["epochs"]),
        "rounds": settings["rounds"],
    }
    return {
        "one-shot": one_shot(SHARE, **same),
        "lottery ticket": lottery_ticket(SHARE, **same),
        "SAP (½, 1)": sap(0.5, 1.0, **same),
        "SAP (1, 2)": sap(1.0, 2.0, **same),
    }


KEEP = (
    "seed", "round", "density", "epochs", "test_accuracy", "pruned_test_accuracy",
    "pqi.global.all", "pruned_pqi.global.all", "gini.global.all",
)  # fmt: skip


PRINTED: dict[str, Settings] = {
    net: {"epochs": 200, "rounds": 15 if net == "resnet18" else 30, "seeds": 4} for net in NETS
}
DATA = ("fashion-mnist", "cifar10")

EXPERIMENT = Experiment(
    name="sap",
    about=(__doc__ or "").split("\n")[0],
    printed=PRINTED,
    printed_nets=tuple(NETS),
    data=dict.fromkeys(NETS, DATA),
    make=networks(NETS),
    methods=methods,
    training=lambda net, settings: Training(),
    keep=KEEP,
)


def methods_in_each_scope(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the methods of Figures 4 (a) and 19 (a): "neuron: SAP (1, 2)" and so on."""
    return {
        f"{name}: {label}": recipe.but(scope=scope)
        for name, scope in scopes.SCOPES.items()
        for label, recipe in methods(net, settings).items()
    }


@checked
def by_scope(runs: Runs) -> dict[str, Runs]:
    """Return the runs of "scope: method" as those of each method, scope by scope.

    Raises ValueError for a label without a scope. Taught in notebook 02.

    >>> row = {"seed": 0, "density": 1.0}
    >>> by_scope(Runs({"neuron: SAP": [[row]], "layer: SAP": [[row]]}))
    {'neuron': Runs(SAP: 1 seeds), 'layer': Runs(SAP: 1 seeds)}
    """
    parts: dict[str, dict[str, list[list[Row]]]] = {}
    for label, seeds in runs.items():
        scope, colon, method = label.partition(": ")
        if not colon:
            raise ValueError(f"runs has the label {label!r}, which names no scope")
        parts.setdefault(scope, {})[method] = seeds
    return {scope: Runs(of_methods) for scope, of_methods in parts.items()}


SCOPES_EXPERIMENT = Experiment(
    name="sap-scopes",
    about="SAP and its rivals in every scope: Figures 4 (a) and 19 (a).",
    printed=PRINTED,
    printed_nets=("mlp", "cnn", "resnet18"),
    data=dict.fromkeys(NETS, DATA),
    make=networks(NETS),
    methods=methods_in_each_scope,
    training=lambda net, settings: Training(),
    keep=("seed", "round", "density", "epochs", "test_accuracy"),
)


def sap_in_each_scope(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return SAP (½, 1) in the three scopes: Figures 4 (b, c) and 19 (b, c)."""
    recipe = methods(net, settings)["SAP (½, 1)"]
    return {name: recipe.but(scope=scope) for name, scope in scopes.SCOPES.items()}


LAYERS_EXPERIMENT = Experiment(
    name="sap-layers",
    about="SAP in every scope, layer by layer: Figures 4 (b, c) and 19 (b, c).",
    printed=PRINTED,
    printed_nets=("mlp", "cnn", "resnet18"),
    data=dict.fromkeys(NETS, DATA),
    make=networks(NETS),
    methods=sap_in_each_scope,
    training=lambda net, settings: Training(),
    keep=("seed", "round", "density", "epochs", "test_accuracy", "layer_density", "pqi"),
)


def indices(finished: Round) -> list[float | None]:
    """Return the PQ Index of all living weights of a retrained network, for each (p, q) of GRID.

    None where no living weight is other than zero. Source: SAP paper, Figure 7.
    """
    weights = {name: finished.trained[name].abs() for name in finished.alive}
    (living,) = scopes.global_(weights, finished.alive)
    ps, qs = zip(*GRID, strict=True)
    values = pq_index(living.scores[0], ps, qs, mask=living.alive[0], undefined=math.nan)
    return [None if math.isnan(value) else float(f"{value:.4g}") for value in values.tolist()]


def grid_while_pruning(net: str, data: Data, settings: Settings) -> Row:
    """Return the index at every (p, q) of GRID: {"grid": {method: [seed][round][pair]}}.

    The rows of a record hold no weights, so the networks are trained once more.
    """
    make = networks(NETS)
    grid = {}
    for label, recipe in methods(net, settings).items():
        grid[label] = [
            [indices(finished) for finished in prune(
                make(net, data, seed), data, recipe, seed=seed, training=Training())]
            for seed in range(settings["seeds"])
        ]  # fmt: skip
    return {"pairs": [list(pair) for pair in GRID], "grid": grid}


@checked
def with_grid(measured: Measured) -> Runs:
    """Return the runs of a `sap-grid` record; each row also has "grid", the index at each (p, q).

    Its keys are the pairs as text: "grid.(0.5, 1)". Raises KeyError for a record without a grid.
    Taught in notebook 02.
    """
    if "grid" not in measured.more:
        raise KeyError(f"measured has no grid, but {sorted(measured.more)}")
    names = [f"({p:g}, {q:g})" for p, q in measured.more["pairs"]]
    return Runs({
        label: [
            [row | {"grid": dict(zip(names, values, strict=True))}
             for row, values in zip(rows, grid, strict=True)]
            for rows, grid in zip(seeds, measured.more["grid"][label], strict=True)
        ]
        for label, seeds in measured.runs.items()
    })  # fmt: skip


@checked
def with_cuts(runs: Runs) -> Runs:
    """Return the runs; each row also has what the cut after it took: Figure 2 (b).

    "cut.share" of the living weights; "cut.accuracy" and "cut.pqi", the retrained network minus
    the same network just pruned; "pruned_density", what is left. None in the last round, and where
    nothing was cut. Raises KeyError for rows without the values of pruned networks. Taught in
    notebook 02.
    """
    return Runs({
        label: [
            [row | _cut(row, after) for row, after in zip(rows, [*rows[1:], None], strict=True)]
            for rows in seeds
        ]
        for label, seeds in runs.items()
    })  # fmt: skip


def _cut(row: Row, after: Row | None) -> Row:
    if after is None:
        return {"pruned_density": None, "cut": dict.fromkeys(("share", "accuracy", "pqi"))}
    left = number(after, "density")
    gaps = {
        "share": 1 - left / number(row, "density"),
        "accuracy": number(row, "test_accuracy") - number(row, "pruned_test_accuracy"),
        "pqi": number(row, "pqi.global.all") - number(row, "pruned_pqi.global.all"),
    }
    cut = {key: None if math.isnan(gap) else gap for key, gap in gaps.items()}
    return {"pruned_density": left, "cut": cut}


GRID_EXPERIMENT = Experiment(
    name="sap-grid",
    about="The PQ Index while pruning, for many (p, q): Figures 7 to 10.",
    printed=PRINTED,
    printed_nets=("mlp", "resnet18"),
    data=dict.fromkeys(NETS, DATA),
    make=networks(NETS),
    methods=methods,
    training=lambda net, settings: Training(),
    keep=("seed", "round", "density", "epochs", "test_accuracy", "pqi.global.all"),
    more=grid_while_pruning,
)

NUMBER = 2
ROWS = {"SAP": sap()}
EXPERIMENTS = (EXPERIMENT, SCOPES_EXPERIMENT, LAYERS_EXPERIMENT, GRID_EXPERIMENT)
