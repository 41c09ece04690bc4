"""Table 3 of the SAP paper in one command: `python -m pruninglab.papers.sap`.

One-shot, the lottery ticket and SAP with two (p, q), global scope, four seeds, for each of the
paper's networks on Fashion-MNIST and CIFAR-10: days on a GPU. Every round is saved under runs/, so
a command that was stopped goes on where it was. A summary of each network and data set is written
to data/records/sap/. `--data` and `--net` choose, `--epochs`, `--rounds` and `--seeds` make it
smaller; the summary says so. Unlike the authors we do not augment the images.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import data as data_module
from .. import nets
from ..choices import scopes, stops
from ..data import BUNDLED
from ..engine import recipes
from ..engine.recipes import Recipe
from ..engine.records import RUNS, Row
from ..engine.sweep import compare
from . import summaries

RECORDS = BUNDLED / "records" / "sap"
DATA = ("fashion-mnist", "cifar10")
NETS = {
    "linear": nets.sap_linear,
    "mlp": nets.sap_mlp,
    "cnn": nets.sap_cnn,
    "resnet18": nets.resnet_18,
}
ROUNDS = {"linear": 30, "mlp": 30, "cnn": 30, "resnet18": 15}
EPOCHS, SEEDS, SHARE = 200, 4, 0.2


def methods(epochs: int, rounds: int) -> dict[str, Recipe]:
    """Return the four methods of Figures 2 and 3, at equal training cost."""
    same: dict[str, Any] = {
        "scope": scopes.global_,
        "stop": stops.epochs(epochs),
        "rounds": rounds,
    }
    return {
        "one-shot": recipes.one_shot(SHARE, **same),
        "lottery ticket": recipes.lottery_ticket(SHARE, **same),
        "SAP (½, 1)": recipes.sap(0.5, 1.0, **same),
        "SAP (1, 2)": recipes.sap(1.0, 2.0, **same),
    }


def summary_of(row: Row) -> Row:
    """Return what the figures need of a row, rounded, so that a record stays small.

    A row of a live run and one of a committed record then look the same. What a cut left is None
    where nothing was cut, as in the last round.
    """
    was_cut = row["pruned_density"] < row["density"]
    short = {
        "density": row["density"],
        "accuracy": row["test_accuracy"],
        "pruned_accuracy": row["pruned_test_accuracy"] if was_cut else None,
        "pqi": row["pqi"]["global"]["all"],
        "pruned_pqi": row["pruned_pqi"]["global"]["all"] if was_cut else None,
        "gini": row["gini"]["global"]["all"],
    }
    return {name: None if value is None else round(value, 5) for name, value in short.items()}


def load(name: str) -> Row:
    """Read a committed summary by name. Raises FileNotFoundError that lists those there are."""
    return summaries.load(RECORDS, name)


def run(data_name: str, net: str, settings: Row, small: bool) -> Path:
    """Run the four methods on one network and data set; save the summary and return its path."""
    settings = {"data": data_name, "net": net, **settings}
    settings["rounds"] = settings["rounds"] or ROUNDS[net]
    data = data_module.load(data_name, full=not small)
    frames = compare(
        methods(settings["epochs"], settings["rounds"]),
        lambda seed: NETS[net](inputs=data.shape, classes=len(data.classes), seed=seed),
        data,
        seeds=range(settings["seeds"]),
        folder=RUNS,
    )
    results = {
        label: [[summary_of(row) for row in rows] for rows in seeds]
        for label, seeds in frames.items()
    }
    name = f"{data_name}_{net}_{settings['epochs']}-epochs" + ("_small" if small else "")
    path = RECORDS / f"{name}.json"
    summaries.save(path, {"settings": settings, "results": results})
    return path


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse the command line and run what it asks for: all of Table 3 by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", nargs="+", choices=data_module.NAMES, default=DATA)
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="per round, printed: 200")
    parser.add_argument("--rounds", type=int, help="printed: 30, or 15 for ResNet-18")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="printed: 4")
    parser.add_argument("--small", action="store_true", help="the bundled subset, for a try")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    settings = {"epochs": asked.epochs, "rounds": asked.rounds, "seeds": asked.seeds}
    for data_name in asked.data:
        for net in asked.net:
            print(f"saved {run(data_name, net, settings, asked.small)}", flush=True)


if __name__ == "__main__":
    main()
