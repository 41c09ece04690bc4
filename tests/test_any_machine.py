"""A wheel, a class without network, a small torch, older widgets, a student's own copies."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
OLDER = ("ipywidgets==7.7.1", "ipython==7.34.0", "traitlets==5.7.1", "ipython_genutils",
         "pickleshare", "backcall", "decorator")  # fmt: skip


@pytest.fixture(scope="module")
def torch_index() -> ModuleType:
    spec = importlib.util.spec_from_file_location("torch_index", ROOT / ".ci/torch_index.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def index() -> Iterator[str]:
    """Return the address of a stand-in for a package index, which has torch only."""

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/cpu/torch/" else 404)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_small_torch_where_it_is_enough(torch_index: ModuleType, index: str) -> None:
    def chosen(asked: str = "", platform: str = "linux", nvidia: bool = False, at: str = "") -> str:
        url, why = torch_index.chosen(asked, platform, nvidia, at or f"{index}/cpu")
        assert "GB" in why or "asked" in why
        return url

    assert chosen() == f"{index}/cpu"
    assert chosen(at=f"{index}/gone") == chosen(at="http://127.0.0.1:9/cpu") == ""
    assert chosen(nvidia=True) == chosen(platform="darwin") == chosen("none") == ""
    assert chosen("https://mine", "darwin", True) == "https://mine"


@pytest.mark.skipif(not shutil.which("make"), reason="make is not on this machine")
def test_what_students_open_are_copies_and_theirs_stay(tmp_path: Path) -> None:
    (tmp_path / "notebooks/audits").mkdir(parents=True)
    for name in ("00_a.ipynb", "audits/00_a.ipynb"):
        (tmp_path / "notebooks" / name).write_text(name)
    make = ["make", "-f", str(ROOT / "Makefile"), "my-copy", f"PYTHON={sys.executable}"]
    first = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (tmp_path / "mine/audits/00_a.ipynb").read_text() == "audits/00_a.ipynb"
    assert "newer" not in first.stdout
    mine, source = tmp_path / "mine/00_a.ipynb", tmp_path / "notebooks/00_a.ipynb"
    mine.write_text("played with")
    os.utime(source, (mine.stat().st_mtime + 9,) * 2)
    again = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert mine.read_text() == "played with" and again.stdout.count("newer") == 1
    assert "mine/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "lab: $(INSTALLED) my-copy" in (ROOT / "Makefile").read_text("utf-8")


def test_the_container_opens_on_the_first_lesson() -> None:
    about = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    assert about["customizations"]["codespaces"]["openFiles"] == ["mine/00_start_here.ipynb"]
    assert "make" in about["postCreateCommand"]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_lesson_opens_in_colab(path: Path) -> None:
    """The line names the notebook; the address is that of the repository, once it has one."""
    head = nbformat.read(path, as_version=4).cells[0].source
    assert f"/pruninglab/blob/main/notebooks/{path.name})" in head.splitlines()[-1]


def pip(*arguments: str) -> None:
    """Run pip, or skip where no index answers."""
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip cannot: {done.stderr[-200:]}")


USED = """
import pruninglab as lab, torch
assert "ein Ordner \\u00fc" in lab.__file__, lab.__file__
data = lab.data.load("mnist")
assert len(data.train) == 9000
assert lab.papers.record("sap-grid", "fashion-mnist_mlp_3-epochs_3-seeds_small").runs
assert "SAP" in lab.papers.table() and lab.papers.ledger("sap")
net = lab.nets.lenet_300_100(seed=0)
from pruninglab.lessons import start
import matplotlib.figure
assert start.figures.weights_that_stay(net, data.test, density=0.3)
lab.explore(start.figures.weights_that_stay, net, data.test, [1, 0.5], [0.1, 0.1],
            density=lab.steps_slider([1, 0.5], 0.5, label="a", hint="b"))
assert start.exercises.CUT.check(...).startswith("Not answered")
"""


@pytest.mark.machines
def test_a_wheel_works_from_a_folder_with_a_space_where_nothing_can_be_written(
    tmp_path: Path,
) -> None:
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    target, home = tmp_path / "ein Ordner ü", tmp_path / "home"
    home.mkdir()
    pip("install", "--quiet", "--no-deps", "--target", str(target), str(wheel))
    for path in [target, *target.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    others = [path for path in sys.path if "site-packages" in path] or [
        sysconfig.get_path("purelib")
    ]
    own = {"PATH": os.environ["PATH"], "HOME": str(home),
           "PYTHONPATH": os.pathsep.join([str(target), *others])}  # fmt: skip
    for code in (["-c", USED], ["-m", "pruninglab.papers", "sap", "--help"]):
        done = subprocess.run(
            [sys.executable, *code], cwd=home, env=own, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755)


@pytest.mark.machines
def test_sliders_and_a_lesson_with_older_widgets(tmp_path: Path) -> None:
    """As on Colab, whose kernel has loaded these before a notebook can ask for others."""
    pip("install", "--quiet", "--no-deps", "--target", str(tmp_path), *OLDER)
    own = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/kit/test_explorers.py"]
    lesson = (
        "import nbformat; from pathlib import Path; from pruninglab.kit.rerun import execute;"
        "notebook = nbformat.read('notebooks/06_imc_spectral_gaps.ipynb', 4);"
        "execute(notebook, Path('notebooks'), {});"
        "import ipywidgets; assert ipywidgets.__version__ == '7.7.1'"
    )
    for code in (tests, ["-c", lesson]):
        done = subprocess.run(
            [sys.executable, *code], cwd=ROOT, env=own, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
