"""Training that never leaves its subspace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.subspaces import projected_sgd, start_inside
from pruninglab.ideas.imc import random_space


def flat(net: nn.Module) -> torch.Tensor:
    return parameters_to_vector(net.parameters()).detach().double()


def test_weights_stay_in_the_span(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    before = flat(tiny_net)
    basis = random_space(len(before), 5, seed=0)
    training = lab.Training(optimizer=projected_sgd(basis), batch_size=10)
    lab.train(tiny_net, tiny_data, stop=lab.stops.epochs(3), training=training)
    moved = flat(tiny_net) - before
    outside = moved - basis @ (basis.T @ moved)
    assert float(moved.norm()) > 0.1
    assert float(outside.norm()) < 1e-5 * float(moved.norm())


def test_with_all_directions_it_is_plain_sgd(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    start = {name: tensor.clone() for name, tensor in tiny_net.state_dict().items()}
    plain = lab.sgd(lr=0.05, momentum=0.9, weight_decay=0.0, nesterov=False)
    lab.train(tiny_net, tiny_data, training=lab.Training(optimizer=plain))
    expected = flat(tiny_net)
    tiny_net.load_state_dict(start)
    every = torch.linalg.qr(torch.randn(len(expected), len(expected)).double()).Q
    training = lab.Training(optimizer=projected_sgd(every, lr=0.05))
    lab.train(tiny_net, tiny_data, training=training)
    torch.testing.assert_close(flat(tiny_net), expected, atol=1e-4, rtol=0)


def test_the_best_point_of_a_line_is_found(tiny_data: Data) -> None:
    """One direction: compare with a search along it."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    start, basis = flat(net), random_space(15, 1, seed=1)
    training = lab.Training(optimizer=projected_sgd(basis, lr=0.5), batch_size=90)
    lab.train(net, tiny_data, stop=lab.stops.epochs(100), training=training)
    found = float(basis[:, 0] @ (flat(net) - start))
    losses = []
    for step in torch.linspace(found - 0.5, found + 0.5, 101):
        torch.nn.utils.vector_to_parameters((start + step * basis[:, 0]).float(), net.parameters())
        outputs = net(tiny_data.train.inputs)
        losses.append(nn.functional.cross_entropy(outputs, tiny_data.train.targets).item())
    assert abs(losses.index(min(losses)) - 50) <= 2


def test_start_inside(tiny_net: nn.Sequential) -> None:
    here = flat(tiny_net)
    trained, basis = torch.randn(len(here)), random_space(len(here), 7, seed=2)
    start_inside(tiny_net, trained, basis)
    now = flat(tiny_net)
    torch.testing.assert_close(basis.T @ now, basis.T @ here, atol=1e-5, rtol=0)
    rest = now - trained.double()
    torch.testing.assert_close(rest - basis @ (basis.T @ rest), 0 * rest, atol=1e-5, rtol=0)


def test_bad_input(tiny_net: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="orthonormal"):
        projected_sgd(torch.ones(4, 2))
    with pytest.raises(ValueError, match=r"\(4,\)"):
        projected_sgd(torch.ones(4))
    with pytest.raises(ValueError, match="4 rows, the net 51"):
        projected_sgd(torch.eye(4))(tiny_net.parameters())
    with pytest.raises(ValueError, match=r"trained \(4,\) does not fit a net of 51"):
        start_inside(tiny_net, torch.ones(4), torch.eye(4))
    with pytest.raises(ValueError, match="basis="):
        start_inside(tiny_net, torch.ones(51), torch.eye(4))
    with pytest.raises(ValueError, match="orthonormal"):
        projected_sgd(torch.full((4, 2), float("nan")))


@pytest.mark.parametrize("optimizer", [projected_sgd(torch.eye(4)), lab.sgd(), lab.adam()])
@pytest.mark.parametrize("parameters", [[], torch.ones(4), ["fc1", "fc2"]], ids=repr)
def test_all_optimizers_refuse_the_same_parameters(optimizer: Any, parameters: Any) -> None:
    with pytest.raises(ValueError, match="parameters must be those of a network, one or more"):
        optimizer(parameters)


@pytest.mark.parametrize(("name", "value"), [("lr", -0.1), ("momentum", 1.5), ("momentum", -1.0)])
def test_a_rate_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}={value}"):
        projected_sgd(torch.eye(4), **{name: value})
