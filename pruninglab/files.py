"""Files that are written whole or not at all, and files and words that somebody else wrote."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import unicodedata
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from .checks import checked

# What Markdown, HTML or TeX would read, and its full-width twin, which nothing reads.
TWINS = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "<>&`|$\\"})
LONGEST_SHOWN = 200
# Letters, digits, spaces and hyphens; a point and an underscore where they make no link or accent.
HARMLESS = re.compile(r"(?:[^\W_]|[ -]|\.(?=\d)|(?<=[^\W_])_(?=[^\W_]))+")


@checked
def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: under a name of its own beside `path`, then renamed.

    That name is of this call alone, so any number of processes and threads may write one path; the
    last to finish stays. What a killed writer left beside `path` stays: nobody can
    tell whether it lives on another machine. Raises OSError that names `path`, on a full disk too.
    """
    path = path.absolute()
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@checked
def read_limited(path: str | Path, most: int) -> bytes:
    """Return a file's bytes, at most `most` of them; a pipe or device is not waited for.

    For every file that somebody else may have written. Raises ValueError for what is no regular
    file, or longer; OSError where it cannot be read.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@checked
def read_json(path: str | Path, most: int) -> Any:
    """Return what a JSON file of at most `most` bytes says, as `parse_json` and `read_limited`."""
    return parse_json(read_limited(path, most))


@checked
def parse_json(content: bytes) -> Any:
    """Return what JSON in UTF-8 says. Every number is finite, all text can be written again.

    Raises ValueError for anything else: NaN, a number beyond the floats, a key that stands twice,
    half of a surrogate pair, nesting that Python cannot follow.
    """
    try:
        value = json.loads(content.decode("utf-8-sig"), parse_constant=_finite, parse_int=_whole,
                           parse_float=_finite, object_pairs_hook=_once)  # fmt: skip
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in it")
    return found


@checked
def as_code(text: str, most: int = LONGEST_SHOWN) -> str:
    """Return somebody else's words as code on one line of Markdown, of which nothing breaks out.

    Neither Markdown nor HTML, TeX or a table reads any of it: the signs that they read become
    their full-width twins, what cannot be seen goes, and what is longer than `most` is cut.

    >>> as_code("<b>a|b</b>\\n`1.`")
    '`＜b＞a｜b＜/b＞ ｀1.｀`'
    """
    words = unicodedata.normalize("NFC", " ".join(text[: 2 * most].split()))
    words = "".join(filter(str.isprintable, words))
    words = words if len(words) <= most else words[: most - 1] + "…"
    return f"`{words.strip().translate(TWINS) or '–'}`"


@checked
def as_words(text: str, most: int = LONGEST_SHOWN) -> str:
    """Return somebody else's words for Markdown: a plain name as it is, all else `as_code`.

    >>> as_words("Zoë 3"), as_words("www.x.org"), as_words("*a*")
    ('Zoë 3', '`www.x.org`', '`*a*`')
    """
    code = as_code(text, most)
    return code[1:-1] if HARMLESS.fullmatch(code[1:-1]) else code
