"""The board: equal density and cost in every round, an honest ranking, stop, keep and merge."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbconvert import HTMLExporter
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.recipes import CHOICES, Recipe, cell
from pruninglab.kit.pictures import words_of
from pruninglab.lessons.mix.board import kept, panel
from pruninglab.lessons.mix.board.kept import Kept
from pruninglab.lessons.mix.board.menu import STANDARD, menu
from pruninglab.lessons.mix.board.panel import Board
from pruninglab.lessons.mix.board.race import REFERENCES, YOURS, Stopped, race
from pruninglab.lessons.mix.board.standings import places, standings

TRAINING = lab.Training(batch_size=30)
QUICK = Recipe(stop=lab.stops.epochs(1), budget=lab.budgets.fraction(0.5), rounds=2)


def make_net(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def mine(net: nn.Module, images: object) -> dict[str, torch.Tensor]:
    return {name: 2 * w.detach().abs() for name, w in lab.scores.prunable(net).items()}


def half(groups: Any) -> torch.Tensor:
    return groups.living - groups.living // 2


def run(recipe: Recipe, data: Data, seed: int = 0) -> dict[str, list[dict]]:
    *_, rows = race(make_net, data, recipe, seed=seed, training=TRAINING, stop=threading.Event())
    return rows


@pytest.mark.parametrize(
    "recipe",
    [
        QUICK,
        QUICK.but(budget=lab.budgets.pq_bound(), scope=lab.scopes.neuron),
        QUICK.but(stop=lab.stops.accuracy_within(0.1, 7), rewind=lab.rewinds.fine_tune),
        QUICK.but(stop=lab.stops.first_then(0, 2), score=lab.scores.snip()),
        QUICK.but(stop=lab.stops.best_of(3)),
    ],
    ids=str,
)
def test_the_references_have_your_density_and_your_epochs(recipe: Recipe, tiny_data: Data) -> None:
    rows = run(recipe, tiny_data)
    assert set(rows) == {YOURS, "magnitude", "random"}
    for own, *others in zip(*rows.values(), strict=True):
        for other in others:
            assert other["epochs"] == own["epochs"]
            assert other["density"] == own["density"]
            assert other["seed"] == own["seed"] == 0


def test_magnitude_beside_the_lottery_ticket_is_the_lottery_ticket(tiny_data: Data) -> None:
    rows = run(QUICK.but(scope=lab.scopes.global_), tiny_data)
    assert rows[YOURS] == rows["magnitude"] != rows["random"]


def test_biases_count_for_who_scores_them(tiny_data: Data) -> None:
    rows = run(
        QUICK.but(score=lab.scores.nnrelief(), budget=lab.budgets.signal_share(0.9)), tiny_data
    )
    for own, other in zip(rows[YOURS], rows["magnitude"], strict=True):
        assert other["density"] == pytest.approx(own["density"], abs=0.5 / 42)


def test_the_bits_are_those_of_prune(tiny_data: Data) -> None:
    """What lets a run be stopped changes no number."""
    done = list(lab.prune(make_net(1), tiny_data, QUICK, seed=1, training=TRAINING))
    rows = run(QUICK, tiny_data, seed=1)[YOURS]
    assert [r["test_accuracy"] for r in rows] == [d.test_accuracy for d in done]
    assert [r["validation_accuracy"] for r in rows] == [d.validation_accuracy for d in done]


def test_stop_is_felt_at_the_next_batch(tiny_data: Data) -> None:
    stop, seen = threading.Event(), []

    def objective(net: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append(1)
        if len(seen) == 5:
            stop.set()
        return nn.functional.cross_entropy(net(inputs), targets)

    training = replace(TRAINING, objective=objective)
    with pytest.raises(Stopped):
        list(race(make_net, tiny_data, QUICK.but(stop=lab.stops.epochs(1000)), seed=0,
                  training=training, stop=stop))  # fmt: skip
    assert len(seen) == 5


# The menu


def test_the_menu_has_your_own_by_name_and_first() -> None:
    offered = menu(QUICK, {"score": [mine], "budget": [half]})
    assert list(offered) == list(CHOICES)
    assert next(iter(offered["score"])) == "mine" and offered["score"]["mine"] is mine
    assert next(iter(offered["budget"])) == "half"
    for name, choice in QUICK.choices().items():
        assert offered[name][cell(choice)] == choice
    for name, listed in STANDARD.items():
        assert {cell(choice) for choice in listed} <= set(offered[name])


def test_your_own_takes_the_place_of_its_name() -> None:
    def magnitude(net: nn.Module, images: object) -> dict:
        return mine(net, images)

    assert menu(QUICK, {"score": [magnitude]})["score"]["magnitude"] is magnitude
    with pytest.raises(ValueError, match="two that are called '<lambda>': give them names"):
        menu(QUICK, {"score": [lambda net, images: {}, lambda net, images: {}]})


@pytest.mark.parametrize("choice", CHOICES)
def test_every_offered_choice_goes_with_the_first_row(choice: str) -> None:
    """With a real network, so that the drop-downs do not offer what can never work."""
    data = lab.data.load("fashion-mnist")
    data = replace(data, train=data.train.take(200))
    net = lab.nets.lenet_300_100(seed=0)
    first = panel._first()
    for name, one in menu(first, {})[choice].items():
        try:
            first.but(**{choice: one}).check(net, data)
        except ValueError as error:
            pytest.fail(f"{name}: {error}")


# The ranking


def rows_of(values: list[float], seed: int = 0, gap: float = 0.01) -> list[dict]:
    return [{"seed": seed, "round": i, "density": 0.5**i, "validation_accuracy": value,
             "test_accuracy": value - gap, "epochs": 2, "layer_density": {"a.weight": 0.5**i}}
            for i, value in enumerate(values)]  # fmt: skip


def runs(own: list[float], magnitude: list[float], seeds: int = 1) -> lab.Runs:
    return lab.Runs({
        YOURS: [rows_of(own, seed) for seed in range(seeds)],
        "magnitude": [rows_of(magnitude, seed, gap=0.01 * seed) for seed in range(seeds)],
    })  # fmt: skip


def test_validation_ranks_and_test_is_shown() -> None:
    lines = standings({"low": runs([0.9, 0.5], [0.9, 0.6]), "high": runs([0.8, 0.7], [0.9, 0.6]),
                       "short": runs([0.99], [0.9])}, at=0.5)  # fmt: skip
    assert [line.row for line in lines] == ["high", "low", "short"]
    assert places(lines) == ["1.", "2.", "–"]
    high, _, short = lines
    assert (high.validation, high.test, high.epochs) == pytest.approx((0.7, 0.69, 4.0))
    assert high.gaps["magnitude"].mean == pytest.approx(0.69 - 0.6)
    assert high.gaps["random"] is None
    assert math.isnan(short.validation) and short.cells()[1:] == (*["–"] * 5, "1")


def test_gaps_are_paired_over_the_seeds() -> None:
    (line,) = standings({"a": runs([0.9, 0.7], [0.9, 0.6], seeds=2)}, at=0.5)
    # Test accuracies: 0.69 and 0.69 against 0.60 and 0.59.
    assert line.gaps["magnitude"].mean == pytest.approx(0.095)
    assert line.gaps["magnitude"].std == pytest.approx(np.std([0.09, 0.1], ddof=1))
    assert line.cells()[4] == "+9.5 ± 0.7" and line.seeds == 2


def test_equal_accuracy_is_won_by_fewer_epochs() -> None:
    long = [row | {"epochs": 9} for row in rows_of([0.9, 0.7])]
    lines = standings(
        {"long": lab.Runs({YOURS: [long]}), "brief": runs([0.9, 0.7], [0.9, 0.6])}, 0.5
    )
    assert [line.row for line in lines] == ["brief", "long"]


# Keep and merge


ABOUT = {"data": "blobs", "net": "45 parameters", "training": "Training()"}


def kept_by(folder: Path, who: str, best: float = 0.8, **about: str) -> Path:
    return kept.keep(folder, Kept(who, ABOUT | about, {
        f"row of {who}": runs([0.9, best], [0.9, 0.6], 2)}))  # fmt: skip


@pytest.fixture
def two_boards(tmp_path: Path) -> Path:
    kept_by(tmp_path, "Ada", 0.8)
    kept_by(tmp_path, "Zoë", 0.7)
    return tmp_path


def test_merge_ranks_two(two_boards: Path) -> None:
    table = lab.board.merge(two_boards, at=0.5)
    lines = [line for line in table.splitlines() if line.startswith(("| 1.", "| 2."))]
    assert "| 1. | Ada | `row of Ada` | 80.0%" in lines[0] and "+19.5 ± 0.7" in lines[0]
    assert "| 2. | Zoë | `row of Zoë` | 70.0%" in lines[1]
    assert table.startswith("Ranked by validation accuracy where 50 % of the weights live")
    assert "Left out" not in table and "More than one" not in table
    assert table._repr_markdown_() == table


def test_what_is_read_is_what_was_kept(two_boards: Path) -> None:
    (path,) = two_boards.glob("Ada-*.json")
    board = kept.read(path)
    assert board.who == "Ada" and board.about["data"] == "blobs"
    for label, seeds in runs([0.9, 0.8], [0.9, 0.6], 2).items():
        for seed, rows in enumerate(seeds):
            for one, saved in zip(rows, board.rows["row of Ada"][label][seed], strict=True):
                assert saved == {k: v for k, v in one.items() if k != "layer_density"}


def changed(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Return what spoils a board's file: `change` gets what it says, and its first seed's rows."""

    def spoil(path: Path) -> None:
        content = json.loads(path.read_text("utf-8"))
        change(content)
        path.write_text(json.dumps(content), "utf-8")

    return spoil


def put(key: str, value: Any) -> Callable[[Path], None]:
    return changed(lambda c: c["rows"]["row of Bad"]["yours"][1][1].update({key: value}))


def put_all(key: str, value: Any) -> Callable[[Path], None]:
    return changed(
        lambda c: [row.update({key: value}) for row in c["rows"]["row of Bad"]["yours"][1]]
    )


def put_runs(value: Any) -> Callable[[Path], None]:
    return changed(lambda c: c["rows"]["row of Bad"].update(yours=value))


def text(change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda path: void(path.write_bytes(change(path.read_text("utf-8")).encode()))


def void(*_: object) -> None:
    """Take what is given and return nothing."""


def instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    return lambda path: void(path.unlink(), make(path))


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8 * 10**9)


def a_row_twice(path: Path) -> None:
    content = path.read_text("utf-8")
    start = content.index('"row of Bad"')
    path.write_text(f"{content[:start]}{content[start:].rstrip()[:-2]}, {content[start:]}", "utf-8")


FINITE = "no finite number"
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    # No regular file
    "a pipe": (instead(os.mkfifo), "not a regular file"),
    "a folder": (instead(Path.mkdir), "cannot be read"),
    "a device": (instead(lambda p: p.symlink_to("/dev/zero")), "not a regular file"),
    "a link to itself": (instead(lambda p: p.symlink_to(p)), "cannot be read"),
    "a link to nothing": (instead(lambda p: p.symlink_to("nowhere")), "cannot be read"),
    "8 GB": (sparse, "more than 5,000,000 bytes"),
    # No JSON that Python can hold
    "empty": (text(lambda t: ""), "cannot be read"),
    "half": (text(lambda t: t[:200]), "cannot be read"),
    "not UTF-8": (lambda p: void(p.write_bytes(p.read_bytes().replace(b"Bad", b"\xff"))), "decode"),
    "UTF-16": (lambda p: void(p.write_text(p.read_text("utf-8"), "utf-16")), "decode"),
    "nested lists": (text(lambda t: "[" * 100_000), "nested"),
    "nested names": (text(lambda t: '{"a":' * 100_000), "nested"),
    "deep in a row": (text(lambda t: t.replace("0.9", "[" * 10**5 + "]" * 10**5, 1)), "nested"),
    "NaN": (text(lambda t: t.replace("0.9", "NaN", 1)), FINITE),
    "-Infinity": (text(lambda t: t.replace("0.9", "-Infinity", 1)), FINITE),
    "1e999": (text(lambda t: t.replace("0.9", "1e999", 1)), FINITE),
    "400 digits": (text(lambda t: t.replace("0.9", "9" * 400, 1)), FINITE),
    "5,000 digits": (text(lambda t: t.replace("0.9", "9" * 5000, 1)), FINITE),
    "a surrogate": (text(lambda t: t.replace("Bad", r"\ud800", 1)), "surrogates"),
    "a key twice": (text(lambda t: t.replace('{"kind"', '{"who": "Ada", "kind"', 1)), "twice"),
    "a row twice": (a_row_twice, "twice"),
    # No board
    "a list": (text(lambda t: "[1, 2]"), "is no"),
    "another kind": (text(lambda t: t.replace(kept.KIND, "something else")), "is no"),
    "nobody": (changed(lambda c: c.pop("who")), "does not say its who"),
    "a number of a name": (changed(lambda c: c.update(who=7)), "does not say its who"),
    "no training": (changed(lambda c: c.update(training=None)), "does not say its training"),
    "no rows": (changed(lambda c: c.update(rows={})), "no rows"),
    "rows as a list": (changed(lambda c: c.update(rows=[1])), "no rows"),
    "3,000 rows": (changed(lambda c: c["rows"].update(
        {str(i): c["rows"]["row of Bad"] for i in range(3000)})), "more than"),
    "a row without runs": (changed(lambda c: c["rows"].update(a=[1])), "no runs"),
    "only a reference": (changed(lambda c: c["rows"]["row of Bad"].pop("yours")), "no runs"),
    "another reference": (changed(lambda c: c["rows"]["row of Bad"].update(best=[])), "no runs"),
    "no seeds": (put_runs([]), "damaged"),
    "a seed without rounds": (put_runs([[]]), "damaged"),
    "words for rounds": (put_runs([["x"]]), "damaged"),
    "text for seeds": (put_runs("abc"), "damaged"),
    "null for seeds": (put_runs(None), "damaged"),
    # No round
    "no seed": (text(lambda t: t.replace('"seed": 0, ', "", 1)), "seed"),
    "more than a round": (put("cost", 1), "cost"),
    "accuracy true": (put("validation_accuracy", True), "validation_accuracy=True"),
    "accuracy as text": (put("validation_accuracy", "0.9"), "validation_accuracy='0.9'"),
    "accuracy null": (put("test_accuracy", None), "test_accuracy=None"),
    "accuracy 1.5": (put("test_accuracy", 1.5), "test_accuracy=1.5"),
    "accuracy below 0": (put("validation_accuracy", -1e-9), "validation_accuracy=-1e-09"),
    "accuracy as a list": (put("validation_accuracy", [0.9]), "validation_accuracy=[0.9]"),
    "density 7": (put("density", 7), "density=7"),
    "density grows": (changed(lambda c: c["rows"]["row of Bad"]["yours"][0][0].update(density=0.1)),
                      "its density grows"),
    "epochs -2": (put("epochs", -2), "epochs=-2"),
    "epochs 0.5": (put("epochs", 0.5), "epochs=0.5"),
    "epochs true": (put("epochs", True), "epochs=True"),
    "epochs 1e300": (put("epochs", 10**300), "epochs=1000"),
    "seed true": (put_all("seed", True), "seed=True"),
    "seed 1.0": (put_all("seed", 1.0), "seed=1.0"),
    "seed as text": (put_all("seed", "1"), "seed='1'"),
    "seed of 2**70": (put_all("seed", 2**70), "seed=1180"),
    "two seeds in one run": (put("seed", 5), "do not follow"),
    "one seed twice": (put_all("seed", 0), "a seed stands twice"),
    "round 7 after 0": (put("round", 7), "do not follow"),
    "round 0 after 0": (put("round", 0), "do not follow"),
    "round 1.0": (put("round", 1.0), "round=1.0"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "why"), BAD.values(), ids=BAD)
def test_a_bad_file_is_left_out_by_name_and_nothing_else_is_lost(
    two_boards: Path, spoil: Callable[[Path], None], why: str
) -> None:
    good = lab.board.merge(two_boards, at=0.5)
    path = kept_by(two_boards, "Bad", 0.9)
    assert "| 1. | Bad |" in lab.board.merge(two_boards, at=0.5)
    spoil(path)
    table = lab.board.merge(two_boards, at=0.5)
    assert table.startswith(good + "\n\nLeft out: ")
    (note,) = table[len(good) :].split("\n\n")[1:]
    assert f"`{path.name}`" in note and why in note and "\n" not in note


def test_a_file_from_notepad_is_read(two_boards: Path) -> None:
    (path,) = two_boards.glob("Ada-*.json")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert "| 1. | Ada |" in lab.board.merge(two_boards, at=0.5)


NASTY = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</code><svg/onload=alert(1)>",
    "[x](javascript:alert(1))", "![x](http://evil/x.png)", "<http://evil>", "http://evil",
    "a | b", "a\n| 1. | me | `x` | 99% | 99% | 1 | +9 | +9 | 1 |", "a\r\n\r\n# head", "`", "``",
    "`<b>`", "\\`<b>x</b>", "a`</code></td></tr></table><script>alert(1)</script>",
    "$\\href{javascript:alert(1)}{x}$", "\\(x\\)", "&lt;b&gt;", "&#60;script&#62;alert(1)",
    "\0\x1b[31m", "\u202emoc.live", "\u2066a\u2028b\u2029c\x85d", "<!--", "-->",
    "<style>*{display:none}</style>", "{{ config }}", "%3Cscript%3E", "～" * 5000, "",
    "<details open ontoggle=alert(1)>", "<iframe srcdoc='<script>alert(1)</script>'>",
    "\N{FULLWIDTH LESS-THAN SIGN}script＞", "~~~\n<b>", "    <b>indented",
    "[a]: javascript:alert(1)", '"><script>alert(1)</script>', "*a* __b__ ~~c~~",
]  # fmt: skip


class Tags(HTMLParser):
    """All tags of a page, and what is written in them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def shown_as_html(table: str) -> str:
    """Return what nbconvert makes of the output of `merge`, with its own tags only."""
    data = {"text/markdown": table, "text/plain": repr(table)}
    output = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell("", outputs=[output], id="table")
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(
        nbformat.v4.new_notebook(cells=[cell])
    )
    return page


def write_as(folder: Path, place: str, word: str, number: int) -> None:
    """Write a board that says `word` at that place."""
    path = kept_by(folder, f"Ada {number}", 0.8)
    content = json.loads(path.read_text("utf-8"))
    (row,) = content["rows"]
    if place == "row":
        content["rows"] = {word: content["rows"][row]}
    elif place == "error":
        content["rows"][row] = {word: []}
    elif place != "file":
        content[place] = word
    path.write_text(json.dumps([] if place == "file" else content), "utf-8")
    if place == "file":
        path.rename(path.with_name(re.sub(r"[/\0]", "", word)[:80] + ".json"))


@pytest.mark.parametrize("place", ["who", "row", "data", "net", "training", "file", "error"])
def test_nothing_that_a_student_writes_is_read_by_the_teachers_browser(
    tmp_path: Path, place: str
) -> None:
    """Against the same class with harmless words: the same tags, lines, columns and ranks."""
    tables = []
    for name, words in (("a", NASTY), ("b", [f"harmless {i}" for i in range(len(NASTY))])):
        kept_by(tmp_path / name, "Zoë", 0.7)
        for number, word in enumerate(words):
            write_as(tmp_path / name, place, word, number)
        tables.append(lab.board.merge(tmp_path / name, at=0.5))
    nasty, harmless = tables
    assert max(map(len, nasty.splitlines())) < 600
    for sign in ("\n", "|", "| 1. |"):
        assert nasty.count(sign) == harmless.count(sign)
    found = [[tag for tag in Tags(shown_as_html(table)).found if tag != ("code", [])]
             for table in (nasty, harmless)]  # fmt: skip
    assert found[0] == found[1]


def test_a_name_of_bytes_that_are_no_text_can_be_shown(two_boards: Path) -> None:
    (two_boards / os.fsdecode(b"\xff<b>.json")).write_text("{")
    lab.board.merge(two_boards, at=0.5).encode()


def test_boards_of_other_data_nets_and_training_are_ranked_apart(two_boards: Path) -> None:
    """Whoever brings more files decides nothing for the others."""
    two = lab.board.merge(two_boards, at=0.5).partition("\n\n")[2]
    for i, about in enumerate([{"data": "digits"}, {"net": "9 parameters"}, {"training": "T"}]):
        for who in "abc":
            kept_by(two_boards, f"{who}{i}", 0.8 + i / 100, **about)
    table = lab.board.merge(two_boards, at=0.5)
    assert table.count("| 1. |") == 4 and table.count("| 3. |") == 3 and "Left out" not in table
    assert table.endswith(two), "the smallest group comes last, ranked as before"
    assert "On `digits`, `45 parameters`, `Training()`:\n\n| " in table


def test_merge_says_what_it_cannot_rank(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no board to rank"):
        lab.board.merge(tmp_path)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json"):
        lab.board.merge(tmp_path)
    with pytest.raises(ValueError, match="at=0 must be"):
        lab.board.merge(tmp_path, at=0)


NAMES = [
    "", "../../x", "a/b", "Zoë", "Zoe\u0308", "CON", "nul", "AUX", "com1", "LPT9.json", "a.", "a ",
    ".a", "-", "anna", "Anna", "ANNA", "あ" * 300, "\N{WOMAN}\u200d" * 100, "a:b", "a\\b", "*?<>|",
    "\0", "x" * 10_000, "a\nb", "CONIN$", "~", "anonymous",
]  # fmt: skip


def test_a_name_leads_nowhere_else_and_takes_nobodys_place(tmp_path: Path) -> None:
    paths = [kept_by(tmp_path, who) for who in NAMES]
    folded = {unicodedata.normalize("NFD", path.name).casefold() for path in paths}
    assert len(folded) == len(NAMES) == len(list(tmp_path.iterdir()))
    reserved = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
    for path in paths:
        assert path.parent == tmp_path and len(path.name.encode()) < 100
        assert re.fullmatch(r"\w[\w-]*\.json", path.name) and not reserved.match(path.name)
    assert lab.board.merge(tmp_path, at=0.5).count("| `row of") == len(NAMES)


def test_a_second_anna_is_named(two_boards: Path) -> None:
    files = {kept_by(two_boards, who, 0.75).name for who in ("ada", "Ada ", "Ada\u200b")}
    table = lab.board.merge(two_boards, at=0.5)
    (note,) = [line for line in table.splitlines() if line.startswith("More than one")]
    assert "by ada: " in note and all(f"`{name}`" in note for name in files)
    assert note.count(".json") == 4 and "Zoë" not in note


KEEPS = """
import sys
from pathlib import Path
from pruninglab import Runs
from pruninglab.lessons.mix.board.kept import KEYS, Kept, keep
for i in range(20):
    row = dict(zip(KEYS, (int(sys.argv[2]), 0, 1, i / 20, 0.5, 1)))
    about = dict.fromkeys(("data", "net", "training"), "same")
    keep(Path(sys.argv[1]), Kept("anna", about, {"row of anna": Runs({"yours": [[row]]})}))
"""


def test_two_kernels_keep_under_one_name_and_nothing_is_lost(tmp_path: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", KEEPS, tmp_path, seed]) for seed in "12"]
    assert [one.wait() for one in both] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 40
    assert lab.board.merge(tmp_path, at=1).count("`row of anna`") == 40


@pytest.mark.parametrize("broken", [float("nan"), 1.5, True, "0.9"])
def test_what_merge_would_leave_out_is_not_kept(tmp_path: Path, broken: Any) -> None:
    rows = [row | {"test_accuracy": broken} for row in rows_of([0.9, 0.7])]
    with pytest.raises(ValueError, match=r"test_accuracy|finite"):
        kept.keep(tmp_path / "new", Kept("a", ABOUT, {"a": lab.Runs({YOURS: [rows]})}))
    assert not list(tmp_path.iterdir())


# The panel


@pytest.fixture
def board(tiny_data: Data, tmp_path: Path) -> Iterator[Board]:
    shown = lab.board.show(
        make_net, tiny_data, QUICK.but(score=mine), scores=[mine], training=TRAINING, at=0.5,
        folder=tmp_path,
    )  # fmt: skip
    yield shown
    shown.retire()


def choose(board: Board, **values: str) -> None:
    for name, value in values.items():
        board._controls[name].value = value


def test_the_first_row_is_finished_when_it_is_shown(board: Board) -> None:
    (row,) = board.rows
    assert row == "mine × fraction(0.5) × layer × epochs(1) × to_init"
    assert set(board.rows[row]) == {YOURS, *REFERENCES}
    data, metadata = board._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert metadata["image/png"]["alt"] == data["text/plain"] == board.caption
    assert f"1. A {row}: validation" in board.caption


def test_a_run_grows_the_board_in_the_background(board: Board) -> None:
    before, shown = bytes(board._image.value), []
    board._image.observe(lambda change: shown.append(change.new), names="value")
    choose(board, budget="fraction(0.2)")
    board.run()
    assert board._buttons["Run"].disabled and not board._buttons["Stop"].disabled
    board.wait(60)
    assert not board.running and "Done with seed 0" in board.message
    assert len(shown) >= 7 and bytes(board._image.value) != before
    assert len(board.rows) == 2 and "B mine × fraction(0.2)" in board.caption
    assert not board._buttons["Run"].disabled and board._buttons["Stop"].disabled


def test_the_same_row_again_takes_the_next_seed(board: Board) -> None:
    for seeds in (2, 3):
        board.run()
        board.wait(60)
        (line,) = standings(board.rows, 0.5)
        assert line.seeds == line.gaps["magnitude"].seeds == seeds
    assert [rows[0]["seed"] for rows in next(iter(board.rows.values()))[YOURS]] == [0, 1, 2]


def test_stop_ends_a_run_and_keeps_nothing_of_it(board: Board) -> None:
    board._offered["stop"]["long"] = lab.stops.epochs(100_000)
    board._controls["stop"].options = [*board._controls["stop"].options, "long"]
    choose(board, stop="long")
    board.run()
    time.sleep(0.3)
    assert board.running
    board.stop()
    board.wait(600)
    assert not board.running
    assert len(board.rows) == 1 and board.message.startswith("Stopped")


def test_what_cannot_work_is_explained_before_it_runs(board: Board) -> None:
    choose(board, stop="first_then(first=0, later=2)", rewind="to_epoch(1)")
    assert board.message.startswith("This cannot work: rewind=to_epoch(1) wants epoch 1")
    assert board._buttons["Run"].disabled
    board.run()
    assert not board.running and len(board.rows) == 1
    choose(board, rewind="to_init")
    assert board.message.startswith("This can work") and not board._buttons["Run"].disabled


def test_a_mistake_in_your_own_choice_is_told(tiny_data: Data, tmp_path: Path) -> None:
    calls = []

    def wrong_later(net: nn.Module, images: object) -> dict:
        calls.append(1)
        if len(calls) > 2:
            raise ZeroDivisionError("a mistake")
        return mine(net, images)

    def wrong(net: nn.Module, images: object) -> dict:
        return {"no such layer": torch.ones(2)}

    shown = lab.board.show(make_net, tiny_data, QUICK, scores=[wrong, wrong_later],
                           training=TRAINING, folder=tmp_path)  # fmt: skip
    choose(shown, score="wrong")
    assert shown.message.startswith("This cannot work:") and "no such layer" in shown.message
    choose(shown, score="wrong_later")
    shown.run()
    shown.wait(60)
    assert "wrong_later: a mistake" in shown.message and len(shown.rows) == 1
    shown.retire()


def test_keep_writes_what_merge_ranks(board: Board, tmp_path: Path) -> None:
    assert board.keep().match("anonymous-*.json")
    board._name.value = "Ada"
    board._buttons["Keep"].click()
    assert f"{tmp_path}/Ada-" in board.message
    table = lab.board.merge(tmp_path, at=0.5)
    assert "| Ada | `mine × " in table and "| anonymous |" in table


def test_keep_takes_the_place_of_this_boards_former_file_only(board: Board, tmp_path: Path) -> None:
    other = kept_by(tmp_path, "anonymous")
    first = board.keep()
    assert board.keep() == first
    board.run()
    board.wait(60)
    assert board.keep() != first
    assert sorted(tmp_path.iterdir()) == sorted([other, *board._files.values()])


def test_what_cannot_be_kept_is_told(board: Board, tmp_path: Path) -> None:
    board._folder = tmp_path / "file"
    board._folder.write_text("")
    board._buttons["Keep"].click()
    assert board.message.startswith("Not kept: ")


def test_a_cell_that_runs_again_takes_the_place_of_its_board(board: Board, tiny_data: Data) -> None:
    again = lab.board.show(make_net, tiny_data, QUICK, training=TRAINING)
    assert board._stop.is_set() and board._image.comm is None
    assert again._image.comm is not None
    again.retire()


def test_show_refuses_by_name(tiny_data: Data) -> None:
    with pytest.raises(ValueError, match="no validation images"):
        lab.board.show(make_net, replace(tiny_data, validation=tiny_data.validation.take(0)))
    with pytest.raises(ValueError, match="at=0 must be"):
        lab.board.show(make_net, tiny_data, at=0)
    with pytest.raises(ValueError, match="budgets has two"):
        lab.board.show(make_net, tiny_data, budgets=[half, half])
    refused = QUICK.but(stop=lab.stops.first_then(0, 2), rewind=lab.rewinds.to_epoch(1))
    with pytest.raises(ValueError, match="wants epoch 1"):
        lab.board.show(make_net, tiny_data, refused)


# The pictures


def test_the_pictures_of_the_board() -> None:
    many = {f"row {i}": runs([0.9, 0.5 + i / 100], [0.9, 0.6]) for i in range(12)}
    lines = standings(many, 0.5)
    shown = {
        line.row: (place, *line.cells()[1:])
        for place, line in zip(places(lines), lines, strict=True)
    }
    heads = ("", "row", "validation", "test", "epochs", "− magnitude", "− random", "seeds")
    figure = lab.lessons.mix.figures_of_rows.board(
        many, shown, newest="row 3", heads=heads, behind=many["row 1"]
    )
    figure.canvas.draw()
    assert "1. L row 11: validation 61.0%" in words_of(figure)
    assert "D, the newest row: row 3" in words_of(figure)
    assert "and 6 more" in [text.get_text() for text in figure.axes[3].texts]
    assert [bar.get_width() for bar in figure.axes[1].patches] == [4.0] * 8
    with pytest.raises(KeyError, match="row 99"):
        lab.lessons.mix.figures_of_rows.board(many, shown, newest="row 99", heads=heads)


@pytest.mark.parametrize("a", lab.papers.ROWS)
@pytest.mark.parametrize("b", lab.papers.ROWS)
def test_two_papers(a: str, b: str) -> None:
    figure = lab.lessons.mix.figures_of_rows.two_papers(a=a, b=b)
    steps = list(lab.papers.one_by_one(lab.papers.ROWS[a], lab.papers.ROWS[b]))[1:]
    filled = [text for text in figure.axes[0].texts if text.get_bbox_patch()]
    assert len(filled) == 2 * len(steps)
    assert all(text.get_fontweight() == "bold" for text in filled), "told without colour, too"
    assert all(" ".join(step.split()) in words_of(figure) for step in steps)


def test_rows_of_the_field() -> None:
    early = lab.Runs({"a": [rows_of([0.9, 0.4], seed) for seed in range(3)]})
    late = lab.Runs({"b": [[row | {"pruned_test_accuracy": 0.3} for row in rows_of([0.9, 0.7])]]})
    figure = lab.lessons.mix.figures_of_rows.rows_of_the_field(early, late, density=0.02)
    assert "then retrained: b 69.0%. Just cut: b 30.0%" in words_of(figure)
    assert "before training: a 39.0%" in words_of(figure)
