"""What every exercise is made of."""

from __future__ import annotations

import copy
import itertools
import keyword
import math
import re
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Literal

import numpy as np
import torch
from IPython.display import Markdown
from torch import Tensor, nn

from ..checks import checked
from .state import put_back

RIGHT = "Right."
OPEN = "Not answered yet: replace ... by your answer, then run this cell again."
NOTHING = "Not answered yet: your function returns nothing; fill it in and return the result."

LONGEST = 300
# Of a solution, what a hint may hide: words and numbers, not Python's own.
WORD = re.compile(rf"(?!(?:{'|'.join(keyword.kwlist)})\b)\b\w+\b")


class NotYet(Exception):
    """The answer is wrong; the message says in what."""


class Unanswered(NotYet):
    """There is no answer: a function that returns nothing."""


class Verdict(str):
    """What a check found, in one line. It counts as true only if the answer is right."""

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return str(self) == RIGHT

    def __bool__(self) -> bool:
        return self.right

    def _ipython_display_(self) -> None:
        """Show nothing: the check has printed it."""


@checked
@dataclass(frozen=True, repr=False)
class Exercise:
    """One exercise: shown as its prompt, checked by `check`, solved by `reveal`.

    `checker` takes the answer and raises NotYet with the mistake; `solution` is code that sets
    `answer`. A wrong answer stops nothing: Run All goes on. `hidden` draws what a function is given
    when it is marked (`kit.grade`) and no notebook shows; it must give what the solution gives.
    """

    title: str
    prompt: str
    checker: Callable[[Any], None]
    solution: str
    hidden: Callable[[torch.Generator], tuple[Any, ...]] | None = None

    def __repr__(self) -> str:
        return f"Exercise({self.title!r})"

    def _repr_markdown_(self) -> str:
        return f"**Exercise: {self.title}.** {self.prompt}"

    def check(self, answer: Any = ...) -> Verdict:
        """Print one line, and return it: "Right.", or "Not yet: " and a hint to what is wrong.

        Whatever the answer does is caught, and what it changed in torch is put back. Only an
        interrupt from outside gets through.
        """
        with _interrupts() as came, put_back():
            verdict = self.judge(answer)
        if came:
            raise KeyboardInterrupt
        print(verdict)
        return verdict

    def judge(self, answer: Any) -> Verdict:
        """Return what `check` prints."""
        return Verdict(OPEN if answer is ... else _one_line(self._found(answer)))

    def _found(self, answer: Any) -> str:
        try:
            self.checker(answer)
        except Unanswered:
            return NOTHING
        except NotYet as error:
            return f"Not yet: {error}"
        except BaseException as error:
            return f"Not yet: {_failure(error)}"
        return RIGHT

    @checked
    def hint(self, step: Literal[1, 2, 3]) -> Markdown:
        """Show a part of the solution: 1 is what it uses, 2 its form, 3 half of its words.

        Raises ValueError for another step.
        """
        first = re.match(r"(?:import.*\n+)?def .*\n|\w+ = ", self.solution.strip())
        head = first[0] if first else ""
        body = self.solution.strip()[len(head) :]
        if step == 1:
            uses = dict.fromkeys(re.findall(r"[a-zA-Z]\w*(?=\()|(?<=\.)[a-zA-Z]\w*", body))
            return Markdown(f"It uses: {', '.join(uses) or 'arithmetic'}.")
        seen = itertools.count()
        form = WORD.sub(lambda word: word[0] if step == 3 and next(seen) % 2 else "▢", body)
        return Markdown(f"```python\n{head}{form}\n```")

    def reveal(self) -> Markdown:
        """Show the solution."""
        return Markdown(f"```python\n{self.solution.strip()}\n```")


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """List the interrupts from outside, for an answer can raise KeyboardInterrupt as well."""
    came: list[int] = []

    def note(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield came  # Interrupts reach the main thread only.
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


def _failure(error: BaseException) -> str:
    """Say what an answer raised, and in which line of the student's cell."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_globals.get("__name__") == "__main__"]
    where = f" in line {lines[-1]}" if lines else ""
    try:
        said = " ".join(traceback.format_exception_only(error))
    except BaseException:  # A class of errors may forbid even its name.
        said = "an error without words"
    return f"your answer fails{where} with {said}"


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else line[:LONGEST] + " …"


def expect(condition: bool, hint: str) -> None:
    """Raise NotYet with `hint` unless the condition holds."""
    if not condition:
        raise NotYet(hint)


def call(answer: Any, *given: Any) -> Any:
    """Call a student's function as `on_copies` does; what it changes in torch is put back."""
    with put_back():
        return on_copies(answer, *given)


def on_copies(answer: Any, *given: Any) -> Any:
    """Call a student's function on copies. Raises NotYet if it overwrites them.

    Raises Unanswered if it returns nothing.
    """
    expect(callable(answer), "answer must be a function: write def answer(…)")
    copies = copy.deepcopy(given)
    result = answer(*copies)
    before, after = _tensors(given), _tensors(copies)
    same = len(before) == len(after) and all(map(close, before, after))
    expect(same, "your answer overwrites what it is given: work on a copy (.clone())")
    if result is None:
        raise Unanswered
    return result


def attempt(answer: Any, *given: Any) -> Any:
    """Return what a student's function makes of `given`, or None: for pictures of any answer.

    A picture draws a wrong answer, too, and where there is none, or it fails, only the question.
    """
    try:
        return call(answer, *given)
    except Exception:
        return None


def _tensors(given: Any) -> list[Tensor]:
    """Return all tensors in what an answer is given: networks, images, groups, tuples of those."""
    if isinstance(given, Tensor):
        return [tensor(given)]
    if isinstance(given, nn.Module):
        given = given.state_dict()
    elif is_dataclass(given):
        given = vars(given)
    if isinstance(given, Mapping):
        given = tuple(given.values())
    return [t for part in given for t in _tensors(part)] if isinstance(given, (tuple, list)) else []


def number(answer: Any, hint: str = "give one number") -> float:
    """Return the answer as a finite float: a Python, numpy or torch number. Raises NotYet."""
    if isinstance(answer, (Tensor, np.ndarray)):
        flat = tensor(answer, hint).flatten().tolist()
        expect(len(flat) == 1, hint)
        answer = flat[0]
    expect(isinstance(answer, (Real, Decimal)) and not isinstance(answer, bool), hint)
    try:
        value = float(answer)
    except OverflowError:
        value = math.inf
    expect(math.isfinite(value), f"{hint}, a finite one")
    return value


def whole(answer: Any, hint: str = "give a whole number") -> int:
    """Return the answer as an int; 3.0 is one, too. Raises NotYet."""
    value = number(answer, hint)
    expect(value == int(value), hint)
    return int(value)


def numbers(answer: Any, count: int, hint: str) -> list[float]:
    """Return `count` numbers that are given as a tuple, list, array or tensor. Raises NotYet."""
    if isinstance(answer, (Tensor, np.ndarray)):
        answer = tensor(answer, hint).tolist()
    expect(isinstance(answer, (tuple, list)) and len(answer) == count, hint)
    return [number(value, hint) for value in answer]


def about(value: float, truth: float) -> bool:
    """Tell whether a number is right to three digits, or rounded to two."""
    return abs(value - truth) < 1e-3 or math.isclose(value, round(truth, 2))


def tensor(answer: Any, hint: str = "return a tensor") -> Tensor:
    """Return a tensor, array or list as a plain dense tensor on the CPU. Raises NotYet.

    A subclass of Tensor is taken by its numbers, not by what its methods say.
    """
    expect(isinstance(answer, (Tensor, np.ndarray, list, tuple)), hint)
    if isinstance(answer, Tensor):
        with torch._C.DisableTorchFunctionSubclass():
            plain = torch.Tensor.as_subclass(answer, Tensor).detach().cpu()
    else:
        array = np.asarray(answer)
        array = array.astype(float) if array.dtype == object else array
        expect(array.dtype.kind in "biuf", hint)
        plain = torch.tensor(array)
    expect(plain.layout == torch.strided and not plain.is_complex(), f"{hint}, dense and real")
    return plain


def close(first: Tensor, second: Tensor) -> bool:
    """Tell whether two tensors have one shape and agree in every entry but for rounding."""
    pairs = zip(first.flatten().tolist(), second.flatten().tolist(), strict=False)
    near = all(math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6) for a, b in pairs)
    return first.shape == second.shape and near
