"""One output, live and static; errors shown in a notebook and raised here."""

from __future__ import annotations

import asyncio
import io
import random
import re
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from matplotlib.axes import Axes
from matplotlib.axis import Tick
from matplotlib.figure import Figure
from PIL import Image

from pruninglab.classroom import explorers, frames, pictures
from pruninglab.classroom.explorers import choice, explore, slider, steps_slider, text
from pruninglab.classroom.frames import Frames, one_step_away
from pruninglab.classroom.live_picture import NOT_KEPT, LivePicture
from pruninglab.classroom.pictures import (
    Picture,
    check_alt,
    describe,
    few_colours,
    picture,
    publish,
    words_of,
)
from pruninglab.classroom.plots.concave import penalties
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
        figure.subplots_adjust(left=0.25, bottom=0.2)
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
    assert explorer.caption == "A dot that lies 3 to the right"
    explorer._controls["x"].value = 8
    assert explorer.caption == "A dot that lies 8 to the right"
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
    assert "seven is not allowed" in explorer.error
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


def test_after_a_cell_every_state_is_drawn_anew() -> None:
    """The cell may have changed what the figure shows."""
    explorers._SHOWN.clear()
    dots = Dots()
    explorer = make(dots)
    for value in (8, 4):
        explorer._controls["x"].value = value
    explorers._after_cell()
    explorer._controls["x"].value = 8
    assert dots.drawn == [3, 8, 4, 8]


def shown(dots: Dots, monkeypatch: pytest.MonkeyPatch, views: int = 1) -> explorers.Explorer:
    """Return an explorer that a front end shows, and wait for no quiet."""
    explorers._SHOWN.clear()
    monkeypatch.setattr(frames, "QUIET", 0.01)
    monkeypatch.setattr(frames, "PAUSE", 0.001)
    explorer = make(dots)
    assert explorer._view_count == 0
    explorer._view_count = views
    return explorer


def ahead(*steps: Callable[[], object]) -> None:
    """Run the steps inside a loop, idle after each until nothing is left to draw."""

    async def kernel() -> None:
        for step in steps:
            step()
            while explorers._IDLE.waiting:
                await asyncio.sleep(0.01)

    asyncio.run(kernel())


def test_states_one_step_away_are_drawn_while_nobody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dots = Dots()
    explorer = shown(dots, monkeypatch)
    before = (explorer.png, explorer.caption, explorer._figure)
    ahead(explorers._draw_ahead)
    assert sorted(dots.drawn) == [2, 3, 3, 4], "the default state too: it was kept in another size"
    assert (explorer.png, explorer.caption, explorer._figure) == before
    assert words_of(explorer._figure) == explorer.caption
    explorer._controls["x"].value = 4
    assert len(dots.drawn) == 4, "it was drawn ahead"
    assert explorer.caption == "A dot that lies 4 to the right"


def test_a_hand_that_goes_on_finds_the_next_state_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, without the quiet time; not behind the last stop, nor after a jump."""
    dots = Dots()
    explorer = shown(dots, monkeypatch)
    monkeypatch.setattr(frames, "QUIET", 60)
    control = explorer._controls["x"]

    async def kernel() -> None:
        for value in (4, 8, 9, 8, 1):
            control.value = value
            explorers._draw_ahead()
            await asyncio.sleep(0.1)
            explorers._IDLE.stop()

    asyncio.run(kernel())
    assert dots.drawn == [3, 4, 5, 8, 9, 1]


def test_what_is_drawn_ahead_is_sent_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = shown(Dots(), monkeypatch)
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    monkeypatch.setattr(explorer._picture, "send", lambda *message: sent.append(message))
    ahead(explorers._draw_ahead)
    assert [(content["state"], content["age"]) for content, _ in sent] == [
        ([3], 0),
        ([4], 0),
        ([2], 0),
    ]
    explorer._controls["x"].value = 4
    assert explorer._picture.shown["state"] == [4]
    assert sent[1][1] == [explorer.png] and sent[1][0]["alt"] == explorer.caption
    explorers._after_cell()
    assert explorer._picture.age == 1, "the page forgets"


def test_the_page_knows_options_by_their_number_and_other_values_by_themselves() -> None:
    """So does live_picture.js: a front end never sees the option itself."""
    controls = {
        "steps": steps_slider([1, 0.5], 0.5, label="steps", hint="shares"),
        "real": slider(0.0, 1.0, 0.5, step=0.1, label="real", hint="real numbers"),
        "line": text("x", label="text", hint="letters"),
        "odd": widgets.DatePicker(),
    }
    first = Picture(b"png", ALT)
    values = {name: control.value for name, control in controls.items()}
    odd = LivePicture(controls, first, 5, 80)
    odd.show(values | {"odd": object()}, first)
    assert odd.shown["state"] is None and odd.shown["age"] == NOT_KEPT
    del controls["odd"]
    plain = LivePicture(controls, first, 5, 80)
    plain.show(values, first)
    assert plain.shown["state"] == [1, 0.5, "x"] and plain.shown["age"] == plain.age
    assert plain.layout.width == "400px"


def test_the_page_keeps_as_much_as_the_kernel_and_rounds_alike() -> None:
    script = LivePicture._esm
    said = {
        name: float(value) for name, value in re.findall(r"^const (\w+) = ([\de]+);", script, re.M)
    }
    assert (said["LIMIT"], said["DIGITS"]) == (frames.LIMIT, frames.DIGITS)


def test_a_picture_drawn_ahead_is_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures_of_4 = []
    for step in (explorers._draw_ahead, explorers._IDLE.stop):
        explorer = shown(Dots(), monkeypatch)
        ahead(step)
        assert ({"x": 4} in explorer.frames) == (step is explorers._draw_ahead)
        explorer._controls["x"].value = 4
        pictures_of_4.append(explorer.png)
    assert pictures_of_4[0] == pictures_of_4[1]


@pytest.mark.parametrize("views", [0, None])
def test_nothing_is_drawn_ahead_where_nobody_looks(
    views: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbval and nbconvert have a kernel with a loop, but no front end that counts its views."""
    dots = Dots()
    explorer = shown(dots, monkeypatch, views)
    ahead(explorers._draw_ahead)
    explorers._draw_ahead()  # nor without a loop
    assert dots.drawn == [3]
    explorer._view_count = 1
    explorers._SHOWN.clear()  # nor when it is closed
    ahead(explorers._draw_ahead)
    assert dots.drawn == [3]


def test_nothing_is_drawn_ahead_while_something_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs may await; `pre_execute` stops everything before it."""
    dots = Dots()
    shown(dots, monkeypatch)
    ahead(lambda: (explorers._draw_ahead(), explorers._IDLE.stop()))
    assert dots.drawn == [3]


def test_nothing_is_drawn_ahead_while_a_cell_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slider that is moved meanwhile answers in a thread of its own, and ends there."""
    dots = Dots()
    shown(dots, monkeypatch)
    explorers._before_cell()
    ahead(explorers._draw_ahead)
    assert dots.drawn == [3]
    ahead(explorers._after_cell)
    assert len(dots.drawn) > 1


class OneAtATime(Dots):
    """Draws slowly, and fails when it is asked twice at once."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = threading.Lock()

    def __call__(self, x: float = 0.0, figure: Figure | None = None) -> Figure:
        assert self.busy.acquire(blocking=False), "two threads draw"
        try:
            time.sleep(0.05)
            return super().__call__(x, figure=figure)
        finally:
            self.busy.release()


def test_two_threads_do_not_draw_on_one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab's sliders answer in another thread than its cells."""
    explorer = shown(OneAtATime(), monkeypatch)
    # The values differ, or the second thread would find the first one's picture.
    values = [{"x": 4}, {"x": 8}]
    errors: list[BaseException] = []

    monkeypatch.setattr(type(explorer), "values", property(lambda _: values.pop()))
    threads = [threading.Thread(target=explorer._on_change, args=({},)) for _ in range(2)]
    monkeypatch.setattr(threading, "excepthook", lambda what: errors.append(what.exc_value))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_after_a_stop_nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of another thread is waited for, and does not begin the next one."""
    dots = OneAtATime()
    shown(dots, monkeypatch)
    thread = threading.Thread(target=ahead, args=(explorers._draw_ahead,))
    thread.start()
    while not dots.busy.locked():
        time.sleep(0.001)
    explorers._IDLE.stop()
    drawn = len(dots.drawn)
    assert not dots.busy.locked()
    thread.join()
    assert len(dots.drawn) == drawn == 2


def test_what_is_slow_is_not_drawn_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks meanwhile would have to wait for it."""
    dots = Dots()
    explorer = shown(dots, monkeypatch)
    monkeypatch.setattr(explorers, "LONGEST_AHEAD", 0.0)
    explorer._controls["x"].value = 8
    ahead(explorers._draw_ahead)
    assert dots.drawn == [3, 8]


def test_drawing_ahead_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All generators are as before; nothing is printed; an error waits until it is asked for."""

    @picture("test/loud")
    def loud(x: int, figure: Figure | None = None) -> Figure:
        print(torch.rand(1), np.random.rand(), random.random())
        warnings.warn("loud", UserWarning, stacklevel=1)
        return Dots()(x, figure=figure)

    control = slider(0, 9, 6, step=1, label="place", hint="7 is an error")
    with pytest.warns(UserWarning, match="loud"):
        explorer = explore(loud, x=control)
    explorer._view_count = 1
    monkeypatch.setattr(frames, "QUIET", 0.01)
    capsys.readouterr()
    states = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ahead(explorers._draw_ahead)
    assert {"x": 5} in explorer.frames and {"x": 7} not in explorer.frames
    assert capsys.readouterr().out == ""
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()
    assert random.getstate() == states[2]
    with pytest.raises(ZeroDivisionError), pytest.warns(UserWarning):
        control.value = 7


def test_frames_hold_so_many_bytes_and_drop_the_oldest() -> None:
    kept = Frames(limit=100)
    for x in range(4):
        kept.keep({"x": x}, Picture(bytes(30), ALT))
        kept.find({"x": 0})
    assert [x for x in range(4) if {"x": x} in kept] == [0, 2, 3]
    kept.keep({"x": 9}, Picture(bytes(101), ALT))
    assert not [x for x in range(10) if {"x": x} in kept]
    kept.keep({"x": 1}, Picture(bytes(100), ALT))
    kept.keep({"x": 1}, Picture(bytes(100), ALT))
    assert {"x": 1} in kept
    kept.clear()
    assert kept.find({"x": 1}) is None


def test_states_are_told_apart() -> None:
    kept, shown_picture = Frames(), Picture(b"x", ALT)
    kept.keep({"p": 0.1 + 0.2, "kind": "raw"}, shown_picture)
    assert {"kind": "raw", "p": 0.3} in kept, "a browser adds steps in its own way"
    for other in (0.31, 0.300001, 3, "0.3"):
        assert {"p": other, "kind": "raw"} not in kept
    kept.keep({"x": 1}, shown_picture)
    assert {"x": 1.0} not in kept and {"x": True} not in kept
    kept.keep({"x": [1]}, shown_picture)
    assert {"x": [1]} not in kept, "what cannot be told apart is drawn each time"


def test_one_step_away_of_every_control() -> None:
    controls = {
        "whole": slider(0, 9, 9, step=2, label="whole", hint="whole numbers"),
        "real": slider(0.0, 1.0, 0.1, step=0.3, label="real", hint="real numbers"),
        "steps": steps_slider([1, 0.5, 0.2], 0.5, label="steps", hint="shares"),
        "letter": choice(["a", "b"], "b", label="choice", hint="letters"),
        "line": text("x", label="text", hint="letters"),
    }
    present = {name: control.value for name, control in controls.items()}
    changed = [
        {name: value for name, value in state.items() if value != present[name]}
        for state in one_step_away(controls, "steps")
    ]
    assert changed == [
        {"steps": 0.2}, {"steps": 1}, {"whole": 7}, {"real": 0.4}, {"letter": "a"},
    ]  # fmt: skip


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


def test_a_picture_that_is_cut_off_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "FIGURES", tmp_path)
    monkeypatch.setenv("PRUNINGLAB_SAVE_FIGURES", "1")
    figure = Figure(figsize=(3, 2))
    figure.text(-0.1, 0.5, "half outside")
    with pytest.raises(ValueError, match="inches beyond its left edge"):
        publish(figure, "00_test/text", alt=ALT)
    assert list(tmp_path.iterdir()) == []


def test_a_reused_figure_looks_like_a_new_one() -> None:
    """Axes that are wiped must not keep an aspect, an anchor or switched-off axes."""

    def png(figure: Figure) -> bytes:
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=60, metadata={"Software": None})
        return buffer.getvalue()

    def label_red(axes: Axes) -> None:
        axes.plot([0, 5])
        axes.get_xticklabels()[1].set_color("red")

    for spoil in (
        lambda axes: axes.tick_params(length=0, labelsize=20, rotation=30),
        lambda axes: axes.tick_params(which="minor", length=9),
        lambda axes: axes.set_xticks([0, 1, 2, 5], labels=["a", "b", "c", "d"], rotation=40),
        lambda axes: axes.set(xscale="log", yscale="log", xlim=(1, 1e6), ylim=(0.1, 1e3)),
        lambda axes: axes.grid(True),
        lambda axes: axes.xaxis.tick_top(),
        label_red,
    ):
        used, (axes,) = blank(None, 3, 2)
        spoil(axes)
        png(used)
        assert png(Dots()(2, figure=used)) == png(Dots()(2))
    used, (axes,) = blank(None, 3, 2)
    axes.imshow([[1, 2], [3, 4]])
    axes.axis("off")
    axes.set_anchor("N")
    axes.set_xscale("symlog")
    used.text(0, 0, "old")
    assert png(Dots()(2, figure=used)) == png(Dots()(2))


def test_a_figure_that_is_used_again_makes_no_tick_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    new = Tick.__init__

    def counted(self: Tick, *args: Any, **options: Any) -> None:
        made.append(self)
        new(self, *args, **options)

    def drawn(figure: Figure | None) -> Figure:
        figure, axes = blank(figure, 4, 2, columns=2)
        axes[0].plot([1, 2, 3])
        axes[1].plot([1, 10, 1000])
        axes[1].set(yscale="log", title="minor ticks too")
        figure.canvas.draw()
        return figure

    figure = drawn(None)
    monkeypatch.setattr(Tick, "__init__", counted)
    drawn(figure)
    assert not made
    figure.axes[0].get_xticklabels()[0].set_color("red")
    ticks = len(figure.axes[0].xaxis.majorTicks)
    drawn(figure)
    assert 0 < len(made) <= ticks + 2, "only those of the axis that was changed"


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
