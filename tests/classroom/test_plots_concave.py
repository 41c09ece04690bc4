"""Figures of notebook 05 at the corners of their sliders, and what their axes say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

import pruninglab as lab
from pruninglab.classroom.pictures import name_of, words_of
from pruninglab.classroom.plots import concave
from pruninglab.engine.results import Runs
from pruninglab.ideas.concave import TwoDigits, fit_logistic, l1, log, masked_logistic, two_digits


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
    figure = concave.penalties(eps=eps)
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


@pytest.mark.parametrize("kind", concave.KINDS)
def test_one_mask_at_every_corner(digits: TwoDigits, weights: Tensor, kind: str) -> None:
    figure = None
    images = digits.held_inputs[0, 36:44]
    pixels, words = [], set()
    for log_lam, shape in product((-2.0, 1.5), (0.02, 1.0)):
        figure = concave.one_mask(
            digits, weights, images, kind=kind, log_lam=log_lam, shape=shape, figure=figure
        )
        draw(figure)
        shown = np.asarray(figure.axes[0].images[0].get_array().filled(np.nan))
        pixels.append(int((~np.isnan(shown)).sum()))
        assert f"{pixels[-1]} pixels" in figure.axes[0].get_title()
        words.add(words_of(figure))
        assert f"{pixels[-1]} of 400 pixels live" in words_of(figure)
        assert f"λ = {10**log_lam:.3g}" in words_of(figure)
    assert len(words) == (2 if kind == "l1" else 4), "ℓ1 has no shape"
    if kind in ("l1", "log"):
        assert max(pixels[2:]) < min(pixels[:2])


def test_one_mask_shows_what_the_solver_finds(digits: TwoDigits, weights: Tensor) -> None:
    figure = concave.one_mask(digits, weights, digits.held_inputs[0, :8], kind="l1", log_lam=0.5)
    mask = masked_logistic(
        digits.inputs, digits.targets, weights, [l1()], [10**0.5], tolerance=1e-2
    ).masks[0, 0, 0, :-1]
    shown = figure.axes[0].images[0].get_array().filled(0).ravel()
    np.testing.assert_allclose(shown, mask.numpy(), atol=1e-6)
    tiles = np.asarray(figure.axes[2].images[0].get_array())
    first = tiles[:20, :20][mask.reshape(20, 20).numpy() > 0]
    seen = digits.held_inputs[0, 0, :-1][mask > 0].numpy()
    np.testing.assert_allclose(first, seen, atol=1e-6)


def test_unknown_penalties_are_refused() -> None:
    assert concave.regularizer_of("log", 0.3) == log(0.3)
    with pytest.raises(ValueError, match="kind='l2'"):
        concave.regularizer_of("l2", 0.1)


def test_masks_over_lambda_counts_pixels() -> None:
    masks = torch.zeros(2, 3, 401)
    masks[1, 2, :7] = 0.5
    masks[..., -1] = 1
    figure = concave.masks_over_lambda(masks, [0.1, 1, 10], torch.full((2, 3), 0.5), ("l1", "log"))
    draw(figure)
    assert figure.axes[5].get_xlabel() == "7 pixels\n50.0%"
    assert figure.axes[0].get_xlabel() == "0 pixels\n50.0%"
    assert "from λ = 0.1 to 10: l1 from 0 to 0 pixels" in words_of(figure)
    assert "log from 0 to 7 pixels, 7 entries between 0 and 1" in words_of(figure)
    boxes = [panel.get_position() for panel in figure.axes]
    assert boxes[0].y0 > boxes[3].y1 and boxes[0].x1 < boxes[1].x0


def test_accuracy_and_pixels_are_means_and_spreads() -> None:
    accuracy = torch.tensor([[0.9, 0.7], [0.8, 0.5]])
    pixels = torch.tensor([[10, 4], [20, 2]])
    figure = concave.accuracy_and_pixels([0.1, 1.0], {"log": (accuracy, pixels)})
    draw(figure)
    assert figure.axes[0].lines[0].get_ydata().tolist() == pytest.approx([0.85, 0.6])
    assert figure.axes[1].lines[0].get_ydata().tolist() == [15, 3]
    top = figure.axes[1].collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(15 + np.std([10, 20], ddof=1))
    assert words_of(figure).endswith("At λ = 1: log 3 pixels and 60.0%.")


def test_one_run_has_no_spread() -> None:
    figure = concave.accuracy_and_pixels([1.0], {"log": (torch.ones(1, 1), torch.ones(1, 1))})
    assert not np.isnan(figure.axes[0].collections[0].get_paths()[0].vertices).any()


@pytest.mark.parametrize(("lam", "eps"), list(product((0.05, 1.0), (0.02, 1.0))))
def test_the_counter_example_crosses_at_the_corners(lam: float, eps: float) -> None:
    figure = concave.counter_example(lam=lam, eps=eps)
    draw(figure)
    first, second, truth, printed = (np.asarray(line.get_ydata()) for line in
                                     figure.axes[0].lines[:4])  # fmt: skip
    assert bool((truth <= second + 1e-9).all() and (second <= first + 1e-9).all())
    if lam == 1.0:
        assert printed[-1] < truth[-1], "Eq. (14) is false for many ones"
    words = words_of(figure)
    assert f"λ = {lam:g}, ε = {eps:g} and γ = 10" in words
    assert f"measured ‖m* − m̃‖: {truth[-1]:.3g}" in words and f"(14): {printed[-1]:.3g}" in words


def test_oscillation_counts_hops_and_zeros() -> None:
    weights = torch.tensor([[0.1, 0.1], [-0.1, 0.2], [0.1, 0.1]])
    masks = torch.tensor([[0.5, 0.5], [0.0, 0.4]])
    figure = concave.oscillation(weights, masks)
    draw(figure)
    assert "2 weights cross zero 2 times in 3 subgradient steps" in words_of(figure)
    assert "of 2 mask entries 1 lie at zero after 2 projected" in words_of(figure)


@pytest.mark.parametrize("shape", [(0, 2), (3, 0)])
def test_oscillation_names_what_is_empty(shape: tuple[int, int]) -> None:
    some, none = torch.rand(3, 2), torch.zeros(shape)
    with pytest.raises(ValueError, match=r"^masks has shape"):
        concave.oscillation(some, none)
    with pytest.raises(ValueError, match=r"^weights has shape"):
        concave.oscillation(none, some)


def test_eight_pixels_counts_them() -> None:
    mask = torch.zeros(401)
    mask[10:18] = 1
    mask[-1] = 1
    figure = concave.eight_pixels(mask, torch.rand(8, 401))
    draw(figure)
    assert figure.axes[0].get_title() == "8 pixels"
    assert words_of(figure).startswith("A mask of 8 pixels")


def test_bounds_say_where_they_hold() -> None:
    rows = [
        {"regularizer": name, "gamma": g, "distance": g / 10, "theorem 1": 2.0 / g,
         "theorem 2, corrected": 0.5}
        for name in ("l1", "log") for g in (1.0, 10.0)
    ]  # fmt: skip
    figure = concave.bounds_against_truth(rows)
    draw(figure)
    assert "at 2 of 4 points; Lemma 1 applies at 2" in words_of(figure)
    # What holds below 1 is written there, off the curves that lie just above it.
    (words,) = figure.axes[0].texts
    line = figure.axes[0].transData.transform((1, 1))[1]
    assert words.get_window_extent().y1 < line


def test_mask_values_say_what_is_cut() -> None:
    entries = torch.tensor([0.01, 0.5, 0.6, 0.7])
    figure = concave.mask_values({"a": [entries, entries[1:]], "b": []}, 0.05)
    draw(figure)
    assert "threshold 0.05 lie 25% (a, round 0), 0% (a, round 1)." in words_of(figure)


def settings_of(*tickets: tuple[float, float], seed: int = 0) -> list[dict[str, float]]:
    return [{"seed": seed, "density": d, "test_accuracy": right} for d, right in tickets]


def test_tickets_are_sorted_by_density_with_bars_both_ways() -> None:
    dead = (1e-9, 0.1)
    first = settings_of((0.02, 0.8), (0.5, 0.9), dead)
    second = settings_of((0.04, 0.7), (0.5, 0.88), dead, seed=1)
    results = Runs({"log": [first, second]})
    figure = concave.tickets(results)
    draw(figure)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([0.5, 0.03])
    assert line.get_ydata().tolist() == pytest.approx([0.89, 0.75])
    assert "log 75.0% at 3.00%" in words_of(figure)
    assert name_of(figure) == "05_concave_masks/tickets"


def test_other_tickets_stand_beside_on_the_same_scale() -> None:
    log_mask, sigmoid = ([settings_of((0.1, right), (0.01, right - 0.1))] for right in (0.9, 0.8))
    figure = concave.tickets(Runs({"log": log_mask}), Runs({"sigmoid": sigmoid, "log": log_mask}))
    draw(figure)
    drawn = [{part.get_label(): part.lines[0].get_color() for part in panel.containers}
             for panel in figure.axes]  # fmt: skip
    assert [list(part) for part in drawn] == [["log"], ["sigmoid", "log"]]
    assert drawn[0]["log"] == drawn[1]["log"] != drawn[1]["sigmoid"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert "log 80.0% at 1.00%; beside it: sigmoid 70.0% at 1.00%" in words_of(figure)


def test_no_two_ticks_of_the_accuracy_say_the_same() -> None:
    results = Runs({"log": [settings_of((0.02, 0.853), (0.15, 0.862))]})
    figure = concave.tickets(results)
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
    figure = concave.optimizers(results)
    draw(figure)
    assert [len(panel.containers) for panel in figure.axes] == [2, 1]
    line = figure.axes[1].containers[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([1e-5, 1e-4])
    assert line.get_ydata().tolist() == pytest.approx([0.2, 0.02])
    assert line.get_color() == figure.axes[0].containers[1].lines[0].get_color()
    assert "SGD from 20.0% to 2.00%" in words_of(figure)
    with pytest.raises(ValueError, match="results is empty"):
        concave.optimizers(results.only("lottery ticket"))


MASKS, PAIR = torch.rand(2, 3, 401), (torch.rand(4, 3), torch.rand(4, 3))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: concave.regularizer_of("log", 1e-300), "shape=1e-300"),
        (lambda: concave.penalties(eps=0), "eps=0"),
        (lambda: concave.eight_pixels(torch.rand(400), MASKS[0]), "mask=float32"),
        (lambda: concave.masks_over_lambda(MASKS, [1.0], PAIR[0], ("a",)), "accuracy=float32"),
        (lambda: concave.masks_over_lambda(MASKS, [1.0], PAIR[0][:2], ("a",)), "lambdas has 1"),
        (lambda: concave.masks_over_lambda(MASKS, [1.0] * 3, PAIR[0][:2], ("a",)), "labels has 1"),
        (lambda: concave.accuracy_and_pixels([1.0], {"a": PAIR}), r"results\['a'\]"),
        (lambda: concave.accuracy_and_pixels([], {}), r"lambdas=\[\] must be"),
        (lambda: concave.bounds_against_truth([{"gamma": 1.0}]), "rows must have rows"),
        (lambda: concave.counter_example(lam=float("nan")), "lam=nan"),
        (lambda: concave.mask_values({}, 0.1), "masks is empty"),
        (lambda: concave.mask_values({"a": []}, 2), "alpha=2"),
        (lambda: concave.tickets(Runs({"a": [[{"density": 1.0}]]})), "[\"']key 'test_accuracy'"),
        (lambda: concave.tickets(Runs({"a": [settings_of((1e-9, 0.1))]})), "results has no"),
        (lambda: concave.tickets(Runs({})), "results is empty"),
    ],
)
def test_bad_arguments_are_named(call, match: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError), match=f"^{match}"):
        call()


def test_one_mask_refuses_what_it_cannot_draw(digits: TwoDigits, weights: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^log_lam=400"):
        concave.one_mask(digits, weights, digits.held_inputs[0, :8], log_lam=400)
    with pytest.raises(ValueError, match=r"^weights=float32"):
        concave.one_mask(digits, weights[:, :9], digits.held_inputs[0, :8])
