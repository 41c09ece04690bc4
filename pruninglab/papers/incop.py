"""Figures 3, 4, 5 and 7 of the InCoP paper in one command: `python -m pruninglab.papers.incop`.

SAP, the lottery ticket, InCoP-IF and InCoP-GF with two (p, q), and the two rivals that the paper
leaves out, an accuracy stop and one epoch a round; ResNet-18 and VGG-16 on three data sets, three
trials: work for a GPU. Every round is saved under runs/, so a command that was stopped goes on
where it was. A summary of each network and data set is written to data/records/incop/.

The paper starts from weights trained on ImageNet and gives no ε. We start from our own
initialisation, and take the distance relative to the dense flow, so that one ε fits all networks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from .. import data as data_module
from .. import nets
from ..choices import rewinds, scopes, stops
from ..data import BUNDLED, Data, Split
from ..engine import recipes
from ..engine.recipes import Recipe
from ..engine.records import RUNS, Row
from ..engine.sweep import compare
from ..engine.training import Training, constant, sgd
from . import summaries
from .sap import summary_of

RECORDS = BUNDLED / "records" / "incop"
DATA = ("mnist", "fashion-mnist", "cifar10")
NETS = {"mlp": nets.sap_mlp, "resnet18": nets.resnet_18, "vgg16": nets.vgg_16}
PRINTED_NETS = ("resnet18", "vgg16")
PQ = ((0.5, 1.0), (1.0, 2.0))
EPOCHS, ROUNDS, SEEDS = 20, 15, 3
EPSILON = {"if": 0.5, "gf": 1.0}
TRAINING = Training(
    sgd(lr=0.01, momentum=0.9, weight_decay=0.0, nesterov=False), batch_size=64, schedule=constant
)


def methods(epochs: int, rounds: int, epsilon: dict[str, float]) -> dict[str, Recipe]:
    """Return the methods of Figures 3 to 5, and two rivals; all keep the trained weights."""
    same: dict[str, Any] = {"rewind": rewinds.fine_tune, "rounds": rounds, "scope": scopes.layer}
    fixed, near = {**same, "stop": stops.epochs(epochs)}, {**same, "distance": "relative"}
    found = {"lottery ticket": recipes.lottery_ticket(0.2, **fixed)}
    for p, q in PQ:
        found |= {
            f"SAP ({p:g}, {q:g})": recipes.sap(p, q, **fixed),
            f"InCoP-IF ({p:g}, {q:g})": recipes.incop_if(epsilon["if"], epochs, p, q, **near),
            f"InCoP-GF ({p:g}, {q:g})": recipes.incop_gf(epsilon["gf"], epochs, p, q, **near),
        }
    p, q = PQ[-1]
    for label, stop in {
        "accuracy": stops.accuracy_within(0.0, epochs),
        "one epoch": stops.first_then(epochs, 1),
    }.items():
        found[f"{label} ({p:g}, {q:g})"] = recipes.sap(p, q, **{**same, "stop": stop})
    return found


def load(name: str) -> Row:
    """Read a committed summary by name. Raises FileNotFoundError that lists those there are."""
    return summaries.load(RECORDS, name)


def run(data_name: str, net: str, settings: Row, small: bool) -> Path:
    """Run all methods on one network and data set; save the summary and return its path."""
    data = _padded(data_module.load(data_name, full=not small), 32 if net == "vgg16" else 0)
    epsilon = {"if": settings["epsilon_if"], "gf": settings["epsilon_gf"]}
    frames = compare(
        methods(settings["epochs"], settings["rounds"], epsilon),
        lambda seed: NETS[net](inputs=data.shape, classes=len(data.classes), seed=seed),
        data,
        seeds=range(settings["seeds"]),
        training=TRAINING,
        folder=RUNS,
    )
    results = {
        label: [[incop_summary(row) for row in rows] for rows in seeds]
        for label, seeds in frames.items()
    }
    name = f"{data_name}_{net}_{settings['epochs']}-epochs" + ("_small" if small else "")
    path = RECORDS / f"{name}.json"
    settings = {"data": data_name, "net": net, **settings}
    summaries.save(path, {"settings": settings, "results": results})
    return path


def _padded(data: Data, side: int) -> Data:
    """Surround smaller images with their darkest value up to `side` × `side`."""
    missing = max(side - data.shape[1], 0)
    pad = (missing // 2, missing - missing // 2) * 2

    def wider(split: Split) -> Split:
        darkest = float(split.inputs.min())
        return Split(nn.functional.pad(split.inputs, pad, value=darkest), split.targets)

    splits = [wider(split) for split in (data.train, data.validation, data.test)]
    return Data(data.name, splits[0], splits[1], splits[2], data.classes) if missing else data


def incop_summary(row: Row) -> Row:
    """Return what the figures need of a row: as for SAP, with the epochs used and the seconds."""
    return summary_of(row) | {"epochs": row["epochs"], "seconds": round(row["seconds"], 2)}


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse the command line and run what it asks for: all printed networks by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", nargs="+", choices=data_module.NAMES, default=DATA)
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=PRINTED_NETS)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="per round, printed: 20")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="printed: 15")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="printed: 3")
    parser.add_argument("--epsilon-if", type=float, default=EPSILON["if"], help="not printed")
    parser.add_argument("--epsilon-gf", type=float, default=EPSILON["gf"], help="not printed")
    parser.add_argument("--small", action="store_true", help="the bundled subset, for a try")
    asked = vars(parser.parse_args(None if arguments is None else list(arguments)))
    names, chosen, small = asked.pop("data"), asked.pop("net"), asked.pop("small")
    for data_name in names:
        for net in chosen:
            print(f"saved {run(data_name, net, asked, small)}", flush=True)


if __name__ == "__main__":
    main()
