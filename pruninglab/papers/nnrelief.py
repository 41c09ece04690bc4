"""NNrelief: its recipe, and Table 1 in one command, `python -m pruninglab.papers nnrelief`.

LeNet-300-100 on full MNIST, three seeds, by default: about twenty minutes a seed on one CPU
thread. `--net lenet_5` is the table's other network and `--net resnet_20` that of Table 4 (on
CIFAR-10, SGD); both want a GPU. Unlike the authors we choose epochs by validation accuracy, on a
tenth of the training images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from typing_extensions import Unpack

from .. import data as data_module
from .. import nets
from ..choices import budgets, rewinds, scopes, scores, stops
from ..choices.afters import clean_up
from ..choices.rewinds import Rewind
from ..data import Data
from ..engine.recipes import Choices, Recipe
from ..engine.training import Training, adam, multistep, sgd
from ..ideas.checks import checked
from .experiment import Experiment, Settings


@checked
def nnrelief(
    alpha_fc: float = 0.95,
    alpha_conv: float | None = None,
    *,
    samples: int = 1000,
    kernels: str = "frobenius",
    residual: float | None = None,
    **choices: Unpack[Choices],
) -> Recipe:
    """NNrelief: each neuron keeps the connections that carry a share α of its signal.

    The paper starts each round of the LeNets from the initial weights (`to_init`) and fine-tunes
    VGG and ResNet (`rewind=rewinds.fine_tune`). The clean-up is in the authors' code, not in the
    paper; `after=()` leaves it out. Source: NNrelief paper, Algorithms 1 and 2, Table 10. Taught in
    notebook 04.

    >>> print(nnrelief(0.9, rounds=2))
    nnrelief() × signal_share(alpha_fc=0.9) × neuron × epochs(5) × to_init, 2 rounds, then clean_up
    """
    score = scores.nnrelief(samples, kernels, residual)
    budget = budgets.signal_share(alpha_fc, alpha_conv)
    return Recipe(score, budget, scopes.neuron, after=(clean_up,)).but(**choices)


@dataclass(frozen=True)
class Setup:
    """One network with the settings of Tables 8 to 10 and what the paper measured with them."""

    net: Callable[..., nn.Module]
    alpha_fc: float
    alpha_conv: float | None
    kernels: str
    rewind: Rewind
    printed_kept: tuple[float, float]
    printed_error: tuple[float, float]


SETUPS = {
    "lenet_300_100": Setup(
        nets.lenet_300_100, 0.95, None, "frobenius", rewinds.to_init,
        printed_kept=(1.51, 0.07), printed_error=(1.98, 0.07),
    ),
    "lenet_5": Setup(
        nets.lenet_5, 0.95, 0.9, "frobenius", rewinds.to_init,
        printed_kept=(0.65, 0.02), printed_error=(0.97, 0.05),
    ),
    "resnet_20": Setup(
        nets.resnet_20, 0.99, 0.95, "frobenius", rewinds.fine_tune,
        printed_kept=(36.32, 1.52), printed_error=(8.9, 0.13),
    ),
}  # fmt: skip


def training(net: str, settings: Settings) -> Training:
    """Return the training of Tables 8 and 9: Adam for the LeNets, SGD for ResNet-20.

    With another number of epochs the learning rate falls at the same part of the round.
    """
    every = settings["epochs"]
    if net == "resnet_20":
        return Training(sgd(lr=0.1, nesterov=False), 128, multistep((every // 3, 2 * every // 3)))
    return Training(adam(lr=1e-3, weight_decay=5e-4), 120, multistep((every // 2,)))


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the row of Table 10."""
    setup = SETUPS[net]
    recipe = nnrelief(
        setup.alpha_fc,
        setup.alpha_conv,
        kernels=setup.kernels,
        stop=stops.best_of(settings["epochs"]),
        rewind=setup.rewind,
        rounds=settings["rounds"],
    )
    return {"NNrelief": recipe}


def _make(net: str, data: Data, seed: int) -> nn.Module:
    made = SETUPS[net].net(inputs=data.shape, classes=len(data.classes), seed=seed)
    return nets.init_kaiming_normal(made, seed)


def _load(name: str, net: str, small: bool) -> Data:
    return data_module.load(name, full=not small, normalize=net == "resnet_20")


EXPERIMENT = Experiment(
    name="nnrelief",
    about=(__doc__ or "").split("\n")[0],
    printed={
        net: {"epochs": 60, "rounds": rounds, "seeds": 3}
        for net, rounds in {"lenet_300_100": 11, "lenet_5": 20, "resnet_20": 7}.items()
    },
    printed_nets=("lenet_300_100",),
    data={"lenet_300_100": ("mnist",), "lenet_5": ("mnist",), "resnet_20": ("cifar10",)},
    make=_make,
    methods=methods,
    training=training,
    keep=(
        "seed", "round", "density", "epochs", "validation_accuracy", "test_accuracy",
        "pruned_test_accuracy", "layer_density", "seconds",
    ),
    load_data=_load,
)  # fmt: skip

EXPERIMENTS = (EXPERIMENT,)
