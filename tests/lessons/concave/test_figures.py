"""Figures of notebook 05 at the corners of their sliders, and what their axes say."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

import pruninglab as lab
from pruninglab.engine.results import Runs
from pruninglab.ideas.concave import l1, log
from pruninglab.kit.exercise import Exercise
from pruninglab.kit.pictures import check_inside, name_of, words_of
from pruninglab.lessons.concave import exercises, figures
from pruninglab.lessons.concave.digits import TwoDigits, two_digits
from pruninglab.lessons.concave.fits import fit_logistic, subgradient_l1
from pruninglab.lessons.concave.logistic import masked_logistic
from pruninglab.lessons.concave.rivals import at_equal_pixels


@pytest.fixture(scope="module")
def digits() -> TwoDigits:
    data = lab.data.load("mnist", normalize=False, device="cpu")
    return two_digits(data.train.inputs, data.train.targets, runs=1)


@pytest.fixture(scope="module")
def weights(digits: TwoDigits) -> Tensor:
    return fit_logistic(digits.inputs, digits.targets)


def draw(figure: Figure) -> None:
    figure.canvas.draw()


@pytest.mark.parametrize("eps", [0.01, 0.1, 2.0])
def test_penalties_run_from_0_to_1_and_slopes_fit(eps: float) -> None:
    figure = figures.penalties(eps=eps)
    draw(figure)
    for values, slope in zip(figure.axes[0].lines[:4], figure.axes[1].lines, strict=True):
        m, r = (np.asarray(part) for part in values.get_data())
        assert r[0] == 0 and r[-1] == pytest.approx(1)
        rise = np.diff(r) / np.diff(m)
        middle = np.asarray(slope.get_ydata())
        middle = (middle[1:] + middle[:-1]) / 2
        np.testing.assert_allclose(rise[100:], middle[100:], rtol=2e-3, atol=1e-6)
    steepest = float(log(eps).derivative(torch.zeros(1, dtype=torch.float64)))
    assert f"ε = {eps:g}, log pulls with {steepest:.3g}" in words_of(figure)


def test_accuracy_and_pixels_are_means_and_spreads() -> None:
    accuracy = torch.tensor([[0.9, 0.7], [0.8, 0.5]])
    pixels = torch.tensor([[10, 4], [20, 2]])
    figure = figures.accuracy_and_pixels([0.1, 1.0], {"log": (accuracy, pixels)})
    draw(figure)
    assert figure.axes[0].lines[0].get_ydata().tolist() == pytest.approx([0.85, 0.6])
    assert figure.axes[1].lines[0].get_ydata().tolist() == [15, 3]
    top = figure.axes[1].collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(15 + np.std([10, 20], ddof=1))
    assert words_of(figure).endswith("At λ = 1: log 3 pixels and 60.0%.")


def test_one_run_has_no_spread() -> None:
    figure = figures.accuracy_and_pixels([1.0], {"log": (torch.ones(1, 1), torch.ones(1, 1))})
    assert not np.isnan(figure.axes[0].collections[0].get_paths()[0].vertices).any()


@pytest.mark.parametrize(("lam", "eps"), list(product((0.05, 1.0), (0.02, 1.0))))
def test_the_counter_example_crosses_at_the_corners(lam: float, eps: float) -> None:
    figure = figures.counter_example(lam=lam, eps=eps)
    draw(figure)
    first, second, truth, printed = (np.asarray(line.get_ydata()) for line in
                                     figure.axes[0].lines[:4])  # fmt: skip
    assert bool((truth <= second + 1e-9).all() and (second <= first + 1e-9).all())
    if lam == 1.0:
        assert printed[-1] < truth[-1], "Eq. (14) is false for many ones"
    words = words_of(figure)
    assert f"λ = {lam:g}, ε = {eps:g} and γ = 10" in words
    assert f"measured ‖m* − m̃‖: {truth[-1]:.3g}" in words and f"(14): {printed[-1]:.3g}" in words


def test_eight_pixels_counts_them() -> None:
    mask = torch.zeros(401)
    mask[10:18] = 1
    mask[-1] = 1
    figure = figures.eight_pixels(mask, torch.rand(8, 401))
    draw(figure)
    assert figure.axes[0].get_title() == "8 pixels"
    assert words_of(figure).startswith("A mask of 8 pixels")


def test_bounds_say_where_they_hold() -> None:
    rows = [
        {"regularizer": name, "gamma": g, "distance": g / 10, "theorem 1": 2.0 / g,
         "theorem 2, corrected": 0.5}
        for name in ("l1", "log") for g in (1.0, 10.0)
    ]  # fmt: skip
    figure = figures.bounds_against_truth(rows)
    draw(figure)
    assert "at 2 of 4 points; Lemma 1 applies at 2" in words_of(figure)
    # What holds below 1 is written there, off the curves that lie just above it.
    (words,) = figure.axes[0].texts
    line = figure.axes[0].transData.transform((1, 1))[1]
    assert words.get_window_extent().y1 < line


def test_mask_values_say_what_is_cut() -> None:
    entries = torch.tensor([0.01, 0.5, 0.6, 0.7])
    figure = figures.mask_values({"a": [entries, entries[1:]], "b": []}, 0.05)
    draw(figure)
    assert "threshold 0.05 lie 25% (a, round 0), 0% (a, round 1)." in words_of(figure)


def settings_of(*tickets: tuple[float, float], seed: int = 0) -> list[dict[str, float]]:
    return [{"seed": seed, "density": d, "test_accuracy": right} for d, right in tickets]


def test_tickets_are_sorted_by_density_with_bars_both_ways() -> None:
    dead = (1e-9, 0.1)
    first = settings_of((0.02, 0.8), (0.5, 0.9), dead)
    second = settings_of((0.04, 0.7), (0.5, 0.88), dead, seed=1)
    results = Runs({"log": [first, second]})
    figure = figures.tickets(results)
    draw(figure)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([0.5, 0.03])
    assert line.get_ydata().tolist() == pytest.approx([0.89, 0.75])
    assert "log 75.0% at 3.00%" in words_of(figure)
    assert name_of(figure) == "05_concave_masks/tickets"


def test_other_tickets_stand_beside_on_the_same_scale() -> None:
    log_mask, sigmoid = ([settings_of((0.1, right), (0.01, right - 0.1))] for right in (0.9, 0.8))
    figure = figures.tickets(Runs({"log": log_mask}), Runs({"sigmoid": sigmoid, "log": log_mask}))
    draw(figure)
    drawn = [{part.get_label(): part.lines[0].get_color() for part in panel.containers}
             for panel in figure.axes]  # fmt: skip
    assert [list(part) for part in drawn] == [["log"], ["sigmoid", "log"]]
    assert drawn[0]["log"] == drawn[1]["log"] != drawn[1]["sigmoid"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert "log 80.0% at 1.00%; beside it: sigmoid 70.0% at 1.00%" in words_of(figure)


def test_no_two_ticks_of_the_accuracy_say_the_same() -> None:
    results = Runs({"log": [settings_of((0.02, 0.853), (0.15, 0.862))]})
    figure = figures.tickets(results)
    draw(figure)
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert len(labels) == len(set(labels)) > 2
    left, right = figure.axes[0].get_xlim()
    assert left < 0.25 and right > 0.01, "the axis begins where the densest ticket is"


def test_optimizers_draw_the_reference_on_the_left_only() -> None:
    ticket, mask = settings_of((0.1, 0.9), (0.01, 0.8)), settings_of((0.2, 0.9), (0.02, 0.85))
    rows = {"lottery ticket": (ticket, (0.1, 0.01)), "SGD": (mask, (1e-5, 1e-4))}
    results = Runs(
        {label: [[row | {"setting": number} for row, number in zip(part, numbers, strict=True)]]
         for label, (part, numbers) in rows.items()}
    )  # fmt: skip
    figure = figures.optimizers(results)
    draw(figure)
    assert [len(panel.containers) for panel in figure.axes] == [2, 1]
    line = figure.axes[1].containers[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([1e-5, 1e-4])
    assert line.get_ydata().tolist() == pytest.approx([0.2, 0.02])
    assert line.get_color() == figure.axes[0].containers[1].lines[0].get_color()
    assert "SGD from 20.0% to 2.00%" in words_of(figure)


MASKS, PAIR = torch.rand(2, 3, 401), (torch.rand(4, 3), torch.rand(4, 3))


def named(exercise: Exercise, name: str) -> Any:
    names: dict[str, Any] = {"torch": torch}
    exec(exercise.solution, names)
    return names[name]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lam", [0.5, 16.0])
def test_two_maps_count_what_is_alive(digits: TwoDigits, weights: Tensor, lam: float) -> None:
    figure = figures.two_maps(digits, weights, lam=lam)
    check_inside(figure)
    plain = subgradient_l1(digits.inputs, digits.targets, [lam])
    alive = int((plain[0, 0, :-1] != 0).sum())
    solved = masked_logistic(digits.inputs, digits.targets, weights, [l1()], [lam], tolerance=1e-2)
    living = int((solved.masks[0, 0, 0, :-1] > 0).sum())
    assert f"steps on the weights {alive} alive" in words_of(figure)
    assert f"a mask with walls {living} alive, 0 of them pale" in words_of(figure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("step", [0.01, 0.1])
def test_smaller_steps_hop_lower_and_never_land(step: float) -> None:
    figure = figures.smaller_steps(step=step)
    check_inside(figure)
    weight, entry = (panel.lines[0].get_ydata() for panel in figure.axes)
    assert entry[-1] == 0 < max(abs(place) for place in weight[-40:]) < 1.4 * step
    assert "mask entry 0.0000" in words_of(figure)


@pytest.mark.parametrize("lam", [0.5, 16.0])
@pytest.mark.parametrize("kind", ["ℓ1", "log"])
def test_one_mask_at_the_corners(digits: TwoDigits, weights: Tensor, kind: str, lam: float) -> None:
    images = digits.held_inputs[0, 36:44]
    figure = figures.one_mask(digits, weights, images, kind=kind, lam=lam)
    check_inside(figure)
    tiles = np.asarray(figure.axes[1].images[0].get_array())
    seen = int((np.abs(tiles[:20, :20] - 0.45) > 1e-6).sum())
    assert f"λ = {lam:g}, {seen} of 400 pixels live" in words_of(figure)


NONSENSE = [None, lambda *_: None, lambda *_: "words", lambda *_: torch.ones(7), 3]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("answer", NONSENSE)
def test_without_an_answer_only_the_question_is_drawn(
    digits: TwoDigits, weights: Tensor, answer: object
) -> None:
    drawn = (figures.hop_and_land(answer, answer), figures.your_wall(digits, answer),
             figures.your_pull(digits, weights, answer))  # fmt: skip
    for figure, words in zip(drawn, ("waits for your function", "missing", "waits"), strict=True):
        check_inside(figure)
        assert words in words_of(figure)


def test_right_answers_cover_the_package(digits: TwoDigits, weights: Tensor) -> None:
    moved = figures.hop_and_land(named(exercises.HOP, "hop"), named(exercises.LAND, "land"))
    assert words_of(moved).count("off by 0.000") == 2
    wall = figures.your_wall(digits, named(exercises.SHRINK, "shrink"))
    assert "at 0 pixels yours differs" in words_of(wall)
    pulled = figures.your_pull(digits, weights, named(exercises.PULL, "pull"))
    assert "off by 0.000 at most" in words_of(pulled) and "yours 0." in words_of(pulled)


@pytest.mark.filterwarnings("error")
def test_wrong_answers_are_drawn(digits: TwoDigits, weights: Tensor) -> None:
    lost = figures.hop_and_land(lambda w, g, lam, t: 1.5 * w, lambda m, g, lam, t: m)
    wall = figures.your_wall(digits, lambda w, g, lam, t: w - t * g)
    pulled = figures.your_pull(digits, weights, lambda m, eps: 1 / (m + eps))
    for figure in (lost, wall, pulled):
        check_inside(figure)
        assert "waits" not in words_of(figure)
    assert "at 0 pixels" not in words_of(wall)


def test_rivals_meet_at_eight_pixels() -> None:
    data = lab.data.load("mnist", normalize=False, device="cpu").train
    draws = two_digits(data.inputs, data.targets, runs=3)
    runs = at_equal_pixels(draws, fit_logistic(draws.inputs, draws.targets))
    assert {row["density"] for rows in runs["largest weights"] for row in rows} == {8 / 400}
    figure = figures.eight_compared(runs)
    check_inside(figure)
    gap = runs.paired("largest weights", "ℓ1 mask", "test_accuracy", density=8 / 400)
    assert f"largest weights {100 * gap.mean:+.1f} ± " in words_of(figure)


def test_swaps_are_points_ahead_of_the_ticket() -> None:
    record = lab.papers.record("concave-optimizers", "fashion-mnist_lenet_300_100_small")
    tickets = lab.papers.concave.by_method(record.runs)
    figure = figures.swaps(tickets)
    check_inside(figure)
    gap = tickets.paired("Adam", "lottery ticket", "test_accuracy", density=0.012)
    assert f"log, Adam {100 * gap.mean:+.1f} ± {100 * gap.std:.1f}" in words_of(figure)
    heights = sorted(text.get_position()[1] for text in figure.axes[0].texts)
    assert np.diff(heights).min() > 0.2
