"""A text that was drawn twice is copied; the picture is the one that matplotlib draws."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure

from pruninglab.classroom import canvas
from pruninglab.classroom.canvas import LiveCanvas


def figure_of(kind: type[FigureCanvasAgg], title: str = "title") -> Figure:
    """Return a figure with all kinds of text: turned, coloured, clipped, see-through, formulas."""
    figure = Figure(figsize=(4, 3), dpi=80)
    kind(figure)
    draw_on(figure, title)
    return figure


def draw_on(figure: Figure, title: str) -> None:
    figure.clear()
    left, right = figure.subplots(1, 2)
    left.plot([0, 1.234], [0, 5.678], label="a line\nof two lines")
    left.set(title=title, xlabel="$x_1^2 + \\sqrt{y}$", ylabel="up the side", xlim=(0, 1.3))
    left.legend()
    right.text(0.137, 0.219, "at an angle", rotation=33, color="red", fontsize=17)
    right.text(0.5, 0.5, "half seen", alpha=0.4)
    right.text(0.9, 0.8, "cut off at the edge", clip_on=True)
    right.text(0.2, 0.9, " ")
    right.text(0.2, 0.7, "in a box", bbox={"facecolor": "yellow"})


def pixels(figure: Figure) -> np.ndarray:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).astype(int)


def test_it_draws_what_matplotlib_draws() -> None:
    plain, live = (figure_of(kind) for kind in (FigureCanvasAgg, LiveCanvas))
    for title in ("title", "another", "title"):
        for figure in (plain, live):
            draw_on(figure, title)
        far = np.abs(pixels(plain) - pixels(live))
        assert far.max() <= 1 and (far > 0).mean() < 0.001
    assert np.ptp(pixels(live)) == 255, "something is drawn at all"


def test_only_what_is_new_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    plain = RendererAgg.draw_text

    def noted(self: RendererAgg, gc: object, x: float, y: float, s: str, *rest: object) -> None:
        drawn.append(s)
        plain(self, gc, x, y, s, *rest)

    monkeypatch.setattr(RendererAgg, "draw_text", noted)
    canvas.SHEETS.clear()
    figure = figure_of(LiveCanvas)
    first = pixels(figure)
    assert {"title", "at an angle"} < set(drawn)
    draw_on(figure, "title")
    second = pixels(figure)
    new = ["new"]
    for title, expected in (("title", []), ("new", new), ("new", new), ("new", []), ("title", [])):
        drawn.clear()
        draw_on(figure, title)
        last = pixels(figure)
        always = ("half seen", "cut off at the edge")
        assert [text for text in drawn if text not in always] == expected
    assert (second == last).all()
    assert np.abs(first - last).max() <= 1


def test_another_size_and_a_full_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "LIMIT", 3)
    plain, live = (figure_of(kind) for kind in (FigureCanvasAgg, LiveCanvas))
    for dpi in (80, 50, 110):
        for figure in (plain, live):
            figure.set_dpi(dpi)
        assert np.abs(pixels(plain) - pixels(live)).max() <= 1
    assert len(canvas.SHEETS) <= 3
