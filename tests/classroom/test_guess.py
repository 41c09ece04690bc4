"""Guesses: what is asked, what a reader without a kernel sees, and the file they are kept in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances

import pruninglab as lab
from pruninglab.classroom.guess import control
from pruninglab.classroom.guess.kept import KNOTS, file_of, keep, read, sound
from pruninglab.classroom.rerun import stable
from pruninglab.classroom.site.pages import page

CURVE = {"xlabel": "density", "ylabel": "accuracy", "name": "07_curve"}
NUMBER = {"low": 0, "high": 10, "name": "07_number"}
SECRET = 0.8125  # in no other number of the page


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test runs where no guess was made, and leaves no control behind."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for shown in control._SHOWN.values():
        shown.close()
    control._SHOWN.clear()


def entry(**other: Any) -> dict[str, Any]:
    kept = {"kind": "number", "question": "How many?", "guess": 4.0, "sure": 70, "off": 1.0,
            "right": True, "told": "You said 4, it is 5."}  # fmt: skip
    return kept | other


def ask_all() -> list[control.Control]:
    return [
        lab.guess.curve("How fast?", {1: 0.25, 2: SECRET, 3: 0.5}, **CURVE),
        lab.guess.number("How many?", SECRET, **NUMBER),
        lab.guess.choice("Which?", ["this", "that"], answer="that", name="07_c", why="So it is."),
        lab.guess.summary("07_mix_and_match"),
    ]


def test_a_reader_without_a_kernel_sees_the_question_and_what_to_do_and_no_answer() -> None:
    for asked in ask_all():
        data, _ = asked._repr_mimebundle_()
        for kind in ("text/plain", "text/html"):
            assert "JupyterLab" in data[kind] and str(SECRET) not in data[kind]
            assert "So it is" not in data[kind] and "that" not in data[kind]
            assert asked.about.get("question", "Your guesses") in data[kind]
        assert data[control.MIME] == asked.about
        json.dumps(data)


def test_a_question_may_hold_any_letter() -> None:
    asked = lab.guess.number("Is a < b & <b>c</b>?", 1, **NUMBER)
    data, _ = asked._repr_mimebundle_()
    assert "a &lt; b &amp; &lt;b&gt;c" in data["text/html"] and "a < b & <b>" in data["text/plain"]


def test_a_saved_notebook_has_no_widget_and_the_page_asks_the_same() -> None:
    data = {kind: value for kind, value in ask_all()[0]._repr_mimebundle_()[0].items()}
    data[control.MIME]["question"] = "</script><b>?"
    output = nbformat.v4.new_output("execute_result", data, execution_count=1)
    cell = nbformat.v4.new_code_cell("lab.guess…", outputs=[output])
    notebook = stable(nbformat.v4.new_notebook(cells=[cell]))
    assert not any("widget" in kind for kind in notebook.cells[0].outputs[0].data)
    assert "widgets" not in notebook.metadata
    page(notebook, Path("pictures"), {}, "../")
    (text,) = notebook.cells[0].outputs[0].data.values()
    assert text.startswith('<div class="guess"><div><p><strong>Guess first.')
    script = text.partition('<script type="application/json">')[2]
    assert script.count("</script>") == 1
    assert json.loads(script.partition("</script>")[0].replace("<\\/", "</")) == data[control.MIME]


def test_a_curve_may_be_given_in_any_form_and_order() -> None:
    forms: list[Any] = [
        {3: 0.5, 1: 0.25, 2: 1.0},
        ([1, 2, 3], (0.25, 1.0, 0.5)),
        (torch.tensor([1.0, 2, 3]), np.array([0.25, 1.0, 0.5], dtype=np.float32)),
        (torch.ones(3).cumsum(0), [0.25, 1.0, 0.5]),
    ]
    for form in forms:
        about = lab.guess.curve("?", form, **CURVE).about
        assert (about["x"], about["y"]) == ([1, 2, 3], [0.25, 1.0, 0.5])
        assert (about["low"], about["high"]) == (0, 1)


@pytest.mark.parametrize("values", [[3, 7, 4], [-1, 2, 0.5], [-3, -2, -9], [0, 0, 0], [1e-9, 2, 3]])
def test_the_axis_holds_the_curve_and_gives_little_away(values: list[float]) -> None:
    about = lab.guess.curve("?", (range(3), values), **CURVE).about
    assert about["low"] <= min(values) and about["high"] >= max(values)
    assert about["low"] < about["high"]
    assert 0 in (about["low"], about["high"]) or about["low"] == -about["high"]
    # No end of the axis is the curve's own largest or smallest value.
    assert max(abs(about["low"]), abs(about["high"])) >= 1.4 * max(map(abs, values))


def test_the_axis_may_be_given() -> None:
    about = lab.guess.curve("?", (range(3), [1, 2, 3]), **CURVE, low=-1, high=4).about
    assert (about["low"], about["high"]) == (-1, 4)


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: lab.guess.curve("?", {1: 1, 2: 2}, **CURVE), "truth has 2 points"),
    (lambda: lab.guess.curve("?", ([1, 1, 2], [1, 2, 3]), **CURVE), "truth.*different x"),
    (lambda: lab.guess.curve("?", ([1, 2, 3], [1, 2]), **CURVE), "truth must be"),
    (lambda: lab.guess.curve("?", (1, 2, 3), **CURVE), "truth must be"),
    (lambda: lab.guess.curve("?", {"a": 1, "b": 2, "c": 3}, **CURVE), "truth must be"),
    (lambda: lab.guess.curve("?", {1: 1, 2: np.nan, 3: 1}, **CURVE), "truth.*finite"),
    (lambda: lab.guess.curve("?", {0: 1, 2: 1, 3: 1}, **CURVE, logx=True), "truth has x=0"),
    (lambda: lab.guess.curve("?", {1: 1, 2: 5, 3: 1}, **CURVE, high=4), "high=4"),
    (lambda: lab.guess.curve("?", {1: 1, 2: 5, 3: 1}, **CURVE, low=9), "low=9"),
    (lambda: lab.guess.curve(" ", {1: 1, 2: 5, 3: 1}, **CURVE), "question=' '"),
    (lambda: lab.guess.number("?", 11, **NUMBER), "truth=11 must lie from low=0 to high=10"),
    (lambda: lab.guess.number("?", 1, low=2, high=2, name="07_a"), "low=2 must be below"),
    (lambda: lab.guess.number("?", 1, low=0, high=2, name="density"), "name='density'"),
    (lambda: lab.guess.number("?", 1, low=0, high=2, name="../07"), "name='../07'"),
    (lambda: lab.guess.choice("?", ["a"], answer="a", name="07_a"), "options="),
    (lambda: lab.guess.choice("?", ["a", "a"], answer="a", name="07_a"), "options="),
    (lambda: lab.guess.choice("?", "ab", answer="a", name="07_a"), "options="),
    (lambda: lab.guess.choice("?", ["a", "b"], answer="c", name="07_a"), "answer='c'"),
    (lambda: lab.guess.summary("mix"), "notebook='mix'"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=range(len(BAD)))
def test_what_is_no_question_is_refused_by_name(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_a_guess_is_kept_beside_the_notebook_and_comes_back(folder: Path) -> None:
    _, asked, _, everything = ask_all()
    asked.entry = entry()
    assert json.loads((folder / "guesses/07.json").read_text("utf-8")) == {"07_number": entry()}
    assert everything.entries == {"07_number": entry()}, "the last cell follows"
    again = lab.guess.number("How many?", SECRET, **NUMBER)
    assert again.entry == entry() and again.note == ""
    assert "You said" not in str(again._repr_mimebundle_()), "a saved notebook keeps no guess"
    again.entry = None
    assert json.loads((folder / "guesses/07.json").read_text("utf-8")) == {}
    assert everything.entries == {}
    assert [path.name for path in (folder / "guesses").iterdir()] == ["07.json"]


def test_running_the_cells_writes_nothing(folder: Path) -> None:
    ask_all()
    assert list(folder.iterdir()) == []


def test_notebooks_have_files_of_their_own() -> None:
    ask_all()[1].entry = entry()
    assert lab.guess.summary("08_does_it_run_faster").entries == {}
    assert lab.guess.summary("07_mine").entries == {"07_number": entry()}


def test_a_cell_that_runs_again_leaves_one_control() -> None:
    ask_all()
    before = len(_instances)
    ask_all()
    assert len(_instances) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"07_number": {}}', b'{"07_number": 3}', b"[" * 100_000,
     json.dumps({"07_number": entry(sure=101)}).encode(), b'{"07_number": NaN}'],
    ids=range(9),
)  # fmt: skip
def test_a_damaged_file_is_set_aside_with_a_word(folder: Path, content: bytes) -> None:
    (folder / "guesses").mkdir()
    (folder / "guesses/07.json").write_bytes(content)
    (folder / "guesses/07.damaged-1.json").write_bytes(b"an older one")
    asked = lab.guess.number("How many?", SECRET, **NUMBER)
    assert asked.entry is None and "damaged-2.json" in asked.note
    assert (folder / "guesses/07.damaged-2.json").read_bytes() == content
    assert (folder / "guesses/07.damaged-1.json").read_bytes() == b"an older one"
    asked.entry = entry()
    assert asked.note == "" and read(file_of("07")) == ({"07_number": entry()}, "")


def test_a_file_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "guesses").write_text("a file where the folder should be")
    asked = lab.guess.number("How many?", SECRET, **NUMBER)
    asked.entry = entry()
    assert "could not be kept" in asked.note and asked.entry == entry()


def test_what_the_front_end_may_not_send_is_not_kept(folder: Path) -> None:
    asked = ask_all()[1]
    for wrong in ("text", {"guess": 4}, entry(guess=float("nan")), entry(told="a" * 10_000)):
        asked.entry = wrong
    assert not (folder / "guesses").exists()


def test_what_a_sound_guess_is() -> None:
    curve = entry(kind="curve", guess=[0.5] * KNOTS, off=0.1)
    assert sound(curve) and sound(entry()) and sound(entry(kind="choice", guess="a", off=None))
    wrong: list[Any] = [
        None, [], entry(extra=1), entry(kind="else"), entry(kind="curve"), entry(guess=True),
        entry(guess="4"), entry(sure=-1), entry(sure=True), entry(right=1), entry(off="1"),
        entry(kind="choice", guess=3), curve | {"guess": [0.5] * (KNOTS - 1)},
        curve | {"guess": [None] * KNOTS}, entry(question=3), entry(guess=float("inf")),
    ]  # fmt: skip
    assert not [one for one in wrong if sound(one)]


def test_the_script_and_the_file_agree_on_the_knots() -> None:
    script = (control.STATIC / "guess.js").read_text("utf-8")
    assert f"const KNOTS = {KNOTS};" in script
    assert (
        control.Control._esm.count("export default") == 1 and "export" not in script.split("*/")[-1]
    )
    # Nothing is fetched: the one address names the language of drawings.
    assert script.count("http") == 1 and "import(" not in script and "fetch(" not in script


def test_keeping_keeps_the_others() -> None:
    keep("07_a", entry())
    keep("07_b", entry(guess=2.0))
    keep("07_a", entry(guess=3.0))
    entries, wrong = read(file_of("07_x"))
    assert {name: one["guess"] for name, one in entries.items()} == {"07_b": 2.0, "07_a": 3.0}
    assert wrong == ""
