"""The head-to-head: equal trials, choices on validation, and what its verdicts and figures say."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import pruninglab as lab
from pruninglab.papers import experiment, head_to_head
from pruninglab.papers.experiment import Experiment
from pruninglab.papers.head_to_head import DENSITIES, MIXED_IN, MIXTURE, NETS, PRINTED, TRIAL_SEED

METHODS = {
    "lottery ticket", "one-shot", "random", "magnitude, fine-tuned", "SAP", "InCoP-IF", "InCoP-GF",
    "NNrelief", "concave masks", "IMC",
}  # fmt: skip


def runs_of(gaps: dict[str, float], wobble: float = 0.001, seeds: int = 5) -> lab.Runs:
    """Return runs whose methods lie so far above 0.8, the same at each density."""
    signs = (1, -1, 0.5, -0.5, 0)
    return lab.Runs({
        label: [
            [{"seed": seed, "density": density, "epochs": 1, "round": number,
              "test_accuracy": 0.8 + gap + wobble * signs[(seed + len(label)) % 5],
              "validation_accuracy": 0.8 + gap}
             for number, density in enumerate((1.0, *DENSITIES))]
            for seed in range(seeds)
        ]
        for label, gap in gaps.items()
    })  # fmt: skip


@pytest.mark.parametrize("net", NETS)
def test_every_method_has_four_trials_at_one_cost(net: str) -> None:
    recipes = head_to_head.trials(net, PRINTED[net])
    trials = Counter(label.partition(": ")[0] for label in recipes)
    mixtures = trials.pop(MIXTURE, 0)
    assert set(trials) == METHODS and set(trials.values()) == {4}
    assert bool(mixtures) == (net == MIXED_IN)
    pace = f"at_pace(dense={PRINTED[net]['dense']}, per_halving={PRINTED[net]['per-halving']}"
    assert all(pace in str(recipe) for recipe in recipes.values())


def test_no_trial_is_the_same_row_twice() -> None:
    recipes = head_to_head.trials(MIXED_IN, PRINTED[MIXED_IN])
    assert len({repr(recipe) for recipe in recipes.values()}) == len(recipes)


def test_the_best_on_validation_is_chosen_whatever_the_test_says() -> None:
    runs = runs_of({"SAP: a": 0.01, "SAP: b": 0.03, "IMC: only": -0.1})
    spoilt = lab.Runs({
        label: [[row | {"test_accuracy": 1 - row["validation_accuracy"]} for row in rows]
                for rows in seeds]
        for label, seeds in runs.items()
    })  # fmt: skip
    assert head_to_head.chosen(spoilt) == {"SAP": "b", "IMC": "only"}


def test_what_is_never_reached_counts_as_chance() -> None:
    rows = [{"seed": 0, "density": d, "validation_accuracy": 0.9} for d in (1.0, 0.2)]
    (mean,) = head_to_head.means(lab.Runs({"SAP: slow": [rows]})).values()
    assert mean == pytest.approx((2 * 0.9 + 4 * 0.1) / 6)


def test_an_interval_is_students() -> None:
    from scipy import stats

    values = [0.01, 0.03, 0.02, 0.05, -0.01]
    runs = lab.Runs({
        "a": [[{"seed": i, "density": 1, "test_accuracy": v}] for i, v in enumerate(values)],
        "b": [[{"seed": i, "density": 1, "test_accuracy": 0}] for i in range(5)],
    })  # fmt: skip
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert runs.paired("a", "b", "test_accuracy").interval(0.9) == pytest.approx(tuple(expected))


def few(net: str, settings: dict[str, object]) -> dict[str, lab.Recipe]:
    """Return trials that take a second: two of the ticket, one of chance, two mixtures."""
    pace = lab.stops.at_pace(settings["dense"], settings["per-halving"])
    ladder = {"budget": lab.budgets.ladder((0.5, 0.2)), "rounds": 2, "stop": pace}
    ticket = lab.recipes.lottery_ticket(**ladder)
    once = lab.recipes.one_shot(**ladder).but(stop=replace(pace, earlier="dense"))
    return {
        "lottery ticket: layer": ticket,
        "lottery ticket: global": ticket.but(scope=lab.scopes.global_),
        "one-shot: layer": once,
        f"{MIXTURE}: neuron": ticket.but(scope=lab.scopes.neuron),
        f"{MIXTURE}: fine": ticket.but(rewind=lab.rewinds.fine_tune),
    }


def on_few_images(made: Experiment) -> Experiment:
    def load(name: str, net: str, small: bool) -> lab.data.Data:
        data = lab.data.load(name)
        parts = [split.take(200) for split in (data.train, data.validation, data.test)]
        return lab.data.Data(data.name, *parts, classes=data.classes)

    return replace(made, load_data=load)


def test_trials_then_the_chosen_on_other_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(experiment, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(head_to_head, "trials", few)
    trials = on_few_images(replace(head_to_head.TRIALS, methods=few))
    monkeypatch.setattr(head_to_head, "TRIALS", trials)
    meeting = on_few_images(head_to_head.EXPERIMENT)
    with pytest.raises(FileNotFoundError, match="fashion-mnist_lenet_300_100"):
        meeting.main(["--net", "lenet_300_100", "--seeds", "2"])
    trials.main(["--net", "lenet_300_100"])
    meeting.main(["--net", "lenet_300_100", "lenet_5", "--seeds", "2"])
    tried = trials.record("fashion-mnist_lenet_300_100")
    assert {row["seed"] for runs in tried.runs.values() for rows in runs for row in rows} == {100}
    measured = meeting.record("fashion-mnist_lenet_300_100_2-seeds")
    assert list(measured.runs) == ["lottery ticket", "one-shot", MIXTURE]
    assert [rows[0]["seed"] for rows in measured.runs[MIXTURE]] == [0, 1]
    recipes, picked = few("", measured.settings), head_to_head.chosen(tried.runs)
    for label, recipe in head_to_head.methods("lenet_300_100", measured.settings).items():
        assert recipe == recipes[f"{label}: {picked[label]}"]
    for label, paid in head_to_head.with_paid(measured).over_rounds("paid").items():
        # Two epochs for the dense network, two for each halving: 1, 1/2 and 1/5 of the weights.
        assert paid.tolist() == [[2, 4, 7]] * 2, label
    assert meeting.record("fashion-mnist_lenet_5_2-seeds").runs.keys() == measured.runs.keys()


RECORDS = sorted(head_to_head.EXPERIMENT.path("x").parent.glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_ran_what_the_trials_chose(path: Path) -> None:
    measured = head_to_head.EXPERIMENT.record(path.stem)
    net = measured.settings["net"]
    assert set(measured.runs) == METHODS | {MIXTURE}
    recipes = head_to_head.methods(net, measured.settings)
    every = head_to_head.trials(MIXED_IN, measured.settings).values()
    assert all(recipe in every for recipe in recipes.values())
    seeds = {row["seed"] for runs in measured.runs.values() for rows in runs for row in rows}
    assert seeds == set(range(5)) and TRIAL_SEED not in seeds


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_all_pay_alike_at_equal_density(path: Path) -> None:
    measured = head_to_head.EXPERIMENT.record(path.stem)
    dense, rate = measured.settings["dense"], measured.settings["per-halving"]
    runs = head_to_head.at_equal_cost(measured)
    for density in DENSITIES:
        wanted = dense + rate * math.log2(1 / density)
        for label, paid in runs.at_density("paid", density).items():
            # InCoP may stop earlier; between two rounds the cost lies on a chord, not on the curve.
            assert not (paid > wanted + head_to_head.SLACK + 0.5).any(), (label, density, paid)


def test_a_run_ends_where_it_costs_too_much() -> None:
    """The pace allows 2 + 2 log₂(1/d) epochs: 4, 6 and 8 for halves; one more is forgiven."""
    epochs = {"as the pace": (2, 2, 2, 2), "one more": (2, 3, 2, 2), "two more": (2, 2, 4, 1)}
    settings = {"net": "sap_mlp", "dense": 2, "per-halving": 2}
    runs = lab.Runs({
        f"SAP: (0.5, 1), γ = 16, {name}": [
            [{"seed": 0, "density": 0.5**number, "epochs": cost} for number, cost in enumerate(row)]
        ]
        for name, row in epochs.items()
    })  # fmt: skip
    recipe = head_to_head.trials("sap_mlp", settings)["SAP: (0.5, 1), γ = 16, layer"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_to_head, "trials", lambda *_: dict.fromkeys(runs, recipe))
        fair = head_to_head.at_equal_cost(experiment.Measured(settings, {}, runs, {}))
    assert [len(seeds[0]) for seeds in fair.values()] == [4, 4, 2]
