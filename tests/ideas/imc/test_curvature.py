"""The Hessian against closed forms and against differences of a gradient written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.ideas.imc import hessian, hessian_operator, kinks

RANDOM = np.random.default_rng(0)


class Point(nn.Module):
    """A network that returns its only parameter, whatever it is given."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(values)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.w


def mean_square(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs - targets) ** 2).sum(dim=1).mean()


def test_quadratic() -> None:
    a = RANDOM.normal(size=(6, 6))
    a = torch.from_numpy(a + a.T)
    net, one = Point(torch.randn(6, dtype=torch.float64)), torch.zeros(1)
    found = hessian(net, one, one, loss=lambda w, _: w @ a @ w / 2)
    torch.testing.assert_close(found, a)
    curvature = hessian_operator(net, one, one, loss=lambda w, _: w @ a @ w / 2)
    torch.testing.assert_close(curvature.gradient(), a @ net.w.detach())
    torch.testing.assert_close(curvature.loss(), (net.w @ a @ net.w / 2).item())
    assert not curvature.change_along(torch.ones(6)).any(), "a quadratic has no third derivative"


def test_linear_regression() -> None:
    x = RANDOM.normal(size=(40, 3))
    net = nn.Linear(3, 2)
    found = hessian(net, torch.from_numpy(x), torch.zeros(40, 2).double(), loss=mean_square)
    gram = 2 * x.T @ x / 40
    expected = np.zeros((8, 8))
    expected[:3, :3] = expected[3:6, 3:6] = gram
    for row in range(2):
        cross = 2 * x.mean(axis=0)
        expected[3 * row : 3 * row + 3, 6 + row] = expected[6 + row, 3 * row : 3 * row + 3] = cross
        expected[6 + row, 6 + row] = 2
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("images", [7, 2300], ids=["one block", "blocks"])
def test_softmax_regression(images: int) -> None:
    x = RANDOM.normal(size=(images, 4))
    net = nn.Linear(4, 3, bias=False).double()
    targets = torch.from_numpy(RANDOM.integers(0, 3, size=images))
    found = hessian(net, torch.from_numpy(x), targets)
    scores = x @ net.weight.detach().numpy().T
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = np.zeros((12, 12))
    for row, probability in zip(x, p, strict=True):
        middle = np.diag(probability) - np.outer(probability, probability)
        expected += np.kron(middle, np.outer(row, row)) / images
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


def gradient_by_hand(w: np.ndarray, x: np.ndarray, y: np.ndarray, tanh: bool) -> np.ndarray:
    """Back-propagation through a 3-4-2 network with biases, in numpy."""
    w1, b1 = w[:12].reshape(4, 3), w[12:16]
    w2, b2 = w[16:24].reshape(2, 4), w[24:]
    before = x @ w1.T + b1
    hidden = np.tanh(before) if tanh else np.maximum(before, 0)
    scores = hidden @ w2.T + b2
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    error = (p - np.eye(2)[y]) / len(x)
    back = (error @ w2) * (1 - hidden**2 if tanh else before > 0)
    parts = [back.T @ x, back.sum(axis=0), error.T @ hidden, error.sum(axis=0)]
    return np.concatenate([part.ravel() for part in parts])


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.ReLU()], ids=["tanh", "relu"])
def test_a_network_against_differences_of_a_gradient_by_hand(activation: nn.Module) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), activation, nn.Linear(4, 2)).double()
    x, y = RANDOM.normal(size=(30, 3)), RANDOM.integers(0, 2, size=30)
    curvature = hessian_operator(net, torch.from_numpy(x), torch.from_numpy(y))
    w, tanh = curvature.weights.numpy(), isinstance(activation, nn.Tanh)
    np.testing.assert_allclose(curvature.gradient(), gradient_by_hand(w, x, y, tanh), atol=1e-12)
    step = 1e-6
    expected = [
        (gradient_by_hand(w + e, x, y, tanh) - gradient_by_hand(w - e, x, y, tanh)) / (2 * step)
        for e in step * np.eye(len(w))
    ]
    found = hessian(net, torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(found, expected, atol=1e-8)
    v = torch.from_numpy(RANDOM.normal(size=len(w)))
    moved = [
        float(v @ (curvature.at(curvature.weights + e) @ v))
        - float(v @ (curvature.at(curvature.weights - e) @ v))
        for e in torch.from_numpy(step * np.eye(len(w)))
    ]
    np.testing.assert_allclose(curvature.change_along(v), np.array(moved) / 2e-6, atol=1e-6)


def test_convolutions_batch_norm_and_pooling_in_eval_mode() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8, 3),
    )  # fmt: skip
    inputs, targets = torch.randn(20, 1, 6, 6), torch.randint(0, 3, (20,))
    net(inputs)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    found = hessian(net, inputs, targets)
    state = {name: tensor.double() for name, tensor in net.eval().named_parameters()}
    buffers = {name: tensor.double() for name, tensor in net.named_buffers()}
    sizes = [tensor.numel() for tensor in state.values()]

    def loss(w: Tensor) -> Tensor:
        parts = zip(state.items(), w.split(sizes), strict=True)
        named = {name: part.view_as(tensor) for (name, tensor), part in parts}
        outputs = torch.func.functional_call(net, named | buffers, (inputs.double(),))
        return nn.functional.cross_entropy(outputs, targets)

    w = torch.cat([tensor.detach().flatten() for tensor in state.values()])
    torch.testing.assert_close(found, torch.autograd.functional.hessian(loss, w))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_products_agree_however_they_are_blocked() -> None:
    net = lab.nets.sap_linear(inputs=(1, 4, 4), classes=3, seed=0)
    inputs, targets = torch.randn(50, 1, 4, 4), torch.randint(0, 3, (50,))
    whole = hessian_operator(net, inputs, targets)
    blocked = hessian_operator(net, inputs, targets, block=7)
    vectors = torch.randn(whole.shape[0], 5, dtype=torch.float64)
    for _ in range(2):  # the second time from the graph that was kept
        torch.testing.assert_close(whole @ vectors, blocked @ vectors)
        torch.testing.assert_close(whole @ vectors[:, 2], (blocked @ vectors)[:, 2])
    torch.testing.assert_close(whole.gradient(), blocked.gradient())
    names = whole.split(vectors[:, 0])
    assert {name: tuple(part.shape) for name, part in names.items()} == {
        name: tuple(parameter.shape) for name, parameter in net.named_parameters()
    }
    assert (
        hessian_operator(net, inputs, targets, dtype=torch.float32).gradient().dtype
        == torch.float32
    )


def test_network_is_left_as_it_was() -> None:
    net = nn.Linear(2, 2).train()
    net.weight.requires_grad_(False)
    hessian(net, torch.randn(3, 2), torch.tensor([0, 1, 0]))
    assert net.training and not net.weight.requires_grad and net.weight.dtype == torch.float32


def test_kinks() -> None:
    assert kinks(lab.nets.lenet_300_100()) == ["relu1", "relu2"]
    assert kinks(nn.Sequential(nn.Linear(1, 1), nn.Tanh())) == []


def test_bad_input() -> None:
    net, inputs, targets = nn.Linear(2, 2), torch.randn(3, 2), torch.tensor([0, 1, 0])
    with pytest.raises(ValueError, match=r"266,610 parameters.*at_most=5,000.*spectral_density"):
        hessian(lab.nets.lenet_300_100(), torch.randn(1, 1, 28, 28), torch.zeros(1).long())
    with pytest.raises(ValueError, match="0 inputs"):
        hessian(net, inputs[:0], targets[:0])
    with pytest.raises(ValueError, match=r"targets=int64 \(2,\) must be .* to fit inputs"):
        hessian_operator(net, inputs, targets[:2])
    with pytest.raises(ValueError, match="block=0"):
        hessian_operator(net, inputs, targets, block=0)
    with pytest.raises(ValueError, match="no parameters"):
        hessian_operator(nn.Flatten(), inputs, targets)
    with pytest.raises(ValueError, match=r"loss must give one finite number, it gives nan"):
        hessian(net, inputs * float("nan"), targets)
    curvature = hessian_operator(net, inputs, targets)
    with pytest.raises(ValueError, match=r"vectors has shape \(5,\)"):
        curvature @ torch.ones(5)
    with pytest.raises(ValueError, match=r"weights has shape \(5,\)"):
        curvature.at(torch.ones(5))
    with pytest.raises(ValueError, match=r"dtype=torch.int64"):
        hessian_operator(net, inputs, targets, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"inputs \(3, 3\) and targets \(3,\) do not pass"):
        hessian(net, torch.randn(3, 3), targets)
    with pytest.raises(ValueError, match="do not pass through net and loss: Target 7"):
        hessian_operator(net, inputs, targets + 7).gradient()
    for lazy in (nn.LazyLinear(2), nn.Linear(2, 2, device="meta")):
        with pytest.raises(ValueError, match=r"net holds an? .* tensor; it must be dense"):
            hessian(lazy, inputs, targets)


def test_a_loss_without_weights_is_flat() -> None:
    inputs, targets = torch.randn(3, 2), torch.zeros(3, 2)
    curvature = hessian_operator(nn.Linear(2, 2), inputs, targets, loss=lambda _, y: y.sum())
    assert not curvature.gradient().any() and not (curvature @ torch.ones(6)).any()
    assert (curvature @ torch.ones(6, 0)).shape == (6, 0)


def test_data_parallel_is_the_network_inside() -> None:
    net, problem = nn.Sequential(nn.Linear(2, 2)), (torch.randn(3, 2), torch.tensor([0, 1, 0]))
    curvature = hessian_operator(nn.DataParallel(net), *problem)
    torch.testing.assert_close(curvature @ torch.eye(6), hessian(net, *problem))
    assert list(curvature.split(curvature.weights)) == ["module.0.weight", "module.0.bias"]


def test_gradients_are_taken_where_the_caller_takes_none() -> None:
    net, problem = nn.Linear(2, 2), (torch.randn(3, 2), torch.tensor([0, 1, 0]))
    expected = hessian(net, *problem)
    with torch.no_grad():
        torch.testing.assert_close(hessian(net, *problem), expected)
