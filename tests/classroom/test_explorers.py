"""One output, live and static; errors shown in a notebook and raised here."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
import pytest
from ipywidgets.widgets.widget import _instances
from matplotlib.figure import Figure
from PIL import Image

from pruninglab.classroom import explorers, pictures
from pruninglab.classroom.explorers import choice, explore, slider, steps_slider, text
from pruninglab.classroom.pictures import check_alt, describe, picture, publish
from pruninglab.classroom.plots.style import blank, colors

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
        return describe(figure, f"A dot that lies {x} to the right")


def make(dots: Dots) -> explorers.Explorer:
    control = slider(0, 9, 3, step=1, label="place", hint="to the right")
    return explore(picture("test/dots")(dots), x=control)


def test_the_bundle_is_live_and_static() -> None:
    data, metadata = make(Dots())._repr_mimebundle_()
    assert set(data) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    alt = "A dot that lies 3 to the right"
    assert data["text/plain"] == metadata["image/png"]["alt"] == alt


def test_the_caption_tells_the_present_state() -> None:
    explorer = make(Dots())
    assert "A dot that lies 3 to the right" in explorer._caption.value
    explorer._controls["x"].value = 8
    assert explorer.caption == "A dot that lies 8 to the right"
    assert explorer.caption in explorer._caption.value
    assert "lies 3" in explorer._still.alt, "what is saved is the default state"


def test_fixed_arguments_come_first_or_by_name() -> None:
    seen = []

    @picture("test/fixed")
    def draw(a: int, *, b: int, x: float, figure: Figure | None = None) -> Figure:
        seen.append((a, b, x))
        return describe(blank(figure, 3, 2)[0], ALT)

    explore(draw, 1, b=2, x=slider(0, 9, 3, step=1, **TEXTS))
    assert seen == [(1, 2, 3)]


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


def test_an_interrupted_picture_is_drawn_when_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dots = Dots()
    explorer = make(dots)
    control = explorer._controls["x"]
    before = explorer.png

    def interrupt(dpi: int) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(explorer, "_png", interrupt)
        with pytest.raises(KeyboardInterrupt):
            control.value = 8
    explorer._on_change({})
    assert dots.drawn == [3, 8]
    assert explorer.png != before


def test_an_error_goes_away_on_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back at the values of the picture before: the message must go, though nothing is new."""
    explorer = make(Dots())
    monkeypatch.setattr(explorers, "get_ipython", lambda: object())
    for value in (7, 3):
        explorer._controls["x"].value = value
    assert explorer._message.value == ""


def test_a_cell_that_is_run_again_leaves_no_widgets_behind() -> None:
    explorers._SHOWN.clear()
    shared = slider(0, 9, 3, step=1, label="shared", hint="made in another cell")

    def cell(name: str) -> explorers.Explorer:
        own = slider(0.0, 1.0, 0.5, step=0.1, label="own", hint="made in this cell")
        return explore(picture(name)(lambda y, **rest: Dots()(**rest)), x=shared, y=own)

    other, former = cell("test/other"), cell("test/dots")
    count = len(_instances)
    for _ in range(30):
        last = cell("test/dots")
    assert len(_instances) == count
    assert former.comm is None
    before = (former.png, last.png, other.png)
    shared.value = 8
    assert former.png == before[0]
    assert last.png != before[1]
    assert other.png != before[2]


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


TEXTS = {"label": "a", "hint": "b"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explore(picture("test/dots")(Dots()), x=3), "hold no control"),
        (lambda: explore(Dots(), x=slider(0, 9, 3, step=1, **TEXTS)), "figure has no name"),
        (lambda: explore(widgets.HTML, x=widgets.HBox()), "x=HBox.* is not a control"),
        (lambda: explore(None), "figure_function=None"),
        (lambda: picture("../dots"), r"name='\.\./dots'"),
        (lambda: publish(Figure(), "test/dots"), "figure has no alt text"),
        (lambda: check_alt("dot"), "alt='dot'"),
        (lambda: colors(8), "count=8"),
        (lambda: slider(1, 1, 1, step=1, **TEXTS), "low=1 must be below high=1"),
        (lambda: slider(0, 9, 10, step=1, **TEXTS), "value=10"),
        (lambda: slider(0, 9, 3, step=0, **TEXTS), "step=0"),
        (lambda: slider(0, float("inf"), 3, step=1, **TEXTS), "high=inf"),
        (lambda: slider(0, 9, 3, step=1, label=None, hint=""), "label=None"),
        (lambda: steps_slider([0.5, 2], 0.5, **TEXTS), r"options=\[0\.5, 2\]"),
        (lambda: steps_slider([0.5], 0.4, **TEXTS), r"value=0\.4"),
        (lambda: choice(["a"], "b", **TEXTS), "value='b'"),
        (lambda: choice([], "b", **TEXTS), "value='b'"),
        (lambda: text(3, **TEXTS), "value=3"),
    ],
)
def test_nonsense_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.parametrize("saving", ["", "1"])
@pytest.mark.parametrize("name", ["../../x", "/x", "a//b", "a/../../b", "a\\b", "", "a\n"])
def test_a_picture_stays_inside_figures(
    name: str, saving: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "FIGURES", tmp_path / "deep" / "figures")
    monkeypatch.setenv("PRUNINGLAB_SAVE_FIGURES", saving)
    with pytest.raises(ValueError, match="name="):
        publish(Dots()(2), name, alt=ALT)
    assert list(tmp_path.iterdir()) == []


def test_publish_writes_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "FIGURES", tmp_path)
    monkeypatch.delenv("PRUNINGLAB_SAVE_FIGURES", raising=False)
    figure = Dots()(2)
    publish(figure, "00_test/dot", alt=ALT)
    assert list(tmp_path.rglob("*")) == []
    monkeypatch.setenv("PRUNINGLAB_SAVE_FIGURES", "1")
    shown = [publish(figure, "00_test/dot", alt=ALT) for _ in range(2)]
    assert shown[0].png == shown[1].png == (tmp_path / "00_test" / "dot.png").read_bytes()
    assert (tmp_path / "00_test" / "dot.txt").read_text().strip() == ALT
    assert len(list((tmp_path / "00_test").iterdir())) == 2, "nothing else is left beside"


def test_a_reused_figure_looks_like_a_new_one() -> None:
    """Axes that are wiped must not keep an aspect, an anchor or switched-off axes."""

    def png(figure: Figure) -> bytes:
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=60, metadata={"Software": None})
        return buffer.getvalue()

    used, (axes,) = blank(None, 3, 2)
    axes.imshow([[1, 2], [3, 4]])
    axes.axis("off")
    axes.set_anchor("N")
    axes.set_xscale("symlog")
    used.text(0, 0, "old")
    assert png(Dots()(2, figure=used)) == png(Dots()(2))
