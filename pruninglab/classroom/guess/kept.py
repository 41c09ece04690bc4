"""The guesses of a notebook: a small file beside it, written whole or not at all."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

from ...files import write_whole

Entry = dict[str, Any]

FOLDER = Path("guesses")
# How many heights of a drawn curve are kept: KNOTS in guess.js.
KNOTS = 25
KEYS = {"kind", "question", "guess", "sure", "off", "right", "told"}
LONGEST = 2000


def file_of(name: str) -> Path:
    """Return the file of a question's notebook, in the folder in which the kernel runs.

    >>> file_of("07_density_accuracy").as_posix()
    'guesses/07.json'
    """
    return FOLDER / f"{name[:2]}.json"


def read(path: Path) -> tuple[dict[str, Entry], str]:
    """Return the guesses of a file by name, and what went wrong, in words, or nothing.

    A damaged file is set aside under another name; nothing of it is lost.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"{path} cannot be read ({error.strerror}): earlier guesses are not shown."
    try:
        entries = json.loads(content)
        if isinstance(entries, dict) and all(map(sound, entries.values())):
            return entries, ""
    except (ValueError, RecursionError):
        pass
    return {}, _set_aside(path)


def _set_aside(path: Path) -> str:
    names = (path.with_name(f"{path.stem}.damaged-{i}.json") for i in itertools.count(1))
    aside = next(name for name in names if not name.exists())
    try:
        path.replace(aside)
    except OSError as error:
        return f"{path} is damaged and cannot be moved ({error.strerror}): delete it."
    return f"{path} was damaged. It is now {aside.name}, and your guesses start again."


def keep(name: str, entry: Entry | None) -> str:
    """Put a question's guess into its notebook's file, or take it out; return what went wrong."""
    path = file_of(name)
    entries, wrong = read(path)
    entries.pop(name, None)
    if entry is not None:
        entries[name] = entry
    text = json.dumps(entries, ensure_ascii=False, indent=1)
    try:
        path.parent.mkdir(exist_ok=True)
        write_whole(path, f"{text}\n".encode())
    except OSError as error:
        return f"Your guess could not be kept in {path} ({error.strerror})."
    return wrong


def sound(entry: object) -> bool:
    """Tell whether this is a guess as `guess.js` makes it.

    >>> sound({"kind": "choice", "question": "a or b?", "guess": "a", "sure": 70, "off": None,
    ...        "right": True, "told": "You said a."}), sound({"guess": "a"})
    (True, False)
    """
    if not isinstance(entry, dict) or entry.keys() != KEYS:
        return False
    words = [entry["question"], entry["told"]]
    return (
        all(isinstance(text, str) and len(text) <= LONGEST for text in words)
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
    return kind == "choice" and isinstance(guess, str) and len(guess) <= LONGEST


def _number(value: object) -> bool:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and math.isfinite(value)  # type: ignore[arg-type]
