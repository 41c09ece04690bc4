"""`python -m pruninglab.live.trained`: train the network of the site's first screen, and keep it.

Kept in half precision, so the page and the package cut the same rounded weights.
"""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .. import data, nets
from ..choices.stops import epochs
from ..engine.training import Training, train
from .script import HERE
from .sent import as_script, halved, sent

FILE = HERE / "lenet_300_100.safetensors"
EPOCHS, BATCH, SHOWN, LEARNED = 10, 64, 1000, 2000


def make() -> None:
    """Train LeNet-300-100 on the bundled digits, and write its weights."""
    net = nets.lenet_300_100(seed=0)
    digits = data.load("mnist", device="cpu")
    train(net, digits, stop=epochs(EPOCHS), training=Training(batch_size=BATCH), seed=0)
    save_file({name: p.detach().half() for name, p in net.state_dict().items()}, FILE)


def network() -> nn.Module:
    """Return the network of the wall."""
    net = nets.lenet_300_100(seed=0)
    net.load_state_dict(load_file(FILE))
    return net


def wall() -> dict[str, Any]:
    """Return what its page needs: the network, and the first 1,000 test digits."""
    digits = data.load("mnist", device="cpu")
    told = halved(sent(network(), digits.train.take(SHOWN), digits.test.take(SHOWN)))
    return told | {"small": small()}


def small() -> dict[str, Tensor]:
    """Return what lottery tickets learn from: 2,000 training digits of 14 × 14, in 16 grays."""
    digits = data.load("mnist", normalize=False, device="cpu").train.take(LEARNED)
    grays = (nn.functional.avg_pool2d(digits.inputs, 2) * 15).round() * 17
    return {"images": grays.flatten(1).to(torch.uint8), "labels": digits.targets.to(torch.uint8)}


def script() -> str:
    """Return the same as a script that a page loads late."""
    return as_script(wall())


if __name__ == "__main__":
    make()
