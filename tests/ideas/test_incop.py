"""Flows: by hand, against numpy in float64, and what they must leave alone."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import pruninglab as lab
from pruninglab.ideas import incop
from pruninglab.ideas.incop import flow_distance, flow_norms, gradient_flow, information_flow

GENTLE = settings(deadline=None, max_examples=25)


def dense_net(*weights: list, bias: bool = False) -> nn.Sequential:
    """Return Linear layers with these weights, with a ReLU after each but the last."""
    modules: list[nn.Module] = []
    for rows in weights:
        w = torch.tensor(rows)
        layer = nn.Linear(w.shape[1], w.shape[0], bias=bias)
        layer.weight.data.copy_(w)
        modules += [layer, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def small_conv(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 2), nn.Tanh(), nn.Flatten(), nn.Dropout(0.5),
            nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 3),
        )  # fmt: skip
        net[1].running_mean.normal_()
        net[1].running_var.uniform_(0.5, 2)
        return net


def images(count: int = 40, side: int = 8) -> Tensor:
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(1))


def stages(net: nn.Sequential, inputs: Tensor, ends: list[int]) -> list[np.ndarray]:
    """Return the outputs after modules `ends`, run one by one in float64, averaged over space."""
    exact, found = copy.deepcopy(net).double().eval(), []
    for module in exact:
        if isinstance(module, nn.ReLU):
            module.inplace = False
    for end in ends:
        with torch.no_grad():
            output = exact[: end + 1](inputs.double())
        found.append(output.flatten(2).mean(2).numpy() if output.dim() > 2 else output.numpy())
    return found


# Information flow


def test_flow_of_a_3_2_2_network_by_hand() -> None:
    net = dense_net([[1.0, 1, 0], [0, 1, -1]], [[1.0, -1], [2, 0]])
    inputs = torch.tensor([[1.0, 0, 0], [0, 1, 3], [0, 2, 0]])
    # f1 = (1, 0), (1, 0), (2, 2) after ReLU; f2 = (1, 2), (1, 2), (0, 4).
    assert information_flow(net, inputs)["0→2"].tolist() == [[2 / 3, 4.0], [0.0, 8 / 3]]
    # Before ReLU the second hidden unit is 0, −2, 2.
    assert information_flow(net, inputs, at="pre")["0→2"].tolist() == [
        [2 / 3, 4.0],
        [-2 / 3, 4 / 3],
    ]
    # f1: (1, 1, 2) and (0, 0, 2) are the same up to scale, f2 is (1, 1, 0) and (2, 2, 4).
    torch.testing.assert_close(
        information_flow(net, inputs, kind="pearson")["0→2"],
        torch.tensor([[-1.0, 1], [-1, 1]], dtype=torch.float64),
    )


@pytest.mark.parametrize(("at", "ends"), [("post", [2, 5, 9, 10]), ("pre", [0, 4, 8, 10])])
@pytest.mark.parametrize("kind", ["raw", "pearson"])
def test_flow_of_a_conv_net_is_numpy_s(
    at: str, ends: list[int], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incop, "IMAGES_AT_ONCE", 7)
    net, inputs = small_conv(), images()
    found = information_flow(net, inputs, kind=kind, at=at)
    assert list(found) == ["0→4", "4→8", "8→10"]
    outputs = stages(net, inputs, ends)
    for matrix, f, g in zip(found.values(), outputs[:-1], outputs[1:], strict=True):
        expected = f.T @ g / len(f)
        if kind == "pearson":
            with np.errstate(invalid="ignore"):
                expected = np.nan_to_num(np.corrcoef(f.T, g.T)[: f.shape[1], f.shape[1] :])
        assert matrix.dtype == torch.float64
        np.testing.assert_allclose(matrix.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("build", [lab.nets.resnet_20, lab.nets.resnet_18])
def test_shortcuts_are_left_out_however_they_are_added(build: object) -> None:
    """Our ResNet adds to a new tensor, torchvision's in place: the flow must not notice."""
    net = build(inputs=(1, 16, 16), seed=0).eval()  # type: ignore[operator]
    kept: dict[str, Tensor] = {}
    name = "block1_1.bn2" if hasattr(net, "block1_1") else "layer1.0.bn2"
    handle = net.get_submodule(name).register_forward_hook(
        lambda module, seen, made: kept.update(here=made.clone())
    )
    inputs = images(10, 16)
    found = information_flow(net, inputs)
    handle.remove()
    conv = name.replace("bn2", "conv2")
    follower = next(key for key in found if key.startswith(f"{conv}→")).split("→")[1]
    layer, later = net.get_submodule(follower), {}
    handle = layer.register_forward_hook(lambda m, seen, made: later.update(here=made.clone()))
    raw = information_flow(net, inputs, at="pre")
    handle.remove()
    before = kept["here"].double().mean((2, 3))
    assert found[f"{conv}→{follower}"].shape == raw[f"{conv}→{follower}"].shape
    followed = found[f"{conv}→{follower}"]
    # Solve for the follower's output: both sides of the pair are known to be averages over space.
    after = later["here"].double()
    normed = net.get_submodule(follower.replace("conv1", "bn1"))(after.float()).double()
    after = normed.relu().mean((2, 3))
    torch.testing.assert_close(followed, before.T @ after / 10, atol=1e-4, rtol=1e-4)


def test_dead_and_constant_units_give_zero_and_never_nan() -> None:
    net = small_conv()
    net[4].weight.data[1] = 0.0  # a constant filter
    net[8].weight.data[2] = 0.0
    net[8].bias.data[2] = -1.0  # dead after ReLU
    for at in ("post", "pre"):
        found = information_flow(net, images(), kind="pearson", at=at)
        assert all(bool(matrix.isfinite().all()) for matrix in found.values())
        assert found["0→4"][:, 1].tolist() == [0, 0, 0] and not found["4→8"][1].any()
        assert not found["4→8"][:, 2].any() and not found["8→10"][2].any()
        assert found["4→8"].abs().max() > 0.01
    assert not information_flow(net, images())["8→10"][2].any()


def test_correlation_survives_a_large_mean() -> None:
    net = dense_net([[1.0]], [[1.0]], bias=True)
    net[0].bias.data.fill_(1000.0)
    net[2].bias.data.zero_()
    inputs = torch.randn(600, 1, generator=torch.Generator().manual_seed(0))
    assert information_flow(net, inputs, kind="pearson")["0→2"].item() == pytest.approx(1, abs=1e-6)


@GENTLE
@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from(["raw", "pearson"]))
def test_the_order_of_images_and_the_size_of_blocks_do_not_matter(
    seed: int, block: int, kind: str
) -> None:
    net, inputs = small_conv(seed), images()
    shuffled = inputs[torch.randperm(40, generator=torch.Generator().manual_seed(seed))]
    whole = information_flow(net, inputs, kind=kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incop, "IMAGES_AT_ONCE", block)
        parts = information_flow(net, shuffled, kind=kind)
    for name, matrix in whole.items():
        torch.testing.assert_close(parts[name], matrix, atol=2e-5, rtol=2e-5)


def test_sums_are_kept_in_float64() -> None:
    net = dense_net([[1.0]], [[1.0]])
    inputs = torch.cat([torch.full((1, 1), 1e4), torch.full((999, 1), 1.0)])
    expected = (1e8 + 999) / 1000  # in float32 the ones would be lost in 1e8 one by one
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incop, "IMAGES_AT_ONCE", 1)
        assert information_flow(net, inputs)["0→2"].item() == expected


# Gradient flow


def masks_of(net: nn.Module, seed: int = 3) -> lab.Masks:
    masks = lab.Masks.full(net)
    generator = torch.Generator().manual_seed(seed)
    masks.shrink(
        {name: torch.rand(m.shape, generator=generator) < 0.5 for name, m in masks.items()}
    )
    return masks


def test_gradient_flow_by_hand() -> None:
    """Softmax regression: the gradient is the mean of (p − y) xᵀ."""
    net = dense_net([[0.0, 0], [0, 0]])
    inputs, targets = torch.tensor([[1.0, 2], [3, 0]]), torch.tensor([0, 1])
    mask = {"0.weight": torch.tensor([[True, True], [False, True]])}
    found = gradient_flow(net, inputs, targets, mask)["0.weight"]
    assert found.tolist() == [[0.5, -0.5], [0.0, 0.5]]
    assert flow_norms({"0.weight": found}) == {"0.weight": pytest.approx(math.sqrt(0.75))}


def test_gradient_flow_is_numpy_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-propagation through two layers, written out in numpy."""
    monkeypatch.setattr(incop, "IMAGES_AT_ONCE", 7)
    rng = np.random.default_rng(0)
    w1, w2 = rng.normal(size=(5, 4)), rng.normal(size=(3, 5))
    x, y = rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    hidden = np.maximum(x @ w1.T, 0)
    logits = hidden @ w2.T
    p = np.exp(logits - logits.max(1, keepdims=True))
    error = (p / p.sum(1, keepdims=True) - np.eye(3)[y]) / 30
    net = dense_net(w1.tolist(), w2.tolist())
    masks = masks_of(net)
    expected = {"0.weight": ((error @ w2) * (hidden > 0)).T @ x, "2.weight": error.T @ hidden}
    found = gradient_flow(net, torch.tensor(x).float(), torch.tensor(y), masks)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value * masks[name].numpy(), atol=1e-6)
        assert not found[name][~masks[name]].any()


@pytest.mark.parametrize("training", [True, False])
def test_flows_leave_the_network_alone(training: bool) -> None:
    net, inputs = small_conv(), images()
    targets = torch.arange(40) % 3
    net.train(training)
    net[1].eval()  # a student froze the batch norm only
    net[0].weight.requires_grad_(False)
    net(inputs)[:, 0].sum().backward()
    before = copy.deepcopy(net.state_dict())
    gradients = {name: copy.deepcopy(p.grad) for name, p in net.named_parameters()}
    modes = [module.training for module in net.modules()]
    state = torch.get_rng_state()

    flow = gradient_flow(net, inputs, targets, masks_of(net))
    information_flow(net, inputs)
    assert flow["0.weight"].any() and not flow["0.weight"].requires_grad
    assert all(torch.equal(before[name], now) for name, now in net.state_dict().items())
    for name, parameter in net.named_parameters():
        assert (parameter.grad is None) == (gradients[name] is None)
        assert parameter.grad is None or torch.equal(parameter.grad, gradients[name])
    assert [module.training for module in net.modules()] == modes
    assert not net[0].weight.requires_grad and net[4].weight.requires_grad
    assert not any(module._forward_hooks for module in net.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_network_is_left_alone_when_it_fails() -> None:
    net = small_conv().train()
    for failing in (
        lambda: information_flow(net, images(4, 5)),
        lambda: gradient_flow(net, images(4, 5), torch.zeros(4).long(), masks_of(net)),
    ):
        with pytest.raises(ValueError, match=r"inputs float32 \(4, 1, 5, 5\) do not pass"):
            failing()
        assert net.training and not any(module._forward_hooks for module in net.modules())


# Distances

FLOWS = st.lists(st.floats(-5, 5), min_size=6, max_size=6)


def as_flow(values: list[float]) -> dict[str, Tensor]:
    tensor = torch.tensor(values, dtype=torch.float64)
    return {"a": tensor[:4].reshape(2, 2), "b": tensor[4:].reshape(1, 2)}


@GENTLE
@given(FLOWS, FLOWS)
def test_distances_are_numpy_s(first: list[float], second: list[float]) -> None:
    a, b = np.array(first), np.array(second)
    flow, reference = as_flow(first), as_flow(second)
    assert flow_distance(flow, reference) == pytest.approx(np.linalg.norm(a - b))
    if np.linalg.norm(a) > 1e-3 and np.linalg.norm(b) > 1e-3:
        relative = np.linalg.norm(a - b) / np.linalg.norm(b)
        assert flow_distance(flow, reference, "relative") == pytest.approx(relative)
        cosine = 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert flow_distance(flow, reference, "cosine") == pytest.approx(cosine, abs=1e-12)
    for kind in incop.DISTANCES:
        assert flow_distance(flow, reference, kind) >= 0
        assert flow_distance(flow, copy.deepcopy(flow), kind) == 0.0


def test_the_order_of_layers_does_not_matter_and_their_names_do() -> None:
    flow = as_flow([1, 2, 3, 4, 5, 6])
    turned = dict(reversed(flow.items()))
    assert flow_distance(turned, flow) == 0
    with pytest.raises(ValueError, match="different networks"):
        flow_distance(flow, {"a": flow["a"]})
    with pytest.raises(ValueError, match="different networks"):
        flow_distance(flow, flow | {"b": flow["b"].T})


def test_distances_from_and_to_nothing() -> None:
    nothing, flow = as_flow([0.0] * 6), as_flow([1.0] * 6)
    assert [flow_distance(nothing, flow, kind) for kind in incop.DISTANCES[1:]] == [1, 1]
    assert [flow_distance(flow, nothing, kind) for kind in incop.DISTANCES[1:]] == [math.inf, 1]


def test_a_network_is_at_distance_zero_from_itself() -> None:
    net, twin = small_conv(), small_conv()
    targets, masks = torch.arange(40) % 3, lab.Masks.full(net)
    for kind in incop.KINDS:
        pair = [information_flow(one, images(), kind=kind) for one in (net, twin)]
        assert [flow_distance(*pair, kind=distance) for distance in incop.DISTANCES] == [0, 0, 0]
    pair = [gradient_flow(one, images(), targets, masks) for one in (net, twin)]
    assert [flow_distance(*pair, kind=distance) for distance in incop.DISTANCES] == [0, 0, 0]


# Bad input


def nan_in(place: int) -> nn.Sequential:
    net = small_conv()
    net[place].weight.data[0] = float("nan")
    return net


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: information_flow(small_conv(), images(), kind="cov"), "kind='cov'.*'pearson'"),
        (lambda: information_flow(small_conv(), images(), at="end"), "at='end'.*'pre'"),
        (lambda: information_flow(small_conv(), images()[:0]), "no images"),
        (lambda: information_flow(nn.Sequential(nn.Linear(64, 3)), images()), r"\['0'\].*two"),
        (lambda: information_flow(nan_in(4), images()), "layer '4' has NaN"),
        (lambda: information_flow(nan_in(4), images(), kind="pearson"), "layer '4' has NaN"),
        (lambda: flow_distance({}, {}, "l1"), "kind='l1'"),
    ],
)
def test_bad_input_is_refused_by_name(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": images()[:0], "targets": torch.zeros(0).long()}, "no images"),
        (
            {"targets": torch.zeros(3).long()},
            r"targets=int64 \(3,\) .* to fit inputs float32 \(40,",
        ),
        ({"masks": {}}, "masks is empty"),
        ({"masks": {"fc": torch.ones(1).bool()}}, "masks names 'fc'"),
        ({"masks": {"8.weight": torch.ones(5, 16)}}, r"must be dense torch.bool \(5, 16\)"),
        ({"masks": {"8.weight": torch.ones(16, 5).bool()}}, r"must be dense torch.bool \(5, 16\)"),
        ({"net": nan_in(4)}, "the gradient of '0.weight' has NaN"),
    ],
)
def test_bad_input_of_the_gradient_flow(change: dict, message: str) -> None:
    net = small_conv()
    options = {"net": net, "inputs": images(), "targets": torch.zeros(40).long()}
    options["masks"] = lab.Masks.full(net)
    with pytest.raises(ValueError, match=message):
        gradient_flow(**(options | change))


def test_a_layer_that_runs_twice_is_refused() -> None:
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(3, 2))
    with pytest.raises(ValueError, match="'0' runs twice"):
        information_flow(net, torch.rand(4, 3))


def test_layers_that_do_not_run_carry_nothing() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.used(inputs)

    with pytest.raises(ValueError, match=r"only \['used'\]"):
        information_flow(Idle(), torch.rand(4, 3))


# What only functions can do, and what only extremes show


class Functional(nn.Module):
    """fc1, an activation, fc2, with the activation written as a function."""

    def __init__(self, activation: object, last: object = None) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 4), nn.Linear(4, 2)
        self.activation, self.last = activation, last

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.fc2(self.activation(self.fc1(inputs)))
        return self.last(outputs) if self.last else outputs


class Swish(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * torch.sigmoid(inputs)


@pytest.mark.parametrize(
    ("activation", "last", "layer", "name"),
    [
        (F.relu, None, "fc1", "relu"),
        (torch.tanh, None, "fc1", "tanh"),
        (Tensor.relu_, None, "fc1", "relu"),
        (lambda x: x.clamp(min=0), None, "fc1", "clamp"),
        (nn.ReLU(), torch.sigmoid, "fc2", "sigmoid"),
    ],
)
def test_an_activation_that_is_a_function_is_refused(
    activation: object, last: object, layer: str, name: str
) -> None:
    net, inputs = Functional(activation, last), torch.rand(5, 3)
    with pytest.raises(ValueError, match=rf"net: .* layer '{layer}' goes into the function {name}"):
        information_flow(net, inputs)
    assert list(information_flow(net, inputs, at="pre")) == ["fc1→fc2"]


@pytest.mark.parametrize("activation", [Swish(), nn.ReLU(inplace=True), nn.GELU()])
def test_a_function_inside_of_a_module_is_that_module_s(activation: nn.Module) -> None:
    net, inputs = Functional(activation), torch.rand(300, 3)
    f, g = activation(net.fc1(inputs)), net(inputs)
    expected = (f.double().T @ g.double() / 300).detach()
    torch.testing.assert_close(
        information_flow(net, inputs)["fc1→fc2"], expected, rtol=1e-5, atol=0
    )


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e200])
def test_distances_at_every_scale(scale: float) -> None:
    a, b = ({"a": torch.tensor(t, dtype=torch.float64) * scale} for t in ([3.0, 0], [0, 4.0]))
    assert flow_distance(a, b) == pytest.approx(5 * scale, rel=1e-12)
    assert flow_distance(a, b, "relative") == pytest.approx(1.25)
    assert flow_distance(a, b, "cosine") == pytest.approx(1.0)
    assert flow_norms(a) == {"a": pytest.approx(3 * scale, rel=1e-12)}


def test_a_flow_that_overflows_is_refused_by_name() -> None:
    net = dense_net([[1.0]], [[1.0]]).double()
    inputs = torch.tensor([[1e200], [-1e200]], dtype=torch.float64)
    for kind in incop.KINDS:
        with pytest.raises(ValueError, match=r"net: .* has NaN or infinity"):
            information_flow(net, inputs, kind=kind)


ONE = {"a": torch.ones(2)}
PROBE = {"net": small_conv(), "inputs": images(4), "targets": torch.zeros(4).long(),
         "masks": {"8.weight": torch.ones(5, 16).bool()}}  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: information_flow(None, images()), "net=None"),
        (lambda: information_flow(small_conv(), images().bool()), "inputs=bool"),
        (lambda: information_flow(small_conv(), images().cfloat()), "inputs complex64"),
        (lambda: information_flow(small_conv(), images() * math.nan), "inputs has NaN"),
        (lambda: information_flow(small_conv(), torch.rand(4, 3)), "inputs float32"),
        (lambda: gradient_flow(**PROBE | {"targets": torch.full((4,), 3)}), "targets from 3 to 3"),
        (lambda: gradient_flow(**PROBE | {"targets": torch.full((4,), -100)}), "targets from -100"),
        (lambda: gradient_flow(**PROBE | {"targets": torch.zeros(4)}), "targets=float32"),
        (lambda: gradient_flow(**PROBE | {"masks": None}), "masks=None"),
        (lambda: gradient_flow(**PROBE | {"masks": {"8.bias": None}}), "masks="),
        (lambda: gradient_flow(**PROBE | {"masks": {"8.bias": torch.ones(5).bool().to_sparse()}}),
         "masks"),
        (lambda: flow_norms({"a": torch.tensor([math.nan])}), r"flow\['a'\] must be real and fin"),
        (lambda: flow_norms(ONE | {"b": None}), r"flow=.*'b': None"),
        (lambda: flow_distance(ONE, {"a": torch.ones(2, device="meta")}), "reference holds a meta"),
        (lambda: flow_distance({}, {}), "flow and reference are empty"),
        (lambda: incop.epoch_within([math.nan], 1.0), "distances holds nan"),
        (lambda: incop.epoch_within([1.0], math.nan), "epsilon=nan"),
        (lambda: incop.epoch_within(None, 1.0), "distances=None"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        call()  # type: ignore[operator]


def test_places_of_a_sequence_are_averaged_before_they_are_multiplied() -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(3, 2), nn.Linear(2, 4)
    inputs = torch.rand(6, 5, 3)
    flow = information_flow(nn.Sequential(first, second), inputs)["0→1"]
    f = first(inputs)
    g = second(f)
    means = (f.mean(dim=1).T @ g.mean(dim=1) / 6).double().detach()
    torch.testing.assert_close(flow, means, rtol=1e-5, atol=1e-7)
    each = (f.flatten(0, 1).T @ g.flatten(0, 1) / 30).double().detach()
    assert not torch.allclose(flow, each, rtol=1e-3)
