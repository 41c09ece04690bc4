"""Smaller networks that say the same: by hand, on real images, and what is refused by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

import pruninglab as lab
from pruninglab import nets, shrink
from pruninglab.costs import count_parameters

GRAPH = pytest.mark.skipif(
    importlib.util.find_spec("torch_pruning") is None, reason="needs the extra `deploy`"
)


@pytest.fixture(scope="module")
def digits() -> Tensor:
    return lab.data.load("mnist", device="cpu").test.inputs


@torch.no_grad()
def worn(net: nn.Module, share: float = 0.5) -> nn.Module:
    """Let a share of the units of every layer but the last die, and give batch norms a life."""
    chance = torch.Generator().manual_seed(0)
    for weight in list(lab.scores.prunable(net).values())[:-1]:
        weight[torch.rand(len(weight), generator=chance) < share] = 0
    for module in net.modules():
        if isinstance(module, shrink.NORMS):
            for part, shift in ((module.weight, 1), (module.bias, 0), (module.running_mean, 0)):
                part.copy_(shift + 0.5 * torch.randn(len(part), generator=chance))
            module.running_var.copy_(0.5 + torch.rand(len(module.bias), generator=chance))
        elif isinstance(module, shrink.LAYERS) and module.bias is not None:
            module.bias.copy_(0.3 * torch.randn(len(module.bias), generator=chance))
    return net.eval()


def largest_gap(net: nn.Module, small: nn.Module, images: Tensor) -> float:
    with torch.no_grad():
        outputs = net.eval()(images)
        return float((outputs - small(images)).abs().max() / max(1.0, outputs.abs().max()))


def by_hand(net: nn.Sequential) -> nn.Sequential:
    """The notebook's lines: Linear layers and ReLU only."""
    small = nets.clone(net)
    layers = [module for module in small if isinstance(module, nn.Linear)]
    with torch.no_grad():
        for first, second in pairwise(layers):
            dead = (first.weight == 0).all(dim=1)
            second.bias += second.weight[:, dead] @ first.bias[dead].relu()
            first.weight = nn.Parameter(first.weight[~dead])
            first.bias = nn.Parameter(first.bias[~dead])
            second.weight = nn.Parameter(second.weight[:, ~dead])
    return small


def test_a_plain_stack_is_what_the_notebook_does_by_hand(digits: Tensor) -> None:
    net = worn(nets.lenet_300_100(seed=0))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    small = shrink.remove_dead(net, digits[:50])
    for mine, theirs in zip(by_hand(net).parameters(), small.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
    assert all(torch.equal(net.state_dict()[name], old) for name, old in before.items())
    assert small.fc1.out_features == len(small.fc1.weight) == small.fc2.in_features


@pytest.mark.parametrize(
    ("make", "shape"),
    [(nets.lenet_300_100, 1), (nets.lenet_5, 1), (nets.sap_cnn, 1), (nets.mini_tanh, 1)],
)
def test_the_outputs_on_real_images_stay(
    make: Callable[..., nn.Module], shape: int, digits: Tensor
) -> None:
    """Batch norm, pools, flatten between conv and linear, padding, biases of dead units."""
    net = worn(make(seed=0))
    small = shrink.remove_dead(net, digits[:8])
    assert largest_gap(net, small, digits[100:300]) < 1e-5
    assert count_parameters(small) < 0.65 * count_parameters(net)
    again = shrink.remove_dead(small, digits[:8])
    assert count_parameters(again) == count_parameters(small)


@GRAPH
@pytest.mark.parametrize("make", [nets.resnet_20, nets.resnet_18])
def test_shortcuts(make: Callable[..., nn.Module]) -> None:
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    net = worn(make(inputs=(3, 32, 32), seed=0))
    small = shrink.remove_dead(net, images[:2])
    assert largest_gap(net, small, images[2:]) < 1e-5
    assert count_parameters(small) < 0.7 * count_parameters(net)


@GRAPH
def test_a_channel_of_a_stream_goes_only_if_all_writers_let_it_go(digits: Tensor) -> None:
    writers = ["conv1", "block1_1.conv2", "block1_2.conv2", "block1_3.conv2"]
    widths = []
    for chosen in (writers[:3], writers):
        net = nets.resnet_20(inputs=(1, 28, 28), seed=0)
        with torch.no_grad():
            for name in chosen:
                net.get_submodule(name).weight[:8] = 0
                # Half of the constants are positive: one channel has to carry them.
                net.get_submodule(name.replace("conv", "bn")).bias[:8] = torch.linspace(-1, 1, 8)
        small = shrink.remove_dead(net, digits[:4])
        assert largest_gap(net, small, digits[4:20]) < 1e-5
        widths.append(small.conv1.out_channels)
    assert widths[0] == 16 and widths[1] <= 10


@torch.no_grad()
def two_convolutions(bias: list[float], **settings: object) -> nn.Sequential:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3, **settings))
    net[0].weight[1:] = 0
    net[0].bias.copy_(torch.tensor(bias))
    return net


def test_one_unit_carries_the_constants_of_all_where_zeros_are_padded(digits: Tensor) -> None:
    bias, images = [0.1, 0.5, -1.0, 0.25], digits[:20]
    for settings, left in (
        ({}, 1),
        ({"padding": 1}, 2),
        ({"padding": "same"}, 2),
        ({"padding": 1, "padding_mode": "reflect"}, 1),
    ):
        net = two_convolutions(bias, **settings)
        small = shrink.remove_dead(net, images[:3])
        assert small[0].out_channels == small[2].in_channels == left
        assert largest_gap(net, small, images) < 1e-6
    carrier = shrink.remove_dead(two_convolutions(bias, padding=1), images)[2].weight[:, 1]
    net = two_convolutions(bias, padding=1)
    small = shrink.remove_dead(net, images)
    expected = net[2].weight[:, 1] + 0.25 / 0.5 * net[2].weight[:, 3]
    assert torch.allclose(small[2].weight[:, 1], expected) and carrier.shape == expected.shape


def test_constants_that_are_zero_need_no_carrier(digits: Tensor) -> None:
    net = two_convolutions([0.1, 0.0, -1.0, -0.25], padding=1)
    small = shrink.remove_dead(net, digits[:3])
    assert small[0].out_channels == 1 and largest_gap(net, small, digits[3:9]) < 1e-6


def test_a_bias_is_made_where_there_was_none() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        net[0].weight[:2] = 0
    small = shrink.remove_dead(net, torch.randn(5, 3))
    expected = net[2].weight[:, :2] @ net[0].bias[:2].tanh()
    assert torch.allclose(small[2].bias, expected, atol=1e-6)


def test_death_runs_through_the_layers_and_units_that_nobody_reads_go() -> None:
    net = nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(),
        nn.Linear(4, 2),
    )  # fmt: skip
    with torch.no_grad():
        net[0].weight[0] = 0
        net[2].weight[1, 1:] = 0  # It looks at the dead unit only: it dies with it.
        net[4].weight[:, 3] = 0  # Unit 3 of the second layer is read by none,
        net[2].weight[:3, 2] = 0  # and so then is unit 2 of the first.
    small, images = shrink.remove_dead(net, torch.randn(4, 3)), torch.randn(9, 3)
    assert [tuple(layer.weight.shape) for layer in small[::2]] == [(2, 3), (2, 2), (4, 2), (2, 4)]
    assert largest_gap(net, small, images) < 1e-6


def test_one_unit_stays_where_all_are_dead() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        net[0].weight.zero_()
    small = shrink.remove_dead(net, torch.randn(4, 3))
    assert small[0].out_features == small[1].num_features == small[3].in_features == 1
    assert largest_gap(net.eval(), small, torch.randn(9, 3)) < 1e-6


def test_batch_norm_behind_a_flatten() -> None:
    net = nn.Sequential(
        nn.Conv1d(2, 3, 2), nn.Flatten(), nn.BatchNorm1d(9), nn.Sigmoid(), nn.Linear(9, 2)
    )
    with torch.no_grad():
        net[0].weight[1] = 0
        net[2].running_mean.normal_()
    # Each place has a constant of its own, and the Linear layer looks at each by itself.
    small = shrink.remove_dead(net, torch.randn(5, 2, 4))
    assert small[2].num_features == 6 and len(small[2].running_var) == 6
    assert largest_gap(net.eval(), small, torch.randn(5, 2, 4)) < 1e-6


def test_nested_stacks_and_sequences() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.GELU()), nn.Dropout(), nn.Linear(4, 2))
    with torch.no_grad():
        net[0][0].weight[1:] = 0
    small = shrink.remove_dead(net, torch.randn(5, 7, 3))
    assert small[0][0].out_features == 1
    assert largest_gap(net.eval(), small, torch.randn(5, 7, 3)) < 1e-6


def grouped(groups: int = 2) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=groups), nn.ReLU(),
        nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(2 * 36, 3),
    )  # fmt: skip


@GRAPH
@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("where", [0, 2])
def test_beside_a_grouped_convolution_units_stay_but_for_depthwise(groups: int, where: int) -> None:
    images = torch.rand(3, 1, 12, 12)
    for net in (grouped(groups), Odd(all=grouped(groups))):
        with torch.no_grad():
            net.get_parameter([n for n, _ in net.named_parameters()][where])[1] = 0
            net.get_parameter([n for n, _ in net.named_parameters()][1])[1] = -0.3
        small = shrink.remove_dead(net, images)
        goes = isinstance(net, Odd) and groups == 4
        assert (count_parameters(small) < count_parameters(net)) == goes
        assert largest_gap(net, small, images) < 1e-6


def test_far_from_a_grouped_convolution_units_may_go() -> None:
    net, images = grouped(), torch.rand(3, 1, 12, 12)
    with torch.no_grad():
        net[4].weight[1] = 0
    small = shrink.remove_dead(net, images)
    assert small[4].out_channels == 1 and small[6].in_features == 36
    assert largest_gap(net, small, images) < 1e-6


class Odd(nn.Module):
    """A network that calls its parts as `order` says."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        self.order = list(parts)
        for name, part in parts.items():
            self.add_module(name.rstrip("_"), part)

    def forward(self, inputs: Tensor) -> Tensor:
        for name in self.order:
            inputs = self.get_submodule(name.rstrip("_"))(inputs)
        return inputs


@torch.no_grad()
def half_dead(*layers: Any) -> None:
    for layer in layers:
        layer.weight[: len(layer.weight) // 2] = 0


class Gated(nn.Module):
    """Units that a gate scales: dead ones may go only where they say 0."""

    def __init__(self, said: float) -> None:
        super().__init__()
        self.first, self.gate, self.last = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 2)
        half_dead(self.first)
        nn.init.constant_(self.first.bias, said)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.first(inputs).relu() * self.gate(inputs).sigmoid())


class Deciding(nn.Module):
    """What is constant cannot be followed through a decision."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs)
        return self.last(torch.where(hidden > 0, hidden, 0.0))


class Dense(nn.Module):
    """Rows of units side by side, as in DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 3, 1)
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(7, 4, 3, padding=1)
        self.norm, self.c = nn.BatchNorm2d(11), nn.Conv2d(11, 2, 1)
        half_dead(self.a, self.b)

    def forward(self, inputs: Tensor) -> Tensor:
        stem = self.stem(inputs)
        hidden = torch.cat([stem, self.a(stem).relu()], 1)
        return self.c(self.norm(torch.cat([hidden, self.b(hidden)], 1)).relu()).mean((2, 3))


def sequence(*parts: nn.Module, **named: nn.Module) -> nn.Module:
    half_dead(*[part for part in parts if isinstance(part, shrink.LAYERS)])
    return nn.Sequential(*parts)


def twice() -> nn.Module:
    square = nn.Linear(4, 4)
    return sequence(square, nn.ReLU(), square, nn.Linear(4, 2))


def tied() -> nn.Module:
    net = sequence(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Linear(4, 2))
    net[2].weight = net[0].weight
    return net


def frozen() -> nn.Module:
    return sequence(nn.Linear(4, 4), nn.PReLU(), nn.Linear(4, 2)).requires_grad_(False)


Flat = (3, 4)
STAYS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], bool]] = {
    "layer norm": (
        lambda: sequence(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2)), Flat, False,
    ),
    "softmax": (lambda: sequence(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 2)), Flat, False),
    "twice": (twice, Flat, False),
    "tied": (tied, Flat, False),
    "frozen": (frozen, Flat, False),
    "lstm": (lambda: Odd(a=nn.Linear(4, 4), r=Last(nn.LSTM(4, 4)), b=nn.Linear(4, 2)), Flat, False),
    "gate": (lambda: Gated(0.5), (3, 3), False),
    "silent gate": (lambda: Gated(-0.5), (3, 3), True),
    "dense": (Dense, (3, 1, 6, 6), True),
    "padded pool": (
        lambda: sequence(nn.Conv1d(1, 2, 1), nn.AvgPool1d(2, padding=1), nn.Conv1d(2, 2, 1)),
        (2, 1, 4), False,
    ),
    "norm without statistics": (
        lambda: sequence(nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False),
                         nn.Linear(4, 2)), Flat, True,
    ),
    "norm without weights": (
        lambda: sequence(nn.Linear(4, 4), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 2)),
        Flat, True,
    ),
    "one image": (lambda: sequence(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1)),
                  (1, 1, 2, 2), True),
    "no batch": (lambda: sequence(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1)),
                 (1, 2, 2), True),
    "never called": (
        lambda: Odd(a=sequence(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)),
                    **{"unused_": nn.Identity()}), Flat, True,
    ),
}  # fmt: skip


class Last(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs)[0]


@GRAPH
@pytest.mark.parametrize("name", STAYS)
def test_what_still_says_something_stays_and_what_does_not_goes(name: str) -> None:
    make, shape, goes = STAYS[name]
    net = make()
    trained = {n: p.requires_grad for n, p in net.named_parameters()}
    small = shrink.remove_dead(net, torch.rand(shape))
    other = torch.randn(5, *shape[1:]) if name != "no batch" else torch.randn(shape)
    assert largest_gap(net, small, other) < 1e-5
    assert (count_parameters(small) < count_parameters(net)) == goes
    assert {n: p.requires_grad for n, p in small.named_parameters()} == trained
    assert {n: p.requires_grad for n, p in net.named_parameters()} == trained


@GRAPH
def test_what_cannot_be_shrunk_is_refused_by_name() -> None:
    square = nn.Linear(4, 4)
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), nn.Linear(4, 2))
    masked = nn.Sequential(prune.l1_unstructured(nn.Linear(4, 4), "weight", 3), nn.Linear(4, 2))
    for net, inputs, words in (
        (normed, (2, 4), "'0'"),
        (masked, (2, 4), "'0'"),
        (nn.Sequential(nn.ReLU()), (2, 4), "nothing can be pruned"),
        (Deciding(), (2, 3), "net decides by its numbers"),
        (nn.Sequential(square), (2, 5), r"inputs float32 \(2, 5\) do not pass"),
        (nn.Sequential(square), (0, 4), "inputs holds no image"),
        (nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 4)), (2, 4), "net returns tuple"),
    ):
        with pytest.raises(ValueError, match=words):
            shrink.remove_dead(net, torch.rand(inputs))


def test_without_torch_pruning_a_residual_network_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch_pruning", None)
    with pytest.raises(ValueError, match="pip install torch-pruning"):
        shrink.remove_dead(nets.resnet_20(seed=0), torch.rand(2, 1, 28, 28))


class Mixing(nn.Module):
    """What no list of modules shows: the forward itself mixes units."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs)
        return self.last(hidden / hidden.sum(dim=1, keepdim=True))


@GRAPH
def test_units_that_a_forward_mixes_stay() -> None:
    net = Mixing()
    with torch.no_grad():
        net.last.weight[:, 1] = 0
    small = shrink.remove_dead(net, torch.rand(6, 3))
    assert count_parameters(small) == count_parameters(net)


def test_the_mode_and_the_hooks_of_a_network_stay() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2)).train()
    small = shrink.remove_dead(net, torch.rand(6, 3))
    assert net.training and not small.training
    assert not any(module._forward_pre_hooks for module in small.modules())
