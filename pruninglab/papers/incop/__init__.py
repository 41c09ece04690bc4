"""InCoP: its recipes, and Figures 3, 4, 5, 7 in one command, `python -m pruninglab.papers incop`.

SAP, the lottery ticket, InCoP-IF and InCoP-GF with two (p, q), and the two rivals that the paper
leaves out, an accuracy stop and one epoch a round; ResNet-18 and VGG-16 on three data sets, three
trials: work for a GPU.

The paper starts from weights trained on ImageNet and gives no ε. We start from our own
initialisation, and take the distance relative to the dense flow, so that one ε fits all networks.

`incop-stops` asks what the stop and the rewind each are worth: all rewinds with one epoch a round
and with all of them, and the flows between. `incop-epochs` looks at a run after each epoch.
"""

from __future__ import annotations

from typing import Unpack

from torch import nn

from ... import data as data_module
from ... import nets
from ...checks import Seed, checked
from ...choices import rewinds, stops
from ...choices.needs import asks
from ...data import Data, Split
from ...engine.loop import prune
from ...engine.recipes import Choices, Recipe, lottery_ticket
from ...engine.results import Row
from ...engine.training import Training, accuracy, constant, sgd, train
from ..experiment import Experiment, Settings, networks
from ..sap import KEEP, sap

NETS = {"mlp": nets.sap_mlp, "resnet18": nets.resnet_18, "vgg16": nets.vgg_16}
PQ = ((0.5, 1.0), (1.0, 2.0))
TRAINING = Training(
    sgd(lr=0.01, momentum=0.9, weight_decay=0.0, nesterov=False), batch_size=64, schedule=constant
)


@checked
def incop_if(
    epsilon: float,
    at_most: int,
    p: float = 0.5,
    q: float = 1.0,
    *,
    kind: str = "raw",
    distance: str = "l2",
    **choices: Unpack[Choices],
) -> Recipe:
    """InCoP by information flow: SAP that stops retraining when the flow is near the dense one's.

    It differs from `sap(stop=epochs(at_most), rewind=fine_tune)` in the stop only. Algorithm 1
    keeps the trained weights; the authors' code goes back to the dense ones (`to_dense`). Source:
    InCoP paper, Algorithm 1. Taught in notebook 03.

    >>> print(incop_if(0.4, 20, distance="relative").row()["stop"])
    flow_within(epsilon=0.4, at_most=20, distance='relative')
    """
    return _incop(stops.flow_within(epsilon, at_most, stops.information(kind), distance), p, q).but(
        **choices
    )


@checked
def incop_gf(
    epsilon: float,
    at_most: int,
    p: float = 0.5,
    q: float = 1.0,
    *,
    distance: str = "l2",
    **choices: Unpack[Choices],
) -> Recipe:
    """InCoP by gradient flow: as `incop_if`, judged by the masked gradient of Eq. (3).

    Source: InCoP paper, Algorithm 1. Taught in notebook 03.

    >>> print(incop_gf(0.4, 20).row()["stop"])
    flow_within(epsilon=0.4, at_most=20, flow=gradient)
    """
    stop = stops.flow_within(epsilon, at_most, stops.gradient, distance)
    return _incop(stop, p, q).but(**choices)


def _incop(stop: stops.Stop, p: float, q: float) -> Recipe:
    return sap(p, q, stop=stop, rewind=rewinds.fine_tune, rounds=15)


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the methods of Figures 3 to 5, and two rivals; all keep the trained weights."""
    epochs, rounds = settings["epochs"], settings["rounds"]
    eps_if, eps_gf = settings["epsilon-if"], settings["epsilon-gf"]
    same: Choices = {"rewind": rewinds.fine_tune, "rounds": rounds}
    fixed: Choices = {**same, "stop": stops.epochs(epochs)}
    rows = {"lottery ticket": lottery_ticket(0.2, **fixed)}
    for p, q in PQ:
        pair = f"({p:g}, {q:g})"
        rows |= {
            f"SAP {pair}": sap(p, q, **fixed),
            f"InCoP-IF {pair}": incop_if(eps_if, epochs, p, q, distance="relative", **same),
            f"InCoP-GF {pair}": incop_gf(eps_gf, epochs, p, q, distance="relative", **same),
        }
    rivals: dict[str, stops.Stop] = {
        "accuracy": stops.accuracy_within(0.0, epochs),
        "one epoch": stops.first_then(epochs, 1),
    }
    p, q = PQ[-1]
    for label, stop in rivals.items():
        rows[f"{label} ({p:g}, {q:g})"] = sap(p, q, **same).but(stop=stop)
    return rows


def _load(name: str, net: str, small: bool) -> Data:
    return _padded(data_module.load(name, full=not small), 32 if net == "vgg16" else 0)


def _padded(data: Data, side: int) -> Data:
    """Surround smaller images with their darkest value up to `side` × `side`."""
    missing = max(side - data.shape[1], 0)
    pad = (missing // 2, missing - missing // 2) * 2

    def wider(split: Split) -> Split:
        darkest = float(split.inputs.min())
        return Split(nn.functional.pad(split.inputs, pad, value=darkest), split.targets)

    splits = [wider(split) for split in (data.train, data.validation, data.test)]
    return Data(data.name, splits[0], splits[1], splits[2], data.classes) if missing else data


PRINTED: Settings = {
    "epochs": 20, "rounds": 15, "seeds": 3, "epsilon-if": 0.5, "epsilon-gf": 1.0,
}  # fmt: skip

EXPERIMENT = Experiment(
    name="incop",
    about=(__doc__ or "").split("\n")[0],
    printed=dict.fromkeys(NETS, PRINTED),
    printed_nets=("resnet18", "vgg16"),
    data=dict.fromkeys(NETS, ("mnist", "fashion-mnist", "cifar10")),
    make=networks(NETS),
    methods=methods,
    training=lambda net, settings: TRAINING,
    keep=(*KEEP, "seconds"),
    load_data=_load,
)

# The paper's networks come trained, and are fine-tuned for ten epochs before the first round.
PRETRAINING = 10
SMALL_TRAINING = Training(sgd(lr=0.05, nesterov=False), schedule=constant)
PROBES, IMAGES = 4, 1000
DIGITS = 4


@checked
def pretrained(net: str, data: Data, seed: Seed) -> nn.Module:
    """Return a network of `NETS` as a run of the two small experiments begins with: trained."""
    made = networks(NETS)(net, data, seed)
    stop = stops.epochs(PRETRAINING)
    train(made, data, stop=stop, training=SMALL_TRAINING, seed=seed)
    return made


def stop_methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return SAP's rounds with every rewind at two costs, fixed rules between, and the stops.

    A method without another word keeps its weights, as Algorithm 1 does.
    """
    epochs, p, q = settings["epochs"], *PQ[-1]
    same: Choices = {"rewind": rewinds.fine_tune, "rounds": settings["rounds"]}
    base = sap(p, q, **same).but(stop=stops.epochs(epochs))
    fixed = {
        "one epoch": base.but(stop=stops.first_then(epochs, 1)),
        "a third": base.but(stop=stops.first_then(epochs, max(1, epochs // 3))),
        "two thirds": base.but(stop=stops.first_then(epochs, max(1, 2 * epochs // 3))),
        "all epochs": base,
    }
    back = {"to dense": rewinds.to_dense, "to start": rewinds.to_init}
    rewound = {
        f"{label}, {name}": fixed[label].but(rewind=rewind)
        for label in ("one epoch", "all epochs")
        for name, rewind in back.items()
    }
    near, far = (
        incop_if(settings[key], epochs, p, q, distance="relative", **same)
        for key in ("epsilon-if", "larger-epsilon-if")
    )
    gradient = incop_gf(settings["epsilon-gf"], epochs, p, q, distance="relative", **same)
    return {
        **fixed,
        **rewound,
        "InCoP-IF": near,
        "InCoP-IF, larger ε": far,
        "InCoP-IF, to dense": near.but(rewind=rewinds.to_dense),
        "InCoP-GF": gradient,
        "accuracy": base.but(stop=stops.accuracy_within(0.0, epochs)),
    }


def _all_epochs(net: str, settings: Settings) -> dict[str, Recipe]:
    return {"all epochs": stop_methods(net, PRINTED_STOPS | settings)["all epochs"]}


def _measures(at_most: int, images: int) -> dict[str, stops.flow_within]:
    """Return the distances that are written down: two of the first probe, one of each other."""
    flows: dict[str, stops.FlowOf] = {"IF": stops.information(), "GF": stops.gradient}
    first = {
        f"{name} {distance}": stops.flow_within(0.0, at_most, flow, distance, images)
        for name, flow in flows.items()
        for distance in ("relative", "cosine")
    }
    others = {
        f"{name} probe {i}": stops.flow_within(0.0, at_most, flow, "relative", images, i * images)
        for name, flow in flows.items()
        for i in range(1, PROBES)
    }
    return first | others


def _watched(net: str, data: Data, settings: Settings, seed: int) -> list[Row]:
    """Return a row for each epoch of retraining: accuracies, and the distances of both flows.

    "validation_gap" is the dense network's validation accuracy less this one's.
    """
    rows: list[Row] = []
    dense: list[float] = []
    measures = _measures(settings["epochs"], min(IMAGES, len(data.train) // PROBES))
    (recipe,) = _all_epochs(net, settings).values()

    @asks(dear=True)  # Not tried before the run: it keeps what it sees.
    def watch(state: stops.Progress) -> bool:
        reached = state.history[-1].validation_accuracy
        if state.round == 0:
            dense[:] = [reached]
        else:
            rows.append({
                "seed": seed, "round": state.round, "epoch": state.epoch,
                "test_accuracy": accuracy(state.net, data.test),
                "validation_gap": dense[0] - reached,
                **{name: rule.measure(state) for name, rule in measures.items()},
            })  # fmt: skip
        return recipe.stop(state)

    run = prune(pretrained(net, data, seed), data, recipe.but(stop=watch), seed=seed,
                training=SMALL_TRAINING)  # fmt: skip
    for _ in run:
        pass
    return [{key: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
             for key, value in row.items()} for row in rows]  # fmt: skip


def _every_epoch(net: str, data: Data, settings: Settings) -> Row:
    return {"every_epoch": [_watched(net, data, settings, seed)
                            for seed in range(settings["seeds"])]}  # fmt: skip


PRINTED_EPOCHS: Settings = {"epochs": 20, "rounds": 15, "seeds": 3}
PRINTED_STOPS: Settings = {
    **PRINTED_EPOCHS, "epsilon-if": 0.3, "larger-epsilon-if": 0.6, "epsilon-gf": 1.0,
}  # fmt: skip

STOPS = Experiment(
    name="incop-stops",
    about="What the stop and the rewind of InCoP each are worth: fixed rules at every cost.",
    printed={"mlp": PRINTED_STOPS},
    printed_nets=("mlp",),
    data={"mlp": ("fashion-mnist",)},
    make=pretrained,
    methods=stop_methods,
    training=lambda net, settings: SMALL_TRAINING,
    keep=("seed", "round", "density", "epochs", "test_accuracy", "seconds"),
)

EPOCHS = Experiment(
    name="incop-epochs",
    about="A run of SAP after each epoch: how far the flows are, on four probes, and accuracies.",
    printed={"mlp": PRINTED_EPOCHS},
    printed_nets=("mlp",),
    data={"mlp": ("fashion-mnist",)},
    make=pretrained,
    methods=_all_epochs,
    training=lambda net, settings: SMALL_TRAINING,
    keep=("seed", "round", "density", "epochs", "test_accuracy"),
    more=_every_epoch,
)

NUMBER = 3
ROWS = {
    "InCoP-IF": incop_if(0.5, 20, distance="relative"),
    "InCoP-GF": incop_gf(1.0, 20, distance="relative"),
}
EXPERIMENTS = (EXPERIMENT, STOPS, EPOCHS)
