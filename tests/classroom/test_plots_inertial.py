"""Figures of notebook 06 at the corners of their sliders, and what they say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from pruninglab.classroom.plots import inertial
from pruninglab.ideas.inertial import spectral_density

EIGENVALUES = torch.cat(
    [torch.tensor([5.0, 2.0, -0.5]), torch.linspace(-0.01, 0.3, 60)]
).double()  # fmt: skip
RATES = {-4: 0.01, -2: 0.01, 0: 0.02}


def draw(figure: Figure) -> None:
    figure.canvas.draw()


@pytest.mark.filterwarnings("error")
def test_two_weights_at_every_corner() -> None:
    figure = None
    for ratio, bend, start in product((1.0, 20.0), (0.0, 1.2), (0.0, 355.0)):
        figure = inertial.two_weights(ratio=ratio, bend=bend, start=start, figure=figure)
        draw(figure)


def test_two_weights_weighs_the_gap_against_4k() -> None:
    assert "the theorem speaks" in inertial.two_weights(ratio=5, bend=0).axes[0].get_title()
    figure = inertial.two_weights(ratio=5, bend=1)
    k = inertial.lipschitz_in_the_picture(5, 1)
    assert figure.axes[0].get_title() == f"gap 4.0, 4K = {4 * k:.1f}: the theorem is silent"


def test_gradient_and_hessian_of_the_picture() -> None:
    w = torch.tensor([0.7, -1.1], dtype=torch.float64)

    def loss(w: torch.Tensor) -> torch.Tensor:
        return (w[0] ** 2 + 6 * (w[1] - 0.8 * (1 - torch.cos(w[0]))) ** 2) / 2

    gradient, hessian = inertial.slope_and_curvature(w.numpy(), 6.0, 0.8)
    np.testing.assert_allclose(gradient, torch.func.grad(loss)(w), atol=1e-12)
    np.testing.assert_allclose(hessian, torch.func.hessian(loss)(w), atol=1e-12)


def test_flow_on_a_straight_valley_is_exponential() -> None:
    path = inertial.flow(np.array([[2.0, -1.0]]), ratio=15.0, bend=0.0, time=2.0)
    np.testing.assert_allclose(path[-1, 0], [2 * np.exp(-2), -np.exp(-30)], atol=1e-4)


@pytest.mark.filterwarnings("error")
def test_spectrum_at_both_ends() -> None:
    figure = None
    for epoch in (0, 10):
        figure = inertial.spectrum(
            {0: EIGENVALUES, 10: EIGENVALUES / 2}, epoch=epoch, figure=figure
        )
        draw(figure)
    negative = float((EIGENVALUES < 0).float().mean())
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[1] == f"curves down: {negative:.0%}"
    counted = sum(bar.get_height() for bar in figure.axes[1].patches)
    assert counted == len(EIGENVALUES), "every eigenvalue is in the histogram"


@pytest.mark.filterwarnings("error")
def test_gaps_at_every_corner() -> None:
    figure = None
    for log_k, log_delta, log_box in product((-13.0, 2.0), (-4, 0), (-4.0, 1.0)):
        figure = inertial.gaps_against_4k(
            EIGENVALUES, RATES, log_k=log_k, log_delta=log_delta, log_box=log_box, figure=figure
        )
        draw(figure)


def test_gaps_say_what_step_5_does() -> None:
    figure = inertial.gaps_against_4k(EIGENVALUES, RATES, log_k=-1.0, log_box=1.0)
    between = np.diff(np.sort(-EIGENVALUES.numpy()))
    assert figure.axes[0].get_title() == f"{(between > 0.4).sum()} of 62 gaps are wider than 4K"
    k = int(np.flatnonzero(between > 0.4).max()) + 1
    assert f"k = {k}, {63 - k} kept" in figure.axes[1].get_title()
    assert figure.axes[0].lines[3].get_ydata()[0] == pytest.approx(4 * 2 * 10 * 0.01)


def test_readings_are_mean_and_spread() -> None:
    def rows(now: float, later: float) -> list[dict]:
        return [{"pruned_test_accuracy": now, "test_accuracy": 0.9}, {"test_accuracy": later}]

    frames = {"a": [rows(0.1, 0.5), rows(0.3, 0.5)], "b": [rows(0.2, 0.4), rows(0.2, 0.6)]}
    figure = inertial.compared(frames)
    draw(figure)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == pytest.approx([0.2, 0.2, 0.5, 0.5])
    error = figure.axes[0].collections[0].get_segments()[0][:, 0]
    assert np.ptp(error) / 2 == pytest.approx(np.std([0.1, 0.3], ddof=1))


def test_other_figures_draw() -> None:
    runs = [[0.1, 0.5, 0.6], [0.2, 0.4, 0.6]]
    draw(inertial.over_epochs({"a": {"flat": runs}, "b": {"sharp": runs}}, {"random": 0.5}))
    draw(inertial.over_sizes({"flat": runs}, [1, 10, 63], 63))
    draw(inertial.before_and_after({"dense": EIGENVALUES, "pruned": EIGENVALUES[::2]}))
    estimate = spectral_density(torch.diag(EIGENVALUES), steps=20, probes=3)
    draw(inertial.quadrature(EIGENVALUES, estimate))
    draw(inertial.density({"LeNet": estimate}))
    draw(
        inertial.lipschitz_over_boxes(
            [0.01, 0.1], {"a": [1e-4, 1e-3]}, {"b": [0.1, 1.0]}, 0.3, moved=1.0
        )
    )


def test_what_cannot_be_drawn_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="epoch=3 is not among spectra"):
        inertial.spectrum({0: EIGENVALUES}, epoch=3)
    with pytest.raises(ValueError, match=r"spectra\[0\] must be"):
        inertial.spectrum({0: EIGENVALUES / 0})
    with pytest.raises(ValueError, match="log_delta=7"):
        inertial.gaps_against_4k(EIGENVALUES, RATES, log_delta=7)
    with pytest.raises(ValueError, match="log_k=1000"):
        inertial.gaps_against_4k(EIGENVALUES, RATES, log_k=1000)
    with pytest.raises(ValueError, match=r"ratio=0.5 must be at least 1"):
        inertial.two_weights(ratio=0.5)
    with pytest.raises(ValueError, match=r"ratio=1e\+300"):
        inertial.two_weights(ratio=1e300)
    with pytest.raises(ValueError, match="frames is empty"):
        inertial.compared({})
    with pytest.raises(ValueError, match=r"curves\['a'\] must be runs of 3 length"):
        inertial.over_sizes({"a": [[0.1]]}, [1, 10, 63], 63)
    with pytest.raises(ValueError, match="found must have a K for each of the 2 boxes"):
        inertial.lipschitz_over_boxes([0.1, 1.0], {}, {"a": [1.0]}, 0.3, 1.0)
