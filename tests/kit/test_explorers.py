"""One output, live and static; errors shown in a notebook and raised here."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pruninglab.kit import explorers, pictures
from pruninglab.kit.explorers import choice, explore, slider, steps_slider, text
from pruninglab.kit.page import Page, colors, figure
from pruninglab.kit.pictures import (
    Picture,
    check_alt,
    few_colours,
    publish,
    still,
)
from pruninglab.kit.site.frames import hint_of
from pruninglab.lessons.concave.figures import penalties

# ipywidgets 7 keeps them in the class.
_new = hasattr(widgets.widget, "_instances")
_instances = widgets.widget._instances if _new else widgets.Widget.widgets

ALT = "A dot that moves to the right as the slider does"


class Dots:
    """A figure function that remembers what it was asked to draw."""

    def __init__(self) -> None:
        self.drawn: list[float] = []
        self.figures: set[int] = set()

    def __call__(self, page: Page, x: float = 0.0) -> str:
        if x == 7:
            raise ZeroDivisionError("seven is not allowed")
        self.drawn.append(x)
        self.figures.add(id(page.figure))
        (axes,) = page(3, 2, edges=(0.25, 0.9, 0.2, 0.9))
        axes.plot([x], [0], "o")
        axes.set(xlim=(-1, 10))
        return f"A dot that lies {x} to the right"


@figure("test/dots")
def dot(page: Page, x: float) -> str:
    return Dots()(page, x)


def make(dots: Dots) -> explorers.Explorer:
    control = slider(0, 9, 3, step=1, label="place", hint="to the right")
    return explore(figure("test/dots")(lambda page, x: dots(page, x)), x=control)


def test_the_bundle_is_live_and_static() -> None:
    data, metadata = make(Dots())._repr_mimebundle_()
    assert set(data) == {
        "application/vnd.jupyter.widget-view+json",
        "image/png",
        "text/plain",
    }
    alt = "A dot that lies 3 to the right"
    assert data["text/plain"] == metadata["image/png"]["alt"] == alt
    # Twice the points of the place where it is shown.
    size = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size
    assert size[0] == 2 * metadata["image/png"]["width"] == 2 * 3 * 110


def test_the_caption_tells_the_present_state() -> None:
    explorer = make(Dots())
    assert explorer.caption == "A dot that lies 3 to the right"
    explorer._controls["x"].value = 8
    assert explorer.caption == "A dot that lies 8 to the right"
    assert "lies 3" in explorer._still.alt, "what is saved is the default state"


def test_fixed_arguments_come_first_or_by_name() -> None:
    seen = []

    @figure("test/fixed")
    def draw(page: Page, a: int, *, b: int, x: float) -> str:
        seen.append((a, b, x))
        page(3, 2)
        return ALT

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
    assert explorer.error == "ZeroDivisionError: seven is not allowed"
    explorer._controls["x"].value = 1
    assert explorer.error == ""


def test_an_interrupted_picture_is_drawn_when_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dots = Dots()
    explorer = make(dots)
    control = explorer._controls["x"]
    before = explorer.png

    def interrupt(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(explorer, "_draw", interrupt)
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
    assert explorer.error == ""


def test_a_cell_that_is_run_again_leaves_no_widgets_behind() -> None:
    explorers._SHOWN.clear()
    shared = slider(0, 9, 3, step=1, label="shared", hint="made in another cell")

    def cell(name: str) -> explorers.Explorer:
        own = slider(0.0, 1.0, 0.5, step=0.1, label="own", hint="made in this cell")
        return explore(figure(name)(lambda page, x, y: Dots()(page, x)), x=shared, y=own)

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
    assert all(control.description and hint_of(control) for control in controls)


def test_a_state_that_was_drawn_is_not_drawn_again() -> None:
    dots = Dots()
    explorer = make(dots)
    control = explorer._controls["x"]
    control.value = 8
    seen = (explorer.png, explorer.caption)
    for value in (4, 8, 4, 8):
        control.value = value
    assert dots.drawn == [3, 8, 4]
    assert (explorer.png, explorer.caption) == seen


def test_so_many_pictures_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorers, "MOST_KEPT", 3)
    explorer = make(Dots())
    for x in (4, 5, 6, 8, 9):
        explorer._controls["x"].value = x
        assert len(explorer.pictures) <= 3


def test_after_a_cell_every_state_is_drawn_anew() -> None:
    """The cell may have changed what the figure shows."""
    explorers._SHOWN.clear()
    dots = Dots()
    explorer = make(dots)
    for value in (8, 4):
        explorer._controls["x"].value = value
    explorers.forget()
    explorer._controls["x"].value = 8
    assert dots.drawn == [3, 8, 4, 8]


class OneAtATime(Dots):
    """Draws slowly, and fails when it is asked twice at once."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = threading.Lock()

    def __call__(self, page: Page, x: float = 0.0) -> str:
        assert self.busy.acquire(blocking=False), "two threads draw"
        try:
            time.sleep(0.05)
            return super().__call__(page, x)
        finally:
            self.busy.release()


def test_two_threads_do_not_draw_on_one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab's sliders answer in another thread than its cells."""
    explorer = make(OneAtATime())
    values = [{"x": 4}, {"x": 8}]
    errors: list[BaseException] = []

    # The states differ, or the second thread would find the first one's picture.
    monkeypatch.setattr(type(explorer), "_state", property(lambda _: str(values)))
    monkeypatch.setattr(type(explorer), "values", property(lambda _: values.pop()))
    monkeypatch.setattr(explorer, "_frame", lambda: explorer._draw() or Picture(b"png", ALT))
    threads = [threading.Thread(target=explorer._on_change, args=({},)) for _ in range(2)]
    monkeypatch.setattr(threading, "excepthook", lambda what: errors.append(what.exc_value))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


TEXTS = {"label": "a", "hint": "b"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explore(figure("test/dots")(Dots().__call__), x=3), "hold no control"),
        (
            lambda: explore(lambda x, figure: figure, x=slider(0, 9, 3, step=1, **TEXTS)),
            "figure has no name",
        ),
        (lambda: explore(widgets.HTML, x=widgets.HBox()), "x=HBox.* is not a control"),
        (lambda: explore(None), "figure_function=None"),
        (lambda: figure("../dots"), r"name='\.\./dots'"),
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
    monkeypatch.setenv(pictures.VARIABLE, saving and str(tmp_path / "deep" / "figures"))
    with pytest.raises(ValueError, match="name="):
        publish(dot(2), name, alt=ALT)
    assert list(tmp_path.iterdir()) == []


def test_publish_writes_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pictures.VARIABLE, raising=False)
    figure = dot(2)
    publish(figure, "00_test/dot", alt=ALT)
    assert list(tmp_path.rglob("*")) == []
    monkeypatch.setenv(pictures.VARIABLE, str(tmp_path))
    saved = []
    for _ in range(2):
        publish(figure, "00_test/dot", alt=ALT)
        saved.append((tmp_path / "00_test" / "dot.png").read_bytes())
    assert saved[0] == saved[1] == still(figure, ALT).png
    assert (tmp_path / "00_test" / "dot.txt").read_text().strip() == ALT
    assert len(list((tmp_path / "00_test").iterdir())) == 2, "nothing else is left beside"


def test_a_picture_that_is_cut_off_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pictures.VARIABLE, str(tmp_path))
    figure = Figure(figsize=(3, 2))
    figure.text(-0.1, 0.5, "half outside")
    with pytest.raises(ValueError, match="inches beyond its left edge"):
        publish(figure, "00_test/text", alt=ALT)
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_is_used_again_looks_like_a_new_one() -> None:
    def png(made: Figure) -> bytes:
        buffer = io.BytesIO()
        made.savefig(buffer, dpi=60, metadata={"Software": None})
        return buffer.getvalue()

    used = Figure()
    used.text(0, 0, "old")
    used.subplots_adjust(top=0.5, wspace=1)
    used.subplots(1, 3)[1].set_xscale("log")
    assert png(dot(2, figure=used)) == png(dot(2))


def test_a_saved_picture_is_sharp_where_it_stays_small() -> None:
    """Heavy ones, of noise, have the points of the page; all are shown at the same size."""
    for spread, sharp in ((0, 2), (1, 1)):
        figure = Figure(figsize=(4, 3))
        figure.subplots().imshow(spread * np.random.default_rng(0).random((300, 300)))
        saved = still(figure, ALT)
        assert saved.width == 440
        assert Image.open(io.BytesIO(saved.png)).size == (sharp * 440, sharp * 330)


def test_a_saved_picture_has_few_colours_and_looks_the_same() -> None:
    figure = penalties()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    small = few_colours(buffer.getvalue())
    assert len(small) < 0.7 * len(buffer.getvalue())
    before, after = (np.array(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float)
                     for png in (buffer.getvalue(), small))  # fmt: skip
    assert before.shape == after.shape and np.abs(before - after).mean() < 0.3
    with pytest.raises(ValueError, match="is no picture"):
        few_colours(b"nothing")
