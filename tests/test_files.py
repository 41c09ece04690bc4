"""Whole or not at all: side by side, on a full disk, after a kill."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pruninglab.files import DAY, write_whole


@pytest.fixture
def dead_pid() -> int:
    """Return the number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_written_and_overwritten_with_nothing_beside(tmp_path: Path) -> None:
    for content in (b"first", b"", b"second"):
        write_whole(tmp_path / "a.json", content)
        assert (tmp_path / "a.json").read_bytes() == content
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_has_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_whole(tmp_path / "whole", b"")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_threads_that_write_one_path_leave_one_whole_file(tmp_path: Path) -> None:
    contents = [bytes([number]) * 200_000 for number in range(8)]
    errors: list[BaseException] = []

    def write(content: bytes) -> None:
        try:
            for _ in range(5):
                write_whole(tmp_path / "a.bin", content)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (tmp_path / "a.bin").read_bytes() in contents
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failure_names_the_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write_whole(tmp_path / "a.json", b"before")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os if failing == "fsync" else Path, failing, full)
    with pytest.raises(OSError, match=r"No space left.*a\.json") as caught:
        write_whole(tmp_path / "a.json", b"after")
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "a.json").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.json"]


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.json", b"after")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_and_a_folder_in_the_way_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"nowhere.a\.json"):
        write_whole(tmp_path / "nowhere" / "a.json", b"")
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OSError, match=r"a\.json"):
        write_whole(tmp_path / "a.json", b"")
    assert os.listdir(tmp_path) == ["a.json"]


def test_leftovers_of_dead_writers_are_swept(tmp_path: Path, dead_pid: int) -> None:
    node, call, alive = platform.node(), "0" * 32, os.getpid()
    dead = (f".a.json.{dead_pid}", f".a.json.{dead_pid}@{node}.{call}", f".a.json.{10**30}")
    stale = f".a.json.{alive}@elsewhere.{'1' * 32}"
    living = (
        f".a.json.{alive}@{node}.{call}",
        f".a.json.{dead_pid}@elsewhere.{call}",
        f".b.json.{dead_pid}",
        f".a.json.{dead_pid}.notes",
        ".a.json.txt",
    )
    for name in (*dead, stale, *living):
        (tmp_path / name).write_bytes(b"")
    long_ago = time.time() - DAY - 60
    os.utime(tmp_path / stale, (long_ago, long_ago))
    write_whole(tmp_path / "a.json", b"")
    assert sorted(os.listdir(tmp_path)) == sorted(("a.json", *living))


def test_a_killed_writer_leaves_the_old_file_and_is_swept(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", b"before")
    killed = "import os, sys, pathlib, pruninglab.files as files\n" + (
        "os.fsync = lambda number: os.kill(os.getpid(), 9)\n"
        "files.write_whole(pathlib.Path(sys.argv[1]), b'after')"
    )
    subprocess.run([sys.executable, "-c", killed, tmp_path / "a.json"], check=False)
    assert (tmp_path / "a.json").read_bytes() == b"before"
    assert len(os.listdir(tmp_path)) == 2
    write_whole(tmp_path / "a.json", b"after")
    assert os.listdir(tmp_path) == ["a.json"]
