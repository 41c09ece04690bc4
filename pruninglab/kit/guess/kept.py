"""The guesses of a notebook: a small file each in a folder beside it, written whole or not at all.

A file of its own, so that two kernels never write back what the other has changed.
"""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

from ...files import read_json, write_whole

Entry = dict[str, Any]

FOLDER = Path("guesses")
# How many heights of a drawn curve are kept: KNOTS in guess.js.
KNOTS = 25
KEYS = {"kind", "question", "guess", "sure", "off", "right", "told"}
LONGEST, LARGEST, LONGEST_FILE = 2000, 1e100, 1_000_000
SURROGATE = re.compile("[\ud800-\udfff]")


def read(name: str) -> tuple[dict[str, Entry], str]:
    """Return the guesses of a question's notebook by name, and what went wrong, in words.

    A damaged file is set aside under another name; nothing of it is lost. An older version kept
    all guesses of a notebook in one file, NN.json: it is read, not written.
    """
    entries: dict[str, Entry | None] = {}
    wrong = []
    for path in [file_of(name[:2]), *sorted(FOLDER.glob(f"{name[:2]}_*.json"))]:
        if ".damaged-" in path.name:
            continue
        try:
            content = entries_of(path)
            if path.stem != name[:2] and content.keys() != {path.stem}:
                raise ValueError("it holds another question's")
            entries |= content
        except FileNotFoundError:
            continue
        except OSError as error:
            wrong.append(f"{path} cannot be read ({error.strerror}).")
        except ValueError:
            wrong.append(_set_aside(path))
    return {name: entry for name, entry in entries.items() if entry is not None}, " ".join(wrong)


def entries_of(path: Path) -> dict[str, Entry | None]:
    """Return what a file of guesses holds, whoever wrote it.

    Raises ValueError for what is no such file, OSError where it cannot be read.
    """
    content = read_json(path, LONGEST_FILE)
    if not isinstance(content, dict) or not all(map(_kept, content.values())):
        raise ValueError("it holds no guesses")
    return content


def file_of(name: str) -> Path:
    """Return the file of a question, in the folder in which the kernel runs.

    >>> file_of("07_density_accuracy").as_posix()
    'guesses/07_density_accuracy.json'
    """
    return FOLDER / f"{name}.json"


def _set_aside(path: Path) -> str:
    aside = path.with_name(f"{path.stem}.damaged-{uuid.uuid4().hex[:6]}.json")
    try:
        path.replace(aside)
    except OSError as error:
        return f"{path} is damaged and cannot be moved ({error.strerror}): delete it."
    return f"{path} was damaged. It is now {aside.name}, and its guesses start again."


def keep(name: str, entry: Entry | None) -> str:
    """Put a question's guess into its file, or that there is none; return what went wrong."""
    path = file_of(name)
    text = json.dumps({name: entry}, ensure_ascii=False, indent=1)
    try:
        path.parent.mkdir(exist_ok=True)
        write_whole(path, f"{text}\n".encode())
    except OSError as error:
        return f"Your guess could not be kept in {path} ({error.strerror})."
    return ""


def _kept(entry: object) -> bool:
    return entry is None or sound(entry)


def sound(entry: object) -> bool:
    """Tell whether this is a guess as `guess.js` makes it.

    >>> sound({"kind": "choice", "question": "a or b?", "guess": "a", "sure": 70, "off": None,
    ...        "right": True, "told": "You said a."}), sound({"guess": "a"})
    (True, False)
    """
    if not isinstance(entry, dict) or entry.keys() != KEYS:
        return False
    return (
        _text(entry["question"])
        and _text(entry["told"])
        and isinstance(entry["right"], bool)
        and (entry["off"] is None or _number(entry["off"]))
        and _number(entry["sure"])
        and 0 <= entry["sure"] <= 100
        and _guess(entry["kind"], entry["guess"])
    )


def _guess(kind: object, guess: object) -> bool:
    if kind == "curve":
        return isinstance(guess, list) and len(guess) == KNOTS and all(map(_number, guess))
    if kind == "number":
        return _number(guess)
    return kind == "choice" and _text(guess)


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and not SURROGATE.search(value)


def _number(value: object) -> bool:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and abs(value) <= LARGEST  # type: ignore[arg-type]
