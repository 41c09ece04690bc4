"""Pictures drawn beforehand: every stop once, numbered as the page numbers them."""

from __future__ import annotations

import io
import json
import random
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

import pruninglab as lab
from pruninglab.kit.explorers import text
from pruninglab.kit.pictures import describe
from pruninglab.kit.site import frames
from pruninglab.kit.site.frames import (
    STATES_AT_MOST,
    Control,
    drawn_stops,
    read_control,
    save_frames,
)
from pruninglab.kit.site.pages import default_number, explorers

HINT = "what happens"


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(frames.VARIABLE, str(tmp_path))
    return tmp_path


def draw(*, size: float, kind: str, figure: Figure) -> Figure:
    figure.clear()
    figure.set_size_inches(2, 1)
    figure.subplots(gridspec_kw={"left": 0.3, "bottom": 0.3}).bar(
        [0], [size + torch.rand(1).item() * 0], color="C0" if kind == "a" else "C1"
    )
    return describe(figure, f"A bar of {size} in the colour of {kind}, and little else")


def controls(**others: Any) -> dict[str, Any]:
    return {
        "size": lab.slider(0.0, 1.0, 0.3, step=0.1, label="size", hint=HINT),
        "kind": lab.choice(["a", "b"], "b", label="kind", hint=HINT),
        **others,
    }


def test_every_state_is_drawn_and_told(drawn: Path) -> None:
    save_frames("tests/bar", draw, controls())
    about = json.loads((drawn / "tests/bar/frames.json").read_text("utf-8"))
    assert len(about["words"]) == 22
    assert [c["stops"] for c in about["controls"]] == [
        [f"{i / 10:.2f}" for i in range(11)],
        ["a", "b"],
    ]
    assert "0.3 in the colour of b" in about["words"][default_number(about)]
    pictures = sorted((drawn / "tests/bar").glob("*.webp"))
    assert len(pictures) == 22
    seen = {Image.open(io.BytesIO(path.read_bytes())).convert("RGB").tobytes() for path in pictures}
    assert len(seen) >= 20, "each state looks other than the rest (bars of height 0 have no colour)"
    assert all(path.stat().st_size < 25_000 for path in pictures)


def test_of_many_states_every_combination_of_fewer_stops_is_drawn(drawn: Path) -> None:
    many = lab.slider(0, 400, 7, step=1, label="many", hint=HINT)

    def with_many(*, many: int, figure: Figure, **others: Any) -> Figure:
        of = draw(figure=figure, **others)
        return describe(of, f"A bar of {others['size']} in {others['kind']}, and many is {many}")

    save_frames("tests/many", with_many, controls(many=many))
    about = json.loads((drawn / "tests/many/frames.json").read_text("utf-8"))
    size, kind, thinned = (control["stops"] for control in about["controls"])
    assert kind == ["a", "b"] and size[0] == "0.00" and "0.30" in size and size[-1] == "1.00"
    assert thinned[0] == "0" and "7" in thinned and thinned[-1] == "400"
    states = list(product(size, kind, thinned))
    assert len(states) == len(list((drawn / "tests/many").glob("*.webp"))) <= STATES_AT_MOST
    for (size, kind, count), words in zip(states, about["words"], strict=True):
        assert words == f"A bar of {float(size)} in {kind}, and many is {count}"
    assert about["words"][default_number(about)] == "A bar of 0.3 in b, and many is 7"


@given(
    st.lists(
        st.tuples(st.sampled_from(["range", "select"]), st.integers(1, 60), st.floats(0, 1)),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_stops_are_few_in_order_and_hold_the_default(drawn_from: list[Any]) -> None:
    moving = [
        Control("a", "a", "", kind, tuple(map(str, range(count))), int(where * (count - 1)))
        for kind, count, where in drawn_from
    ]
    kept = drawn_stops(moving)
    for control, stops in zip(moving, kept, strict=True):
        assert stops == sorted(set(stops)) and control.default in stops
        assert set(stops) <= set(range(len(control.stops)))
        if control.kind == "select":
            assert len(stops) == len(control.stops)
        elif len(stops) > 2:
            assert {0, len(control.stops) - 1} <= set(stops)
    fewest = prod(len(c.stops) if c.kind == "select" else min(2, len(c.stops)) for c in moving)
    assert prod(map(len, kept)) <= max(STATES_AT_MOST, fewest)


def test_random_states_are_given_back_and_nothing_is_written_in_class(
    drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for generator in (random, np.random):
        generator.seed(0)
    torch.manual_seed(0)
    wanted = random.random(), np.random.rand(), torch.rand(1)
    for generator in (random, np.random):
        generator.seed(0)
    torch.manual_seed(0)
    save_frames("tests/bar", draw, controls())
    assert (random.random(), np.random.rand(), torch.rand(1)) == wanted
    monkeypatch.delenv(frames.VARIABLE)
    save_frames("tests/other", draw, controls())
    assert not (drawn / "tests/other").exists()


def test_a_notebook_is_run_for_its_frames_once(tmp_path: Path) -> None:
    notebook = tmp_path / "99_test.ipynb"
    ran = tmp_path / "ran"

    def save(label: str) -> None:
        cell = f"""
import pruninglab as lab
open({str(ran)!r}, "a").write("x")

@lab.figure("99_test/dot")
def dot(page, x):
    (axes,) = page(4, 2, edges=(0.3, 0.9, 0.3, 0.9))
    axes.plot([x], [0], "o")
    return f"A dot that lies at {{x}}, and nothing else"

lab.explore(dot, x=lab.slider(0, 2, 1, step=1, label={label!r}, hint="to the right"))
"""
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)]), notebook)

    save("place")
    for _ in range(2):
        frames.draw_frames(notebook, tmp_path / "frames")
    (about,) = explorers(tmp_path / "frames").values()
    assert about["words"] == [f"A dot that lies at {x}, and nothing else" for x in (0, 1, 2)]
    save("another")
    frames.draw_frames(notebook, tmp_path / "frames")
    assert ran.read_text() == "xx", "not while its cells stay the same"
    (about,) = explorers(tmp_path / "frames").values()
    assert about["controls"][0]["label"] == "another"


def test_a_line_of_text_has_no_stops() -> None:
    assert read_control("own", text("4, 2", label="own", hint=HINT)) is None


def test_a_default_between_two_steps_is_drawn_as_it_is() -> None:
    slider = lab.slider(0.0, 1.0, 0.25, step=0.1, label="x", hint=HINT)
    read = read_control("x", slider)
    assert read is not None and read[1][read[0].default] == 0.25


def test_a_state_that_is_cut_off_is_refused(drawn: Path) -> None:
    def far(*, size: float, kind: str, figure: Figure) -> Figure:
        draw(size=size, kind=kind, figure=figure)
        figure.text(size, 0.5, "beyond")
        return figure

    save_frames("tests/bar", draw, controls())
    before = {path: path.read_bytes() for path in drawn.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"inches beyond its right edge \(A bar of 0.8 in"):
        save_frames("tests/bar", far, controls())
    assert {path: path.read_bytes() for path in drawn.rglob("*") if path.is_file()} == before
