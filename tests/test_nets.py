"""The networks have the parameter counts that the papers print."""

from __future__ import annotations

import inspect
import threading

import pytest
import torch
from torch import nn

from pruninglab import nets
from pruninglab.costs import count_parameters
from pruninglab.nets import COLOR, GRAY

PRINTED = [
    (nets.lenet_300_100, GRAY, 266_610),  # NNrelief, Table 1
    (nets.lenet_5, GRAY, 431_080),  # Caffe
    (nets.sap_linear, GRAY, 7_850),  # SAP, Table 3: 7.9 K
    (nets.sap_linear, COLOR, 30_730),  # SAP, Table 3: 30.7 K
    (nets.sap_mlp, GRAY, 136_074),  # SAP, Table 3: 136.1 K
    (nets.sap_mlp, COLOR, 428_938),  # SAP, Table 3: 428.9 K
    (nets.mini_relu, GRAY, 1_210),
    (nets.mini_tanh, GRAY, 1_210),
    (nets.resnet_8, COLOR, 78_042),
    (nets.resnet_20, COLOR, 272_474),
    (nets.resnet_32, COLOR, 466_906),
    (nets.resnet_56, COLOR, 855_770),
]
ROUNDED = [
    (nets.sap_cnn, GRAY, 1.6e6),  # SAP, Table 3
    (nets.sap_cnn, COLOR, 1.6e6),
    (nets.resnet_18, GRAY, 11.2e6),
    (nets.resnet_18, COLOR, 11.2e6),
    (nets.resnet_50, COLOR, 23.5e6),
    (nets.vgg_11, COLOR, 9.2e6),
    (nets.vgg_13, COLOR, 9.4e6),
    (nets.vgg_like, COLOR, 15.0e6),
]


@pytest.mark.parametrize(("make", "inputs", "count"), PRINTED)
def test_exact_parameter_counts(make: object, inputs: tuple, count: int) -> None:
    assert count_parameters(make(inputs=inputs)) == count


@pytest.mark.parametrize(("make", "inputs", "count"), ROUNDED)
def test_rounded_parameter_counts(make: object, inputs: tuple, count: float) -> None:
    assert round(count_parameters(make(inputs=inputs)) / 1e5) == round(count / 1e5)


EVERY = [
    nets.lenet_300_100, nets.lenet_5, nets.sap_linear, nets.sap_mlp, nets.sap_cnn, nets.vgg_11,
    nets.vgg_13, nets.vgg_like, nets.vgg_16, nets.resnet_18, nets.resnet_8, nets.resnet_20,
    nets.resnet_50, nets.resnet_56, nets.resnet_32, nets.mini_relu, nets.mini_tanh,
]  # fmt: skip


@pytest.mark.parametrize("make", EVERY)
def test_every_network_classifies_small_images(make: object) -> None:
    net = make(inputs=COLOR, classes=7, seed=0).eval()
    with torch.inference_mode():
        assert net(torch.rand(2, *COLOR)).shape == (2, 7)


@pytest.mark.parametrize("make", [nets.lenet_300_100, nets.resnet_20, nets.vgg_11])
def test_seeds(make: object) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (make(inputs=COLOR, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected), "the global generator must not move"
    weights = [next(net.parameters()) for net in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (nets.lenet_5, {"inputs": (1, 12, 12)}, "at least 16×16"),
        (nets.vgg_11, {"inputs": (3, 28, 28)}, "at least 32×32"),
        (nets.vgg_16, {"inputs": (3, 28, 28)}, "at least 32×32"),
        (nets.sap_mlp, {"inputs": (28, 28)}, r"inputs=\(28, 28\)"),
        (nets.sap_mlp, {"inputs": (1, 0, 28)}, r"inputs=\(1, 0, 28\)"),
        (nets.sap_mlp, {"inputs": (1, 10**9, 10**9)}, "inputs=.*1,000,000 numbers"),
        (nets.sap_mlp, {"inputs": "ab"}, "inputs='ab'"),
        (nets.sap_mlp, {"classes": 1}, "classes=1"),
        (nets.sap_mlp, {"classes": 10**12}, "classes=10+ "),
        (nets.sap_mlp, {"classes": True}, "classes=True"),
        (nets.sap_mlp, {"seed": 0.5}, r"seed=0\.5"),
        (nets.sap_mlp, {"seed": 2**70}, "seed=.*2\\*\\*63"),
    ],
)
def test_bad_arguments(make: object, options: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make(**options)


def test_a_constructor_shows_its_arguments() -> None:
    assert list(inspect.signature(nets.lenet_5).parameters) == ["inputs", "classes", "seed"]
    assert nets.lenet_5.__name__ == "lenet_5"
    assert "431,080" in nets.lenet_5.__doc__


def test_seeded_networks_are_their_own_beside_another_thread() -> None:
    """Without a lock, threads that seed the one global generator spoil each other's draw."""
    expected = nets.resnet_20(seed=3).state_dict()
    made: list[dict] = []

    def build() -> None:
        made.extend(nets.resnet_20(seed=3).state_dict() for _ in range(3))

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 12
    for state in made:
        assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_plain_nets_have_names_that_a_heatmap_can_print() -> None:
    names = [name for name, _ in nets.lenet_300_100().named_children()]
    assert names == ["flatten", "fc1", "relu1", "fc2", "relu2", "fc3"]


def test_kaiming_normal() -> None:
    net = nets.init_kaiming_normal(nets.lenet_300_100(), seed=0)
    assert isinstance(net, nn.Sequential)
    assert float(net.fc1.weight.detach().std()) == pytest.approx((2 / 784) ** 0.5, rel=0.01)
    assert not bool(net.fc1.bias.any())


def test_kaiming_normal_draws_what_torch_draws_and_moves_no_generator() -> None:
    net, theirs = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Linear(5, 4)), torch.empty(3, 2, 3)
    torch.manual_seed(7)
    nn.init.kaiming_normal_(theirs, nonlinearity="relu")
    expected = torch.rand(1)
    torch.manual_seed(7)
    nn.init.kaiming_normal_(theirs, nonlinearity="relu")
    nets.init_kaiming_normal(net, seed=7)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(net[0].weight, theirs)
    with pytest.raises(ValueError, match="net holds an uninitialised tensor"):
        nets.init_kaiming_normal(nn.LazyLinear(3), seed=0)
