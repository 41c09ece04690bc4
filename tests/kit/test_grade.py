"""Grading: who is right gets marks, who cheats gets none, and nothing of ours is touched."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat import NotebookNode

from pruninglab.kit.exercise import RIGHT, Verdict
from pruninglab.kit.grade.__main__ import grade, modules, read
from pruninglab.kit.grade.cells import answer_of, imports, original_of, tasks
from pruninglab.kit.grade.marks import ELSEWHERE, mark, warm

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")
LESSONS = {path.stem: read(path) for path in sorted(
    (Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))}  # fmt: skip
START = LESSONS["00_start_here"]
TASKS = {name: tasks(notebook) for name, notebook in LESSONS.items()}
CUT, CHANCE, SCORE, RIVAL = TASKS["00_start_here"]
PARENT = os.getpid()


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm(sorted({name for one in LESSONS.values() for name in modules(imports(one))}))


def with_cells(notebook: NotebookNode, *cells: str) -> NotebookNode:
    """Return a submission: the notebook, and cells of a student's."""
    given = nbformat.from_dict(notebook)
    given.cells = [*notebook.cells, *map(nbformat.v4.new_code_cell, cells)]
    return given


def marked(*cells: str, task: object = CUT, seconds: int = 60) -> Verdict:
    return mark(with_cells(START, *cells), START, task, seed=1, seconds=seconds)


@pytest.mark.parametrize("name", LESSONS)
def test_a_notebook_of_solutions_has_all_marks_and_an_open_one_none(name: str) -> None:
    original = LESSONS[name]
    given = with_cells(original, *(task.exercise.solution for task in TASKS[name]))
    assert len(TASKS[name]) >= 3
    for task in TASKS[name]:
        assert mark(given, original, task, seed=1) == RIGHT, task
        assert mark(original, original, task, seed=1).startswith("Not answered yet")


def test_most_exercises_have_hidden_inputs() -> None:
    hidden = [task for one in TASKS.values() for task in one if task.exercise.hidden]
    assert len(hidden) >= 20


SOLVED = SCORE.exercise.solution
WRONG = "def keep(weight, gone):\n    {}\n    return weight > 0\n"
# What a student may try; then what the verdict says of it.
CHEATS = {
    "patches torch": (
        "torch.equal = torch.allclose = torch.Tensor.__eq__ = lambda *a, **k: True\n"
        "T = torch.Tensor.tolist = lambda t: [1]\n" + WRONG.format("T"), "of 8 should go"),
    "patches the checker": (
        "import pruninglab.kit.exercise as e\ne.expect = lambda *a: None\n"
        + WRONG.format("e.close = e.expect"), "Not yet"),
    "patches its exercise": (
        WRONG.format("object.__setattr__(lesson.exercises.CUT, 'checker', lambda a: None)"),
        "should go"),
    "exits": (WRONG.format("raise SystemExit(0)"), "SystemExit"),
    "exits at once": ("import os\n" + WRONG.format("os._exit(0)"), "ended the process"),
    "exits while its cell runs": ("import os\nkeep = os._exit(0)", "ended the process"),
    "interrupts": (WRONG.format("raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "stops the teacher": (
        f"import os\n{WRONG.format(f'os.kill({PARENT}, 9)')}", "stays in its cell"),
    "forks": ("import os\n" + WRONG.format("os.fork()"), "stays in its cell"),
    "starts a program": ("import subprocess\n" + WRONG.format("subprocess.run('true')"),
                         "stays in its cell"),
    "never ends": (WRONG.format("while True: pass"), "more than 2 seconds"),
    "sleeps": ("import time\n" + WRONG.format("time.sleep(1e6)"), "more than 2 seconds"),
    "takes memory": (WRONG.format("x = torch.ones(4 * 2**30)"), "memory"),
    "takes memory in Python": (WRONG.format("x = bytearray(8 * 2**30)"), "MemoryError"),
    "prints its result": (WRONG.format("print('Right.', flush=True)"), "should go"),
    "writes a file": (WRONG.format("open('marks.csv', 'w')"), "writes no files"),
    "takes a file away": ("import os\n" + WRONG.format(f"os.remove({__file__!r})"),
                          "stays in its cell"),
    "reads the stack": (
        "import sys\ndef keep(weight, gone):\n    frame = sys._getframe()\n    while frame:\n"
        "        if frame.f_code.co_name == '_check_cut':\n            return frame.f_locals\n"
        "        frame = frame.f_back\n    raise LookupError('no checker on the stack')",
        "no checker on the stack"),
    "looks for secrets": (
        "import gc, types\ndef keep(weight, gone):\n"
        "    found = [f for f in gc.get_objects() if isinstance(f, types.FunctionType)\n"
        "             and 'grade.marks' in str(f.__module__) and f.__name__ == 'check']\n"
        "    raise LookupError(f'{len(found)} secrets')", "0 secrets"),
    "equals everything": (
        "class Yes:\n    def __eq__(self, other): return True\n    __lt__ = __ge__ = __eq__\n"
        "    def __getattr__(self, name): return self\n    def __call__(self, *a): return self\n"
        "def keep(weight, gone):\n    return Yes()\n", "return a tensor of True and False"),
    "a tensor that agrees": (
        "class Agrees(torch.Tensor):\n    @classmethod\n"
        "    def __torch_function__(cls, *a, **k): return True\n"
        "def keep(weight, gone):\n    return (weight > 0).as_subclass(Agrees)\n", "should go"),
    "forges a message": (
        "import os\n" + WRONG.format(
            "for fd in range(3, 200):\n"
            "        try: os.write(fd, b'\\0\\0\\0\\x13[\"result\",\"Right.\"]')\n"
            "        except OSError: pass"), "True and False"),
    "sends half a message": (
        "import os, time\n" + WRONG.format(
            "for fd in range(3, 200):\n        try: os.write(fd, b'\\0\\0\\xff\\xff')\n"
            "        except OSError: pass\n    time.sleep(1e6)"), "more than 2 seconds"),
    "speaks for the line": (
        "import gc\nfrom pruninglab.kit.grade.line import Line\n" + WRONG.format(
            "[o for o in gc.get_objects() if isinstance(o, Line)][0].say('result', True)"),
        "True and False"),
    "says that it is right": (
        "from pruninglab.kit.exercise import NotYet\n" + WRONG.format("raise NotYet('Right.')"),
        "Not yet: Right."),
    "opens the doors": (
        "from pruninglab.kit.grade import room\n" + WRONG.format(
            "room._refuse.__code__ = (lambda *a: None).__code__; open('x', 'w')"),
        "changes no functions"),
    "replaces what the doors use": (
        "import builtins\n" + WRONG.format("builtins.PermissionError = None; open('x', 'w')"),
        "Not yet"),
    "goes to the network": ("import socket\n" + WRONG.format("socket.socket()"),
                            "stays in its cell"),
    "gives a sea of numbers": ("def keep(weight, gone):\n    return torch.ones(2**25)", "Not yet"),
    "gives a well": (
        "def keep(weight, gone):\n    x = []\n    for _ in range(10**5): x = [x]\n    return x",
        "Not yet"),
    "knows the examples": (
        CUT.exercise.solution.replace("keep", "right")
        + "\ndef keep(weight, gone):\n    known = tuple(weight.shape) != (3, 5)\n"
        "    return right(weight, gone if known else 0)", ELSEWHERE),
}  # fmt: skip


@pytest.mark.parametrize("name", CHEATS)
def test_who_cheats_is_told_so(name: str, tmp_path: Path) -> None:
    if "memory" in name and sys.platform != "linux":
        pytest.skip("only Linux holds a process to its memory")
    cell, said = CHEATS[name]
    mine = tmp_path / "marks.csv"
    mine.write_text("mine")
    verdict = marked(cell, seconds=2 if "2 seconds" in said else 60)
    assert not verdict and verdict.startswith("Not yet: ") and verdict.isprintable()
    assert said in verdict
    assert mine.read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="a network of one's own is Linux's")
def test_code_below_python_finds_no_network_and_fills_no_file(tmp_path: Path) -> None:
    probe = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    if subprocess.run([sys.executable, "-c", probe]).returncode:
        pytest.skip("a user may make no network of his own here")
    interfaces = WRONG.format("raise LookupError(open('/proc/net/dev').read().count(':'))")
    assert "LookupError: 1" in marked(interfaces)  # Only its own, lo, and that is down.
    target = tmp_path / "marks.csv"
    target.write_text("mine")
    save = f"torch._C.PyTorchFileWriter({str(target)!r}).write_record('a', b'x' * 99, 99)"
    assert not marked(WRONG.format(save))
    assert not target.read_text("latin1").strip("mine")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_what_an_answer_leaves_running_is_ended() -> None:
    leaves = (
        "import _posixsubprocess, os\ndef keep(weight, gone):\n"
        "    r, w = os.pipe()\n"
        "    _posixsubprocess.fork_exec([b'sleep', b'98765'], [b'/bin/sleep', b'/usr/bin/sleep'],\n"
        "        False, (), None, None, -1, -1, -1, -1, -1, -1, r, w, False, False, -1,\n"
        "        None, None, None, -1, None, False)\n    return weight > 0"
    )
    marked(leaves)
    deadline = time.monotonic() + 60
    while any(sleepers()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(sleepers())


def sleepers() -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"98765" in path.read_bytes():
                yield int(path.parent.name)
        except OSError:
            continue


def test_the_teachers_own_process_is_as_before() -> None:
    marked(CHEATS["patches torch"][0])
    assert torch.equal(torch.ones(2), torch.ones(2)) and not torch.equal(
        torch.ones(2), torch.ones(1)
    )
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert marked(CUT.exercise.solution) == RIGHT


def test_an_answer_may_need_other_cells_and_no_more() -> None:
    helper = "import math\nHALF = 0.5\ndef sizes(w):\n    return w.abs() + HALF - HALF"
    answer = "def upside_down(weight):\n    return sizes(weight).max() - sizes(weight)"
    noise = "while True: pass"
    source = answer_of(with_cells(START, helper, noise, answer), START, SCORE.answer)
    assert "HALF = 0.5" in source and "while" not in source and "import math" not in source
    assert marked(helper, noise, "%matplotlib inline\n" + answer, task=SCORE) == RIGHT
    assert marked("def upside_down(weight:", task=SCORE).startswith("Not answered")
    assert "NameError" in marked("def keep(weight, gone):\n    return nowhere")
    assert "cell fails with ZeroDivisionError" in marked("keep = 1 / 0")


def test_a_choice_of_the_package_is_known_by_name_and_a_students_own_is_not() -> None:
    def said(code: str) -> Verdict:
        return marked(code, task=RIVAL)

    assert said("mine = ticket.but(score=lab.scores.random)") == RIGHT
    assert said("def own(net): pass\nmine = ticket.but(score=own)") == RIGHT
    assert "change one cell" in said("mine = ticket.but(score=lab.scores.magnitude)")
    assert "a recipe" in said("mine = open") and "a recipe" in said("mine = lab.Training()")


def test_the_table_the_pages_and_what_is_no_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in = tmp_path / "hand in"
    hand_in.mkdir()
    given = {
        "=anna": with_cells(START, SOLVED),
        "bert": with_cells(START, "def keep(w, n):\n    raise ValueError('<b>bold</b>')"),
    }
    for name, notebook in given.items():
        nbformat.write(notebook, hand_in / f"{name}.ipynb")
    nbformat.write(nbformat.v4.new_notebook(), hand_in / "empty.ipynb")
    (hand_in / "torn.ipynb").write_text("{")
    monkeypatch.chdir(hand_in)
    out = tmp_path / "marks.csv"
    grade("*.ipynb", out, Path(__file__).resolve().parents[2] / "notebooks", seed=7)
    anna, bert, empty, torn = csv.DictReader(out.read_text().splitlines())
    assert anna["file"] == "'=anna.ipynb" and anna["right"] == "1" and anna["of"] == "4"
    assert anna["00_start_here SCORE"] == "1" and bert["00_start_here SCORE"] == "0"
    assert "shares no cell" in empty["note"] and "cannot be read" in torn["note"]
    pages = sorted(path.name for path in (tmp_path / "marks").iterdir())
    assert pages[:2] == ["001__anna.html", "002_bert.html"] and pages[-1] == "index.html"
    assert "&lt;b&gt;bold" in (tmp_path / "marks" / "002_bert.html").read_text()
    summary = (tmp_path / "marks" / "index.html").read_text()
    assert "2 ×" in summary and "SEED=7" in summary
    with pytest.raises(ValueError, match="fits no file"):
        grade("nothing*", out)


def test_a_submission_is_known_by_its_cells_not_by_its_name() -> None:
    assert original_of(with_cells(START, "x = 1"), LESSONS.values()) is START
    assert original_of(nbformat.v4.new_notebook(), LESSONS.values()) is None
