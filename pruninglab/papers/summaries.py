"""The small records that the papers' commands leave in data/records/, for notebooks to draw."""

from __future__ import annotations

import json
from pathlib import Path

from ..engine.records import Row, write_whole
from ..settings import environment


def save(path: Path, content: Row) -> None:
    """Write `content` and the environment as JSON, a line per run, whole or not at all.

    `content` has "settings" and "results"; the environment goes between them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"settings": content["settings"], "environment": environment(), **content}
    text = json.dumps(whole, ensure_ascii=False).replace("[{", "\n[{")
    write_whole(path, text.encode() + b"\n")


def load(folder: Path, name: str) -> Row:
    """Read a summary by name. Raises FileNotFoundError that lists those there are."""
    path = folder / f"{name}.json"
    if not path.exists():
        there = sorted(found.stem for found in folder.glob("*.json"))
        raise FileNotFoundError(f"there is no record {name!r}; there are {there}")
    return json.loads(path.read_text(encoding="utf-8"))
