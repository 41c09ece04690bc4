"""Whole or not at all: side by side, on a full disk, after a kill."""

from __future__ import annotations

import errno
import os
import platform
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pruninglab.files import as_code, as_words, parse_json, read_json, read_limited, write_whole


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


def test_what_others_write_beside_is_left_alone(tmp_path: Path, dead_pid: int) -> None:
    """Its writer may live in a container of this host's name, with a clock of its own."""
    others = sorted((f".a.json.{dead_pid}@{platform.node()}.{'0' * 32}", f".a.json.{'1' * 32}"))
    for name in others:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    write_whole(tmp_path / "a.json", b"")
    assert sorted(os.listdir(tmp_path)) == [*others, "a.json"]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", b"before")
    killed = "import os, sys, pathlib, pruninglab.files as files\n" + (
        "os.fsync = lambda number: os.kill(os.getpid(), 9)\n"
        "files.write_whole(pathlib.Path(sys.argv[1]), b'after')"
    )
    subprocess.run([sys.executable, "-c", killed, tmp_path / "a.json"], check=False)
    assert (tmp_path / "a.json").read_bytes() == b"before"
    write_whole(tmp_path / "a.json", b"after")
    assert (tmp_path / "a.json").read_bytes() == b"after"


def test_a_file_is_read_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf[1, 2.5, "\xc3\xa9", null, true]')
    size = path.stat().st_size
    assert len(read_limited(path, size)) == size
    assert read_json(path, size) == [1, 2.5, "é", None, True]
    with pytest.raises(ValueError, match=f"more than {size - 1} bytes"):
        read_limited(path, size - 1)


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, Path.mkdir, lambda p: p.symlink_to("/dev/zero"), lambda p: p.symlink_to(p),
     lambda p: p.symlink_to("nowhere"), lambda p: socket.socket(socket.AF_UNIX).bind(str(p)),
     lambda p: p.symlink_to("/dev/stdin/x"), lambda p: p.symlink_to("/")],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "a")
    with pytest.raises((ValueError, OSError)):
        read_limited(tmp_path / "a", 10)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe[\x001\x00]\x00", b"\xc3", b"NaN", b"[-Infinity]", b"1e999", b"-1e999",
     b"9" * 400, b"9" * 5000, b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "a": 2}}]', b'"\\ud800"',
     b'{"\\udfff": 1}', b"[" * 10**5, b'{"a":' * 10**5, b"[" * 10**5 + b"]" * 10**5, b"'a'",
     b'"\n"',
     b"[1] [2]", b"01", b"0x1"],
    ids=range(22),
)  # fmt: skip
def test_json_that_cannot_be_held_or_written_again_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(content)


def test_as_code_is_one_line_that_nothing_reads() -> None:
    everything = "".join(map(chr, range(0x3000))) + "\ud800\U000e0001\U0001f600"
    for start in range(0, len(everything), 50):
        text = everything[start : start + 50]
        shown = as_code(text, 50)
        assert shown[0] == shown[-1] == "`" and len(shown) > 2
        assert shown.isprintable() and not set(shown[1:-1]) & set("<>&`|$\\\n")
    for plain in ("Zoë 李 3", "pq_bound(p=0.5) × α", "a's [1, 2] * _x_ ~ #1.", "שלום"):
        assert as_code(plain) == f"`{plain}`"
    assert as_code("a" * 11, 10) == f"`{'a' * 9}…`"


def test_only_plain_names_stand_as_words() -> None:
    for plain in ("Zoë 李 3", "0.852", "my_ticket", "Anna-Lena", "–"):
        assert as_words(plain) == plain or plain == "–"
    for other in (
        "_a_",
        "__a__",
        "a.b",
        "www.x.org",
        "a:b",
        "*a*",
        "[a]",
        "a@b",
        "~a~",
        "#",
        "",
        "a_",
    ):
        assert as_words(other) == as_code(other)
