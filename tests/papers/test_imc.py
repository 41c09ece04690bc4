"""The readings of IMC that scale, and what its command adds to the runs."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab import nets
from pruninglab.choices import scores
from pruninglab.data import Split
from pruninglab.ideas import inertial
from pruninglab.papers import imc


def test_readings_of_a_large_network_are_those_that_scale() -> None:
    settings = {"first": 10, "later": 160}
    rows = {label: str(recipe) for label, recipe in imc.methods("resnet32", settings).items()}
    assert len(rows) == 7 * 3
    assert rows["flat leverage, reinitialise"] == (
        "leverage(side='flat', sharp=100) × fraction(0.45) × global_ × "
        "first_then(first=10, later=160) × reinitialise, 1 rounds"
    )


def test_the_settings_are_the_printed_ones() -> None:
    assert imc.EXPERIMENT.printed["resnet20"] == {"first": 10, "later": 160, "seeds": 3}
    assert imc.EXPERIMENT.printed_nets == ("resnet20", "resnet32")
    assert imc.EXPERIMENT.data["resnet20"] == ("cifar10",)


def test_leverage_and_density_of_a_resnet() -> None:
    """What the command asks of ResNet-20, on a few images and directions."""
    net = nets.resnet_20(inputs=(3, 16, 16), classes=3, seed=0)
    images = Split(torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2, 0, 1, 2]))
    net(images.inputs)
    masses = scores.leverage("sharp", 2)(net, images)
    assert 0 < sum(float(mass.sum()) for mass in masses.values()) <= 2
    operator = inertial.hessian_operator(net, *images)
    estimate = inertial.spectral_density(operator, steps=4)
    assert float(estimate.masses.sum()) == pytest.approx(1)


def test_the_spectrum_is_a_density_and_a_rate() -> None:
    data = lab.data.load("mnist", device="cpu")
    measured = imc.spectrum_of("mini-tanh", data, {"first": 1, "later": 1})["spectrum"]
    committed = lab.papers.record("imc", "mnist_mini-tanh_small").more["spectrum"]
    for spectrum in (measured, committed):
        assert spectrum["parameters"] == 1210
        assert sum(spectrum["masses"]) == pytest.approx(1, abs=1e-4)
        assert set(spectrum["rate"]) == {"0.1", "0.01", "0.001"}
