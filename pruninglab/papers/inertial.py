"""Tables 1 and 2 of the IMC paper, in our readings: `python -m pruninglab.papers.inertial`.

The paper prints no method that could be run, so this is not a reproduction: it trains ResNet-20 and
ResNet-32 on CIFAR-10 for 10 epochs, measures their Lanczos density and Eq. (23), prunes once to the
printed sparsity by each reading that scales, and retrains for 160 epochs with the paper's three
rewinds. Hours on a GPU. Every run is saved under runs/ and goes on where it was stopped; a summary
of each network is written to data/records/inertial/. `--net mini-tanh --data mnist --small` is what
two cores can do. The options make it smaller; the summary says so. Images are not augmented.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from .. import data as data_module
from .. import nets
from ..choices import rewinds, scores, stops
from ..choices.rewinds import Rewind
from ..choices.scores import Score
from ..data import BUNDLED, Data
from ..engine import recipes
from ..engine.recipes import Recipe
from ..engine.records import RUNS, Row
from ..engine.sweep import compare
from ..engine.training import Training, sgd, steps, train
from ..ideas import inertial
from ..settings import device
from . import summaries

RECORDS = BUNDLED / "records" / "inertial"
NETS = {
    "resnet20": nets.resnet_20,
    "resnet32": nets.resnet_32,
    "mini-relu": nets.mini_relu,
    "mini-tanh": nets.mini_tanh,
}
SPARSITY = {"resnet20": 0.47, "resnet32": 0.45}
REWINDS: dict[str, Rewind] = {
    "fine-tune": rewinds.fine_tune,
    "to epoch 1": rewinds.to_epoch(1),
    "reinitialise": rewinds.reinitialise,
}
FIRST, LATER, SEEDS, DIRECTIONS = 10, 160, 3, 100
LANCZOS_STEPS, PROBE = 100, 1000


def readings(small_net: bool) -> dict[str, Score]:
    """Return the scores to compare: all readings of a small network, else those that scale.

    Of a large network the sharp side is DIRECTIONS eigenvectors, not 47 % of them.
    """
    spectral: dict[str, Score] = dict(recipes.READINGS)
    if not small_net:
        spectral["flat leverage"] = scores.leverage("flat", DIRECTIONS)
        spectral["sharp leverage"] = scores.leverage("sharp", DIRECTIONS)
    return {**spectral, "magnitude": scores.magnitude, "random": scores.random}


def methods(net: str, first: int, later: int) -> dict[str, Recipe]:
    """Return every reading with every rewind, at equal sparsity and training cost."""
    return {
        f"{label}, {name}": recipes.imc(
            score, SPARSITY.get(net, 0.47), stop=stops.first_then(first, later), rewind=rewind
        )
        for label, score in readings(net.startswith("mini")).items()
        for name, rewind in REWINDS.items()
    }


def training(later: int) -> Training:
    """Return SGD as usual for these networks: the rate falls at one half and three quarters."""
    schedule = steps((later // 2, 3 * later // 4))
    return Training(
        sgd(weight_decay=1e-4, nesterov=False), 128, schedule, max_epochs=max(later, FIRST)
    )


def spectrum_of(net: nn.Module, data: Data, first: int, how: Training) -> Row:
    """Train the dense network; return its Lanczos density and Eq. (23), rounded."""
    target = device()
    net.to(target)
    train(net, data.to(target), stop=stops.epochs(first), training=how, seed=0)
    probe = data.to(target).train.take(PROBE)
    curvature = inertial.hvp(net, probe.inputs, probe.targets)
    density = inertial.spectral_density(curvature, steps=LANCZOS_STEPS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*has kinks")
        rates = {
            delta: inertial.lipschitz_estimate(curvature, delta=delta, box=0.5, repeats=5)
            for delta in (0.1, 0.01, 0.001)
        }
    return {
        "parameters": curvature.shape[0],
        "gradient": float(curvature.gradient().norm()),
        "places": [float(f"{place:.6g}") for place in density.places[0]],
        "masses": [float(f"{mass:.6g}") for mass in density.masses[0]],
        "rate": {str(delta): float(f"{found.mean():.6g}") for delta, found in rates.items()},
    }


def summary_of(row: Row) -> Row:
    """Return what the figures need of a row, rounded, so that a record stays small."""
    names = ("density", "test_accuracy", "pruned_test_accuracy")
    return {name: round(row[name], 5) for name in names}


def load(name: str) -> Row:
    """Read a committed summary by name. Raises FileNotFoundError that lists those there are."""
    return summaries.load(RECORDS, name)


def run(data_name: str, net: str, settings: Row, small: bool) -> Path:
    """Compare the readings on one network, measure its spectrum; save and return the path."""
    first, later = settings["first"], settings["later"]
    data, how = data_module.load(data_name, full=not small), training(later)

    def make(seed: int) -> nn.Module:
        return NETS[net](inputs=data.shape, classes=len(data.classes), seed=seed)

    frames = compare(
        methods(net, first, later),
        make,
        data,
        seeds=range(settings["seeds"]),
        training=how,
        folder=RUNS,
    )
    name = f"{data_name}_{net}_{later}-epochs" + ("_small" if small else "")
    path = RECORDS / f"{name}.json"
    content = {
        "settings": {"data": data_name, "net": net, "rounds": 1, **settings},
        "spectrum": spectrum_of(make(0), data, first, how),
        "results": {
            label: [[summary_of(row) for row in rows] for rows in seeds]
            for label, seeds in frames.items()
        },
    }
    summaries.save(path, content)
    return path


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse the command line and run what it asks for: both ResNets by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", choices=data_module.NAMES, default="cifar10")
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=["resnet20", "resnet32"])
    parser.add_argument("--first", type=int, default=FIRST, help="dense epochs, printed: 10")
    parser.add_argument("--later", type=int, default=LATER, help="retraining, printed: 160")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--small", action="store_true", help="the bundled subset, for a try")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    settings: dict[str, Any] = {"first": asked.first, "later": asked.later, "seeds": asked.seeds}
    warnings.filterwarnings("ignore", message="no weight lives")
    for net in asked.net:
        print(f"saved {run(asked.data, net, settings, asked.small)}", flush=True)


if __name__ == "__main__":
    main()
