"""One output, live and static; errors shown in a notebook and raised here."""

from __future__ import annotations

import io

import ipywidgets as widgets
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pruninglab.classroom import explorers
from pruninglab.classroom.explorers import choice, explore, slider, steps_slider, text
from pruninglab.classroom.plots.style import blank, check_alt, publish

ALT = "A dot that moves to the right as the slider does"


class Dots:
    """A figure function that remembers what it was asked to draw."""

    def __init__(self) -> None:
        self.drawn: list[float] = []
        self.figures: set[int] = set()

    def __call__(self, x: float = 0.0, figure: Figure | None = None) -> Figure:
        if x == 7:
            raise ZeroDivisionError("seven is not allowed")
        self.drawn.append(x)
        self.figures.add(id(figure))
        figure, (axes,) = blank(figure, 3, 2)
        axes.plot([x], [0], "o")
        axes.set(xlim=(-1, 10))
        return figure


def make(function: object) -> explorers.Explorer:
    control = slider(0, 9, 3, step=1, label="place", hint="to the right")
    return explore(function, "test/dots", alt=ALT, x=control)


def test_the_bundle_is_live_and_static() -> None:
    data, metadata = make(Dots())._repr_mimebundle_()
    assert set(data) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    assert data["text/plain"] == metadata["image/png"]["alt"] == ALT


def test_a_slider_redraws_on_the_same_figure() -> None:
    dots = Dots()
    explorer = make(dots)
    before = explorer.png
    explorer._controls["x"].value = 8
    assert dots.drawn == [3, 8]
    assert len(dots.figures) == 1
    assert explorer.png != before
    explorer._controls["x"].value = 3
    small, large = (Image.open(io.BytesIO(png)).size for png in (explorer.png, before))
    assert small[0] < large[0], "the live picture is lighter than the one that is kept"


def test_the_newest_values_are_drawn_once() -> None:
    """Of changes that arrive together only the newest state is drawn."""
    dots = Dots()
    explorer = make(dots)
    control = explorer._controls["x"]
    with control.hold_trait_notifications():
        for value in (4, 5, 6):
            control.value = value
    explorer._on_change({})
    assert dots.drawn == [3, 6]


def test_errors_are_raised_in_tests() -> None:
    explorer = make(Dots())
    with pytest.raises(ZeroDivisionError, match="seven"):
        explorer._controls["x"].value = 7


def test_errors_are_shown_in_a_notebook_and_go_away(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = make(Dots())
    monkeypatch.setattr(explorers, "get_ipython", lambda: object())
    explorer._controls["x"].value = 7
    assert "seven is not allowed" in explorer._message.value
    explorer._controls["x"].value = 1
    assert explorer._message.value == ""


def test_controls_have_labels_hints_and_values() -> None:
    controls = [
        slider(0, 9, 3, step=1, label="whole", hint="whole numbers"),
        slider(0.0, 1.0, 0.5, step=0.1, label="real", hint="real numbers"),
        steps_slider([1, 0.5], 0.5, label="steps", hint="shares"),
        choice(["a", "b"], "b", label="choice", hint="letters"),
        text("x", label="text", hint="letters"),
    ]
    assert isinstance(controls[0], widgets.IntSlider)
    assert isinstance(controls[1], widgets.FloatSlider)
    assert [control.value for control in controls] == [3, 0.5, 0.5, "b", "x"]
    assert all(control.description and control.tooltip for control in controls)


def test_nonsense_is_refused() -> None:
    with pytest.raises(TypeError, match="x=3 is not a control"):
        explore(Dots(), "test/dots", alt=ALT, x=3)
    with pytest.raises(ValueError, match="alt="):
        check_alt("dot")


def test_publish_writes_only_when_asked(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pruninglab.classroom.plots import style

    monkeypatch.setattr(style, "FIGURES", tmp_path)
    monkeypatch.delenv("PRUNINGLAB_SAVE_FIGURES", raising=False)
    figure = Dots()(2)
    publish(figure, "00_test/dot", alt=ALT)
    assert list(tmp_path.rglob("*")) == []
    monkeypatch.setenv("PRUNINGLAB_SAVE_FIGURES", "1")
    pictures = [publish(figure, "00_test/dot", alt=ALT) for _ in range(2)]
    assert pictures[0].png == pictures[1].png == (tmp_path / "00_test" / "dot.png").read_bytes()
    assert (tmp_path / "00_test" / "dot.txt").read_text().strip() == ALT
    assert len(list((tmp_path / "00_test").iterdir())) == 2, "nothing else is left beside"


def test_a_reused_figure_looks_like_a_new_one() -> None:
    """Axes that are wiped must not keep an aspect, an anchor or switched-off axes."""

    def picture(figure: Figure) -> bytes:
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=60, metadata={"Software": None})
        return buffer.getvalue()

    used, (axes,) = blank(None, 3, 2)
    axes.imshow([[1, 2], [3, 4]])
    axes.axis("off")
    axes.set_anchor("N")
    axes.set_xscale("symlog")
    used.text(0, 0, "old")
    assert picture(Dots()(2, figure=used)) == picture(Dots()(2))
