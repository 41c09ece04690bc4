"""SAP (PQ Index): its recipe, and Table 3 in one command, `python -m pruninglab.papers sap`.

One-shot, the lottery ticket and SAP with two (p, q), global scope, four seeds, for each of the
paper's networks on Fashion-MNIST and CIFAR-10: days on a GPU. The options make it smaller; the
record's name says so. Unlike the authors we do not augment the images.
"""

from __future__ import annotations

from typing_extensions import Unpack

from .. import nets
from ..choices import budgets, scopes, stops
from ..engine.recipes import Choices, Recipe, lottery_ticket, one_shot
from ..engine.training import Training
from ..ideas.checks import checked
from .experiment import Experiment, Settings, networks

NETS = {
    "linear": nets.sap_linear,
    "mlp": nets.sap_mlp,
    "cnn": nets.sap_cnn,
    "resnet18": nets.resnet_18,
}
SHARE = 0.2


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

EXPERIMENT = Experiment(
    name="sap",
    about=(__doc__ or "").split("\n")[0],
    printed={
        net: {"epochs": 200, "rounds": 15 if net == "resnet18" else 30, "seeds": 4} for net in NETS
    },
    printed_nets=tuple(NETS),
    data=dict.fromkeys(NETS, ("fashion-mnist", "cifar10")),
    make=networks(NETS),
    methods=methods,
    training=lambda net, settings: Training(),
    keep=KEEP,
)

EXPERIMENTS = (EXPERIMENT,)
