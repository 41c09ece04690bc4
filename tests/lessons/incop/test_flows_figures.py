"""Figures of notebook 03: corners of the sliders, and what the axes say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import pruninglab as lab
from pruninglab.data import Data, Split
from pruninglab.engine.results import Runs
from pruninglab.ideas.incop import information_flow
from pruninglab.kit.pictures import check_inside, name_of, words_of
from pruninglab.lessons.incop import fading, figures, figures_of_audit, replay
from pruninglab.lessons.palette import BLACK


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


NAME = "fashion-mnist_mlp_6-epochs_8-rounds_6-seeds_small"
RECORD = lab.papers.record("incop-epochs", NAME)
WATCHED = Runs({"every epoch": RECORD.more["every_epoch"]})


def looked_at(figure: Figure) -> str:
    figure.canvas.draw()
    check_inside(figure)
    assert name_of(figure).startswith("03_incop_flows/")
    return words_of(figure)


@pytest.mark.parametrize("density", [1.0, 0.2, 0.05])
def test_fading_shows_the_distance(net: nn.Module, data: Data, density: float) -> None:
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    faded = fading.fade(net, data, [1.0, density])
    assert faded[1.0]["cut"] == 0 and all(row["healed"] >= 0 for row in faded.values())
    words = looked_at(figures.fading(net, data.train.take(1000), faded, density=density))
    assert f"is {faded[density]['cut']:.2f}, with all" in words
    assert all(torch.equal(before[name], now) for name, now in net.state_dict().items())


@pytest.mark.parametrize("epsilon", [0.2, 0.75, 1.2])
def test_choose_epsilon_replays_algorithm_1(epsilon: float) -> None:
    words = looked_at(figures.choose_epsilon(WATCHED, epsilon=epsilon))
    used = replay.by_epsilon(WATCHED, "IF relative", epsilon)
    assert f"InCoP {used.sum(axis=1).mean():.1f} epochs of 48" in words


def test_no_epsilon_of_the_lesson_leaves_the_band() -> None:
    for epsilon in np.arange(0.2, 1.25, 0.05):
        gain = replay.gained(replay.by_round(WATCHED, "test_accuracy"),
                             replay.by_epsilon(WATCHED, "IF relative", float(epsilon)))  # fmt: skip
        assert abs(gain.mean()) < gain.std(ddof=1) + 1e-9


def test_the_answers_to_the_tasks() -> None:
    half = replay.by_epsilon(WATCHED, "IF relative", 0.75).sum(axis=1).mean()
    assert abs(half - 24) < 1
    rounds = replay.by_epsilon(WATCHED, "IF relative", 0.5)[0]
    assert rounds.tolist() == [1, 1, 1, 6, 6, 6, 6, 6]


@pytest.mark.parametrize("answer", [lab.incop.epoch_within, lambda d, e: len(d), lambda d, e: None,
                                    lambda d, e: "two", lambda d, e: 99])  # fmt: skip
def test_your_epochs_draws_any_answer_in_black(answer: Any) -> None:
    figure = figures.your_epochs(WATCHED, answer, 0.75)
    words = looked_at(figure)
    rings = [line for line in figure.axes[0].lines if line.get_color() == BLACK]
    assert len(rings) == (8 if "yours stop" in words else 0)


@pytest.mark.parametrize(("answer", "said"), [
    (lambda h, o: h.T @ o / len(h), "both units speak: right; unit 2 is silent: right"),
    (lambda h, o: h.T @ o, "both units speak: not right"),
    (lambda h, o: h.mean(), "no flow yet"), (lambda h, o: None, "no flow yet"),
])  # fmt: skip
def test_tiny_flow(answer: Any, said: str) -> None:
    assert said in looked_at(figures.tiny_flow(answer))


def test_game_and_leak() -> None:
    rule = lambda round, epoch, distances, validation: validation[-1] >= 1.5  # noqa: E731
    for seeds in ((0, 1, 2), (3, 4, 5)):
        assert "yours" in looked_at(figures.game(WATCHED, rule, seeds=seeds))
        assert "no rule of yours" in looked_at(
            figures.game(WATCHED, lambda *seen: None, seeds=seeds))  # fmt: skip
    always = replay.by_rule(WATCHED, lambda *seen: True)
    assert always is not None and (always == 1).all()
    assert (replay.over_one_epoch(WATCHED, always) == 0).all()
    assert "best on test" in looked_at(figures.leak(WATCHED))
    leak = replay.over_one_epoch(WATCHED, replay.best_on_test(WATCHED))
    assert len(leak) == 6 and leak.min() > 0


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


def test_trade_off_runs_from_all_epochs_to_one() -> None:
    figure = figures_of_audit.trade_off(recorded(), ["IF relative"])
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
    gains = replay.gained(often, np.repeat(used, 8, axis=1))
    assert gains.shape == (3,)
    np.testing.assert_allclose(gains, replay.gained(once, used), atol=1e-12)
    # Seeds that differ by their level only gain the same.
    level = np.array([0.0, 0.3, 0.6])[:, None, None]
    steady = np.tile(rng.random((1, 5, 4)), (3, 1, 1)) + level
    same = replay.gained(steady, np.tile(rng.integers(1, 5, (1, 5)), (3, 1)))
    np.testing.assert_allclose(same, same[0], atol=1e-12)


def test_a_gain_of_a_mixed_rule_is_over_the_mix_of_fixed_ones() -> None:
    accuracy = np.array([[[0.5, 0.7, 0.8], [0.4, 0.6, 0.9]]])
    # Stops after 1 and 3: (0.5 + 0.9) / 2, against "always 2": (0.7 + 0.6) / 2.
    assert replay.gained(accuracy, np.array([[1, 3]]))[0] == pytest.approx(0.7 - 0.65)


def test_units_removed_draws_their_share_and_its_square() -> None:
    rows = [
        [{"seed": seed, "units": u, "norms": {"1→2": u**2}} for u in (1.0, 0.5)] for seed in (0, 1)
    ]
    figure = figures_of_audit.units_removed(Runs({"just pruned": rows, "retrained": rows}))
    figure.canvas.draw()
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert lines["units"] == pytest.approx([1.0, 0.5])
    assert lines["units²"] == pytest.approx(lines["IF 1→2"])
    assert "whole units are removed" in words_of(figure)
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


def test_one_seed_is_enough() -> None:
    """Of one seed there is no spread; nothing warns."""
    alone = recorded(seeds=(0,))
    figures_of_audit.trade_off(alone, ["IF relative"]).canvas.draw()
