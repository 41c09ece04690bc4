"""IMC: its recipe, and Tables 1 and 2 in our readings, `python -m pruninglab.papers imc`.

The paper prints no method that could be run, so this is not a reproduction: it trains ResNet-20 and
ResNet-32 on CIFAR-10 for 10 epochs, measures their Lanczos density and Eq. (23), prunes once to the
printed sparsity by each reading that scales, and retrains for 160 epochs with the paper's three
rewinds. Hours on a GPU; `--net mini-tanh --data mnist --small` is what two cores can do. Images are
not augmented.
"""

from __future__ import annotations

import warnings

from typing_extensions import Unpack

from .. import nets
from ..choices import budgets, rewinds, scopes, scores, stops
from ..choices.rewinds import Rewind
from ..choices.scores import Score
from ..data import Data
from ..engine.recipes import Choices, Recipe
from ..engine.results import Row
from ..engine.training import Training, multistep, sgd, train
from ..ideas import inertial
from ..ideas.checks import checked
from .experiment import Experiment, Settings, networks

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


def readings(small_net: bool) -> dict[str, Score]:
    """Return the scores to compare: all readings of a small network, else those that scale.

    Of a large network the sharp side is DIRECTIONS eigenvectors, not 47 % of them.
    """
    spectral: dict[str, Score] = dict(READINGS)
    if not small_net:
        spectral["flat leverage"] = scores.leverage("flat", DIRECTIONS)
        spectral["sharp leverage"] = scores.leverage("sharp", DIRECTIONS)
    return {**spectral, "magnitude": scores.magnitude, "random": scores.random}


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return every reading with every rewind, at equal sparsity and training cost."""
    stop = stops.first_then(settings["first"], settings["later"])
    return {
        f"{label}, {name}": imc(score, SPARSITY.get(net, 0.47), stop=stop, rewind=rewind)
        for label, score in readings(net.startswith("mini")).items()
        for name, rewind in REWINDS.items()
    }


def training(net: str, settings: Settings) -> Training:
    """Return SGD as usual for these networks: the rate falls at one half and three quarters."""
    later = settings["later"]
    return Training(
        sgd(weight_decay=1e-4, nesterov=False), 128, multistep((later // 2, 3 * later // 4))
    )


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


EXPERIMENT = Experiment(
    name="imc",
    about=(__doc__ or "").split("\n")[0],
    printed={net: {"first": 10, "later": 160, "seeds": 3} for net in NETS},
    printed_nets=("resnet20", "resnet32"),
    data=dict.fromkeys(NETS, ("cifar10",)),
    make=networks(NETS),
    methods=methods,
    training=training,
    keep=("seed", "round", "density", "epochs", "test_accuracy", "pruned_test_accuracy"),
    more=spectrum_of,
)

EXPERIMENTS = (EXPERIMENT,)
