"""Answers to verdicts: a process for each exercise, its checker and hidden inputs here."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context
from threading import Timer
from typing import Any

import numpy as np
import torch
from nbformat import NotebookNode
from torch import Tensor

from ..exercise import NotYet, Verdict, call, close, expect, number, tensor
from .cells import Task, answer_of, imports
from .line import Line
from .room import room

SECONDS = 60
HIDDEN = 3
ELSEWHERE = "right where the notebook looks, wrong for other inputs: is an example written in it?"
# A warm process of its own, which holds the packages and no secret, is forked for each exercise.
_CONTEXT: Any = get_context("spawn" if os.name == "nt" else "forkserver")


def warm(modules: Sequence[str]) -> None:
    """Say what the processes need loaded, before the first of them is asked for."""
    os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    if os.name != "nt":
        _CONTEXT.set_forkserver_preload([f"{__package__}.__main__", *modules])


def mark(
    submitted: NotebookNode, original: NotebookNode, task: Task, seed: int, seconds: int = SECONDS
) -> Verdict:
    """Return what the check of one exercise says of a submission, hidden inputs included.

    `seed` draws these; `seconds` is how long an answer may take, all in all.
    """
    source, known = answer_of(submitted, original, task.answer), imports(original)

    def check(answer: Any) -> None:
        task.exercise.checker(answer)
        if task.exercise.hidden is not None:
            names: dict[str, Any] = {}
            exec(f"{known}\n{task.exercise.solution}", names)
            generator = torch.Generator().manual_seed(seed)
            for _ in range(HIDDEN):
                given = task.exercise.hidden(generator)
                same = _same(call(answer, *given), names[task.answer](*given))
                expect(same, ELSEWHERE)

    with _elsewhere(seconds, known, source, task.answer) as line:
        try:
            answer = line.listen()
        except NotYet as error:
            return Verdict(f"Not yet: {error}")
        except Exception as error:
            return Verdict(f"Not yet: your cell fails with {type(error).__name__}: {error}"[:300])
        return replace(task.exercise, checker=check).judge(answer)


@contextmanager
def _elsewhere(seconds: int, *work: str) -> Iterator[Line]:
    """Open a line to a process in which a student's code runs; whatever it does, it ends here."""
    ours, theirs = _CONTEXT.Pipe()
    with tempfile.TemporaryDirectory() as home:
        process = _CONTEXT.Process(target=room, args=(theirs, home, seconds, *work), daemon=True)
        process.start()
        theirs.close()
        line = Line(ours)

        def stop() -> None:
            line.ended = f"your answer was stopped: it took more than {seconds} seconds"
            _end(process.pid)
            # Whatever else still holds the other end: nobody waits for it.
            with suppress(OSError), socket.socket(fileno=os.dup(ours.fileno())) as end:
                end.shutdown(socket.SHUT_RDWR)

        timer = Timer(seconds, stop)
        try:
            # The clock starts when the process is there: a machine may be busy.
            line.listen()
            timer.start()
            yield line
        finally:
            timer.cancel()
            _end(process.pid)
            process.join()
            ours.close()


def _end(pid: int | None) -> None:
    """Kill a process, and what it has started."""
    for kill in (os.killpg, os.kill) if os.name != "nt" else (os.kill,):
        with suppress(OSError, TypeError):
            kill(pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)  # type: ignore[arg-type]


def _same(given: Any, truth: Any) -> bool:
    """Tell whether two results are alike: tensors and numbers but for rounding, and all in them."""
    if isinstance(truth, (tuple, list)):
        alike = isinstance(given, (tuple, list)) and len(given) == len(truth)
        return alike and all(map(_same, given, truth))
    if isinstance(truth, Tensor) and truth.dim():
        return close(tensor(given).double(), tensor(truth).double())
    return bool(np.isclose(number(given), number(truth), rtol=1e-4, atol=1e-6))
