"""Every module gets its own mode back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pruninglab.costs import latency
from pruninglab.data import Split
from pruninglab.engine.training import accuracy
from pruninglab.modes import Refused, evaluating, run
from pruninglab.nets import clone


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).eval(), nn.Dropout())


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_every_module_gets_its_own_mode_back(error: type[BaseException] | None) -> None:
    net = network()
    before = [module.training for module in net.modules()]
    try:
        with evaluating(net):
            assert not any(module.training for module in net.modules())
            if error:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert [module.training for module in net.modules()] == before == [True, True, False, True]


def test_one_inside_the_other() -> None:
    net = network()
    with evaluating(net):
        with evaluating(net):
            net(torch.ones(1, 2))
        assert not net.training
    assert net.training


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*deprecated")
def test_a_scripted_network_is_refused_by_name() -> None:
    images = Split(torch.rand(9, 1, 2, 2), torch.arange(9) % 3)
    scripted = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)))
    for measure in (lambda: accuracy(scripted, images), lambda: latency(scripted, images.inputs)):
        with pytest.raises(ValueError, match="net is scripted by"):
            measure()


def test_a_network_that_keeps_what_it_computed_is_copied() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    net.kept = net(torch.rand(2, 1, 2, 2))
    assert clone(net).kept is not net.kept and not clone(net).kept.requires_grad


@pytest.mark.parametrize("net", [None, "net", torch.ones(2)])
def test_what_is_no_network_is_refused_by_name(net: object) -> None:
    with pytest.raises(TypeError, match=r"^net="), evaluating(net):
        pass


def test_inputs_that_do_not_fit_are_told_with_their_shape() -> None:
    for net in (nn.Linear(2, 1), nn.DataParallel(nn.Linear(2, 1))):
        with pytest.raises(ValueError, match=r"inputs float32 \(4, 3\) do not pass through net: "):
            run(net, torch.ones(4, 3))


def test_a_refusal_goes_through_as_it_is() -> None:
    def refuse(inputs: torch.Tensor) -> None:
        raise Refused("layer 'a' runs twice")

    with pytest.raises(Refused, match=r"^layer 'a' runs twice$"):
        run(refuse, torch.ones(1))
