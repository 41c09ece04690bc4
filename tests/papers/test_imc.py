"""The readings of IMC that scale, and what its command adds to the runs."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab import nets
from pruninglab.choices import scores
from pruninglab.data import Split
from pruninglab.ideas import imc as inertial
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


def test_all_runs_of_an_experiment_cost_the_same() -> None:
    sparsity = lab.papers.record("imc-sparsity", "mnist_mini-tanh_50-later_4-seeds_small").runs
    by_sparsity = imc.over_sparsities(sparsity)
    names = ("1-first_59", "2-first_58", "5-first_55", "50", "20-first_40")
    runs = [lab.papers.record("imc-epochs", f"mnist_mini-tanh_{name}-later_small").runs
            for name in names]  # fmt: skip
    by_epochs = imc.over_epochs(runs)
    for gathered in (by_sparsity, by_epochs):
        assert {float(cost) for costs in gathered.over_rounds("cost").values()
                for cost in costs.flatten()} == {60}  # fmt: skip
    first = by_epochs.over_rounds("first")["random, fine-tune"]
    assert first.tolist() == [[1, 2, 5, 10, 20]] * 3
    assert by_sparsity.over_rounds("sparsity")["random"].shape == (4, len(imc.RELATIVE))
    dense = lab.papers.record("imc-dense", "mnist_mini-tanh_60-epochs_4-seeds_small").runs
    assert dense.last("epochs")["dense"].tolist() == [60] * 4
    assert dense.last("density")["dense"].tolist() == [1] * 4


def test_the_dense_network_has_the_rates_of_the_others() -> None:
    """Ten epochs at the full rate, then those of the retraining, epoch by epoch."""
    cut = imc.training("mini-tanh", {"later": 160}).schedule
    control = imc.training_of_dense("mini-tanh", {"epochs": 170}).schedule
    rates = [control(epoch, 170) for epoch in range(170)]
    assert rates == [cut(epoch, 160) for epoch in (*range(10), *range(160))]


def test_the_letter_of_figure_1_cuts_the_spectrum_where_it_cuts_the_weights() -> None:
    recipes = imc.sparsities("mini-tanh", {"first": 10, "later": 160})
    row = recipes["flat leverage, 0.67"].row()
    assert (row["score"], row["budget"]) == ("leverage(side='flat', sharp=0.67)", "fraction(0.67)")
    assert recipes["sharp leverage, 0.47"].row()["score"] == "leverage(side='sharp')"
    large = imc.sparsities("resnet32", {"first": 10, "later": 160})
    assert large["flat leverage, 0.65"].row()["score"] == "leverage(side='flat', sharp=100)"
