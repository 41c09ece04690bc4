"""Whole networks: streamed importance, exact clean-up, and bounds that hold."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from pruninglab import nets
from pruninglab.engine.masks import Masks
from pruninglab.ideas.nnrelief import (
    carry_change,
    check_cleanable,
    clean_up,
    connection_importance,
    connection_signal,
    dropped_signal,
    error_bounds,
    filter_change,
    kernel_importance,
    network,
    network_importance,
    residuals,
    share_cut,
    weak_branches,
)
from pruninglab.ideas.nnrelief.support import judged_layers


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def conv_net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(1, 3, 3), relu1=nn.ReLU(inplace=True), pool=nn.MaxPool2d(2),
                conv2=nn.Conv2d(3, 4, 2, stride=2, padding=1), relu2=nn.ReLU(),
                flatten=nn.Flatten(), drop=nn.Dropout(0.5), fc1=nn.Linear(16, 3),
            )
        )  # fmt: skip


# Importance of a network


def test_each_layer_is_judged_by_what_it_sees() -> None:
    net, inputs = conv_net(), normal(7, 1, 8, 8)
    found = network_importance(net, inputs)
    assert list(found) == ["conv1", "conv2", "fc1"]
    with torch.no_grad():
        second = nn.functional.max_pool2d(net.conv1(inputs).relu(), 2)
        third = net.conv2(second).relu().flatten(1)
    expected = {
        "conv1": kernel_importance(net.conv1.weight, net.conv1.bias, inputs),
        "conv2": kernel_importance(net.conv2.weight, net.conv2.bias, second, stride=2, padding=1),
        "fc1": connection_importance(net.fc1.weight, net.fc1.bias, third),
    }
    for name, shares in expected.items():
        torch.testing.assert_close(found[name], shares)


@pytest.mark.parametrize("variant", ["frobenius", "l1", "mean_map"])
def test_streaming_changes_nothing(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, inputs = conv_net(), normal(11, 1, 8, 8)
    whole = network_importance(net, inputs, variant)
    monkeypatch.setattr(network, "IMAGES_AT_ONCE", 3)
    for name, shares in network_importance(net, inputs, variant).items():
        torch.testing.assert_close(shares, whole[name])


def test_the_network_is_left_as_it_was() -> None:
    net = conv_net().train()
    net.drop.eval()  # frozen by its owner
    before = {name: value.clone() for name, value in net.state_dict().items()}
    network_importance(net, normal(4, 1, 8, 8))
    assert net.training and net.fc1.training and not net.drop.training
    assert not any(module._forward_pre_hooks for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (nn.Conv1d(1, 1, 1), "Conv1d"),
        (nn.Conv2d(1, 1, 1, padding="same"), "pads by 'same'"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), "circular"),
    ],
)
def test_unsupported_layers_are_named(layer: nn.Module, named: str) -> None:
    net = nn.Sequential(OrderedDict(odd=layer))
    with pytest.raises(ValueError, match=f"'odd'.*{named}"):
        network_importance(net, torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize("layer", [nn.LazyLinear(3), nn.Linear(2, 2, device="meta")])
def test_layers_without_numbers_are_named(layer: nn.Module) -> None:
    net = nn.Sequential(OrderedDict(odd=layer))
    with pytest.raises(ValueError, match=r"net holds an? .* tensor; it must be dense"):
        check_cleanable(net)


def test_supported_networks_pass_both_checks() -> None:
    for net in (conv_net(), nets.resnet_20(), nn.DataParallel(conv_net())):
        judged_layers(net)
        check_cleanable(net)
    norms = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    judged_layers(norms)  # has an importance, but clean_up does not see through it
    with pytest.raises(ValueError, match="'1' is a LayerNorm"):
        check_cleanable(norms)


class Twice(nn.Module):
    """One layer, used on the inputs and on what it makes of them."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(self.layer(inputs).relu())


@pytest.mark.parametrize(
    ("layer", "shape", "options"),
    [(nn.Linear(3, 3), (3,), {}), (nn.Conv2d(2, 2, 3, padding=1), (2, 5, 5), {"padding": 1})],
)
def test_a_layer_used_twice_is_judged_by_all_it_sees(
    layer: nn.Module, shape: tuple[int, ...], options: dict[str, int]
) -> None:
    inputs = normal(6, *shape)
    every = torch.cat([inputs, layer(inputs).relu().detach()])
    alone = kernel_importance if options else connection_importance
    expected = alone(layer.weight, layer.bias, every, **options)
    torch.testing.assert_close(network_importance(Twice(layer), inputs)["layer"], expected)


def test_sequences_are_refused_by_name() -> None:
    net = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"layer '0' sees inputs of the shape \(5, 3, 4\)"):
        network_importance(net, normal(5, 3, 4))


def test_data_parallel_is_the_network_inside() -> None:
    net, inputs = conv_net(), normal(4, 1, 8, 8)
    found = network_importance(nn.DataParallel(net), inputs)
    for name, shares in network_importance(net, inputs).items():
        assert torch.equal(found[f"module.{name}"], shares)


def test_bad_input_to_a_network_is_refused() -> None:
    net = conv_net()
    with pytest.raises(ValueError, match="no samples"):
        network_importance(net, torch.empty(0, 1, 8, 8))
    with pytest.raises(ValueError, match=r"layer 'conv1' sees NaN.*inputs"):
        network_importance(net, torch.full((2, 1, 8, 8), float("nan")))
    with pytest.raises(ValueError, match=r"inputs float32 \(2, 3, 8, 8\) do not pass through net"):
        network_importance(net, torch.ones(2, 3, 8, 8))
    with pytest.raises(ValueError, match=r"residual=2 must lie in \(0, 1\]"):
        network_importance(net, torch.ones(2, 1, 8, 8), residual=2)
    with pytest.raises(ValueError, match="'1' sees NaN"):
        network_importance(nn.Sequential(nn.Flatten(), nn.Linear(1, 1)), torch.full((2, 1), np.nan))
    with pytest.raises(ValueError, match="'l2'"):
        network_importance(net, torch.ones(1, 1, 8, 8), "l2")
    net.fc1.bias.data[1] = np.inf
    with pytest.raises(ValueError, match="'fc1' holds NaN"):
        network_importance(net, torch.ones(1, 1, 8, 8))
    with pytest.raises(ValueError, match="no Linear or Conv2d"):
        network_importance(nn.ReLU(), torch.ones(1, 1))
    with pytest.raises(ValueError, match="no block"):
        network_importance(conv_net(), torch.ones(1, 1, 8, 8), residual=0.95)


# Residual sums: the option of the authors' code


def test_weak_branches_by_hand() -> None:
    # Norms of the mean |x|, by channel: 3 and 1; 0.04 and 1; 1 and 0.
    main = torch.tensor([[[[3.0]], [[0.04]], [[1.0]]], [[[-3.0]], [[0.04]], [[1.0]]]])
    shortcut = torch.tensor([[[[1.0]], [[1.0]], [[0.0]]]]).expand(2, -1, -1, -1)
    weak_main, weak_shortcut = weak_branches(main, shortcut, 0.95)
    assert weak_main.tolist() == [False, True, False]
    assert weak_shortcut.tolist() == [False, False, True]
    with pytest.raises(ValueError, match="alpha=0"):
        weak_branches(main, shortcut, 0)
    with pytest.raises(ValueError, match="shortcut="):
        weak_branches(main, shortcut[:1], 0.9)


def test_a_weak_branch_loses_its_importance() -> None:
    net = nets.resnet_20(inputs=(1, 8, 8), seed=0).eval()
    net.block1_1.bn2.weight.data[:4] = 1e-6
    net.block2_1.shortcut.bn.weight.data[5] = 1e-6
    inputs = normal(3, 1, 8, 8)
    plain, strict = (network_importance(net, inputs, residual=r) for r in (None, 0.95))
    differ = {name for name in plain if not torch.equal(plain[name], strict[name])}
    assert {"block1_1.conv2", "block2_1.shortcut.conv"} <= differ
    assert bool((strict["block1_1.conv2"][:4] == 0).all())
    assert bool((strict["block2_1.shortcut.conv"][5] == 0).all())
    assert all(name.endswith((".conv2", ".shortcut.conv")) for name in differ)


# Clean-up


def random_masks(net: nn.Module, share: float, seed: int) -> Masks:
    """Let `share` of the weights live; whole kernels live or die together, as after a cut."""
    generator, masks = torch.Generator().manual_seed(seed), Masks.full(net, biases=True)
    masks.shrink({
        name: (torch.rand(mask.shape[:2], generator=generator) < share)
        .reshape(*mask.shape[:2], *(1,) * (mask.dim() - 2)).expand_as(mask)
        for name, mask in masks.items()
    })  # fmt: skip
    return masks


def unsettle(net: nn.Module) -> nn.Module:
    """Give batch norms statistics and shifts as after training, and biases values."""
    generator = torch.Generator().manual_seed(3)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.bias.data.normal_(generator=generator)
            module.bias.data[::2] = 0  # some channels that shift nothing …
            module.running_mean[::2] = 0
        elif getattr(module, "bias", None) is not None:
            module.bias.data.normal_(generator=generator)
    return net


MAKERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nets.lenet_300_100(inputs=(1, 4, 4), seed=0),
    "conv": lambda: nets.lenet_5(inputs=(1, 16, 16), seed=0),
    "batch norm": lambda: nets.sap_cnn(inputs=(1, 16, 16), seed=0),
    "residual": lambda: nets.resnet_20(inputs=(1, 16, 16), seed=0),
}
SHARES = {"linear": 0.01, "conv": 0.03, "batch norm": 0.01, "residual": 0.05}


@pytest.mark.parametrize("kind", list(MAKERS))
def test_clean_up_takes_connections_but_changes_no_output(kind: str) -> None:
    net = unsettle(MAKERS[kind]()).double().eval()
    side = 4 if kind == "linear" else 16
    inputs = normal(5, 1, side, side).double()
    masks = random_masks(net, SHARES[kind], seed=1)
    masks.apply_(net)
    expected = net(inputs)
    assert float(expected.detach().std()) > 0
    smaller = clean_up(net, masks, inputs)
    assert sum(int(mask.sum()) for mask in smaller.values()) < masks.kept
    masks.shrink(smaller)
    masks.apply_(net)
    torch.testing.assert_close(net(inputs), expected, rtol=1e-12, atol=1e-12)
    # And nothing more is to be found.
    again = clean_up(net, masks, inputs)
    assert all(torch.equal(again[name], masks[name]) for name in masks)


def reached_by_loops(weights: list[np.ndarray], biases: list[np.ndarray]) -> list[np.ndarray]:
    """Dead ends of Linear layers by breadth-first walks: forward from the inputs, then back."""
    ways_in = [np.ones(weights[0].shape[1], dtype=bool)]
    for weight, bias in zip(weights, biases, strict=True):
        ways_in.append((weight & ways_in[-1]).any(axis=1) | bias)
    ways_out = [np.ones(len(weights[-1]), dtype=bool)]
    for weight in reversed(weights):
        ways_out.insert(0, (weight & ways_out[0][:, None]).any(axis=0))
    return [
        weight & ways_in[i][None] & ways_out[i + 1][:, None] for i, weight in enumerate(weights)
    ]


@given(share=st.floats(0.02, 0.5), seed=st.integers(0, 10_000))
def test_clean_up_against_walks_over_the_units(share: float, seed: int) -> None:
    net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2))
    masks = random_masks(net, share, seed)
    found = clean_up(net, masks, torch.ones(1, 5))
    weights = [masks[f"{i}.weight"].numpy() for i in (0, 2, 4)]
    biases = [masks[f"{i}.bias"].numpy() for i in (0, 2, 4)]
    for i, expected in zip((0, 2, 4), reached_by_loops(weights, biases), strict=True):
        np.testing.assert_array_equal(found[f"{i}.weight"].numpy(), expected)


def activations() -> dict[str, nn.Module]:
    """Walk all of torch's that take one tensor and no parameters."""
    extra: dict[str, nn.Module] = {
        "narrow": nn.Hardtanh(-0.01, 0.01), "far": nn.Threshold(20, 0), "softmax": nn.Softmax(1),
    }  # fmt: skip
    for name in nn.modules.activation.__all__:
        kind = getattr(nn, name)
        if name not in ("Threshold", "MultiheadAttention", "GLU", "PReLU", "Softmax2d"):
            extra[name] = kind(dim=1) if "oftm" in name else kind()
    return extra


@pytest.mark.parametrize("name", list(activations()))
def test_no_activation_is_saturated_by_the_count_of_paths(name: str) -> None:
    layers = [part for _ in range(120) for part in (nn.Linear(4, 4), activations()[name])]
    net = nn.Sequential(nn.Flatten(), *layers, nn.Linear(4, 2))
    whole = clean_up(net, Masks.full(net, biases=True), torch.ones(1, 4))
    assert all(bool(mask.all()) for mask in whole.values()), "all live, so all are reached"
    # Now one unit of the last layer hears nobody, but some activations make something of 0.
    masks = Masks.full(net)
    first, last = "1.weight", f"{len(net) - 1}.weight"
    masks.shrink({first: torch.tensor([0, 1, 1, 1]).bool()[:, None].expand(4, 4)})
    with torch.no_grad():
        net[1].bias.zero_()
    found = clean_up(net, masks, torch.ones(1, 4))
    silent = "oftm" not in name and not activations()[name](torch.zeros(1)).item()
    assert found["3.weight"].all(dim=0).tolist() == [not silent, True, True, True]
    assert bool(found[last].all())


class Written(nn.Module):
    """Paths that a forward writes by hand: in place, detached, without gradients, gated."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.a(inputs).clamp_(-0.1, 0.1)
        hidden.sub_(self.b(inputs).detach())
        with torch.no_grad():
            hidden = hidden * torch.sigmoid(hidden).data
        return self.c(hidden).clamp(max=1)


def test_paths_that_a_forward_writes_by_hand() -> None:
    net = Written()
    found = clean_up(net, Masks.full(net), torch.ones(1, 3))
    assert all(bool(mask.all()) for mask in found.values())


def test_dead_ends_and_dead_units_by_hand() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    masks = Masks.full(net, biases=True)
    keep = {
        "0.weight": torch.tensor([[1, 0], [0, 0], [1, 1]]).bool(),
        "0.bias": torch.tensor([1, 0, 1]).bool(),
        "2.weight": torch.tensor([[1, 1, 0]]).bool(),
    }
    masks.shrink(keep)
    found = clean_up(net, masks, torch.ones(1, 2))
    # Unit 1 is always 0: what leaves it goes. Nothing listens to unit 2: what enters it goes.
    assert found["0.weight"].tolist() == [[True, False], [False, False], [False, False]]
    assert found["0.bias"].tolist() == [True, False, False]
    assert found["2.weight"].tolist() == [[True, False, False]]
    assert found["2.bias"].tolist() == [True]


def test_a_batch_norm_keeps_a_channel_without_kernels_alive() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 1)
    ).eval()
    net[1].bias.data[:] = torch.tensor([0.5, 0.0])
    masks = Masks({
        "0.weight": torch.zeros(2, 1, 1, 1, dtype=torch.bool),
        "3.weight": torch.ones(1, 2, dtype=torch.bool),
    })  # fmt: skip
    found = clean_up(net, masks, torch.ones(1, 1, 1, 1))
    # Channel 0 is the constant 0.5, channel 1 is nothing at all.
    assert found["3.weight"].tolist() == [[True, False]]


def test_clean_up_names_what_it_cannot_do_and_changes_nothing() -> None:
    odd = nn.Sequential(OrderedDict(fc=nn.Linear(2, 2), norm=nn.LayerNorm(2)))
    with pytest.raises(ValueError, match="'norm' is a LayerNorm"):
        clean_up(odd, Masks.full(odd), torch.ones(1, 2))
    net = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(KeyError, match=r"'1\.weight'"):
        clean_up(net, {"1.weight": torch.ones(2, 2, dtype=torch.bool)}, torch.ones(1, 2))
    before = copy.deepcopy(net.state_dict())
    clean_up(net, Masks.full(net), torch.ones(1, 2))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.training
    for bad in (torch.ones(2, 2), torch.ones(2, 1, dtype=torch.bool)):
        with pytest.raises(ValueError, match=r"masks\['0.weight'\]"):
            clean_up(net, {"0.weight": bad}, torch.ones(1, 2))
    with pytest.raises(ValueError, match=r"inputs float64 \(1, 3\) do not pass through net"):
        clean_up(net, Masks.full(net), torch.ones(1, 3))
    whole = clean_up(net, Masks.full(net), torch.ones(0, 2))
    assert all(bool(mask.all()) for mask in whole.values()), "no samples are needed, only a shape"


def test_clean_up_of_a_batch_norm_without_weight_and_bias() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, affine=False), nn.Linear(2, 1)).eval()
    net[1].running_mean[:] = torch.tensor([0.5, 0.0])
    masks = Masks.full(net)
    masks.shrink({"0.weight": torch.zeros(2, 2, dtype=torch.bool)})
    net[0].bias.data.zero_()
    # Channel 0 is the constant −0.5, channel 1 is nothing.
    assert clean_up(net, masks, torch.ones(1, 2))["2.weight"].tolist() == [[True, False]]


# Bounds: Section 5.2


def stack(seed: int, widths: tuple[int, ...] = (6, 8, 7, 4)) -> list[tuple[Tensor, Tensor]]:
    return [
        (normal(out, size, seed=seed + out), normal(out, seed=seed + out + 50))
        for size, out in pairwise(widths)
    ]


def run(layers: list[tuple[Tensor, Tensor]], inputs: Tensor) -> Tensor:
    for place, (weight, bias) in enumerate(layers):
        inputs = (torch.relu(inputs) if place else inputs) @ weight.T + bias
    return inputs


def cut_layers(
    layers: list[tuple[Tensor, Tensor]], inputs: Tensor, alpha: float, which: set[int]
) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
    """Return (pruned layers, their masks); layers that are not in `which` stay whole."""
    pruned, keeps = [], []
    for place, (weight, bias) in enumerate(layers):
        seen = inputs if place == 0 else run(layers[:place], inputs).relu()
        kept = share_cut(connection_importance(weight, bias, seen), alpha)
        kept |= place not in which
        keeps.append((kept[:, :-1], kept[:, -1]))
        pruned.append((weight * kept[:, :-1], bias * kept[:, -1]))
    return pruned, keeps


@given(seed=st.integers(0, 1000), alpha=st.floats(0.3, 0.99))
def test_equations_4_to_8_hold_for_one_layer(seed: int, alpha: float) -> None:
    [layer], inputs = stack(seed, (6, 5)), normal(20, 6, seed=seed + 1)
    [pruned], [keep] = cut_layers([layer], inputs, alpha, {0})
    before, after = run([layer], inputs), run([pruned], inputs)
    moved = (before - after).abs()
    torch.testing.assert_close(residuals(layer, keep, inputs), moved, rtol=1e-4, atol=1e-5)  # (4)
    lost, total = dropped_signal(layer, keep, inputs), connection_signal(*layer, inputs).sum(dim=1)
    assert bool((moved.mean(dim=0) <= lost + 1e-5).all())
    assert bool((lost <= total * (1 - alpha) + 1e-5).all())  # (5), where "=" is "≤"
    bounds = error_bounds([layer], [keep], inputs)
    torch.testing.assert_close(bounds.average, lost)
    torch.testing.assert_close(bounds.pointwise, moved.amax(dim=0), rtol=1e-4, atol=1e-5)
    fired = (before.relu() - after.relu()).abs()
    assert bool((fired.mean(dim=0) <= lost + 1e-5).all())  # (7)
    assert bool((fired <= bounds.pointwise + 1e-5).all())  # (8)


@given(seed=st.integers(0, 1000), alpha=st.floats(0.3, 0.99), layer=st.integers(0, 2))
def test_equations_13_and_14_hold_for_one_pruned_layer_of_three(
    seed: int, alpha: float, layer: int
) -> None:
    layers, inputs = stack(seed), normal(20, 6, seed=seed + 1)
    pruned, keeps = cut_layers(layers, inputs, alpha, {layer})
    moved = (run(layers, inputs) - run(pruned, inputs)).abs()
    found = error_bounds(layers, keeps, inputs)
    printed = error_bounds(layers, keeps, inputs, alpha=alpha)
    slack = 1e-4 * (1 + moved.max())
    assert bool((moved <= found.pointwise + slack).all())
    assert bool((moved.mean(dim=0) <= found.average + slack).all())
    assert bool((found.average <= printed.average + slack).all())
    # (14) multiplied out: |W_L| … |W_(l+1)| times what layer l loses.
    seen = inputs if layer == 0 else run(layers[:layer], inputs).relu()
    expected = dropped_signal(layers[layer], keeps[layer], seen).double().numpy()
    for weight, _ in layers[layer + 1 :]:
        expected = np.abs(weight.double().numpy()) @ expected
    np.testing.assert_allclose(found.average.double(), expected, rtol=1e-4)


@given(seed=st.integers(0, 1000), alpha=st.floats(0.3, 0.99))
def test_the_bounds_hold_when_all_layers_are_cut(seed: int, alpha: float) -> None:
    layers, inputs = stack(seed), normal(20, 6, seed=seed + 1)
    pruned, keeps = cut_layers(layers, inputs, alpha, {0, 1, 2})
    moved = (run(layers, inputs) - run(pruned, inputs)).abs()
    found = error_bounds(layers, keeps, inputs)
    slack = 1e-4 * (1 + moved.max())
    assert bool((moved <= found.pointwise + slack).all())
    assert bool((moved.mean(dim=0) <= found.average + slack).all())


@given(seed=st.integers(0, 200), alpha=st.floats(0.3, 0.99), groups=st.sampled_from([1, 2]))
def test_equations_9_to_11_hold_for_a_convolution(seed: int, alpha: float, groups: int) -> None:
    conv = nn.Conv2d(4, 4, 3, padding=1, stride=2, groups=groups)
    with torch.no_grad():
        conv.weight.copy_(normal(*conv.weight.shape, seed=seed))
        conv.bias.copy_(normal(4, seed=seed + 1))
    inputs = normal(5, 4, 6, 6, seed=seed + 2)
    window = {"padding": 1, "stride": 2, "groups": groups}
    kept = share_cut(kernel_importance(conv.weight, conv.bias, inputs, **window), alpha)
    found = filter_change(conv, (kept[:, :-1], kept[:, -1]), inputs)
    # The change is the map of what has gone: one pass with the dead weights alone.
    gone = conv.weight * ~kept[:, :-1, None, None], conv.bias * ~kept[:, -1]
    dead = nn.functional.conv2d(inputs, *gone, **window)
    torch.testing.assert_close(found.change, (dead**2).sum(dim=(2, 3)).sqrt().detach())
    parts = [
        nn.functional.conv2d(x.abs(), conv.weight.abs() * ~kept[:, :-1, None, None], **window)
        for x in inputs[:, None]
    ]
    if groups == 1:
        # Eq. (9): the norm of a sum is at most the sum of norms, here all kernels at once.
        bias = conv.bias.abs() * ~kept[:, -1] * math.sqrt(dead[0, 0].numel())
        whole = torch.stack([part[0].flatten(1).norm(dim=1) for part in parts]) + bias
        assert bool((found.change <= whole * 1.0001 + 1e-4).all())
    assert bool((found.activated <= found.change * 1.0001 + 1e-5).all())
    assert bool((found.change.mean(dim=0) <= found.lost * 1.0001 + 1e-5).all())
    assert bool((found.lost <= found.signal * (1 - alpha) * 1.0001 + 1e-5).all())


def test_a_filter_change_needs_masks_that_fit() -> None:
    conv, inputs = nn.Conv2d(2, 3, 3, bias=False), normal(4, 2, 5, 5)
    keep = torch.ones(3, 2, dtype=torch.bool)
    assert not filter_change(conv, (keep, None), inputs).change.any()
    with pytest.raises(ValueError, match=r"keep has kernels \(3, 1\) and biases False"):
        filter_change(conv, (keep[:, :1], None), inputs)
    with pytest.raises(ValueError, match="biases True; conv has"):
        filter_change(conv, (keep, keep[:, 0]), inputs)
    for activation in (lambda maps: None, lambda maps: maps.sum(), lambda maps: maps @ inputs):
        with pytest.raises(ValueError, match="activation="):
            filter_change(conv, (keep, None), inputs, activation)
    with pytest.raises(ValueError, match="pads by"):
        mirrored = nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")
        filter_change(mirrored, (keep, None), inputs)


def test_bounds_by_hand() -> None:
    layers = [(torch.tensor([[1.0, 2.0]]), torch.tensor([3.0])), (torch.tensor([[-2.0]]), None)]
    keeps = [(torch.tensor([[True, False]]), torch.tensor([True])), (torch.tensor([[True]]), None)]
    inputs = torch.tensor([[1.0, 1.0], [1.0, -2.0]])
    found = error_bounds(layers, keeps, inputs)
    # The lost 2·x₂ is 2 and −4: 3 on average, 4 at most; the next weight doubles both.
    assert found.average.tolist() == [6.0]
    assert found.pointwise.tolist() == [8.0]
    assert error_bounds(layers, keeps, inputs, lipschitz=0.5).average.tolist() == [3.0]
    # Printed: S = 1 + 3 + 3 = 7 and S = 2 · (1 + 2 + 3 and 1 − 4 + 3 → 6, 0) = 6 on average.
    printed = error_bounds(layers, keeps, inputs, alpha=0.5).average
    assert printed.tolist() == [7 * 0.5 * 2 + 6 * 0.5]
    change = torch.tensor([1.0, 2.0])
    assert carry_change(change, [torch.tensor([[1.0, -1.0]])], 2.0).tolist() == [6.0]


def test_bounds_refuse_what_does_not_fit() -> None:
    [layer], inputs = stack(0, (3, 2)), normal(4, 3)
    keep = (torch.ones(2, 3, dtype=torch.bool), torch.ones(2, dtype=torch.bool))
    with pytest.raises(ValueError, match="1 layers and 0 keeps"):
        error_bounds([layer], [], inputs)
    with pytest.raises(ValueError, match="lipschitz=-1"):
        error_bounds([layer], [keep], inputs, lipschitz=-1)
    with pytest.raises(ValueError, match="alpha=2"):
        error_bounds([layer], [keep], inputs, alpha=2)
    with pytest.raises(ValueError, match="keep="):
        dropped_signal(layer, (keep[0][:1], keep[1]), inputs)
    with pytest.raises(ValueError, match="keep has a mask of the bias"):
        dropped_signal((layer[0], None), keep, inputs)
    with pytest.raises(ValueError, match=r"weights\[1\] has shape \(2, 3\)"):
        carry_change(torch.ones(3), [torch.ones(2, 3), torch.ones(2, 3)])
