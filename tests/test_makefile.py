"""`make lab` starts a server, as root too, that only this machine can reach."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pruninglab.threads import DECIDED, SPINNING

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine")


def lab_command(path: str, *options: str) -> str:
    """Return the line with which `make lab` starts JupyterLab, found by a dry run."""
    made = subprocess.run(
        ["make", "--dry-run", "lab", f"BIN={Path(sys.executable).parent}", *options],
        cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    text = made.stdout.replace("\\\n", " ")
    return next(line for line in text.splitlines() if "jupyter lab" in line)


@pytest.mark.parametrize(("user", "allowed"), [("0", True), ("1000", False), ("10", False)])
def test_only_root_is_allowed_to_be_root(tmp_path: Path, user: str, allowed: bool) -> None:
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (tmp_path / "id").chmod(0o755)
    command = lab_command(f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert ("--allow-root" in command) == allowed
    assert "--ip=127.0.0.1" in command


def test_the_server_starts_and_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = lab_command(os.environ["PATH"], f"PORT={port}", "NO_BROWSER=1")
    make("my-copy")  # The server opens a copy, and only `make lab` itself makes it first.
    own = {name: str(tmp_path) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "HOME")}
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            f"exec {command}", shell=True, cwd=ROOT, env={**os.environ, **own}, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        assert "version" in ask(f"http://127.0.0.1:{port}/api", server, log)
        taken = subprocess.run(
            command, shell=True, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True
        )
        assert taken.returncode != 0
        assert str(port) in taken.stderr
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as if everything were installed, with the programs of this Python."""
    bin_folder = f"BIN={Path(sys.executable).parent}"
    return subprocess.run(
        ["make", "--old-file=.venv/installed", bin_folder, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_a_taken_port_gets_a_clear_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = make("lab", f"PORT={port}", "NO_BROWSER=1")
    assert said.returncode != 0
    assert f"Port {port} is in use" in said.stderr
    assert f"make lab PORT={port + 1}" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("name", ["PORT", "WORKERS", "NOTEBOOKS", "TORCH_INDEX", "CALLS", "SEED"])
@pytest.mark.parametrize("sign", ["; {}", "| {}", "& {}", "`{}`", "$$({})", "' ; {} '", "\n{}"])
def test_no_value_runs_a_command(tmp_path: Path, name: str, sign: str) -> None:
    value = "1" + sign.format(f"touch {tmp_path / 'made'}")
    said = make("--dry-run", "lab", "unit", "nbval", "fuzz", f"{name}={value}")
    assert said.returncode != 0 and f"{name} may not hold" in said.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("python", "venv"),
    [("python3", ".venv"), ("python", ".venv"), ("python3.13", ".venv-python3.13"),
     ("/usr/bin/python3.11", ".venv-python3.11")],
)  # fmt: skip
def test_each_interpreter_has_its_own_environment(python: str, venv: str) -> None:
    command = ["make", "--dry-run", "--always-make", "unit", f"PYTHON={python}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"{python} -m venv {venv}\n" in said
    assert f"\n{venv}/bin/python -m pytest" in said


def test_clean_keeps_what_is_not_remade() -> None:
    said = make("--dry-run", "clean").stdout
    assert ".venv*" in said
    assert not any(f"'{kept}" in said for kept in ("runs", "data", "notebooks"))


def test_every_command_tells_torchs_threads_to_spin_briefly() -> None:
    """A notebook may load torch before the package can say so."""
    own = {k: v for k, v in os.environ.items() if k not in DECIDED}
    for variables in ({}, {"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}):
        made = subprocess.run(
            ["make", "--file=-", "show"], input=f"include {ROOT / 'Makefile'}\nshow:\n\t@env\n",
            env=own | variables, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = dict(line.partition("=")[::2] for line in made.stdout.splitlines())
        expected = variables if "OMP_WAIT_POLICY" in variables else SPINNING | variables
        assert {name: found[name] for name in DECIDED if name in found} == expected


def ask(url: str, server: subprocess.Popen, log: Path) -> dict[str, str]:
    """Return the server's answer as soon as it gives one."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    last = time.monotonic() + 600
    while time.monotonic() < last and server.poll() is None:
        try:
            with direct.open(url, timeout=60) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}: {log.read_text()}")
