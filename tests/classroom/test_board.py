"""The board: equal density and cost in every round, an honest ranking, stop, keep and merge."""

from __future__ import annotations

import json
import math
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.classroom.board import kept, panel
from pruninglab.classroom.board.kept import Kept
from pruninglab.classroom.board.menu import STANDARD, menu
from pruninglab.classroom.board.panel import Board
from pruninglab.classroom.board.race import REFERENCES, YOURS, Stopped, race
from pruninglab.classroom.board.standings import markdown, places, standings
from pruninglab.classroom.pictures import words_of
from pruninglab.data import Data
from pruninglab.engine.recipes import CHOICES, Recipe, cell

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
        QUICK.but(stop=lab.stops.accuracy_reaches(0.6, 7), rewind=lab.rewinds.fine_tune),
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


def test_the_table_is_markdown_whatever_the_name() -> None:
    lines = standings({"a × b": runs([0.9, 0.7], [0.9, 0.6])}, 0.5, who="Zoë | <b>x</b>")
    table = markdown(lines, 0.5, ["Left out: nobody."])
    assert "| 1. | Zoë _ _b_x__b_ | `a × b` | 70.0% | 69.0% | 4.0 | +9.0 | – | 1 |" in table
    assert table.endswith("Left out: nobody.") and "50 % of the weights" in table
    assert table._repr_markdown_() == table


# Keep and merge


@pytest.fixture
def two_boards(tmp_path: Path) -> Path:
    about = {"data": "blobs", "net": "45 parameters", "training": "Training()"}
    for who, best in (("Ada", 0.8), ("Zoë", 0.7)):
        kept.keep(tmp_path, Kept(who, about, {f"row of {who}": runs([0.9, best], [0.9, 0.6], 2)}))
    return tmp_path


def test_merge_ranks_two(two_boards: Path) -> None:
    assert sorted(path.name for path in two_boards.iterdir()) == ["Ada.json", "Zoë.json"]
    table = lab.board.merge(two_boards, at=0.5)
    lines = [line for line in table.splitlines() if line.startswith(("| 1.", "| 2."))]
    assert "| 1. | Ada | `row of Ada` | 80.0%" in lines[0] and "+19.5 ± 0.7" in lines[0]
    assert "| 2. | Zoë | `row of Zoë` | 70.0%" in lines[1]
    assert "Left out" not in table


def test_what_is_read_is_what_was_kept(two_boards: Path) -> None:
    board = kept.read(two_boards / "Ada.json")
    assert board.who == "Ada" and board.about["data"] == "blobs"
    for label, seeds in runs([0.9, 0.8], [0.9, 0.6], 2).items():
        for seed, rows in enumerate(seeds):
            for one, saved in zip(rows, board.rows["row of Ada"][label][seed], strict=True):
                assert saved == {k: v for k, v in one.items() if k != "layer_density"}


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda text: text[:200], "cannot be read"),
        (lambda text: text.replace("0.9", "NaN", 1), "NaN is no number"),
        (lambda text: text.replace('"density": 1.0', '"density": 7.0', 1), "density=7.0"),
        (lambda text: text.replace('"epochs": 2', '"epochs": -2', 1), "epochs=-2"),
        (lambda text: text.replace('"seed": 0, ', "", 1), "'seed'"),
        (lambda text: text.replace(kept.KIND, "something else"), "is no"),
        (lambda text: text.replace('"who": "Zoë", ', ""), "does not say its who"),
        (lambda text: "[1, 2]", "is no"),
        (lambda text: json.dumps(json.loads(text) | {"rows": {}}), "no rows"),
        (lambda text: json.dumps(json.loads(text) | {"rows": {"a": [1]}}), "no runs"),
        (
            lambda text: json.dumps(json.loads(text) | {"rows": {"a": {"yours": [["x"]]}}}),
            "damaged",
        ),
        (lambda text: json.dumps(json.loads(text) | {"rows": {"a": {"yours": []}}}), "damaged"),
    ],
)
def test_a_damaged_file_is_left_out_by_name(two_boards: Path, damage: Any, why: str) -> None:
    path = two_boards / "Zoë.json"
    path.write_text(damage(path.read_text()))
    table = lab.board.merge(two_boards, at=0.5)
    assert "| 1. | Ada |" in table and "| 2." not in table
    assert f"Left out: `{path.name}`: " in table and why in table


def test_other_data_are_not_compared_and_most_decide(two_boards: Path) -> None:
    shutil.copy(two_boards / "Ada.json", two_boards / "Bob.json")
    path = two_boards / "Ada.json"
    path.write_text(path.read_text().replace('"blobs"', '"digits"'))
    table = lab.board.merge(two_boards, at=0.5)
    assert "Left out: `Ada.json`: its data is digits, not blobs." in table
    assert "row of Zoë" in table


def test_merge_says_what_it_cannot_rank(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no board to rank"):
        lab.board.merge(tmp_path)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match=r"a\.json"):
        lab.board.merge(tmp_path)
    with pytest.raises(ValueError, match="at=0 must be"):
        lab.board.merge(tmp_path, at=0)


@pytest.mark.parametrize(
    ("who", "name"),
    [("", "anonymous.json"), ("../../x", "x.json"), ("a/b", "a_b.json"), ("Zoë", "Zoë.json")],
)
def test_a_name_leads_nowhere_else(who: str, name: str) -> None:
    assert kept.file_name(who) == name


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
    start = time.perf_counter()
    board.stop()
    board.wait(10)
    assert not board.running and time.perf_counter() - start < 5
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
    assert "ZeroDivisionError: a mistake" in shown.message and len(shown.rows) == 1
    shown.retire()


def test_keep_writes_what_merge_ranks(board: Board, tmp_path: Path) -> None:
    assert board.keep() == tmp_path / "anonymous.json"
    board._name.value = "Ada"
    board._buttons["Keep"].click()
    assert "Ada.json" in board.message
    table = lab.board.merge(tmp_path, at=0.5)
    assert "| 1. | Ada | `mine × " in table and "| 2. | anonymous |" in table


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
    figure = lab.plots.board.board(many, shown, newest="row 3", heads=heads, behind=many["row 1"])
    figure.canvas.draw()
    assert "1. L row 11: validation 61.0%" in words_of(figure)
    assert "D, the newest row: row 3" in words_of(figure)
    assert "and 6 more" in [text.get_text() for text in figure.axes[3].texts]
    assert [bar.get_width() for bar in figure.axes[1].patches] == [4.0] * 8
    with pytest.raises(KeyError, match="row 99"):
        lab.plots.board.board(many, shown, newest="row 99", heads=heads)


@pytest.mark.parametrize("a", lab.papers.ROWS)
@pytest.mark.parametrize("b", lab.papers.ROWS)
def test_two_papers(a: str, b: str) -> None:
    figure = lab.plots.board.two_papers(a=a, b=b)
    steps = list(lab.papers.one_by_one(lab.papers.ROWS[a], lab.papers.ROWS[b]))[1:]
    filled = [text for text in figure.axes[0].texts if text.get_bbox_patch()]
    assert len(filled) == 2 * len(steps)
    assert all(text.get_fontweight() == "bold" for text in filled), "told without colour, too"
    assert all(" ".join(step.split()) in words_of(figure) for step in steps)


def test_rows_of_the_field() -> None:
    early = lab.Runs({"a": [rows_of([0.9, 0.4], seed) for seed in range(3)]})
    late = lab.Runs({"b": [[row | {"pruned_test_accuracy": 0.3} for row in rows_of([0.9, 0.7])]]})
    figure = lab.plots.board.rows_of_the_field(early, late, density=0.02)
    assert "then retrained: b 69.0%. Just cut: b 30.0%" in words_of(figure)
    assert "before training: a 39.0%" in words_of(figure)
