"""Guesses: what is asked, what a reader without a kernel sees, and the file they are kept in."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from PIL import Image
from scipy.interpolate import PchipInterpolator

import pruninglab as lab
from pruninglab.kit.guess import control
from pruninglab.kit.guess.kept import KNOTS, keep, read, sound
from pruninglab.kit.pictures import check_inside, words_of
from pruninglab.kit.rerun import stable
from pruninglab.kit.site.pages import page

CURVE: dict[str, Any] = {"xlabel": "density", "ylabel": "accuracy", "name": "07_curve"}
NUMBER: dict[str, Any] = {"low": 0, "high": 10, "name": "07_number"}
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


def test_what_gives_the_answer_away_is_hidden_on_the_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20)).save(buffer, "png")
    png = base64.b64encode(buffer.getvalue()).decode()
    pictures = [{"png": png, "alt": words, "width": 20} for words in ("a <dot>", "a line")]
    data = dict(ask_all()[2]._repr_mimebundle_()[0])
    output = nbformat.v4.new_output("display_data", data)
    for then, count in ((pictures, 2), ([], 0)):
        output.data = dict(data) | {control.MIME: data[control.MIME] | {"then": then}}
        cell = nbformat.v4.new_code_cell("lab.guess…", outputs=[output])
        made = nbformat.v4.new_notebook(cells=[cell])
        page(made, folder, {}, "../")
        text = made.cells[0].outputs[0].data["text/html"]
        before, _, below = text.partition('<div class="then" hidden>')
        assert png not in text and below.count("<img") == count and "<img" not in before
        assert ("a &lt;dot&gt;" in below) == ('"then": true' in before) == bool(count)


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


def test_the_axis_runs_as_the_curve_is_given() -> None:
    for form in ({0.5: 1, 0.2: 2, 0.1: 3}, ([0.5, 0.2, 0.1], [1, 2, 3])):
        about = lab.guess.curve("?", form, **CURVE, logx=True, x_percent=True).about
        assert (about["x"], about["y"]) == ([0.5, 0.2, 0.1], [1, 2, 3])
        assert about["x_percent"] and not about["y_percent"]
    assert lab.guess.curve("?", ([3, 1, 2], [3, 1, 2]), **CURVE).about["x"] == [1, 2, 3]


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
    (lambda: lab.guess.curve("?", {3: 1, 2: 1, 0: 1}, **CURVE, logx=True), "truth has x=0"),
    (lambda: lab.guess.number("?", 1, **NUMBER, within=1), "within=1 reaches.*start, low=0"),
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
    path = folder / "guesses/07_number.json"
    assert json.loads(path.read_text("utf-8")) == {"07_number": entry()}
    assert everything.entries == {"07_number": entry()}, "the last cell follows"
    again = lab.guess.number("How many?", SECRET, **NUMBER)
    assert again.entry == entry() and again.note == ""
    assert "You said" not in str(again._repr_mimebundle_()), "a saved notebook keeps no guess"
    again.entry = None
    assert json.loads(path.read_text("utf-8")) == {"07_number": None}
    assert everything.entries == {} and list((folder / "guesses").iterdir()) == [path]


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
     json.dumps({"07_number": entry(sure=101)}).encode(), b'{"07_number": NaN}',
     json.dumps({"07_number": entry(guess=10**400)}).encode(),
     json.dumps({"07_number": entry(guess=10**200)}).encode(), b" " * 2_000_000,
     json.dumps({"07_number": entry(told="\ud800")}).encode(), b'{"08_number": 1}'],
    ids=range(14),
)  # fmt: skip
@pytest.mark.parametrize("name", ["07.json", "07_number.json"])
def test_a_damaged_file_is_set_aside_with_a_word(folder: Path, content: bytes, name: str) -> None:
    (folder / "guesses").mkdir()
    good, bad = folder / "guesses/07_other.json", folder / "guesses" / name
    good.write_text(json.dumps({"07_other": entry()}))
    bad.write_bytes(content)
    asked = lab.guess.number("How many?", SECRET, **NUMBER)
    (aside,) = (folder / "guesses").glob(f"{bad.stem}.damaged-*.json")
    assert asked.entry is None and aside.name in asked.note
    assert aside.read_bytes() == content and not bad.exists()
    asked.entry = entry()
    assert asked.note == "" and read("07_x") == (
        dict.fromkeys(["07_number", "07_other"], entry()),
        "",
    )
    assert aside.read_bytes() == content


def test_what_is_no_file_hangs_nothing(folder: Path) -> None:
    (folder / "guesses").mkdir()
    os.mkfifo(folder / "guesses/07_number.json")
    (folder / "guesses/07_a.json").symlink_to("/dev/zero")
    (folder / "guesses/07_b.json").symlink_to("07_b.json")
    (folder / "guesses/07_c.json").mkdir()
    first, asked, *_ = ask_all()
    assert first.note.count("was damaged") == 2 and first.note.count("cannot be read") == 2
    asked.entry = entry()
    assert read("07_x")[0] == {"07_number": entry()}


def test_the_one_file_of_old_is_read_and_outranked(folder: Path) -> None:
    (folder / "guesses").mkdir()
    old = {"07_number": entry(), "07_c": entry(guess=2.0), "07_a": entry(guess=3.0)}
    (folder / "guesses/07.json").write_text(json.dumps(old))
    _, asked, _, everything = ask_all()
    assert asked.entry == entry() and everything.entries == old
    asked.entry = entry(guess=9.0)
    keep("07_c", None)
    assert read("07_x")[0] == {"07_number": entry(guess=9.0), "07_a": entry(guess=3.0)}
    assert json.loads((folder / "guesses/07.json").read_text()) == old


GUESSES = """
import sys
from pruninglab.kit.guess.kept import keep, read
entry = {"kind": "number", "question": "?", "guess": 4.0, "sure": 70, "off": 1.0, "right": True,
         "told": "."}
for i in range(60):
    assert keep(f"07_{sys.argv[1]}_{i}", entry) == ""
    read("07_x")
"""


def test_two_kernels_guess_at_once_and_nothing_is_lost(folder: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", GUESSES, name]) for name in "ab"]
    assert [one.wait() for one in both] == [0, 0]
    entries, wrong = read("07_x")
    assert len(entries) == 120 and wrong == ""


def test_a_file_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "guesses").write_text("a file where the folder should be")
    asked = lab.guess.number("How many?", SECRET, **NUMBER)
    asked.entry = entry()
    assert "could not be kept" in asked.note and asked.entry == entry()


def test_what_the_front_end_may_not_send_is_not_kept(folder: Path) -> None:
    asked = ask_all()[1]
    for wrong in ("text", {"guess": 4}, entry(guess=float("nan")), entry(told="a" * 10_000),
                  entry(told="\ud800"), entry(question="\udfff"),
                  entry(guess=10**400)):  # fmt: skip
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
    entries, wrong = read("07_x")
    assert {name: one["guess"] for name, one in entries.items()} == {"07_b": 2.0, "07_a": 3.0}
    assert wrong == ""


# Scored by shape: what is asked of the score is asked of guess.js itself.

T, ROUNDS = np.linspace(0, 1, 13), range(13)
DENSITIES = [1, 0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.015, 0.01]
HALVES = [0.5**i for i in range(8)]
# {what: (xs, ys, the axis)}: the last ones are measured curves of the notebooks.
TRUTHS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "falls late as a cliff": (T, [0.9] * 10 + [0.8, 0.5, 0.1], {}),
    "falls straight": (T, 0.9 - 0.7 * T, {}),
    "falls at once": (T, 0.1 + 0.8 * np.exp(-6 * T), {}),
    "falls, rises, falls": (T, 0.5 + 0.3 * np.cos(3 * np.pi * T), {}),
    "rises to a plateau": (T, 0.9 * (1 - np.exp(-5 * T)), {}),
    "rises straight": (T, T, {}),
    "rises late": (T, T**5, {}),
    "rises in the middle": (T, 1 / (1 + np.exp(10 - 20 * T)), {}),
    "valley": (T, 0.8 - 0.6 * np.sin(np.pi * T), {}),
    "hill": (T, 0.2 + 0.6 * np.sin(np.pi * T), {}),
    "two waves": (T, 0.5 + 0.4 * np.sin(4 * np.pi * T), {}),
    "falls a little": (T, 0.9 - 0.1 * T, {}),
    "flat": (T, [0.7] * 13, {}),
    "accuracy over density": (
        DENSITIES,
        [0.9385, 0.9385, 0.938, 0.9375, 0.935, 0.933, 0.9225, 0.8775, 0.8225, 0.7285, 0.6485,
         0.5795, 0.433],
        {"logx": True},
    ),
    "PQ Index over rounds": (
        ROUNDS,
        [0.165, 0.094, 0.071, 0.055, 0.05, 0.064, 0.086, 0.117, 0.144, 0.14, 0.148, 0.085, 0.079],
        {"high": 0.3},
    ),
    "norm of the flow": (
        [0.22, 0.25, 0.28, 0.31, 0.36, 0.42, 0.5, 0.62],
        [0.875, 0.995, 0.951, 0.993, 1.027, 0.973, 1.001, 0.958],
        {"high": 1.5},
    ),
    "connections over share": (
        np.arange(6, 21) / 20,
        [0.02, 0.029, 0.04, 0.052, 0.067, 0.084, 0.105, 0.126, 0.147, 0.174, 0.206, 0.241, 0.289,
         0.361, 0.795],
        {},
    ),
    "pixels over lambda": (HALVES, [389.57] * 8, {"high": 400, "logx": True}),
    "accuracy, retrained": (
        [0.27, 0.37, 0.47, 0.57, 0.67, 0.77, 0.87],
        [0.908, 0.908, 0.906, 0.906, 0.898, 0.881, 0.824],
        {},
    ),
    "the ticket": (
        [1, 2, 5, 10, 20, 50],
        [0.84, 0.856, 0.869, 0.877, 0.881, 0.873],
        {"low": 0.5, "high": 1, "logx": True},
    ),
}  # fmt: skip
JUDGE = """
const fs = require("fs");
const guess = new Function(fs.readFileSync(process.argv[1], "utf8") + "; return pruninglabGuess")();
const asked = JSON.parse(fs.readFileSync(0));
const told = asked.map(([about, all]) => all.map((one) => guess.judgeCurve(about, one)));
console.log(JSON.stringify(told));
"""
PLACES = np.linspace(0, 1, KNOTS)


def judged(asked: list[tuple[dict[str, Any], list[list[float]]]]) -> list[list[dict[str, Any]]]:
    """Return what guess.js says of guesses, for each question."""
    if (node := shutil.which("node")) is None:
        pytest.skip("node is needed to run guess.js without a browser")
    command = [node, "-e", JUDGE, str(control.STATIC / "guess.js")]
    told = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return list(json.loads(told.stdout))


def at_knots(about: dict[str, Any]) -> np.ndarray:
    """Return the measured curve as one would draw it."""
    x = np.log10(about["x"]) if about["logx"] else np.array(about["x"])
    return np.interp(PLACES, (x - x[0]) / (x[-1] - x[0]), about["y"])


def blind(rng: np.random.Generator) -> np.ndarray:
    """Return a smooth random curve, from 0 to 1."""
    corners = rng.random(rng.integers(2, 8))
    return np.asarray(PchipInterpolator(np.linspace(0, 1, len(corners)), corners)(PLACES))


def test_a_blind_guess_seldom_counts_and_a_hand_that_knows_does() -> None:
    rng = np.random.default_rng(0)
    abouts = [dict(lab.guess.curve("?", (x, y), **CURVE, **more).about)
              for x, y, more in TRUTHS.values()]  # fmt: skip
    asked = []
    for about in abouts:
        low, span, drawn = about["low"], about["high"] - about["low"], at_knots(about)
        unseen = [low + span * blind(rng) for _ in range(200)]
        level = [np.full(KNOTS, low + span * part) for part in np.linspace(0, 1, 50)]
        hands = [drawn + 0.05 * np.ptp(about["y"]) * rng.normal(size=KNOTS) for _ in range(200)]
        start = [np.full(KNOTS, about["y"][0])]
        asked.append((about, [one.tolist() for one in (*unseen, *level, *hands, *start)]))
    for what, told in zip(TRUTHS, judged(asked), strict=True):
        score = np.array([one["score"] for one in told])
        right = np.array([one["right"] for one in told])
        assert ((score >= 0) & (score <= 1)).all()
        assert right[:200].mean() <= 0.05 and right[:250].mean() <= 0.05, what
        assert score[:200].mean() < 1 / 3 and score[200:250].mean() < 1 / 3, what
        assert right[250:450].mean() >= 0.95, what
        if what in ("flat", "pixels over lambda"):
            # There a level line is the answer, where it lies near enough.
            assert right[200:250].mean() <= 0.1 and right[450]
        else:
            assert not right[200:250].any() and score[450] < 1e-9, what


def test_the_words_say_what_counts() -> None:
    more = {"xlabel": "round", "ylabel": "index", "name": "07_curve"}
    wave = lab.guess.curve("?", (ROUNDS, 0.5 + 0.3 * np.cos(3 * np.pi * T)), **more).about
    share = lab.guess.curve("?", (T, 0.9 - 0.7 * T), **more, x_percent=True, y_percent=True).about
    falling, flat = (0.8 - 0.6 * PLACES).tolist(), [0.5] * KNOTS
    higher = (1.0 - 0.7 * PLACES).tolist()
    (only, level, all_), (high,) = judged(
        [(dict(wave), [falling, flat, at_knots(dict(wave)).tolist()]), (dict(share), [higher])]
    )
    assert only["told"].startswith("It falls, rises, then falls; yours only falls. On average")
    assert "yours stays level." in level["told"] and not only["right"]
    assert all_["told"].startswith("The right course: it falls, rises, then falls.")
    assert all_["score"] == pytest.approx(1) and all_["right"]
    assert "yours lies 10 points off, farthest at round = " in high["told"]
    assert " %: 10 points too high. Score: 64 of 100; right from 55." in high["told"]
    for one in (only, level, all_, high):
        assert "direction" not in one["told"]


# The guesses of a class.


def hand_in(folder: Path, guesses: list[Any], name: str = "07_number", **more: Any) -> None:
    """Write a folder for each student, as they hand them in."""
    for i, guess in enumerate(guesses):
        own = folder / f"student {i}" / "guesses"
        own.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: entry(guess=guess, **more)})
        (own / f"{name}.json").write_text(text, "utf-8")


def test_curves_of_a_class_lie_over_one_another(folder: Path) -> None:
    heights = [[value] * KNOTS for value in (0.2, 0.4, 0.9)]
    hand_in(folder, heights[:1], "07_curve", kind="curve")
    check_inside(lab.guess.together("07_curve", folder))
    hand_in(folder, heights, "07_curve", kind="curve")
    plain = lab.guess.together("07_curve", folder)
    assert words_of(plain).startswith("3 drawn curves. Median: 0.4 at the left")
    assert len(plain.axes[0].lines) == 4 and "measured" not in words_of(plain)
    truth = ([1, 0.1, 0.01], [0.9, 0.8, 0.4])
    lab.guess.curve("?", truth, **CURVE, logx=True, x_percent=True, y_percent=True)
    figure = lab.guess.together("07_curve", str(folder), truth=truth)
    assert "Measured: 90% at the left, 80% in the middle, 40% at the right." in words_of(figure)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_xlim() == (1, 0.01)
    assert axes.get_ylim() == (0, 1) and axes.get_xlabel() == "density"
    assert [text.get_text() for text in axes.texts] == ["median", "measured"]
    apart = axes.texts[0].xy[1] - axes.texts[1].xy[1]
    assert abs(apart) > 0.05, "the words do not lie upon one another"
    check_inside(figure)


def test_numbers_and_choices_of_a_class(folder: Path) -> None:
    hand_in(folder, [1, 2, 2, 9.5, 1e100])
    figure = lab.guess.together("07_number", folder, truth=4)
    told = words_of(figure)
    assert told.startswith("5 guesses of a number, as dots. Median: 2. Measured: 4.")
    check_inside(figure)
    options = ["that", "$\\frac{$ <b>", "that", "a" * 1000, "x\n\u202ey"]
    hand_in(folder, options, "07_c", kind="choice", off=None)
    lab.guess.choice("Which?", ["this", "that"], answer="that", name="07_c")
    figure = lab.guess.together("07_c", folder, truth="that")
    assert words_of(figure).startswith("5 choices, as bars: 0 “this”, 2 “that”, 1 “$")
    assert "Right is “that”" in words_of(figure) and "\u202e" not in words_of(figure)
    check_inside(figure)


def test_damaged_files_of_a_class_are_counted_and_nothing_of_them_runs(folder: Path) -> None:
    hand_in(folder, [4.0, 5.0, 6.0])
    own = folder / "student 0/guesses"
    own.joinpath("07_number (1).json").write_bytes(b"[" * 100_000)
    own.joinpath("Zoe_07_number.json").write_text('{"07_number": {"guess": "__import__(1)"}}')
    own.joinpath("07_number.damaged-123456.json").write_text("{")
    own.joinpath("package.json").write_text("{")
    os.mkfifo(own / "a_07_number.json")
    (own / "b_07_number.json").symlink_to("/dev/zero")
    (own / "c_07_number.json").symlink_to("c_07_number.json")
    (own / "07_number_else.json").write_text(json.dumps({"07_number_else": entry()}))
    hand_in(folder / "of old", [7.0])
    (folder / "of old/student 0/guesses/07_number.json").rename(folder / "of old/07.json")
    forgotten = folder / "forgotten/07_number.json"
    forgotten.parent.mkdir()
    forgotten.write_text('{"07_number": null}')
    before = sorted(folder.rglob("*"))
    told = words_of(lab.guess.together("07_number", folder))
    assert told.startswith("4 guesses of a number, as dots. Median: 5.5.")
    assert told.endswith("Damaged files that were passed over: 5.")
    assert sorted(folder.rglob("*")) == before, "it writes nothing"


def test_of_no_class_there_is_no_figure(folder: Path) -> None:
    for name, truth, words in (
        ("07_else", None, "holds no guess of 07_else; damaged files: 0"),
        ("else", None, "name='else'"),
        ("07_number", "a", "truth='a' must be a number"),
        ("07_number", ([1, 2, 3], [1, 2, 3]), "must be a number"),
    ):
        hand_in(folder, [4.0])
        with pytest.raises(ValueError, match=words):
            lab.guess.together(name, folder, truth=truth)


def test_what_is_held_back_runs_after_the_guess_and_once(folder: Path) -> None:
    ran: list[str] = []
    asked = lab.guess.number("How many?", SECRET, **NUMBER, then=lambda: ran.append("shown"))
    assert ran == [] and not asked.revealed
    asked.entry = entry()
    assert ran == ["shown"] and asked.revealed
    again = lab.guess.number("How many?", SECRET, **NUMBER, then=lambda: ran.append("again"))
    assert ran == ["shown", "again"], "a guess that is kept shows it at once"
    again.entry = None
    demanded = lab.guess.number("How many?", SECRET, **NUMBER, then=lambda: ran.append("asked"))
    demanded.revealed = True
    assert ran[2:] == ["asked"]
