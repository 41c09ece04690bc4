"""The settings of the concave-masks paper, and how its results are grouped."""

from __future__ import annotations

import pytest

import pruninglab as lab
from pruninglab.papers import concave

PRINTED = concave.EXPERIMENT.printed


def test_the_settings_are_those_of_section_v_d() -> None:
    net = concave.SETTINGS["resnet_20"]
    optimizer = net.training.optimizer
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (0.1, 0.9, 1e-4)
    assert not optimizer.nesterov and net.training.batch_size == 128
    assert [net.training.schedule(epoch, 85) for epoch in (55, 56, 71)] == pytest.approx(
        [1, 0.1, 0.01]
    )
    assert (net.l1[0], net.log[0], concave.EPS) == (3e-6, 1e-6, 0.1)
    assert PRINTED["resnet_20"] == {"epochs": 85, "rounds": 3, "seeds": 3}
    assert PRINTED["vgg_11"]["epochs"] == 120
    assert concave.EXPERIMENT.printed_nets == ("resnet_20", "vgg_11", "resnet_56")
    recipes = concave.methods("resnet_20", PRINTED["resnet_20"])
    rows = {label: str(recipe) for label, recipe in recipes.items()}
    assert rows["log mask, λ = 1e-06"] == (
        "learned_mask(regularizer=log(0.1), lam=1e-06) × threshold(0.05) × global_ × "
        "epochs(85) × to_init, 3 rounds"
    )
    assert "weight_decay=0.0001" in rows["log mask with decay, λ = 1e-06"]
    assert "fraction(0.5" in rows["log mask by fixed share, to 0.1"]


def test_results_are_grouped_by_method() -> None:
    record = lab.papers.record("concave", "fashion-mnist_lenet_300_100_small")
    grouped = concave.by_method(record.runs)
    assert list(grouped) == [
        "lottery ticket",
        "log mask by fixed share",
        "log mask",
        "log mask with decay",
        "l1 mask",
        "sigmoid",
    ]
    reached = grouped.over_rounds("density")
    for method in ("lottery ticket", "log mask by fixed share"):
        assert reached[method].mean(axis=0) == pytest.approx([0.15, 0.05, 0.02], abs=1e-3)
    assert grouped["l1 mask"][2][1] == record.runs["l1 mask, λ = 6e-05"][2][-1]
    assert grouped.paired("log mask", "l1 mask", "test_accuracy", density=0.05).seeds == 3
