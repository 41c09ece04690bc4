"""Table 1 of the NNrelief paper in one command: `python -m pruninglab.papers.nnrelief`.

LeNet-300-100 on full MNIST, three seeds, by default: about twenty minutes a seed on one CPU
thread. `--net lenet_5` is the table's other network and `--net resnet_20` that of Table 4 (on
CIFAR-10, SGD); both want a GPU. Every round is saved under runs/, so a command that was stopped
goes on where it was. After each seed a summary is written to data/records/nnrelief/. Unlike the
authors we choose epochs by validation accuracy, on a tenth of the training images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from .. import data as data_module
from .. import nets
from ..choices import rewinds, stops
from ..choices.rewinds import Rewind
from ..data import BUNDLED
from ..engine import recipes
from ..engine.recipes import Recipe
from ..engine.records import RUNS, Row, recorded
from ..engine.training import Training, adam, sgd, steps
from . import summaries

RECORDS = BUNDLED / "records" / "nnrelief"


@dataclass(frozen=True)
class Setup:
    """One network with the settings of Tables 8 to 10 and what the paper measured with them."""

    data: str
    net: Callable[..., nn.Module]
    alpha_fc: float
    alpha_conv: float | None
    kernels: str
    epochs: int
    rounds: int
    rewind: Rewind
    printed_kept: tuple[float, float]
    printed_error: tuple[float, float]


SETUPS = {
    "lenet_300_100": Setup(
        "mnist", nets.lenet_300_100, 0.95, None, "frobenius", 60, 11, rewinds.to_init,
        printed_kept=(1.51, 0.07), printed_error=(1.98, 0.07),
    ),
    "lenet_5": Setup(
        "mnist", nets.lenet_5, 0.95, 0.9, "frobenius", 60, 20, rewinds.to_init,
        printed_kept=(0.65, 0.02), printed_error=(0.97, 0.05),
    ),
    "resnet_20": Setup(
        "cifar10", nets.resnet_20, 0.99, 0.95, "frobenius", 60, 7, rewinds.fine_tune,
        printed_kept=(36.32, 1.52), printed_error=(8.9, 0.13),
    ),
}  # fmt: skip


def training_of(net: str, epochs: int | None = None) -> Training:
    """Return the training of Tables 8 and 9: Adam for the LeNets, SGD for ResNet-20.

    With another number of epochs the learning rate falls at the same part of the round.
    """
    every = epochs or SETUPS[net].epochs
    if net == "resnet_20":
        return Training(sgd(lr=0.1, nesterov=False), 128, steps((every // 3, 2 * every // 3)))
    return Training(adam(lr=1e-3, weight_decay=5e-4), 120, steps((every // 2,)))


def recipe_of(net: str, epochs: int | None = None, rounds: int | None = None) -> Recipe:
    """Return the recipe of Table 10, with other numbers of epochs and rounds if they are given."""
    setup = SETUPS[net]
    return recipes.nnrelief(
        setup.alpha_fc,
        setup.alpha_conv,
        kernels=setup.kernels,
        stop=stops.best_of(epochs or setup.epochs),
        rewind=setup.rewind,
        rounds=rounds or setup.rounds,
    )


def summary_of(row: Row) -> Row:
    """Return what the figures need of a row: kept share and errors, all in [0, 1]."""
    return {
        "round": row["round"],
        "density": round(row["density"], 6),
        "error": round(1 - row["test_accuracy"], 5),
        "pruned_error": round(1 - row["pruned_test_accuracy"], 5),
        "validation_error": round(1 - row["validation_accuracy"], 5),
        "layer_density": {name: round(value, 6) for name, value in row["layer_density"].items()},
        "seconds": round(row["seconds"], 1),
    }


def load(name: str = "lenet_300_100") -> Row:
    """Read a committed summary. Raises FileNotFoundError that lists those there are."""
    return summaries.load(RECORDS, name)


def name_of(net: str, epochs: int | None, rounds: int | None, small: bool) -> str:
    """Return the name of a record: that of the network, and what differs from the paper."""
    changed = [f"{epochs}-epochs"] * (epochs is not None) + [f"{rounds}-rounds"] * (
        rounds is not None
    )
    return "_".join([net, *changed, *["small"] * small])


def run(net: str, seeds: int, epochs: int | None, rounds: int | None, small: bool) -> Path:
    """Run the seeds one after the other, saving the summary after each; return its path."""
    setup, recipe = SETUPS[net], recipe_of(net, epochs, rounds)
    data = data_module.load(setup.data, full=not small, normalize=net == "resnet_20")
    path = RECORDS / f"{name_of(net, epochs, rounds, small)}.json"
    found: list[list[Row]] = []
    for seed in range(seeds):
        made = setup.net(inputs=data.shape, classes=len(data.classes))
        runs = recorded(
            nets.init_kaiming_normal(made, seed), data, recipe,
            seed=seed, training=training_of(net, epochs), folder=RUNS,
        )  # fmt: skip
        rows = []
        for row in runs:
            rows.append(summary_of(row))
            print(f"{net} seed {seed} round {row['round']:2}: {100 * row['density']:6.2f} % kept, "
                  f"error {100 - 100 * row['test_accuracy']:.2f} %", flush=True)  # fmt: skip
        found.append(rows)
        settings = {"net": net, "data": data.name, "images": len(data.train), "recipe": str(recipe),
                    "epochs": epochs or setup.epochs, "rounds": recipe.rounds,
                    "seeds": len(found)}  # fmt: skip
        summaries.save(path, {"settings": settings, "results": {"NNrelief": found}})
    return path


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse the command line and run what it asks for: LeNet-300-100 by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--net", choices=list(SETUPS), default="lenet_300_100")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="per round, printed: 60")
    parser.add_argument("--rounds", type=int, help="printed: 11, 20 and 7")
    parser.add_argument("--small", action="store_true", help="the bundled subset, for a try")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    path = run(asked.net, asked.seeds, asked.epochs, asked.rounds, asked.small)
    print(f"saved {path}", flush=True)


if __name__ == "__main__":
    main()
