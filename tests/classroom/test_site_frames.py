"""Pictures drawn beforehand: every stop once, numbered as the page numbers them."""

from __future__ import annotations

import io
import json
import random
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

import pruninglab as lab
from pruninglab.classroom.site import frames
from pruninglab.classroom.site.frames import read_control, save_frames, states
from pruninglab.classroom.site.pages import default_number

HINT = "what happens"


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRUNINGLAB_SAVE_FIGURES", "1")
    monkeypatch.setattr(frames, "FIGURES", tmp_path)
    return tmp_path


def draw(*, size: float, kind: str, figure: Figure) -> Figure:
    figure.clear()
    figure.set_size_inches(2, 1)
    figure.subplots(gridspec_kw={"left": 0.3, "bottom": 0.3}).bar(
        [0], [size + torch.rand(1).item() * 0], color="C0" if kind == "a" else "C1"
    )
    return lab.describe(figure, f"A bar of {size} in the colour of {kind}, and little else")


def controls(**others: Any) -> dict[str, Any]:
    return {
        "size": lab.slider(0.0, 1.0, 0.3, step=0.1, label="size", hint=HINT),
        "kind": lab.choice(["a", "b"], "b", label="kind", hint=HINT),
        **others,
    }


def test_every_state_is_drawn_and_told(drawn: Path) -> None:
    save_frames("tests/bar", draw, controls())
    about = json.loads((drawn / "tests/bar/frames.json").read_text("utf-8"))
    assert about["all"] and len(about["words"]) == 22
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


def test_many_states_are_a_star(drawn: Path) -> None:
    many = lab.slider(0, 400, 7, step=1, label="many", hint=HINT)

    def with_many(*, many: int, figure: Figure, **others: Any) -> Figure:
        return lab.describe(draw(figure=figure, **others), f"A bar, and many is now {many}")

    moved = controls(many=many) | {"size": lab.slider(0, 1, 0, step=1, label="s", hint=HINT)}
    monitored = {"size": moved["size"], "kind": moved["kind"], "many": many}
    save_frames("tests/star", with_many, monitored)
    about = json.loads((drawn / "tests/star/frames.json").read_text("utf-8"))
    assert not about["all"] and len(about["words"]) == 1 + 1 + 1 + 400
    assert about["words"][0] == "A bar, and many is now 7"
    assert about["words"][-1] == "A bar, and many is now 400"


@pytest.mark.parametrize(("counts", "defaults"), [((3, 4), (1, 2)), ((20, 20, 2), (3, 0, 1))])
def test_the_numbering_is_the_pages(counts: tuple[int, ...], defaults: tuple[int, ...]) -> None:
    """The page's rule, written again: see numberOf in explorer.js, which the browser tests run."""
    order = states(counts, defaults)
    if prod(counts) <= frames.STATES_AT_MOST:
        assert order == list(product(*map(range, counts)))
        return
    for number, state in enumerate(order[1:], start=1):
        (i,) = (i for i, stop in enumerate(state) if stop != defaults[i])
        before = sum(count - 1 for count in counts[:i])
        assert number == 1 + before + state[i] - (state[i] > defaults[i])


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
    monkeypatch.delenv("PRUNINGLAB_SAVE_FIGURES")
    save_frames("tests/other", draw, controls())
    assert not (drawn / "tests/other").exists()


def test_a_line_of_text_has_no_stops() -> None:
    assert read_control("own", lab.text("4, 2", label="own", hint=HINT)) is None


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
