"""Pictures under a slider: those that were drawn already, and those that may be asked for next.

A state that was drawn is not drawn again until a cell runs, which may change what the figure shows.
While the kernel is idle, the states one step away are drawn ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch

from .pictures import Picture

# Bytes of pictures that one explorer keeps: some hundred states.
LIMIT = 4_000_000
# Seconds without a question before the pictures ahead, and between two of them.
QUIET, PAUSE = 0.3, 0.02
# Seconds after an answer before the one picture that a hand which goes on will ask for.
SOON = 0.003
# Digits by which two values of a slider differ: the browser's .1 + .2 is not ours.
DIGITS = 9

Values = Mapping[str, Any]


class Frames:
    """The latest pictures by the values of the controls, at most `limit` bytes of them."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._pictures: OrderedDict[Hashable, Picture] = OrderedDict()
        self._bytes = 0

    def __contains__(self, values: Values) -> bool:
        return _key(values) in self._pictures

    def find(self, values: Values) -> Picture | None:
        """Return the picture of a state, or None; what is found is kept longest."""
        key = _key(values)
        if key not in self._pictures:
            return None
        self._pictures.move_to_end(key)
        return self._pictures[key]

    def keep(self, values: Values, picture: Picture) -> None:
        """Keep a picture, and drop the oldest ones beyond the limit."""
        key = _key(values)
        if key is None:
            return
        self._drop(key)
        self._pictures[key] = picture
        self._bytes += len(picture.png)
        while self._bytes > self._limit:
            self._drop(next(iter(self._pictures)))

    def _drop(self, key: Hashable) -> None:
        if key in self._pictures:
            self._bytes -= len(self._pictures.pop(key).png)

    def clear(self) -> None:
        """Drop all pictures."""
        self._pictures.clear()
        self._bytes = 0


def _key(values: Values) -> Hashable | None:
    """Return what tells two states apart, or None for values that nothing can tell apart."""
    key = tuple((name, type(value), _rounded(value)) for name, value in sorted(values.items()))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _rounded(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if type(value) is float else value


def one_step_away(controls: Mapping[str, widgets.Widget], first: str | None) -> Iterator[Values]:
    """Yield the states in which one control is a step further; those of control `first` first.

    A line of text has no next value.
    """
    present = {name: control.value for name, control in controls.items()}
    for name in sorted(controls, key=lambda name: name != first):
        for value in _next_values(controls[name]):
            yield present | {name: value}


def one_step_on(
    controls: Mapping[str, widgets.Widget], before: Values, moved: str | None
) -> Values | None:
    """Return the state to which the same step of control `moved` leads once more.

    None unless it was a single step, and where the control ends.
    """
    if moved is None:
        return None
    present = {name: control.value for name, control in controls.items()}
    near = [present | {moved: value} for value in _next_values(controls[moved])]
    onward = [state for state in near if _key(state) != _key(before)]
    return onward[0] if len(onward) == 1 and len(near) == 2 else None


def _next_values(control: widgets.Widget) -> list[Any]:
    if hasattr(control, "options"):
        options, index = [value for _, value in control._options_full], control.index
        near = [] if index is None else [index + 1, index - 1]
        return [options[i] for i in near if 0 <= i < len(options)]
    if hasattr(control, "step") and hasattr(control, "max"):
        near = [control.value + control.step, control.value - control.step]
        slack = 1e-6 * control.step
        inside = [x for x in near if control.min - slack <= x <= control.max + slack]
        return [min(max(x, control.min), control.max) for x in inside]
    return []


@contextlib.contextmanager
def unnoticed() -> Iterator[None]:
    """Inside, nothing is printed and no warning shown; after it, all generators are as before."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    silence = io.StringIO()
    with (
        torch.random.fork_rng(devices),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(silence),
        contextlib.redirect_stderr(silence),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)


class Idle:
    """Does one small job after the other on the kernel's loop while nobody asks for anything.

    JupyterLab lets sliders answer in a thread beside that of the cells: each thread may start and
    stop. No job is begun while a cell runs, and none is under way once `stop` has returned.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._starts = 0
        self._waiting = False
        self._cell_runs = False

    @property
    def waiting(self) -> bool:
        """Whether a job will be begun if nobody asks for anything."""
        return self._waiting

    @property
    def cell_runs(self) -> bool:
        """Whether a cell runs, which may change what a figure shows."""
        return self._cell_runs

    def start(
        self, jobs: Iterator[Callable[[], None]], at_once: Callable[[], None] | None = None
    ) -> None:
        """Begin after a quiet time, in place of what was under way; without a loop, do nothing.

        One job may be done before it, as soon as everything that was asked for is answered.
        """
        with self.lock:
            self.stop()
            if self._cell_runs:
                return
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            self._waiting = True
            if at_once is not None:
                loop.call_later(SOON, self._do, at_once, self._starts)
            loop.call_later(QUIET, self._next, loop, jobs, self._starts)

    def stop(self) -> None:
        """Wait for the job under way and begin no further one."""
        with self.lock:
            self._starts += 1
            self._waiting = False

    def begin_cell(self) -> None:
        """Stop, and begin nothing until `end_cell`."""
        with self.lock:
            self.stop()
            self._cell_runs = True

    def end_cell(self) -> None:
        """Allow jobs again."""
        self._cell_runs = False

    def _do(self, job: Callable[[], None], start: int) -> None:
        with self.lock:
            if start == self._starts:
                job()

    def _next(
        self, loop: asyncio.AbstractEventLoop, jobs: Iterator[Callable[[], None]], start: int
    ) -> None:
        with self.lock:
            if start != self._starts:
                return
            job = next(jobs, None)
            if job is None:
                self._waiting = False
                return
            job()
            loop.call_later(PAUSE, self._next, loop, jobs, start)
