"""Files that are written whole or not at all, whoever else writes, and whatever dies."""

from __future__ import annotations

import os
import platform
import re
import time
import uuid
from contextlib import suppress
from pathlib import Path

from .ideas.checks import checked

DAY = 86_400


@checked
def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: under a name of its own beside `path`, then renamed.

    That name is of this call alone, so any number of processes and threads may write one path; the
    last to finish stays. What a killed writer left beside `path` is removed. Raises OSError that
    names `path`, on a full disk too.
    """
    path = path.absolute()
    writer = f"{os.getpid()}@{platform.node()}.{uuid.uuid4().hex}"
    beside = path.with_name(f".{path.name}.{writer}")
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
    with suppress(OSError):
        _sweep(path)


def _sweep(path: Path) -> None:
    """Remove what dead writers left beside `path`: `.name.pid@host.…`, or `.name.pid` of old."""
    writer = re.compile(rf"\.{re.escape(path.name)}\.(\d+)(?:@(.*)\.[0-9a-f]{{32}})?")
    for file in path.parent.iterdir():
        match = writer.fullmatch(file.name)
        if match is None:
            continue
        with suppress(OSError):
            here = match[2] in (None, platform.node())
            old = time.time() - file.stat().st_mtime > DAY
            if old or (here and not _alive(int(match[1]))):
                file.unlink()


def _alive(pid: int) -> bool:
    """Tell whether a process of this machine lives; Windows has no harmless way to ask."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
