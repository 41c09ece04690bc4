"""NNrelief's settings: Tables 1, 4 and 8 to 10."""

from __future__ import annotations

import pytest

from pruninglab import nets
from pruninglab.costs import count_parameters
from pruninglab.engine.training import Training, adam, sgd
from pruninglab.papers import nnrelief

PRINTED = nnrelief.EXPERIMENT.printed


def training(net: str) -> Training:
    return nnrelief.training(net, PRINTED[net])


def test_the_rows_are_those_of_table_10() -> None:
    rows = {net: str(nnrelief.methods(net, PRINTED[net])["NNrelief"]) for net in PRINTED}
    assert rows["lenet_300_100"] == (
        "nnrelief() × signal_share() × neuron × best_of(60) × to_init, 11 rounds, then clean_up"
    )
    assert "signal_share(alpha_conv=0.9) × neuron × best_of(60) × to_init, 20" in rows["lenet_5"]
    assert "signal_share(alpha_fc=0.99, alpha_conv=0.95)" in rows["resnet_20"]
    assert "fine_tune, 7 rounds" in rows["resnet_20"]
    assert nnrelief.EXPERIMENT.printed_nets == ("lenet_300_100",)
    assert {settings["seeds"] for settings in PRINTED.values()} == {3}


def test_the_learning_rate_falls_where_tables_8_and_9_say() -> None:
    lenet, resnet = training("lenet_300_100"), training("resnet_20")
    assert lenet.optimizer == adam(lr=1e-3, weight_decay=5e-4)
    assert lenet.batch_size == 120
    assert [lenet.schedule(epoch, 60) for epoch in (0, 29, 30, 59)] == [1, 1, 0.1, 0.1]
    assert resnet.optimizer == sgd(lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=False)
    factors = [resnet.schedule(epoch, 60) for epoch in (19, 20, 39, 40)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])
    assert nnrelief.training("lenet_5", {"epochs": 10}).schedule(5, 10) == 0.1


def test_the_networks_are_those_of_the_tables() -> None:
    counts = {
        name: count_parameters(setup.net(inputs=(3, 32, 32) if "res" in name else nets.GRAY))
        for name, setup in nnrelief.SETUPS.items()
    }
    assert counts == {"lenet_300_100": 266_610, "lenet_5": 431_080, "resnet_20": 272_474}
