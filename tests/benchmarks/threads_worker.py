"""One process that trains a network: measured, or a neighbour that keeps the machine busy.

`python threads_worker.py NET POLICY` prints seconds and a hash of the weights; with `forever`
behind, it prints "ready" and trains until it is killed. Only POLICY `ours` has the package's number
of threads for the network; otherwise it is what the environment says.
"""

from __future__ import annotations

import hashlib
import sys
import time
from contextlib import nullcontext
from statistics import median

import torch  # before the package: the variables that this process was given are what counts
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.engine.training import threads_for

# Network, image, steps of batch 64 that take about a second.
NETS = {
    "LeNet-300-100": (lab.nets.lenet_300_100, (1, 28, 28), 423),
    "LeNet-5": (lab.nets.lenet_5, (1, 28, 28), 80),
    "ResNet-20": (lab.nets.resnet_20, (3, 32, 32), 8),
}
BATCH, IMAGES = 64, 1920
REPEATS, PATIENCE = 3, 10


def batches(shape: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
    """Return noise and labels: what is measured is the time of a step."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(IMAGES, *shape, generator=generator)
    targets = torch.randint(0, 10, (IMAGES,), generator=generator)
    return list(zip(inputs.split(BATCH), targets.split(BATCH), strict=True))


def train(net: nn.Module, data: list[tuple[Tensor, Tensor]], steps: int) -> float:
    """Make so many steps; return the seconds."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    start = time.perf_counter()
    for step in range(steps):
        inputs, targets = data[step % len(data)]
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
    return time.perf_counter() - start


def main(name: str, ours: bool, forever: bool) -> None:
    """Train with the threads that the policy gives this network."""
    make, shape, _ = NETS[name]
    with threads_for(make(inputs=shape, seed=0)) if ours else nullcontext():
        measure(name, forever)


def measure(name: str, forever: bool) -> None:
    """Warm up, then train and tell, or train for ever."""
    make, shape, steps = NETS[name]
    data, net = batches(shape), make(inputs=shape, seed=0)
    train(net, data, 5)
    if forever:
        print("ready", flush=True)
        while True:
            train(net, data, steps)
    seconds = [train(net, data, steps)]
    while len(seconds) < REPEATS and sum(seconds) < PATIENCE:
        seconds.append(train(net, data, steps))
    net = make(inputs=shape, seed=0)
    train(net, data, 5)
    weights = b"".join(weight.detach().numpy().tobytes() for weight in net.parameters())
    print(median(seconds), hashlib.sha256(weights).hexdigest()[:8])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "ours", forever="forever" in sys.argv[3:])
