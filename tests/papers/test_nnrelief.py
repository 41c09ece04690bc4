"""NNrelief's settings: Tables 1, 4 and 8 to 10."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab import nets
from pruninglab.choices.scopes import Groups
from pruninglab.costs import count_parameters
from pruninglab.data import Split
from pruninglab.engine.training import Training, adam, sgd
from pruninglab.ideas.nnrelief import chance_jaccard, jaccard
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


def test_rivals_go_down_the_same_steps() -> None:
    groups = Groups(torch.rand(2, 50), torch.arange(50).expand(2, 50) < torch.tensor([[50], [15]]))
    assert nnrelief.steps(0.3, 0.5)(groups).tolist() == [15, 8]
    settings = {"epochs": 4, "rounds": 2, "alpha": 0.9, "kept": 0.3, "kept-later": 0.5}
    recipes = nnrelief.RIVALS.methods("lenet_300_100", settings)
    assert list(recipes) == [
        "NNrelief", "magnitude, by neuron", "magnitude, by layer", "magnitude, global", "random",
    ]  # fmt: skip
    assert {str(recipe.stop) + str(recipe.rounds) for recipe in recipes.values()} == {
        f"{lab.stops.best_of(4)}2"
    }
    tuned = nnrelief.RIVALS_TUNED.methods("lenet_300_100", settings)
    assert {recipe.rewind for recipe in recipes.values()} == {lab.rewinds.to_init}
    assert {recipe.rewind for recipe in tuned.values()} == {lab.rewinds.fine_tune}


def test_a_misread_mask_meets_by_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    columns = torch.rand(1, 400, generator=generator)
    ours, theirs = (torch.rand(300, 400, generator=generator) < 0.3 * columns for _ in range(2))
    p, q = (float(mask.float().mean()) for mask in (ours, theirs))
    chance = chance_jaccard(p, q)
    assert jaccard(ours, theirs) > 1.2 * chance
    assert jaccard(nnrelief.misread(ours), theirs) == pytest.approx(chance, rel=0.05)
    assert nnrelief.misread(ours).sum() == ours.sum()


def test_masks_survive_a_record() -> None:
    for shape in ((3, 5), (7,), (2, 3, 4)):
        mask = torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.4
        assert torch.equal(nnrelief.unpacked(nnrelief.packed(mask)), mask)
    for wrong in ({}, {"shape": [2], "bits": "no"}, {"shape": [1, 9], "bits": 3}):
        with pytest.raises(ValueError, match="is no packed mask"):
            nnrelief.unpacked(wrong)


def test_the_three_rules_keep_as_many() -> None:
    net, images = nets.lenet_300_100(seed=0), Split(torch.rand(9, 1, 28, 28), torch.zeros(9).long())
    masks = nnrelief.rules(net, images, 0.9)
    assert list(masks) == ["importance", "magnitude, by layer", "magnitude, all layers"]
    first, *others = (kept.density for kept in masks.values())
    assert others == pytest.approx([first, first], abs=2e-3)
    layers = masks["magnitude, by layer"].layer_density()
    assert list(layers.values()) == pytest.approx([first] * 3, abs=2e-3)


def test_the_record_says_what_table_6_prints() -> None:
    """One of two masks misread gives the printed numbers, masks as they are do not."""
    printed = {
        "magnitude, by layer": (0.08, 0.11, 0.16),
        "magnitude, all layers": (0.08, 0.18, 0.66),
    }
    cuts = lab.papers.record("nnrelief-one-cut", "mnist_adam_5e-4").more["cuts"]
    for rule, values in printed.items():
        for number, value in enumerate(values, start=1):
            near = {
                reading: sum(cut[reading][rule][f"fc{number}.weight"] for cut in cuts) / len(cuts)
                for reading in ("same", "misread")
            }
            assert abs(near["misread"] - value) < 0.07 < abs(near["same"] - value)


def test_global_magnitude_is_ahead_at_equal_density_and_training() -> None:
    name = "mnist_lenet_300_100_4-epochs_6-rounds_5-seeds_0.9-alpha_0.285-kept_{}-kept-later_small"
    for experiment, later in (("nnrelief-rivals", 0.76), ("nnrelief-rivals-tuned", 0.77)):
        runs = lab.papers.record(experiment, name.format(later)).runs
        for density in (0.25, 0.15, 0.08):
            gap = runs.paired("magnitude, global", "NNrelief", "test_accuracy", density)
            assert gap.seeds == 5 and gap.mean > 2 * gap.std > 0
            spent = runs.with_costs().paired("magnitude, global", "NNrelief", "cost", density)
            assert abs(spent.mean) < 2.5


def test_on_all_of_mnist_adam_keeps_about_half_of_what_sgd_keeps() -> None:
    cuts = (lab.papers.record("nnrelief-one-cut", f"mnist_{way}_5e-4").more["cuts"]
            for way in ("adam", "sgd"))  # fmt: skip
    adam, sgd = (sum(cut["density"] for cut in seeds) / len(seeds) for seeds in cuts)
    assert 0.4 < adam / sgd < 0.6
