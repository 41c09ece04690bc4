"""Figures and exercises of notebook 03: corners of the sliders, and what the axes say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.classroom.exercises import flows as exercises
from pruninglab.classroom.exercises.core import Exercise, NotYet
from pruninglab.classroom.pictures import name_of, words_of
from pruninglab.classroom.plots import flows
from pruninglab.data import Data, Split
from pruninglab.engine.results import Row, Runs
from pruninglab.ideas.flows import flow_distance, gradient_flow, information_flow


@pytest.fixture(scope="module")
def data() -> Data:
    return lab.data.load("fashion-mnist", device="cpu")


@pytest.fixture(scope="module")
def net(data: Data) -> nn.Module:
    net = lab.nets.sap_mlp(seed=0)
    lab.train(net, data, stop=lab.stops.epochs(1))
    return net


@pytest.fixture(scope="module")
def probe(data: Data) -> Split:
    return data.train.take(200)


@pytest.mark.parametrize(("share", "kind"), list(product([0.0, 0.98], ["raw", "pearson"])))
def test_pruned_by_shows_both_networks(
    net: nn.Module, probe: Split, share: float, kind: str
) -> None:
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    figure = flows.pruned_by(net, probe, share=share, kind=kind)
    figure.canvas.draw()
    assert all(torch.equal(before[name], now) for name, now in net.state_dict().items())
    dense, pruned = (axes.images[0].get_array() for axes in figure.axes[:2])
    flow = information_flow(net, probe.inputs, kind=kind)["fc1→fc2"]
    # The 64 units that send and receive most, found here with numpy.
    size = np.abs(flow.numpy())
    rows, columns = (np.argsort(-size.sum(axis))[:64] for axis in (1, 0))
    np.testing.assert_allclose(dense, flow.numpy()[np.ix_(rows, columns)])
    assert dense[0].sum() >= dense[-1].sum()
    assert np.array_equal(dense, pruned) == (share == 0)
    shown = float(figure.axes[1].get_title().split()[-1])
    assert (shown == 0) == (share == 0)
    bars = [bar.get_height() for bar in figure.axes[2].patches[:3]]
    gradients = gradient_flow(net, probe.inputs, probe.targets, lab.Masks.full(net))
    assert bars == pytest.approx([float(g.norm()) for g in gradients.values()])
    assert name_of(figure) == "03_incop_flows/pruned"
    assert f"{share:.0%} pruned at a relative distance of {shown:.2f}" in words_of(figure)
    assert kind in words_of(figure)


def test_stages_prints_the_relative_distance(net: nn.Module, probe: Split) -> None:
    other, full = lab.nets.sap_mlp(seed=1), lab.Masks.full(net)
    figure = flows.stages({"a": (net, full), "b": (other, full), "c": (net, full)}, probe)
    pair = [information_flow(network, probe.inputs) for network in (other, net)]
    expected = flow_distance(*pair, kind="relative")
    assert f"b at a relative distance of {expected:.2f}" in words_of(figure)
    assert figure.axes[1].get_title().endswith(f"distance {expected:.2f}")
    assert figure.axes[2].get_title().endswith("distance 0.00")


def recorded(drop: int = 0, seeds: tuple[int, ...] = (0, 1)) -> Runs:
    """Return two rounds of three epochs each; seed 1 is farther away in everything."""
    distances = {1: [1.0, 0.4, 0.6], 2: [0.8, 0.7, 0.2]}
    epochs = [
        [{"seed": seed, "round": index, "epoch": epoch, "test_accuracy": 0.5 + epoch / 10,
          "IF relative": value + seed / 10, "GF relative": 1.0}
         for index, values in distances.items() for epoch, value in enumerate(values, start=1)]
        for seed in seeds
    ]  # fmt: skip
    return Runs({"every epoch": [rows[drop:] for rows in epochs]})


def test_stop_at_replays_algorithm_1() -> None:
    # The largest distance is 1.1, so ε = 0.55: seed 0 stops after 2 and 3, seed 1 after 2 and 3.
    figure = flows.stop_at(recorded(), measure="IF relative", share=0.5)
    figure.canvas.draw()
    assert [bar.get_height() for bar in figure.axes[1].patches] == [2, 3]
    assert figure.axes[1].get_title() == "5 of 6 epochs used"
    assert "ε = 0.55" in figure.axes[0].get_title()
    early = figure.axes[2].containers[1][0].get_ydata()
    assert early == pytest.approx([0.7, 0.8])
    assert "ε = 0.55" in words_of(figure) and "5 of 6 epochs" in words_of(figure)
    assert "80.0% at the stop and 80.0% after all" in words_of(figure)


@pytest.mark.parametrize(("share", "used"), [(0.0, "6 of 6"), (1.0, "2 of 6")])
def test_stop_at_its_ends(share: float, used: str) -> None:
    for measure in ("IF relative", "GF relative"):
        figure = flows.stop_at(recorded(), measure=measure, share=share)
        figure.canvas.draw()
        assert figure.axes[1].get_title().startswith(used)
        assert measure in words_of(figure) and used in words_of(figure)


def test_trade_off_runs_from_all_epochs_to_one() -> None:
    figure = flows.trade_off(recorded(), ["IF relative"])
    figure.canvas.draw()
    used = figure.axes[0].lines[0].get_ydata()
    assert used[0] == 3 and used[-1] == 1 and (np.diff(used) <= 0).all()
    points = figure.axes[1].lines[0]
    gained = dict(zip(points.get_xdata(), points.get_ydata(), strict=True))
    # All epochs, and one epoch, are fixed rules themselves.
    assert gained[1.0] == pytest.approx(0) and gained[3.0] == pytest.approx(0)
    assert "over 2 seeds; at each measure's best ε: IF relative +0.00 ± 0.00" in words_of(figure)


def test_the_sample_of_a_gain_is_the_seeds_not_their_rounds() -> None:
    """Rounds that all gain the same must not make a seed's gain look surer."""
    rng = np.random.default_rng(0)
    once = rng.random((3, 1, 4))
    often = np.repeat(once, 8, axis=1)
    used = np.array([[2], [3], [4]])
    gains = flows.gained(often, np.repeat(used, 8, axis=1))
    assert gains.shape == (3,)
    np.testing.assert_allclose(gains, flows.gained(once, used), atol=1e-12)
    # Seeds that differ by their level only gain the same.
    level = np.array([0.0, 0.3, 0.6])[:, None, None]
    steady = np.tile(rng.random((1, 5, 4)), (3, 1, 1)) + level
    same = flows.gained(steady, np.tile(rng.integers(1, 5, (1, 5)), (3, 1)))
    np.testing.assert_allclose(same, same[0], atol=1e-12)


def test_a_gain_of_a_mixed_rule_is_over_the_mix_of_fixed_ones() -> None:
    accuracy = np.array([[[0.5, 0.7, 0.8], [0.4, 0.6, 0.9]]])
    # Stops after 1 and 3: (0.5 + 0.9) / 2, against "always 2": (0.7 + 0.6) / 2.
    assert flows.gained(accuracy, np.array([[1, 3]]))[0] == pytest.approx(0.7 - 0.65)


def stopped(accuracy: float, epochs: int) -> list[Row]:
    return [
        {"seed": 0, "density": d, "test_accuracy": accuracy, "epochs": epochs}
        for d in (1.0, 0.5, 0.25)
    ]


def test_stops_compared_does_not_count_the_dense_training() -> None:
    runs = Runs({"a": [stopped(0.8, 5), stopped(0.8, 5)], "b": [stopped(0.7, 1)] * 2})
    figure = flows.stops_compared(runs)
    figure.canvas.draw()
    assert [bar.get_width() for bar in figure.axes[1].patches] == [10, 2]
    assert "from 2 (b) to 10 (a)" in words_of(figure)
    assert "between 70.0% (b) and 80.0% (a)" in words_of(figure)
    whole = flows.full_fashion_mnist(runs)
    assert name_of(whole) == "03_incop_flows/full_fashion_mnist"
    assert words_of(whole) == f"On all of Fashion-MNIST. {words_of(figure)}"


def test_connectivity_draws_density_and_its_square() -> None:
    rows = [
        [{"seed": seed, "density": d, "norms": {"1→2": 1.0 + seed}} for d in (1.0, 0.5)]
        for seed in (0, 1)
    ]
    figure = flows.connectivity(Runs({"just pruned": rows, "retrained": rows}))
    figure.canvas.draw()
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[1].lines}
    assert lines["density"] == pytest.approx([1.0, 0.5])
    assert lines["density²"] == pytest.approx([1.0, 0.25])
    assert lines["IF 1→2"] == pytest.approx([1.5, 1.5])
    assert "1→2 retrained 1.50" in words_of(figure)


def test_units_removed_draws_their_share_and_its_square() -> None:
    rows = [
        [{"seed": seed, "units": u, "norms": {"1→2": u**2}} for u in (1.0, 0.5)] for seed in (0, 1)
    ]
    figure = flows.units_removed(Runs({"just pruned": rows, "retrained": rows}))
    figure.canvas.draw()
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert lines["units"] == pytest.approx([1.0, 0.5])
    assert lines["units²"] == pytest.approx(lines["IF 1→2"])
    assert words_of(figure).startswith("Whole units are removed.")
    assert name_of(figure) == "03_incop_flows/units_removed"


def test_a_unit_masked_in_and_out_is_a_unit_removed() -> None:
    """What notebook 03 does with masks is what a smaller network does."""
    net, gone = lab.nets.sap_mlp(seed=0), torch.arange(0, 128, 2)
    kept = torch.arange(1, 128, 2)
    masks = lab.Masks.full(net, biases=True)
    keep = {name: mask.clone() for name, mask in masks.items()}
    keep["fc1.weight"][gone] = keep["fc1.bias"][gone] = False
    keep["fc2.weight"][:, gone] = False
    masks.shrink(keep)
    small = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 256),
                          nn.ReLU(), nn.Linear(256, 10))  # fmt: skip
    full = dict(net.state_dict())
    small.load_state_dict({
        "1.weight": full["fc1.weight"][kept], "1.bias": full["fc1.bias"][kept],
        "3.weight": full["fc2.weight"][:, kept], "3.bias": full["fc2.bias"],
        "5.weight": full["fc3.weight"], "5.bias": full["fc3.bias"],
    })  # fmt: skip
    masks.apply_(net)
    images = torch.rand(20, 1, 28, 28)
    torch.testing.assert_close(net(images), small(images))
    masked, smaller = information_flow(net, images), information_flow(small, images)
    torch.testing.assert_close(masked["fc1→fc2"][kept], smaller["1→3"])
    assert not masked["fc1→fc2"][gone].any()


@pytest.mark.parametrize("exercise", exercises.EXERCISES, ids=repr)
def test_the_solution_passes_and_nonsense_does_not(exercise: Exercise) -> None:
    names: dict = {}
    exec(exercise.solution, names)
    assert exercise.check(names["answer"]) == "Right."
    assert exercise.check(...).startswith("Not answered yet")
    with pytest.raises(NotYet, match="Not yet: "):
        exercise.check("nonsense")


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (exercises.FLOW, [[5.0], [2.0]], "mean over the two images"),
        (exercises.FLOW, [[2.5, 1.0]], "rows are the units"),
        (exercises.FLOW, [[1.0], [2.5]], "multiply per image"),
        (exercises.EPSILON, 1.0, "after epoch 1"),
        (exercises.EPSILON, 0.9, "after epoch 1"),
        (exercises.EPSILON, 0.5, "after epoch 4"),
        (exercises.EPSILON, 0.1, "all five"),
        (exercises.STOP, lambda state: state.epoch >= 6, "got worse"),
        (exercises.STOP, lambda state: state.epoch >= 2, "still gets better"),
        (exercises.STOP, lambda state: True, "nothing to compare"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(
    exercise: Exercise, answer: object, hint: str
) -> None:
    with pytest.raises(NotYet, match=hint):
        exercise.check(answer)


@pytest.mark.parametrize("epsilon", [0.7, 0.75, 0.8999])
def test_every_epsilon_between_the_two_distances_is_right(epsilon: float) -> None:
    assert exercises.EPSILON.check(epsilon) == "Right."


def test_one_seed_is_enough() -> None:
    """Of one seed there is no spread; nothing warns."""
    alone = recorded(seeds=(0,))
    flows.trade_off(alone, ["IF relative"]).canvas.draw()
    flows.stop_at(alone).canvas.draw()
    flows.stops_compared(Runs({"a": [stopped(0.8, 5)]})).canvas.draw()


UNEVEN = Runs({"a": [[*recorded(seeds=(0,))["every epoch"][0], {"seed": 0, "round": 3}]]})
NOT_MEASURED = Runs({"a": [[{"round": 1, "x": None}]]})
NO_NORMS = Runs({when: [[{"density": 1.0}]] for when in ("just pruned", "retrained")})


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: flows.stages({}, Split(torch.rand(1, 1, 2, 2), torch.zeros(1).long())),
         "networks is"),
        (lambda: flows.pruned_by(lab.nets.sap_mlp(seed=0), None), "probe=None"),
        (lambda: flows.stop_at([]), "watched="),
        (lambda: flows.stop_at(recorded(), measure="L1"), "measure='L1' is not known"),
        (lambda: flows.stop_at(recorded(), share=2), "share=2"),
        (lambda: flows.stop_at(Runs({"a": [[{}]], "b": [[{}]]})), "watched must hold .* one"),
        (lambda: flows.stop_at(recorded(drop=1)), "watched must have the same rounds"),
        (lambda: flows.by_round(NOT_MEASURED, "x"), "watched must have a finite 'x'"),
        (lambda: flows.by_round(UNEVEN, "round"), "watched must have the same rounds"),
        (lambda: flows.trade_off(recorded(), []), "measures is empty"),
        (lambda: flows.gained(np.ones((1, 2, 3)), np.array([[1, 4]])), r"used \(1, 2\) must hold"),
        (lambda: flows.gained(np.ones((1, 2, 3)), np.array([[1]])), r"used \(1, 1\) must hold"),
        (lambda: flows.trade_off(recorded(), ["IF relative"], steps=10**9), "steps=1"),
        (lambda: flows.stops_compared(Runs({})), "runs is empty"),
        (lambda: flows.stops_compared(Runs({"a": [[{"density": 1.0}]]})), "[\"']key 'test_acc"),
        (lambda: flows.connectivity(NO_NORMS), r"left\['just pruned'\] must have rows"),
        (lambda: flows.connectivity(Runs({})), "[\"']label 'just pruned'"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call, match: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError), match=f"^{match}"):
        call()
