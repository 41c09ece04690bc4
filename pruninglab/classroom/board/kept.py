"""A board as a small file, and the boards of a class as one ranking."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engine.results import Row, Runs, number
from ...files import write_whole
from ...ideas.checks import Share, checked
from ...papers.experiment import kept as short
from ...papers.rows import Table
from ...settings import environment
from .race import REFERENCES, YOURS
from .standings import markdown, ranked, standings

KIND = "pruninglab board 1"
SHARES = ("density", "validation_accuracy", "test_accuracy")
KEYS = ("seed", "round", *SHARES, "epochs")
# What must agree for two boards to be compared, and how it is called.
SAME = ("data", "net", "training")
LONGEST_NAME = 60


@dataclass(frozen=True)
class Kept:
    """A board's file: who made it, on what, and the runs of every row."""

    who: str
    about: Mapping[str, str]
    rows: Mapping[str, Runs]


def file_name(who: str) -> str:
    """Return the file name of a student's board: letters and digits of any alphabet, _ and -.

    >>> file_name(" Zoë / 3 ")
    'Zoë_3.json'
    """
    tidy = re.sub(r"[^\w-]+", "_", who).strip("_")[:LONGEST_NAME]
    return f"{tidy or 'anonymous'}.json"


def keep(folder: Path, board: Kept) -> Path:
    """Write a board whole or not at all; return the path. The same name takes the same place."""
    rows = {
        row: {label: [[short(one, KEYS) for one in rows] for rows in seeds]
              for label, seeds in runs.items()}
        for row, runs in board.rows.items()
    }  # fmt: skip
    content = {"kind": KIND, "who": board.who, **board.about, "environment": environment(),
               "rows": rows}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, allow_nan=False).replace("[{", "\n[{")
    path = folder / file_name(board.who)
    write_whole(path, text.encode() + b"\n")
    return path


@checked
def merge(folder: str | Path, at: Share = 0.1) -> Table:
    """Rank the boards of a class: all files that Keep has written into `folder`, as one table.

    Ranked by validation accuracy where `at` of the weights live, as on the board. A damaged file,
    and one of other data, another network or another training than most have, is left out and named
    below the table with the reason. Raises ValueError for a density of 0, and where there is
    no board to rank. Taught in notebook 07.
    """
    if at <= 0:
        raise ValueError(f"at={at} must be a density above 0")
    boards: dict[str, Kept] = {}
    left_out: dict[str, str] = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            boards[path.name] = read(path)
        except ValueError as error:
            left_out[path.name] = str(error)
    left_out |= _others(boards)
    notes = [f"Left out: `{name}`: {why}." for name, why in sorted(left_out.items())]
    lines = [line for name, board in boards.items() if name not in left_out
             for line in standings(board.rows, at, board.who)]  # fmt: skip
    if not lines:
        raise ValueError(f"folder={str(folder)!r} has no board to rank. {' '.join(notes)}".rstrip())
    return markdown(ranked(lines), at, notes)


def read(path: Path) -> Kept:
    """Read a board's file. Raises ValueError that says what is wrong with it."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        raise ValueError(f"it cannot be read ({error})") from error
    if not isinstance(saved, dict) or saved.get("kind") != KIND:
        raise ValueError(f"it is no {KIND!r}")
    words = {key: saved.get(key) for key in ("who", *SAME)}
    if unsaid := [key for key, word in words.items() if not isinstance(word, str)]:
        raise ValueError(f"it does not say its {unsaid[0]}")
    rows = saved.get("rows")
    if not isinstance(rows, dict) or not rows:
        raise ValueError("it has no rows")
    about = {key: str(saved[key]) for key in SAME}
    return Kept(str(saved["who"]), about, {row: _runs(row, runs) for row, runs in rows.items()})


def _runs(row: str, saved: Any) -> Runs:
    """Return the runs of a row. Raises ValueError for what is no run, or is out of range."""
    if not isinstance(saved, dict) or YOURS not in saved or set(saved) - {YOURS, *REFERENCES}:
        raise ValueError(f"{row!r} has no runs of a recipe and its references")
    try:
        runs = Runs(saved)
        for label in runs:
            for rows in runs[label]:
                for one in rows:
                    _check_row(one)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{row!r} is damaged ({error})") from error
    return runs


def _check_row(row: Row) -> None:
    values = {key: number(row, key) for key in KEYS}
    wrong = [key for key in SHARES if not 0 <= values[key] <= 1]
    wrong += [key for key in ("epochs", "round") if not 0 <= values[key] < 1e6]
    if wrong:
        raise ValueError(f"{wrong[0]}={values[wrong[0]]}")


def _others(boards: Mapping[str, Kept]) -> dict[str, str]:
    """Return, by file name, in what a board differs from what most of them have."""
    most = {key: Counter(board.about[key] for board in boards.values()).most_common(1)
            for key in SAME}  # fmt: skip
    return {
        name: f"its {key} is {board.about[key]}, not {usual[0][0]}"
        for name, board in boards.items()
        for key, usual in most.items()
        if board.about[key] != usual[0][0]
    }


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
