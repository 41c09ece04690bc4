"""The head-to-head where four of the papers fought it, `python -m pruninglab.papers convolutions`.

A ResNet with batch norm and shortcuts on CIFAR-10, trained on images that are shifted and flipped.
Every method keeps the setting that was chosen for LeNet-300-100 on clothes: none was chosen here.
IMC is left out: on a busy core its run with 1,000 images had not ended after a quarter of an hour.
With `--small` images are halved, to 16 × 16, and every fifth of the training images is taken.
CIFAR-10 comes through torchvision, or from PRUNINGLAB_CIFAR10, a folder of images as
`data.load_folder` takes it; the record says which.
"""

from __future__ import annotations

import os
from dataclasses import replace

from torch import nn

from .. import data as data_module
from .. import nets
from ..data import Data, Split
from ..engine.objectives import augmented
from ..engine.recipes import Recipe
from ..engine.results import Row
from ..engine.training import Training, adam, constant
from . import head_to_head
from .experiment import Experiment, Settings, networks

NETS = {"resnet_8": nets.resnet_8, "resnet_20": nets.resnet_20}
FOLDER = "PRUNINGLAB_CIFAR10"
SIDE = 32
EVERY = 5


def load_cifar10(name: str, net: str, small: bool) -> Data:
    """Return CIFAR-10; if `small`, every fifth training image, all images 16 × 16."""
    folder = os.environ.get(FOLDER)
    if folder:
        data = data_module.load_folder(folder, size=(SIDE, SIDE))
    else:
        data = data_module.load(name, full=True)
    if not small:
        return data
    return replace(
        data,
        train=_halved(data.train, EVERY),
        validation=_halved(data.validation, EVERY),
        test=_halved(data.test, 1),
    )


def _halved(split: Split, every: int) -> Split:
    return Split(nn.functional.avg_pool2d(split.inputs[::every], 2), split.targets[::every])


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the head-to-head's methods but IMC."""
    chosen = head_to_head.methods(net, settings)
    return {label: recipe for label, recipe in chosen.items() if label != "IMC"}


def training(net: str, settings: Settings) -> Training:
    """Return the head-to-head's training, on images that are shifted by up to an eighth."""
    by = SIDE // (16 if settings["small"] else 8)
    return Training(
        adam(lr=1e-3, weight_decay=0.0), settings["batch"], constant, objective=augmented(by)
    )


def source(net: str, data: Data, settings: Settings) -> Row:
    """Say from where the images came."""
    return {"images": "a folder of images" if os.environ.get(FOLDER) else "torchvision"}


EXPERIMENT = Experiment(
    name="convolutions",
    about=(__doc__ or "").split("\n")[0],
    printed={
        "resnet_8": {"dense": 4, "per-halving": 2, "batch": 128, "seeds": 3},
        "resnet_20": {"dense": 12, "per-halving": 4, "batch": 128, "seeds": 3},
    },
    printed_nets=("resnet_20",),
    data=dict.fromkeys(NETS, ("cifar10",)),
    make=networks(NETS),
    methods=methods,
    training=training,
    keep=head_to_head.KEEP,
    load_data=load_cifar10,
    more=source,
)

EXPERIMENTS = (EXPERIMENT,)
