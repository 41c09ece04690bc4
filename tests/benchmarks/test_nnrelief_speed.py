"""Importance of whole networks, beside loops over neurons, kernels and positions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from ratios import best_seconds
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.ideas.nnrelief import connection_signal, kernel_signal, network_importance

pytestmark = pytest.mark.benchmark

NETWORKS: dict[str, tuple[Callable[..., nn.Module], tuple[int, int, int], float]] = {
    "LeNet-300-100": (lab.nets.lenet_300_100, (1, 28, 28), 0.1),
    "LeNet-5": (lab.nets.lenet_5, (1, 28, 28), 0.5),
    "ResNet-20": (lab.nets.resnet_20, (3, 32, 32), 10.0),
}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_scores_of_1000_images(name: str) -> None:
    make, shape, limit = NETWORKS[name]
    net, images = make(inputs=shape, seed=0), torch.rand(1000, *shape)
    [seconds] = best_seconds(lambda: network_importance(net, images), repeats=3)
    print(f"\n{name}: 1,000 images in {seconds:.3f} s (< {limit})")
    assert seconds < limit


def neuron_by_neuron(weight: Tensor, bias: Tensor, inputs: Tensor) -> Tensor:
    """What a student writes first: a loop over neurons, one connection at a time."""
    signal = torch.zeros(len(weight), weight.shape[1] + 1)
    for j in range(len(weight)):
        for i in range(weight.shape[1]):
            signal[j, i] = (weight[j, i] * inputs[:, i]).abs().mean()
        signal[j, -1] = bias[j].abs()
    return signal


def place_by_place(weight: Tensor, bias: Tensor, inputs: Tensor) -> Tensor:
    """Loops over filters, kernels and positions; only the images are taken at once."""
    filters, channels, high, wide = weight.shape
    tall, broad = inputs.shape[2] - high + 1, inputs.shape[3] - wide + 1
    signal = torch.zeros(filters, channels + 1)
    for j in range(filters):
        for i in range(channels):
            squares = torch.zeros(len(inputs))
            for y in range(tall):
                for x in range(broad):
                    patch = inputs[:, i, y : y + high, x : x + wide].abs()
                    squares += (patch * weight[j, i].abs()).sum(dim=(1, 2)) ** 2
            signal[j, i] = squares.sqrt().mean()
        signal[j, -1] = bias[j].abs() * (tall * broad) ** 0.5
    return signal


def test_against_a_loop_over_neurons() -> None:
    layer, inputs = nn.Linear(784, 60), torch.rand(1000, 784)
    arguments = layer.weight.detach(), layer.bias.detach(), inputs
    ours, loop = best_seconds(
        lambda: connection_signal(*arguments), lambda: neuron_by_neuron(*arguments), repeats=2
    )
    print(f"\n60 neurons of 784 inputs: ours {ours * 1e3:.2f} ms, loop / ours {loop / ours:.0f}")
    torch.testing.assert_close(connection_signal(*arguments), neuron_by_neuron(*arguments))
    assert loop / ours >= 50


def test_against_a_loop_over_positions() -> None:
    layer, inputs = nn.Conv2d(8, 16, 5), torch.rand(10, 8, 20, 20)
    arguments = layer.weight.detach(), layer.bias.detach(), inputs
    ours, loop = best_seconds(
        lambda: kernel_signal(*arguments), lambda: place_by_place(*arguments), repeats=2
    )
    print(f"\n128 kernels, 256 places: ours {ours * 1e3:.2f} ms, loop / ours {loop / ours:.0f}")
    torch.testing.assert_close(
        kernel_signal(*arguments), place_by_place(*arguments), rtol=1e-4, atol=1e-4
    )
    assert loop / ours >= 50
