"""The settings of the concave-masks paper, and how its results are grouped."""

from __future__ import annotations

import pytest
import torch

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
    last = record.runs["l1 mask, λ = 6e-05"][2][-1]
    assert grouped["l1 mask"][2][1] == {**last, "epochs": 16, "setting": 6e-5}
    assert grouped.paired("log mask", "l1 mask", "test_accuracy", density=0.05).seeds == 3


def test_a_label_without_a_setting_is_refused() -> None:
    row = {"seed": 0, "density": 0.1, "test_accuracy": 0.9, "epochs": 3}
    with pytest.raises(ValueError, match="results has 'log mask'"):
        concave.by_method(lab.Runs({"log mask": [[row]]}))


def tickets(*accuracies: float) -> list[list[dict[str, float]]]:
    """Return tickets of a density of 10 % and 1 %, a seed for each accuracy of the first."""
    return [
        [
            {"seed": seed, "density": 0.1, "test_accuracy": right, "epochs": 20},
            {"seed": seed, "density": 0.01, "test_accuracy": right - 0.1, "epochs": 20},
        ]
        for seed, right in enumerate(accuracies)
    ]


def test_gaps_are_paired_and_say_what_they_cost() -> None:
    runs = lab.Runs({"ticket": tickets(0.9, 0.7), "log mask": tickets(0.92, 0.74)})
    lines = concave.gaps(runs, "ticket", [0.1, 0.001]).splitlines()
    assert lines == [
        "log mask − ticket at 10.0%: +0.0300 ± 0.0141 over 2 seeds; epochs 20 and 20",
        "log mask − ticket at 0.1%: no seed has both; epochs 20 and 20",
    ]
    with pytest.raises(KeyError, match="reference='magnitude'"):
        concave.gaps(runs, "magnitude", [0.1])


def test_masks_are_compared_at_equal_pixels() -> None:
    right = torch.tensor([[0.9, 0.8, 0.6], [0.7, 0.7, 0.7]])
    pixels = torch.tensor([[16, 4, 4], [16, 8, 4]])
    runs = concave.by_pixels({"log": (right, pixels), "l1": (right - 0.1, pixels)})
    assert runs.at_density("test_accuracy", 8 / 400)["log"] == pytest.approx([0.8, 0.7])
    gap = runs.paired("log", "l1", "test_accuracy", density=8 / 400)
    assert (gap.mean, gap.std, gap.seeds) == (pytest.approx(0.1), pytest.approx(0, abs=1e-6), 2)
    with pytest.raises(ValueError, match=r"results\['log'\] has"):
        concave.by_pixels({"log": (right, pixels[:1])})


def test_only_what_moves_the_mask_differs() -> None:
    settings = concave.OPTIMIZERS.printed["lenet_300_100"]
    recipes = concave.movers("lenet_300_100", settings)
    soft = [recipe for label, recipe in recipes.items() if "λ" in label]
    assert len(soft) == sum(len(lambdas) for _, _, lambdas in concave.MOVERS.values())
    assert all(recipe.score.optimizer is not None for recipe in soft)
    assert len({(str(r.budget), str(r.scope), str(r.stop), r.rewind, r.rounds) for r in soft}) == 1
    assert {(str(r.stop), r.rounds) for r in recipes.values()} == {
        (str(soft[0].stop), settings["rounds"])
    }
    training = concave.OPTIMIZERS.training("lenet_300_100", settings)
    optimizer = training.optimizer
    assert (optimizer.lr, optimizer.momentum, optimizer.nesterov) == (0.1, 0.9, False)
