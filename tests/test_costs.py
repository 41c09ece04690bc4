"""Parameters, operations, active units: by hand, against torch's own counter; and the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import prune
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from pruninglab import costs, nets
from pruninglab.costs import Latency, active_neurons, count_flops, count_parameters, latency
from pruninglab.engine.masks import Masks


def counted_by_torch(net: nn.Module, inputs: Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(inputs)
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (nets.lenet_300_100, (1, 28, 28)),
        (nets.lenet_5, (1, 28, 28)),
        (nets.vgg_like, (3, 32, 32)),
        (nets.resnet_20, (3, 32, 32)),
    ],
)
def test_torch_counts_the_same_but_for_additions_of_the_bias(
    make: Callable[..., nn.Module], shape: tuple[int, int, int]
) -> None:
    """torch counts 2·I·O for a Linear layer, and 2·H·W·C_in·K²·C_out for a convolution."""
    net, inputs = make(inputs=shape, seed=0).eval(), torch.rand(1, *shape)
    found = count_flops(net, inputs)
    sizes: dict[str, int] = {}
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(
                lambda _, __, made, name=name: sizes.__setitem__(name, made[0].numel())
            )
    net(inputs)
    torch_would = 0
    for name, operations in found.items():
        layer = net.get_submodule(name)
        extra = layer.out_features if isinstance(layer, nn.Linear) else -2 * sizes[name]
        torch_would += operations + extra
    assert torch_would == counted_by_torch(net, inputs)


def test_appendix_b_by_hand() -> None:
    net = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2), nn.Flatten(), nn.Linear(5 * 3 * 3, 4))
    inputs = torch.rand(2, 3, 7, 7)
    assert count_flops(net, inputs) == {"0": 2 * 9 * (3 * 9 + 1) * 5, "2": (2 * 45 - 1) * 4}
    assert count_flops(net, inputs, places="input")["0"] == 2 * 49 * (3 * 9 + 1) * 5


def test_operations_and_parameters_under_masks() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 2, bias=False), nn.Flatten(), nn.Linear(3, 2))
    masks = Masks.full(net, biases=True)
    kernels = torch.tensor([[1, 0], [1, 0], [0, 0]]).bool()[:, :, None, None]
    masks.shrink({
        "0.weight": kernels.expand(3, 2, 2, 2),
        "2.weight": torch.tensor([[1, 0, 0], [0, 0, 0]]).bool(),
        "2.bias": torch.tensor([1, 0]).bool(),
    })  # fmt: skip
    inputs = torch.rand(1, 2, 2, 2)
    assert count_parameters(net, masks) == 8 + 1 + 1
    assert count_parameters(net) == 24 + 6 + 2
    # Two filters of one living 2×2 kernel; one connection, which is a single product.
    assert count_flops(net, inputs, masks) == {"0": 2 * (4 + 1) * 2, "2": 1}
    assert count_flops(net, inputs, masks, skip="units") == {"0": 2 * (4 + 1) * 2, "2": 1}
    scattered = {"2.weight": torch.tensor([[1, 0, 0], [0, 1, 0]]).bool()}
    assert count_flops(net, inputs, scattered)["2"] == 1 + 1
    # A dense layer from 2 inputs to 2 outputs: dead weights inside it save nothing.
    assert count_flops(net, inputs, scattered, skip="units")["2"] == (2 * 2 - 1) * 2


def test_full_masks_cost_what_no_masks_cost() -> None:
    net, inputs = nets.resnet_20(inputs=(1, 16, 16), seed=0).train(), torch.rand(1, 1, 16, 16)
    full = Masks.full(net)
    assert count_parameters(net, full) == count_parameters(net)
    for skip in ("weights", "units"):
        assert count_flops(net, inputs, full, skip=skip) == count_flops(net, inputs)
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())


def test_active_neurons_by_hand() -> None:
    masks = {
        "1.weight": torch.tensor([[1, 0, 0], [0, 0, 0], [0, 1, 0], [1, 1, 0]]).bool(),
        "1.bias": torch.tensor([0, 1, 0, 0]).bool(),
        "3.weight": torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0]]).bool(),
        "3.bias": torch.tensor([0, 0]).bool(),
    }
    # Input 2 is read by none; unit 2 and 3 are read by none, unit 1 lives by its bias.
    assert active_neurons(masks) == (2, 2, 1)
    del masks["1.bias"]
    assert active_neurons(masks) == (2, 1, 1)
    assert active_neurons(Masks.full(nets.lenet_300_100(), biases=True)) == (784, 300, 100, 10)


class Twice(nn.Module):
    """One layer that runs twice, under two names, and one that runs over a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.again = self.conv
        self.head = nn.Linear(2, 5, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.again(self.conv(inputs)).flatten(2).transpose(1, 2))


def test_a_layer_counts_as_often_as_it_is_applied() -> None:
    net, inputs = Twice(), torch.rand(3, 2, 4, 4)
    found = count_flops(net, inputs)
    assert found == {"conv": 2 * 2 * 16 * (2 * 9 + 1) * 2, "head": 16 * (2 * 2 - 1) * 5}
    torch_would = found["conv"] - 2 * 2 * 16 * 2 + found["head"] + 16 * 5
    assert torch_would == counted_by_torch(net, inputs[:1])


def test_one_dimensional_and_grouped_convolutions() -> None:
    net, inputs = nn.Conv1d(4, 6, 3, groups=2), torch.rand(1, 4, 10)
    assert count_flops(net, inputs) == {"": 2 * 8 * (2 * 3 + 1) * 6}
    assert count_flops(net, inputs, places="input") == {"": 2 * 10 * (2 * 3 + 1) * 6}
    alive = torch.ones(6, 2, 3, dtype=torch.bool)
    alive[:3, 0] = False
    # The first group reads one input still, the second both.
    expected = {"": 2 * 8 * 3 * ((3 + 1) + (6 + 1))}
    assert count_flops(net, inputs, {"weight": alive}, skip="units") == expected


def test_layers_that_share_a_weight_share_its_mask() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    mask = {"0.weight": torch.eye(3, dtype=torch.bool)}
    assert count_parameters(net, mask) == 3 + 3 + 3
    assert count_flops(net, torch.ones(1, 3), mask) == {"0": 3, "1": 3}


def test_every_module_gets_its_own_mode_back() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    net.train()[1].eval()
    before = net[1].running_mean.clone()
    count_flops(net, torch.rand(4, 1, 5, 5))
    assert [module.training for module in net] == [True, False, True]
    assert torch.equal(net[1].running_mean, before)
    with pytest.raises(ValueError, match=r"inputs float32 \(1, 3, 5, 5\) do not pass through net"):
        count_flops(net, torch.rand(1, 3, 5, 5))
    assert [module.training for module in net] == [True, False, True]
    assert not any(module._forward_hooks for module in net.modules())


class Calls(nn.Module):
    """A network that uses its parts and its own parameters as the function says."""

    def __init__(self, call: Callable[..., Tensor], weight: Tensor | None = None, **parts: Any):
        super().__init__()
        self.call = call
        self.weight = None if weight is None else nn.Parameter(weight)
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.call(self, inputs)


def tied(kind: type[nn.Module], *sizes: int) -> nn.Sequential:
    net = nn.Sequential(kind(*sizes), kind(*sizes))
    net[1].weight = net[0].weight
    return net


# Images (2, 4, 6, 6); as sequences 24 vectors of 6.
OWN = {
    "attention": Calls(lambda n, x: n.a(*3 * [x.flatten(1, 2)])[0], a=nn.MultiheadAttention(6, 2)),
    "attention, other keys": Calls(
        lambda n, x: n.a(x[:, 0], x[:, 1], x[:, 2], need_weights=False)[0],
        a=nn.MultiheadAttention(6, 3, batch_first=True, kdim=6, vdim=6, add_bias_kv=True),
    ),
    "transformer": Calls(
        lambda n, x: n.t(x.flatten(1, 2)),
        t=nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), 2),
    ),
    "qkv by its weight": Calls(
        lambda n, x: functional.scaled_dot_product_attention(
            *functional.linear(x.flatten(1, 2), n.qkv.weight, n.qkv.bias).chunk(3, dim=-1)
        ),
        qkv=nn.Linear(6, 18),
    ),
    "LSTM": Calls(lambda n, x: n.r(x.flatten(1, 2))[0], r=nn.LSTM(6, 5, 2, bidirectional=True)),
    "GRU": Calls(lambda n, x: n.r(x.flatten(1, 2))[0], r=nn.GRU(6, 5, batch_first=True)),
    "RNN cell": Calls(lambda n, x: n.r(n.r(x[:, 0, 0])), r=nn.RNNCell(6, 6)),
    "own conv2d": Calls(lambda n, x: functional.conv2d(x, n.weight), torch.rand(4, 4, 2, 2)),
    "own linear": Calls(lambda n, x: functional.linear(x, n.weight), torch.rand(3, 6)),
    "own product": Calls(lambda n, x: x @ n.weight.T, torch.rand(3, 6)),
    "einsum": Calls(lambda n, x: torch.einsum("bchw,kw->bchk", x, n.weight), torch.rand(3, 6)),
    "vector": Calls(lambda n, x: x.flatten(1) @ n.weight, torch.rand(144)),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
    "1d": Calls(lambda n, x: n.c(x[:, :, 0]), c=nn.Conv1d(4, 5, 3, stride=2, padding=1)),
    "3d": Calls(lambda n, x: n.c(x[:, None]), c=nn.Conv3d(1, 2, 2, dilation=2)),
    "depthwise": nn.Conv2d(4, 8, 3, groups=4),
    "shared": Calls(lambda n, x: n.c(n.d(n.c(x))), c=nn.Conv2d(4, 4, 3), d=nn.Dropout()),
    "tied": tied(nn.Linear, 6, 6),
    "never called": Calls(lambda n, x: n.b(x), a=nn.ModuleDict({"c": nn.Conv2d(9, 9, 9)}),
                          b=nn.Linear(6, 2)),
    "weight norm": nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 3, 2)),
    "torch's prune": prune.l1_unstructured(nn.Linear(6, 3), "weight", 5),
    "low rank": Calls(lambda n, x: functional.linear(x, n.a.weight @ n.b.weight),
                      a=nn.Linear(2, 5), b=nn.Linear(6, 2)),
    "embedding": Calls(lambda n, x: n.e(x[:, 0, 0].long()), e=nn.EmbeddingBag(3, 4)),
}  # fmt: skip


class Outputs(TorchDispatchMode):
    """Counts what products and convolutions return: Appendix B differs from torch by so much."""

    def __init__(self) -> None:
        super().__init__()
        self.sums = self.places = 0

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None):
        made = operator(*args, **(kwargs or {}))
        if operator.overloadpacket.__name__ in ("mm", "addmm", "bmm", "baddbmm"):
            self.sums += made.numel()
        if operator is torch.ops.aten.convolution.default and not args[6]:
            self.places += made.numel()
        return made


@pytest.mark.parametrize("name", OWN)
def test_every_product_counts_whoever_asks_for_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, inputs = OWN[name].eval(), torch.rand(2, 4, 6, 6)
    # With gradients torch fuses nothing that its counter does not see, but for recurrent layers.
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    math = sdpa_kernel(SDPBackend.MATH)
    with math, FlopCounterMode(display=False) as counter, Outputs() as outputs:
        net(inputs[:1])
    monkeypatch.undo()
    found, expected = count_flops(net, inputs), counter.get_total_flops()
    if name == "vector":
        expected, outputs.sums = 2 * 144, 1  # torch does not count a matrix times a vector.
    assert sum(found.values()) == expected - outputs.sums + 2 * outputs.places
    assert bool(found) == (name != "embedding")
    own = {full.rpartition(".")[0] for full, _ in net.named_parameters(remove_duplicate=False)}
    assert set(found) <= own | {""}


@torch.no_grad()
@pytest.mark.parametrize("name", ["attention", "qkv by its weight", "LSTM", "own conv2d", "tied"])
def test_dead_weights_are_known_wherever_they_are_used(name: str) -> None:
    net, inputs = OWN[name].eval(), torch.rand(1, 4, 6, 6)
    dense = sum(count_flops(net, inputs).values())
    weights = {n: w for n, w in net.named_parameters() if w.dim() > 1}
    full = {n: torch.ones_like(w, dtype=torch.bool) for n, w in weights.items()}
    half = {n: mask.clone() for n, mask in full.items()}
    for mask in half.values():
        mask[::2] = False
    none = {n: torch.zeros_like(mask) for n, mask in full.items()}
    # Scores and sums of attention are products of no weights.
    activations = sum(count_flops(net, inputs, none).values())
    assert (activations > 0) == (name in ("attention", "qkv by its weight"))
    for skip in ("weights", "units"):
        assert sum(count_flops(net, inputs, full, skip=skip).values()) == dense
        found = sum(count_flops(net, inputs, half, skip=skip).values())
        if name != "tied" or skip == "weights":
            assert 2 * (found - activations) == dense - activations


def test_a_transposed_convolution_under_masks() -> None:
    net, inputs = nn.ConvTranspose2d(4, 6, 3, groups=2), torch.rand(1, 4, 5, 5)
    alive = torch.ones(4, 3, 3, 3, dtype=torch.bool)
    alive[0], alive[1, 1:, 1:] = False, False  # one input; half-empty kernels of another
    assert count_flops(net, inputs, {"weight": alive}) == {"": 2 * 25 * int(alive.sum())}
    units = count_flops(net, inputs, {"weight": alive}, skip="units")
    assert units == {"": 2 * 25 * 3 * 3 * 9}


def test_what_cannot_be_counted_is_refused_by_name() -> None:
    net = nn.Sequential(nn.Linear(4, 4), Calls(lambda n, x: n.two(x, x), two=nn.Bilinear(4, 4, 2)))
    with pytest.raises(ValueError, match=r"net multiplies by _trilinear in '1\.two'"):
        count_flops(net, torch.rand(1, 4))
    assert torch.backends.mha.get_fastpath_enabled() and torch.backends.mkldnn.enabled


def test_the_caller_s_images_stay() -> None:
    net, inputs = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 2)), -torch.ones(2, 4)
    count_flops(net, inputs)
    assert torch.equal(inputs, -torch.ones(2, 4))


def test_bad_input_is_refused() -> None:
    net, inputs = nn.Linear(2, 2), torch.ones(1, 2)
    with pytest.raises(ValueError, match="skip='zeros'"):
        count_flops(net, inputs, skip="zeros")
    with pytest.raises(ValueError, match="places='middle'"):
        count_flops(net, inputs, places="middle")
    with pytest.raises(ValueError, match="inputs holds no image"):
        count_flops(net, inputs[:0])
    with pytest.raises(ValueError, match="net holds an uninitialised tensor"):
        count_parameters(nn.LazyLinear(3))
    with pytest.raises(KeyError, match=r"'fc\.weight'"):
        count_parameters(net, {"fc.weight": torch.ones(2, 2, dtype=torch.bool)})
    with pytest.raises(ValueError, match="stack of Linear layers"):
        active_neurons(Masks.full(nets.lenet_5()))
    with pytest.raises(ValueError, match="stack of Linear layers"):
        active_neurons({})
    with pytest.raises(ValueError, match=r"masks\['0.bias'\] must have shape \(2,\)"):
        active_neurons({"0.weight": torch.ones(2, 2).bool(), "0.bias": torch.ones(3).bool()})


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(2, 2, dtype=torch.int64), "int64"),
        (torch.ones(50, 51, dtype=torch.bool), r"shape \(50, 51\); its parameter has \(2, 2\)"),
        (torch.ones(2, 2, dtype=torch.bool).to_sparse(), "sparse"),
        (torch.ones(2, 2, dtype=torch.bool, device="meta"), "meta"),
        ([[True, True], [True, True]], r"masks.*\[\[True"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(mask: object, message: str) -> None:
    net, bias = nn.Linear(2, 2), torch.ones(2, dtype=torch.bool)
    with pytest.raises((ValueError, TypeError), match=message):
        count_parameters(net, {"bias": bias, "weight": mask})
    with pytest.raises((ValueError, TypeError), match=message):
        count_flops(net, torch.ones(1, 2), {"bias": bias, "weight": mask})


def test_a_latency_refuses_to_be_one_number() -> None:
    time = Latency((0.001, 0.002, 0.003, 0.004, 0.1), images=256, threads=2, device="cpu (x)")
    assert time.quartiles == pytest.approx((0.002, 0.003, 0.004))
    assert str(time) == f"{time}" == "3.000 ms (2.000 … 4.000), batch 256, 2 threads, cpu (x)"
    for form in (".2f", ">10", "g"):
        with pytest.raises(TypeError, match="leaves the spread out"):
            f"{time:{form}}"
    with pytest.raises(TypeError, match="no number without its spread"):
        float(time)


def test_warm_up_calls_do_not_count_and_the_mode_comes_back() -> None:
    modes = []
    net = nn.Sequential(nn.Linear(2, 2)).train()
    net.register_forward_hook(lambda module, *_: modes.append(module.training))
    time = latency(net, torch.ones(3, 2), repeats=7, warmup=2)
    assert modes == [False] * 9 and net.training
    assert len(time.seconds) == 7 and time.images == 3
    assert time.threads == torch.get_num_threads() and time.device.startswith("cpu (")
    assert all(second > 0 for second in time.seconds)


def test_a_function_of_a_tensor_is_timed_too_and_keeps_no_gradient() -> None:
    weight, seen = torch.ones(2, 2, requires_grad=True), []
    time = latency(lambda x: seen.append((x @ weight).requires_grad), torch.ones(1, 2), repeats=5)
    assert not any(seen) and len(time.seconds) == 5


def test_a_time_without_repeats_is_refused() -> None:
    with pytest.raises(ValueError, match="repeats=1"):
        latency(nn.Linear(2, 2), torch.ones(1, 2), repeats=1)
    with pytest.raises(ValueError, match=r"net does not take inputs \(1, 3\)"):
        latency(nn.Linear(2, 2), torch.ones(1, 3))


def test_the_roofs_of_a_machine() -> None:
    second = Latency((0.5, 1.0, 1.0, 1.0, 2.0), images=1, threads=1, device="cpu")
    machine = costs.Machine(second, second, flops=4e9, bytes=2e9)
    assert machine.peak == (4e9, 4e9, 4e9) and machine.bandwidth[1] == 2e9
    assert str(machine).startswith("4.0 (4.0 … 4.0) billion operations/s, 2.0 (2.0 … 2.0) GB/s")
    measured = costs.measure_machine("cpu", repeats=5)
    assert measured.flops == 2 * 512**3 and measured.bytes == 2 * 64e6
