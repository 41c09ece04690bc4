"""An epoch of LeNet-300-100 on 60,000 images, beside what a student would write."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from ratios import best_seconds
from torch import nn
from torch.nn.utils import prune as torch_prune
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

import pruninglab as lab
from pruninglab.data import Data, Split
from pruninglab.engine.masks import cut
from pruninglab.engine.training import constant

pytestmark = pytest.mark.benchmark

SETTINGS = lab.Training(
    optimizer=lab.sgd(lr=0.02, nesterov=False), batch_size=64, schedule=constant
)
DENSITY = 0.1


def mnist_of(images: int) -> Data:
    """Return bundled MNIST images, repeated up to the wanted number.

    Real images: on noise the units die and denormal numbers slow every loop.
    """
    data = lab.data.load("mnist", normalize=False, device="cpu")
    copies = -(-images // len(data.train))
    inputs = data.train.inputs.repeat(copies, 1, 1, 1)[:images]
    split = Split(inputs, data.train.targets.repeat(copies)[:images])
    return Data("mnist", split, data.validation, data.test, data.classes)


def student_optimizer(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)


def bare_tensor_epoch(net: nn.Module, split: Split, size: int) -> None:
    """Shuffle once, slice, step: the shortest loop that trains."""
    optimizer = student_optimizer(net)
    order = torch.randperm(len(split))
    for start in range(0, len(split), size):
        index = order[start : start + size]
        loss = nn.functional.cross_entropy(net(split.inputs[index]), split.targets[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def dataloader_epoch(net: nn.Module, loader: DataLoader) -> None:
    """The loop of most tutorials."""
    optimizer = student_optimizer(net)
    for inputs, targets in loader:
        loss = nn.functional.cross_entropy(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def torchvision_mnist(split: Split) -> datasets.MNIST:
    """Return a torchvision data set over the same images, transforms and all."""
    steps = [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    wrapped = datasets.MNIST.__new__(datasets.MNIST)
    wrapped.data = (split.inputs[:, 0] * 255).byte()
    wrapped.targets = split.targets
    wrapped.transform, wrapped.target_transform = transforms.Compose(steps), None
    return wrapped


def masked(net: nn.Module) -> lab.Masks:
    masks = lab.Masks.full(net)
    keep = cut(
        lab.scores.magnitude(net, lab.data.Split(torch.empty(0), torch.empty(0))),
        masks,
        lab.budgets.fraction(1 - DENSITY),
        lab.scopes.layer,
    )
    masks.shrink(keep)
    return masks


def our_epoch(net: nn.Module, data: Data, masks: lab.Masks | None = None) -> None:
    lab.train(net, data, stop=lab.stops.epochs(1), training=SETTINGS, masks=masks)


def test_epoch_beside_dataloader_and_bare_loop() -> None:
    data = mnist_of(60_000)
    net = lab.nets.lenet_300_100(seed=0)
    masks = masked(net)
    loader = DataLoader(torchvision_mnist(data.train), batch_size=64, shuffle=True)
    ours, bare, student = best_seconds(
        lambda: our_epoch(net, data, masks),
        lambda: bare_tensor_epoch(net, data.train, 64),
        lambda: dataloader_epoch(net, loader),
        repeats=5,
    )
    print(f"\nepoch: ours {ours:.2f} s, bare {bare:.2f} s, DataLoader {student:.2f} s")
    print(f"DataLoader / ours {student / ours:.1f} (≥ 5), ours / bare {ours / bare:.2f} (≤ 1.1)")
    assert student / ours >= 5
    assert ours / bare <= 1.1


def torch_pruned(net: nn.Module, masks: lab.Masks) -> nn.Module:
    pruned = copy.deepcopy(net)
    for name, mask in masks.items():
        torch_prune.custom_from_mask(pruned.get_submodule(name.rpartition(".")[0]), "weight", mask)
    return pruned


@pytest.mark.parametrize(("make", "size"), [(lab.nets.lenet_300_100, 64), (lab.nets.sap_mlp, 250)])
def test_the_mask_costs_little(make: Callable[..., nn.Module], size: int) -> None:
    """Same loop with and without a mask; torch.nn.utils.prune on the same net beside them."""
    data = mnist_of(20_000)
    net = make(seed=0)
    masks = masked(net)
    theirs = torch_pruned(net, masks)
    settings = lab.Training(SETTINGS.optimizer, batch_size=size, schedule=constant)

    def epoch(network: nn.Module, masks: lab.Masks | None) -> Callable[[], object]:
        stop = lab.stops.epochs(1)
        return lambda: lab.train(network, data, stop=stop, training=settings, masks=masks)

    dense, ours, torch_way = best_seconds(
        epoch(net, None), epoch(net, masks), lambda: bare_tensor_epoch(theirs, data.train, size),
        repeats=15,
    )  # fmt: skip
    print(f"\n{make.__name__}: mask / dense {ours / dense:.3f} (≤ 1.05), ", end="")
    print(f"torch.nn.utils.prune / dense {torch_way / dense:.3f}")
    assert ours / dense <= 1.05
    assert ours < torch_way
