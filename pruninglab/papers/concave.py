"""Figures 5, 7, 8, 9, Table II of the concave-masks paper: `python -m pruninglab.papers.concave`.

ResNet-20, VGG-11 and ResNet-56 on CIFAR-10, three rounds and three seeds, with the settings of
Section V-D: days on a GPU. Every round is saved under runs/, so a command that was stopped goes on
where it was; a summary of each network and data set is written to data/records/concave/. `--data`,
`--net`, `--epochs`, `--rounds` and `--seeds` make it smaller; the summary says so.

What the paper leaves open: α (0.05 here), how the densities of its curves come about from one λ
(several λ here, the printed one among them), weight decay of the mask (with and without), the
epochs of ResNet-56 (those of ResNet-20), augmentation (none here). LeNet-300-100 is ours: a network
for two cores, trained with Adam, since few steps of SGD move a mask by little but λ.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import data as data_module
from .. import nets
from ..choices import scopes, scores, stops
from ..data import BUNDLED
from ..engine import recipes
from ..engine.recipes import Recipe
from ..engine.records import RUNS, Row
from ..engine.sweep import compare
from ..engine.training import Training, adam, sgd, steps
from ..ideas.concave import l1, log
from . import summaries

RECORDS = BUNDLED / "records" / "concave"
EPS, ALPHA, DECAY = 0.1, 0.05, 1e-4
ROUNDS, SEEDS = 3, 3


@dataclass(frozen=True)
class Setting:
    """How a network is trained, and what it is pruned to: λ per regulariser, or densities."""

    make: Any
    epochs: int
    training: Training
    l1: Sequence[float]
    log: Sequence[float]
    densities: Sequence[float]


def _printed(make: Any, epochs: int, at: tuple[int, int]) -> Setting:
    """Return the settings of Section V-D; the first λ of each list is the printed one."""
    optimizer = sgd(lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=False)
    training = Training(optimizer, batch_size=128, schedule=steps(at), max_epochs=epochs)
    densities = (0.2, 0.1, 0.05, 0.02)
    return Setting(make, epochs, training, (3e-6, 1e-5, 3e-5), (1e-6, 3e-6, 1e-5), densities)


SETTINGS = {
    "resnet_20": _printed(nets.resnet_20, 85, (56, 71)),
    "vgg_11": _printed(nets.vgg_11, 120, (60, 90)),
    "resnet_56": _printed(nets.resnet_56, 85, (56, 71)),
    "lenet_300_100": Setting(
        nets.lenet_300_100,
        4,
        Training(adam(lr=4e-3, weight_decay=1e-4), batch_size=100),
        (2e-5, 6e-5, 2e-4),
        (1e-5, 3e-5, 1e-4),
        (0.15, 0.05, 0.02),
    ),
}


def methods(setting: Setting, epochs: int, rounds: int) -> dict[str, Recipe]:
    """Return every method and setting as "method, what varies", all at equal training cost.

    The lottery ticket and the hard approach of Figure 8 take the share that leads to a density. The
    sigmoid of Figure 9 has a tenth of the λ of ℓ1: it prunes so much more that they would not meet.
    """
    same: dict[str, Any] = {"stop": stops.epochs(epochs), "rounds": rounds}
    found: dict[str, Recipe] = {}
    for density in setting.densities:
        share = round(1 - density ** (1 / max(rounds, 1)), 6)
        ticket = recipes.lottery_ticket(share, scope=scopes.global_, **same)
        found[f"lottery ticket, to {density:g}"] = ticket
        hard = scores.learned_mask(log(EPS), setting.log[0])
        found[f"log mask by fixed share, to {density:g}"] = replace(ticket, score=hard)
    for lam in setting.log:
        found[f"log mask, λ = {lam:g}"] = recipes.soft_mask(log(EPS), lam, ALPHA, **same)
        decayed = recipes.soft_mask(log(EPS), lam, ALPHA, weight_decay=DECAY, **same)
        found[f"log mask with decay, λ = {lam:g}"] = decayed
    for lam in setting.l1:
        soft = recipes.soft_mask(l1(), lam, ALPHA, **same)
        found[f"l1 mask, λ = {lam:g}"] = soft
        sharp = scores.learned_mask(l1(), lam / 10, form="sigmoid")
        found[f"sigmoid, λ = {lam / 10:g}"] = replace(soft, score=sharp)
    return found


def by_method(results: Mapping[str, Sequence[Sequence[Row]]]) -> dict[str, list[list[Row]]]:
    """Group results by method: {method: settings}, each setting the last row of every seed.

    That row is the ticket, trained in isolation. What `plots.concave.tickets` draws.
    """
    grouped: dict[str, list[list[Row]]] = {}
    for label, seeds in results.items():
        grouped.setdefault(label.partition(",")[0], []).append([rows[-1] for rows in seeds])
    return grouped


def summary_of(row: Row) -> Row:
    """Return what the figures need of a row, rounded, so that a record stays small."""
    return {
        "density": round(row["density"], 6),
        "accuracy": round(row["test_accuracy"], 5),
        "loss": None if row["loss"] is None else round(row["loss"], 5),
    }


def load(name: str) -> Row:
    """Read a committed summary by name. Raises FileNotFoundError that lists those there are."""
    return summaries.load(RECORDS, name)


def run(data_name: str, net: str, asked: Row, small: bool) -> Path:
    """Run all methods on one network and data set; save the summary and return its path."""
    setting = SETTINGS[net]
    epochs = asked["epochs"] or setting.epochs
    data = data_module.load(data_name, full=not small)
    frames = compare(
        methods(setting, epochs, asked["rounds"]),
        lambda seed: setting.make(inputs=data.shape, classes=len(data.classes), seed=seed),
        data,
        seeds=range(asked["seeds"]),
        training=replace(setting.training, max_epochs=epochs),
        folder=RUNS,
    )
    results = {
        label: [[summary_of(row) for row in rows] for rows in seeds]
        for label, seeds in frames.items()
    }
    settings = {"data": data_name, "net": net, **asked, "epochs": epochs, "small": small}
    settings |= {"alpha": ALPHA, "eps": EPS, "training": str(setting.training.optimizer)}
    path = RECORDS / (f"{data_name}_{net}_{epochs}-epochs" + ("_small" if small else "") + ".json")
    summaries.save(path, {"settings": settings, "results": results})
    return path


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse the command line and run what it asks for: the paper's three networks by default."""
    printed = [name for name in SETTINGS if name != "lenet_300_100"]
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", nargs="+", choices=data_module.NAMES, default=["cifar10"])
    parser.add_argument("--net", nargs="+", choices=list(SETTINGS), default=printed)
    parser.add_argument("--epochs", type=int, help="per round, printed: 85, or 120 for VGG-11")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="printed: 3")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="printed: 3")
    parser.add_argument("--small", action="store_true", help="the bundled subset, for a try")
    given = parser.parse_args(None if arguments is None else list(arguments))
    asked = {"epochs": given.epochs, "rounds": given.rounds, "seeds": given.seeds}
    for data_name in given.data:
        for net in given.net:
            print(f"saved {run(data_name, net, asked, given.small)}", flush=True)


if __name__ == "__main__":
    main()
