"""IMC: its recipe, and Tables 1 and 2 in our readings, `python -m pruninglab.papers imc`.

The paper prints no method that could be run, so this is not a reproduction: it trains ResNet-20 and
ResNet-32 on CIFAR-10 for 10 epochs, measures their Lanczos density and Eq. (23), prunes once to the
printed sparsity by each reading that scales, and retrains for 160 epochs with the paper's three
rewinds. Hours on a GPU; `--net mini-tanh --data mnist --small` is what two cores can do. Images are
not augmented.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Unpack

from ... import nets
from ...checks import checked
from ...choices import budgets, rewinds, scopes, scores, stops
from ...choices.rewinds import Rewind
from ...choices.scores import Score
from ...data import Data
from ...engine.recipes import Choices, Recipe
from ...engine.results import Row, Runs
from ...engine.training import Training, multistep, sgd, train
from ...ideas import imc as inertial
from ..experiment import Experiment, Settings, networks

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
READINGS: dict[str, Score] = {
    "flat leverage": scores.leverage("flat"),
    "sharp leverage": scores.leverage("sharp"),
    "flat diagonal": scores.curvature("flat"),
    "sharp diagonal": scores.curvature("sharp"),
    "brain damage": scores.curvature("sharp", weighted=True),
}
DIRECTIONS, LANCZOS_STEPS, PROBE = 100, 100, 1000
# Figure 1 goes from −20 to 20 points around the sparsity found; 30 and 40 are ours.
RELATIVE = (-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4)
FIRST = 10


@checked
def imc(
    reading: str | Score = "flat leverage",
    share: float = 0.47,
    **choices: Unpack[Choices],
) -> Recipe:
    """Inertial-manifold compression, once, after 10 epochs, in one `reading` of the paper.

    The paper keeps directions; how they become weights it does not say, so the score is one of
    READINGS or your own: "flat leverage" is its letter. `share` is the sparsity k / d, printed
    0.47; `inertial.spectral_cut` gives the k of the 4K rule. `rewind` is fine_tune, to_epoch(1) or
    reinitialise: the paper's three variants. Raises ValueError for an unknown reading. Source: IMC
    paper, Section 3.3. Taught in notebook 06.

    >>> recipe = imc("flat diagonal", rewind=rewinds.reinitialise)
    >>> recipe.row()["score"], recipe.row()["stop"], recipe.rounds
    ("curvature(side='flat')", 'first_then(first=10, later=160)', 1)
    """
    if isinstance(reading, str):
        if reading not in READINGS:
            raise ValueError(f"reading={reading!r} is not known; choose from {list(READINGS)}")
        reading = READINGS[reading]
    stop = stops.first_then(10, 160)
    recipe = Recipe(
        reading, budgets.fraction(share), scopes.global_, stop, rewinds.fine_tune, rounds=1
    )
    return recipe.but(**choices)


def readings(small_net: bool, share: float = 0.47) -> dict[str, Score]:
    """Return the scores to compare: all readings of a small network, else those that scale.

    The sharp side is a `share` of all eigenvectors, of a large network DIRECTIONS of them.
    """
    sharp = share if small_net else DIRECTIONS
    spectral = READINGS | {f"{side} leverage": scores.leverage(side, sharp)
                           for side in ("flat", "sharp")}  # fmt: skip
    return {**spectral, "magnitude": scores.magnitude, "random": scores.random}


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return every reading with every rewind, at equal sparsity and training cost."""
    stop = stops.first_then(settings["first"], settings["later"])
    return {
        f"{label}, {name}": imc(score, SPARSITY.get(net, 0.47), stop=stop, rewind=rewind)
        for label, score in readings(net.startswith("mini")).items()
        for name, rewind in REWINDS.items()
    }


def sparsities(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return five scores at the sparsities of Figure 1, fine-tuned, at equal training cost.

    Of a small network W⁻ has as many directions as weights go, at each sparsity.
    """
    stop = stops.first_then(settings["first"], settings["later"])
    small, recipes = net.startswith("mini"), {}
    for label in ("flat leverage", "sharp leverage", "brain damage", "magnitude", "random"):
        for more in RELATIVE:
            share = round(SPARSITY.get(net, 0.47) + more, 2)
            recipes[f"{label}, {share:.2f}"] = imc(readings(small, share)[label], share, stop=stop)
    return recipes


def pretrained(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return three scores with every rewind: of `methods` those that Table 5 needs."""
    every, wanted = methods(net, settings), ("flat leverage", "magnitude", "random")
    return {label: every[label] for label in every if label.split(",")[0] in wanted}


def dense(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the network that is trained as long as the others and never cut, their control."""
    return {"dense": imc(rounds=settings["rounds"], stop=stops.epochs(settings["epochs"]))}


@checked
def over_sparsities(runs: Runs) -> Runs:
    """Gather the runs of `imc-sparsity` by score: one row for each sparsity, the last of its run.

    A row gains "sparsity", "first", the epochs before the cut, and "cost", all epochs; "epochs" of
    a single round would mislead and goes. Taught in notebook 06.

    >>> rows = [{"density": 1.0, "epochs": 2}, {"density": 0.5, "epochs": 3}]
    >>> over_sparsities(Runs({"random, 0.50": [rows]}))["random"]
    [[{'density': 0.5, 'sparsity': 0.5, 'first': 2, 'cost': 5}]]
    """
    return _gathered([(label.rpartition(", ")[0], seeds) for label, seeds in runs.items()])


@checked
def over_epochs(records: Sequence[Runs]) -> Runs:
    """Gather records of `imc-epochs`: one row for each record, the last of its run.

    Rows as those of `over_sparsities`, with "first" to tell them apart. Taught in notebook 06.

    >>> rows = [{"density": 1.0, "epochs": 2}, {"density": 0.5, "epochs": 3}]
    >>> runs = Runs({"random, fine-tune": [rows]})
    >>> len(over_epochs([runs, runs])["random, fine-tune"][0])
    2
    """
    return _gathered([pair for runs in records for pair in runs.items()])


def _gathered(parts: Iterable[tuple[str, list[list[Row]]]]) -> Runs:
    """Join the last rows of all runs of a label, seed by seed."""
    gathered: dict[str, list[list[Row]]] = {}
    for label, seeds in parts:
        mine = gathered.setdefault(label, [[] for _ in seeds])
        for joined, rows in zip(mine, seeds, strict=True):
            joined.append(_ending(rows))
    return Runs(gathered)


def _ending(rows: list[Row]) -> Row:
    last = {key: value for key, value in rows[-1].items() if key != "epochs"}
    cost = sum(row["epochs"] for row in rows)
    return last | {"sparsity": 1 - last["density"], "first": rows[0]["epochs"], "cost": cost}


def training(net: str, settings: Settings) -> Training:
    """Return SGD as usual for these networks: the rate falls at one half and three quarters."""
    later = settings["later"]
    return Training(
        sgd(weight_decay=1e-4, nesterov=False), 128, multistep((later // 2, 3 * later // 4))
    )


def training_of_dense(net: str, settings: Settings) -> Training:
    """Return `training` with the same rates, epoch by epoch, in one round instead of two."""
    later = max(settings["epochs"] - FIRST, 0)
    parts = training(net, {"later": later})
    at = (FIRST + later // 2, FIRST + 3 * later // 4)
    return replace(parts, schedule=multistep(at))


def spectrum_of(name: str, data: Data, settings: Settings) -> Row:
    """Train the dense network; return its Lanczos density and Eq. (23), rounded."""
    net = networks(NETS)(name, data, 0)
    how = training(name, settings)
    train(net, data, stop=stops.epochs(settings["first"]), training=how, seed=0)
    probe = data.train.take(PROBE)
    curvature = inertial.hessian_operator(net, probe.inputs, probe.targets)
    spectrum = inertial.spectral_density(curvature, steps=LANCZOS_STEPS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*has kinks")
        rates = {
            delta: inertial.lipschitz_estimate(curvature, delta=delta, box=0.5, repeats=5)
            for delta in (0.1, 0.01, 0.001)
        }
    measured = {
        "parameters": curvature.shape[0],
        "gradient": float(curvature.gradient().norm()),
        "places": [float(f"{place:.6g}") for place in spectrum.places[0]],
        "masses": [float(f"{mass:.6g}") for mass in spectrum.masses[0]],
        "rate": {str(delta): float(f"{rate.mean():.6g}") for delta, rate in rates.items()},
    }
    return {"spectrum": measured}


KEEP = ("seed", "round", "density", "epochs", "test_accuracy", "pruned_test_accuracy")
PRINTED: Settings = {"first": FIRST, "later": 160, "seeds": 3}

EXPERIMENT = Experiment(
    name="imc",
    about=(__doc__ or "").split("\n")[0],
    printed=dict.fromkeys(NETS, PRINTED),
    printed_nets=("resnet20", "resnet32"),
    data=dict.fromkeys(NETS, ("cifar10",)),
    make=networks(NETS),
    methods=methods,
    training=training,
    keep=KEEP,
    more=spectrum_of,
)

OVER_SPARSITY = replace(
    EXPERIMENT,
    name="imc-sparsity",
    about="IMC, Figure 1: five scores around the sparsity found, and beyond.",
    methods=sparsities,
    more=None,
)

OVER_EPOCHS = replace(
    EXPERIMENT,
    name="imc-epochs",
    about="IMC, Table 5 and Figure 2: --first epochs before the cut, three scores and rewinds.",
    methods=pretrained,
    more=None,
)

DENSE = replace(
    EXPERIMENT,
    name="imc-dense",
    about="IMC's control: the dense network, trained as long as the pruned ones.",
    printed={net: {"epochs": FIRST + 160, "rounds": 0, "seeds": 3} for net in NETS},
    methods=dense,
    training=training_of_dense,
    more=None,
)

NUMBER = 6
ROWS = {"IMC": imc()}
EXPERIMENTS = (EXPERIMENT, OVER_SPARSITY, OVER_EPOCHS, DENSE)
