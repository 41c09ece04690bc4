"""A board as a small file, and the boards of a class as one ranking."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import unicodedata
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ....checks import Share, checked
from ....engine.results import Row, Runs
from ....files import as_code, as_words, parse_json, read_limited, write_whole
from ....papers.experiment import kept as short
from ....papers.rows import Table
from ....settings import environment
from .race import REFERENCES, YOURS
from .standings import markdown, rule, standings

KIND = "pruninglab board 1"
SHARES = ("density", "validation_accuracy", "test_accuracy")
# Whole numbers, and from where to where.
WHOLE = {"seed": (-(2**63), 2**63), "round": (0, 10**6), "epochs": (0, 10**6)}
KEYS = ("seed", "round", *SHARES, "epochs")
# What must agree for two boards to be compared, and how it is called.
SAME = ("data", "net", "training")
LONGEST_FILE, MOST_ROWS, LONGEST_NAME = 5_000_000, 200, 60


@dataclass(frozen=True)
class Kept:
    """A board's file: who made it, on what, and the runs of every row."""

    who: str
    about: Mapping[str, str]
    rows: Mapping[str, Runs]


def file_name(who: str, results: str) -> str:
    """Return the file name of a board: who made it, and letters that no other board has.

    They tell the machine, the home folder and the results: boards of one name, on one machine or
    two, never take each other's place, and the name is none that an operating system keeps.

    >>> file_name(" Zoë / 3 ", "")[:-12]
    'Zoë_3'
    """
    tidy = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFC", who)).strip("_-")
    tidy = tidy.encode()[:LONGEST_NAME].decode(errors="ignore")
    whose = repr((platform.node(), uuid.getnode(), os.path.expanduser("~"), who, results))
    return f"{tidy or 'anonymous'}-{hashlib.sha256(whose.encode()).hexdigest()[:6]}.json"


def keep(folder: Path, board: Kept) -> Path:
    """Write a board whole or not at all; return the path, which no other board has.

    Raises ValueError for a board that `merge` would leave out, OSError where it cannot be written.
    """
    rows = {
        row: {label: [[short(one, KEYS) for one in rows] for rows in seeds]
              for label, seeds in runs.items()}
        for row, runs in board.rows.items()
    }  # fmt: skip
    results = {"who": board.who, **board.about, "rows": rows}
    content = {"kind": KIND, "environment": environment(), **results}
    text = json.dumps(content, ensure_ascii=False).replace("[{", "\n[{").encode() + b"\n"
    parse(text)
    path = folder / file_name(board.who, repr(results))
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    return path


@checked
def merge(folder: str | Path, at: Share = 0.1) -> Table:
    """Rank the boards of a class: all files that Keep has written into `folder`, as tables.

    Ranked by validation accuracy where `at` of the weights live, as on the board. Boards of the
    same data, network and training stand in one table, the largest first. A damaged file is left
    out and named below with the reason, and so are boards by one name. Raises ValueError for a
    density of 0, and where there is no board to rank. Taught in notebook 07.
    """
    if at <= 0:
        raise ValueError(f"at={at} must be a density above 0")
    alike: dict[tuple[str, ...], list[Kept]] = defaultdict(list)
    by_name: dict[str, list[str]] = defaultdict(list)
    notes = []
    for path in sorted(Path(folder).glob("*.json")):
        try:
            board = read(path)
        except ValueError as error:
            notes.append(f"Left out: {as_code(path.name)}: {as_code(str(error))}.")
            continue
        alike[tuple(board.about.values())].append(board)
        by_name[as_words(board.who).casefold()].append(as_code(path.name))
    if not alike:
        raise ValueError(f"folder={str(folder)!r} has no board to rank. {' '.join(notes)}".rstrip())
    notes += [f"More than one board is by {who}: {', '.join(files)}."
              for who, files in by_name.items() if len(files) > 1]  # fmt: skip
    tables = [rule(at)]
    for about, boards in sorted(alike.items(), key=lambda item: (-len(item[1]), item[0])):
        tables.append("On " + ", ".join(map(as_code, about)) + ":")
        tables.append(markdown([line for board in boards
                                for line in standings(board.rows, at, board.who)]))  # fmt: skip
    return Table("\n\n".join([*tables, *notes]))


def read(path: Path) -> Kept:
    """Read a board's file. Raises ValueError that says what is wrong with it."""
    try:
        return parse(read_limited(path, LONGEST_FILE))
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from error


def parse(content: bytes) -> Kept:
    """Return the board that a file says. Raises ValueError that says what is wrong with it."""
    try:
        saved = parse_json(content)
    except ValueError as error:
        raise ValueError(f"it cannot be read ({error})") from error
    if not isinstance(saved, dict) or saved.get("kind") != KIND:
        raise ValueError(f"it is no {KIND!r}")
    about: dict[str, Any] = {key: saved.get(key) for key in SAME}
    for key, word in {"who": saved.get("who"), **about}.items():
        if not isinstance(word, str):
            raise ValueError(f"it does not say its {key}")
    rows = saved.get("rows")
    if not isinstance(rows, dict) or not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(f"it has no rows, or more than {MOST_ROWS}")
    return Kept(saved["who"], about, {row: _runs(row, runs) for row, runs in rows.items()})


def _runs(row: str, saved: Any) -> Runs:
    """Return the runs of a row. Raises ValueError for what is no run, or is out of range."""
    if not isinstance(saved, dict) or YOURS not in saved or set(saved) - {YOURS, *REFERENCES}:
        raise ValueError(f"{row!r} has no runs of a recipe and its references")
    try:
        runs = Runs(saved)
        for seeds in runs.values():
            _check_seeds(seeds)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{row!r} is damaged ({error})") from error
    return runs


def _check_seeds(seeds: list[list[Row]]) -> None:
    """Raise ValueError unless each seed stands once, and its rounds follow on one another."""
    for rows in seeds:
        for one in rows:
            _check_row(one)
        for before, after in pairwise(rows):
            if after["seed"] != before["seed"] or after["round"] != before["round"] + 1:
                raise ValueError("the rounds of a seed do not follow on one another")
            if after["density"] > before["density"]:
                raise ValueError("its density grows")
    if len({rows[0]["seed"] for rows in seeds}) < len(seeds):
        raise ValueError("a seed stands twice")


def _check_row(row: Row) -> None:
    if row.keys() != set(KEYS):
        raise ValueError(f"a round has {sorted(row)}, not {sorted(KEYS)}")
    for key, value in row.items():
        low, high = WHOLE.get(key, (0, 1))
        right = (int,) if key in WHOLE else (int, float)
        if type(value) not in right or not low <= value <= high:
            raise ValueError(f"{key}={value!r}")
