"""SAP's methods, as Table 3 has them."""

from __future__ import annotations

from pruninglab.papers import sap


def test_the_methods_are_those_of_the_paper() -> None:
    settings = {"epochs": 200, "rounds": 30}
    rows = {label: str(recipe) for label, recipe in sap.methods("mlp", settings).items()}
    assert rows["SAP (½, 1)"] == (
        "magnitude × pq_bound(p=0.5, q=1.0) × global_ × epochs(200) × to_init, 30 rounds"
    )
    assert "fraction(0.2)" in rows["lottery ticket"]


def test_the_settings_are_those_of_table_3() -> None:
    printed = sap.EXPERIMENT.printed
    assert [printed[net]["rounds"] for net in ("mlp", "resnet18")] == [30, 15]
    assert {(settings["epochs"], settings["seeds"]) for settings in printed.values()} == {(200, 4)}
    assert sap.EXPERIMENT.printed_nets == ("linear", "mlp", "cnn", "resnet18")
    assert sap.EXPERIMENT.data["mlp"] == ("fashion-mnist", "cifar10")
