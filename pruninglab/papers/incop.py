"""InCoP: its recipes, and Figures 3, 4, 5, 7 in one command, `python -m pruninglab.papers incop`.

SAP, the lottery ticket, InCoP-IF and InCoP-GF with two (p, q), and the two rivals that the paper
leaves out, an accuracy stop and one epoch a round; ResNet-18 and VGG-16 on three data sets, three
trials: work for a GPU.

The paper starts from weights trained on ImageNet and gives no ε. We start from our own
initialisation, and take the distance relative to the dense flow, so that one ε fits all networks.
"""

from __future__ import annotations

from torch import nn
from typing_extensions import Unpack

from .. import data as data_module
from .. import nets
from ..choices import rewinds, stops
from ..data import Data, Split
from ..engine.recipes import Choices, Recipe, lottery_ticket
from ..engine.training import Training, constant, sgd
from ..ideas.checks import checked
from .experiment import Experiment, Settings, networks
from .sap import KEEP, sap

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

EXPERIMENTS = (EXPERIMENT,)
