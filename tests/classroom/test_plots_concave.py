"""Figures of notebook 05 at the corners of their sliders, and what their axes say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

import pruninglab as lab
from pruninglab.classroom.plots import concave
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


@pytest.mark.parametrize("kind", concave.KINDS)
def test_one_mask_at_every_corner(digits: TwoDigits, weights: Tensor, kind: str) -> None:
    figure = None
    images = digits.held_inputs[0, 36:44]
    pixels = []
    for log_lam, shape in product((-2.0, 1.5), (0.02, 1.0)):
        figure = concave.one_mask(
            digits, weights, images, kind=kind, log_lam=log_lam, shape=shape, figure=figure
        )
        draw(figure)
        shown = np.asarray(figure.axes[0].images[0].get_array().filled(np.nan))
        pixels.append(int((~np.isnan(shown)).sum()))
        assert f"{pixels[-1]} pixels" in figure.axes[0].get_title()
    if kind in ("l1", "log"):
        assert max(pixels[2:]) < min(pixels[:2])


def test_one_mask_shows_what_the_solver_finds(digits: TwoDigits, weights: Tensor) -> None:
    figure = concave.one_mask(digits, weights, digits.held_inputs[0, :8], kind="l1", log_lam=0.5)
    found = masked_logistic(
        digits.inputs, digits.targets, weights, [l1()], [10**0.5], tolerance=1e-2
    ).masks[0, 0, 0, :-1]
    shown = figure.axes[0].images[0].get_array().filled(0).ravel()
    np.testing.assert_allclose(shown, found.numpy(), atol=1e-6)
    tiles = np.asarray(figure.axes[2].images[0].get_array())
    first = tiles[:20, :20][found.reshape(20, 20).numpy() > 0]
    seen = digits.held_inputs[0, 0, :-1][found > 0].numpy()
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
    boxes = [one.get_position() for one in figure.axes]
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


@pytest.mark.parametrize(("lam", "eps"), list(product((0.05, 1.0), (0.02, 1.0))))
def test_the_counter_example_crosses_at_the_corners(lam: float, eps: float) -> None:
    figure = concave.counter_example(lam=lam, eps=eps)
    draw(figure)
    first, second, truth, printed = (np.asarray(line.get_ydata()) for line in
                                     figure.axes[0].lines[:4])  # fmt: skip
    assert bool((truth <= second + 1e-9).all() and (second <= first + 1e-9).all())
    if lam == 1.0:
        assert printed[-1] < truth[-1], "Eq. (14) is false for many ones"


def test_a_lone_entry_is_where_the_gradient_is_zero() -> None:
    distance, extra = concave.lone_entry(0.5, log(0.1), 10.0)
    m = torch.tensor(1 - distance, dtype=torch.float64)
    slope = 10 * (m - 1) + 0.5 * log(0.1).derivative(m)
    assert abs(slope.item()) < 1e-3
    assert extra == pytest.approx(float(log(0.1).value(m) - m))


def test_other_figures_draw() -> None:
    draw(concave.oscillation(torch.randn(30, 3), torch.rand(30, 3)))
    mask = torch.zeros(401)
    mask[10:18] = 1
    figure = concave.eight_pixels(mask, torch.rand(8, 401))
    draw(figure)
    assert figure.axes[0].get_title() == "8 pixels"
    rows = [
        {"regularizer": name, "gamma": g, "distance": 0.1, "theorem 1": 2.0,
         "theorem 2, corrected": 1.0}
        for name in ("l1", "log") for g in (1.0, 10.0)
    ]  # fmt: skip
    draw(concave.bounds_against_truth(rows))
    draw(concave.mask_values({"a": [torch.rand(100), torch.rand(50)], "b": []}, 0.05))


def test_tickets_are_sorted_by_density_with_bars_both_ways() -> None:
    settings = [
        [{"density": 0.02, "accuracy": 0.8}, {"density": 0.04, "accuracy": 0.7}],
        [{"density": 0.5, "accuracy": 0.9}, {"density": 0.5, "accuracy": 0.88}],
    ]
    figure = concave.tickets({"log": settings})
    draw(figure)
    line = figure.axes[0].lines[0]
    assert line.get_xdata().tolist() == pytest.approx([0.5, 0.03])
    assert line.get_ydata().tolist() == pytest.approx([0.89, 0.75])


MASKS, RUNS = torch.rand(2, 3, 401), (torch.rand(4, 3), torch.rand(4, 3))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: concave.regularizer_of("log", 1e-300), "shape=1e-300"),
        (lambda: concave.penalties(eps=0), "eps=0"),
        (lambda: concave.eight_pixels(torch.rand(400), MASKS[0]), "mask=float32"),
        (lambda: concave.masks_over_lambda(MASKS, [1.0], RUNS[0], ("a",)), "accuracy=float32"),
        (lambda: concave.masks_over_lambda(MASKS, [1.0], RUNS[0][:2], ("a",)), "lambdas has 1"),
        (lambda: concave.masks_over_lambda(MASKS, [1.0] * 3, RUNS[0][:2], ("a",)), "labels has 1"),
        (lambda: concave.accuracy_and_pixels([1.0], {"a": RUNS}), r"runs\['a'\]"),
        (lambda: concave.accuracy_and_pixels([], {}), r"lambdas=\[\] must be"),
        (lambda: concave.bounds_against_truth([{"gamma": 1.0}]), "rows must have rows"),
        (lambda: concave.counter_example(lam=float("nan")), "lam=nan"),
        (lambda: concave.lone_entry(0.5, None, 1.0), "regularizer=None"),
        (lambda: concave.mask_values({}, 0.1), "masks is empty"),
        (lambda: concave.mask_values({"a": []}, 2), "alpha=2"),
        (lambda: concave.tickets({"a": [[{"density": 1.0}]]}), "results must have rows"),
        (
            lambda: concave.tickets({"a": [[{"density": 1e-9, "accuracy": 0.1}]]}),
            "results has no",
        ),
    ],
)
def test_bad_arguments_are_named(call, match: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{match}"):
        call()


def test_one_mask_refuses_what_it_cannot_draw(digits: TwoDigits, weights: Tensor) -> None:
    with pytest.raises(ValueError, match=r"^log_lam=400"):
        concave.one_mask(digits, weights, digits.held_inputs[0, :8], log_lam=400)
    with pytest.raises(ValueError, match=r"^weights=float32"):
        concave.one_mask(digits, weights[:, :9], digits.held_inputs[0, :8])
