"""The process in which a student's code runs: no network, no files to write, a limit for all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch

from ..exercise import on_copies
from .line import Line

MEMORY = 3 * 2**30
LINE, MOST_OPEN = 100, 4096
# Linux's numbers for a user and a network of one's own.
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000


def room(
    connection: Connection, home: str, seconds: int, imports: str, source: str, name: str
) -> None:
    """Run a student's `source`, and let the other side call what it calls `name`.

    `imports` are the original notebook's, which may do more than a student's code.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    # Of all that is open, only the line stays.
    os.dup2(connection.fileno(), LINE)
    os.closerange(0, LINE)
    os.closerange(LINE + 1, MOST_OPEN)
    for _ in range(3):
        os.open(os.devnull, os.O_RDWR)
    os.setsid()
    os.environ.clear()
    os.environ["HOME"] = home
    os.chdir(home)
    torch.set_num_threads(1)
    exec(imports, names)
    line = Line(Connection(LINE))
    line.say("ready")
    _limit(seconds)
    try:
        exec(compile(source, "<your cell>", "exec"), names)
        answer = eval(name, names)
    except BaseException as error:
        line.say("error", type(error).__name__, f"{error}")
        return
    line.say("result", partial(on_copies, answer) if callable(answer) else answer)
    with contextlib.suppress(BaseException):
        line.listen()
    os._exit(0)


def _limit(seconds: int) -> None:
    """Close the doors. Where a system lacks one, the others still hold."""
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)
    if sys.platform != "win32":
        import resource

        for what, most in (
            (resource.RLIMIT_DATA, MEMORY),
            (resource.RLIMIT_CPU, 2 * seconds),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NPROC, 0),
        ):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(what, (most, most))
    sys.dont_write_bytecode = True
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what an answer never needs.

    Only literals and syntax: what is looked up by name a student's code could replace.
    """
    if event == "open":
        if arguments[2] & 3:
            raise PermissionError("an answer writes no files")
    elif event == "object.__setattr__":
        if arguments[1] in ("__code__", "__defaults__", "__kwdefaults__"):
            raise PermissionError("an answer changes no functions")
    elif event.partition(".")[0] in (
        "socket", "subprocess", "ctypes", "resource", "shutil", "sqlite3", "pty",
    ) or event in (
        "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.kill",
        "os.killpg", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink",
        "os.truncate", "os.chmod", "os.chown", "os.utime", "signal.pthread_kill",
    ):  # fmt: skip
        raise PermissionError("an answer stays in its cell")
