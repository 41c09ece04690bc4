"""Whatever a student hands in: one line, and nothing is left changed for what comes after."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import sys
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from answers import EVERY, hears, solve
from torch import Tensor, nn
from torch.backends import cudnn

from pruninglab.kit.exercise import LONGEST, NOTHING, RIGHT, Exercise
from pruninglab.lessons.faster import exercises as faster
from pruninglab.lessons.start import exercises as start


class Yes:
    """Equals everything, is true, and is its own every attribute, item and result."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __getattr__(self, name: str) -> Yes:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Yes:
        return self

    def __call__(self, *args: object) -> Yes:
        return self

    __lt__ = __le__ = __gt__ = __ge__ = __eq__


class Fails:
    """Every question to it is an error."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __bool__ = __call__ = __float__ = __len__ = __iter__ = __repr__ = __array__ = __eq__
    __hash__ = None


class Agrees(Tensor):
    """A tensor of zeros with which every function of torch is pleased."""

    @classmethod
    def __torch_function__(cls, *args: object, **kwargs: object) -> object:
        return True


class Silent(Exception):
    def __str__(self) -> str:
        raise SystemExit("no words")


class Hidden(type):
    def __getattribute__(cls, name: str) -> object:
        raise SystemExit


class OfItsOwn(BaseException):
    """Inherits from no Exception."""


VALUES = [
    None, True, False, -1, 0, 10**400, -(10**400), 0.5, float("nan"), float("inf"), -float("inf"),
    1j, "", "nonsense", b"x", [], (), {}, [None], (1,), (1, 2), (1, 2, 3), ("a", "b", "c"),
    (None, None, None), (float("nan"),) * 3, [[1], [2, 3]], [["a"], ["b"]], {"a": 1}, {1}, range(3),
    object(), int, Exception("x"), np.float32(0.5), np.array([1, 2]), Fraction(1, 3),
    nn.Linear(2, 2),
]  # fmt: skip
TENSORS = [
    torch.tensor([]), torch.tensor(2.5), torch.tensor([float("nan")] * 2), torch.ones(3).bool(),
    torch.ones(2, 2), torch.tensor([1 + 1j, 2]), torch.ones(3, device="meta"),
    torch.ones(3).to_sparse(), torch.ones(2, 1, requires_grad=True), torch.zeros(2, 1).half(),
    torch.full((2,), 7),
]  # fmt: skip


ERRORS = [
    ArithmeticError("a mistake of the student"), SystemExit(0), KeyboardInterrupt(), OfItsOwn(),
    GeneratorExit(), StopIteration(), AssertionError(), asyncio.CancelledError(), MemoryError(),
    ValueError("x" * 10_000), ValueError("long\n" * 10_000),
    ValueError("\x1b[2J\r\b\ud800 \u2028 x"), Silent(),
]  # fmt: skip


def raises(error: BaseException) -> Callable[..., object]:
    def answer(*args: object) -> object:
        raise error

    return answer


def for_ever(*args: object) -> object:
    return for_ever(*args)


def spoils(*args: object) -> object:
    """Overwrite every argument and return the first."""
    for value in args:
        with contextlib.suppress(Exception), torch.no_grad():
            value.zero_() if isinstance(value, torch.Tensor) else value[0].zero_()
    return args[0]


class Penalty:
    """A penalty whose two functions return the same nonsense."""

    def __init__(self, result: object) -> None:
        self.result = result

    def value(self, m: torch.Tensor) -> object:
        return self.result

    derivative = value


def returns(value: object) -> Callable[..., object]:
    return lambda *args: value


LIES = [Yes(), Fails(), torch.zeros(2, 4).as_subclass(Agrees), nn.Parameter(torch.ones(2, 4))]
RETURNED = [returns(value) for value in (*VALUES, *TENSORS, *LIES)]
FUNCTIONS = [for_ever, spoils, lambda: 1, *map(raises, ERRORS), *RETURNED]
PENALTIES = [Penalty(value) for value in (None, "x", *TENSORS, torch.tensor([float("nan"), 1]))]
ANSWERS = [*VALUES, *TENSORS, *LIES, *FUNCTIONS, *PENALTIES, type("Both", (), {"value": 1})()]


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_nonsense_is_told_so_in_a_line(exercise: Exercise) -> None:
    right = []
    for answer in ANSWERS:
        verdict = exercise.check(answer)
        assert verdict == RIGHT or verdict.startswith(("Not yet: ", NOTHING))
        assert len(verdict) <= LONGEST + 2
        assert verdict.isprintable()
        right += [answer] if verdict else []
    assert not right


def test_an_error_in_the_answer_is_named() -> None:
    hears(start.CUT, raises(ERRORS[0]), "ArithmeticError: a mistake of the student")
    hears(start.CUT, raises(Silent()), "Silent")
    hears(start.CUT, raises(Hidden("A", (Exception,), {})()), "without words")
    hears(start.CUT, for_ever, "RecursionError")


class Odd(Tensor):
    """A subclass like those of other libraries: the numbers are what counts."""


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_a_right_answer_in_another_tensor_or_array_is_right(exercise: Exercise) -> None:
    """Unless it is a class, an object with functions, or a dict of tensors."""
    solution = solve(exercise)
    if not callable(solution) or isinstance(solution, type):
        return
    for other in (lambda t: t.as_subclass(Odd), lambda t: t.detach().numpy(), nn.Buffer):

        def answer(*args: Any, other: Any = other) -> Any:
            result = solution(*args)
            if isinstance(result, dict):
                return {name: other(value) for name, value in result.items()}
            return other(result) if isinstance(result, Tensor) else result

        hears(exercise, answer, None)


def pleases(*args: object, **kwargs: object) -> Any:
    return True


PATCHES: list[tuple[Any, str, Any]] = [
    (torch, "allclose", pleases), (torch, "equal", pleases), (torch, "isclose", pleases),
    (torch.Tensor, "__eq__", pleases), (torch.Tensor, "all", pleases),
    (torch.Tensor, "tolist", lambda t: [0.0]), (torch.Tensor, "abs", lambda t: 0 * t),
    (torch.Tensor, "sum", lambda t, *_, **__: torch.tensor(0)), (math, "isclose", pleases),
    (nn.Module, "state_dict", lambda net: {}), (np, "asarray", lambda a: np.zeros((2, 1))),
    (torch.linalg, "lstsq", pleases), (nn.functional, "cross_entropy", pleases),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "patch"), PATCHES)
def test_a_patched_torch_deceives_no_checker(
    owner: Any, name: str, patch: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was patched before the check, or by the answer, which then is undone."""
    before = getattr(owner, name)
    checked = (start.CUT, start.SCORE, faster.FOLD)

    def answer(*args: Any) -> object:
        setattr(owner, name, patch)
        return args[0]

    def wrong(*args: Any) -> object:
        return torch.zeros(2, 4)

    for exercise in checked:
        assert not exercise.check(answer)
        assert getattr(owner, name) is before
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, patch)
        verdicts = [exercise.check(wrong) for exercise in checked]
        solved = [exercise.check(solve(exercise)) for exercise in checked]
        assert getattr(owner, name) is patch
    assert not any(verdicts)
    assert all(solved)


def found() -> dict[str, Any]:
    """Return what an answer could leave changed."""
    torch_numbers, numbers = torch.get_rng_state().tolist(), np.random.get_state()
    return {
        "dtype": torch.get_default_dtype(), "grad": torch.is_grad_enabled(),
        "deterministic": torch.get_deterministic_debug_mode(), "cudnn": cudnn.benchmark,
        "threads": torch.get_num_threads(), "anomaly": torch.is_anomaly_enabled(),
        "matmul": torch.get_float32_matmul_precision(), "device": torch.get_default_device(),
        "print": repr(torch.tensor([1 / 3])), "numpy print": repr(np.array([1 / 3])),
        "errors": np.geterr(), "recursion": sys.getrecursionlimit(), "warn": warnings.filters[:],
        "numbers": (torch_numbers, numbers[1].tolist(), random.getstate()),
        "patched": [getattr(owner, name) for owner, name, _ in PATCHES],
        "added": hasattr(torch.Tensor, "added"),
    }  # fmt: skip


SPOILERS: list[Callable[[], object]] = [
    lambda: torch.set_default_dtype(torch.float64), lambda: torch.set_grad_enabled(False),
    lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    lambda: setattr(cudnn, "benchmark", not cudnn.benchmark),
    lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    lambda: torch.autograd.set_detect_anomaly(True), lambda: sys.setrecursionlimit(5000),
    lambda: torch.set_float32_matmul_precision("medium"),
    lambda: torch.set_default_device("meta"), lambda: torch.set_printoptions(precision=2),
    lambda: np.set_printoptions(precision=2), lambda: np.seterr(all="raise"),
    lambda: warnings.simplefilter("error"), lambda: torch.manual_seed(7), lambda: torch.rand(3),
    lambda: np.random.seed(7), lambda: random.seed(7),
    lambda: setattr(torch.Tensor, "added", 1),
    lambda: [setattr(owner, name, patch) for owner, name, patch in PATCHES],
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILERS)
@pytest.mark.parametrize("fails", [False, True])
def test_a_check_leaves_everything_as_it_was(spoil: Callable[[], object], fails: bool) -> None:
    solution = solve(start.CUT)

    def answer(weight: Tensor, gone: int) -> Tensor:
        mask = solution(weight, gone)
        spoil()
        if fails:
            raise SystemExit
        return mask

    before = found()
    assert start.CUT.check(answer).right is not fails
    assert found() == before


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_the_checkers_leave_everything_as_it_was(exercise: Exercise) -> None:
    answer, before = solve(exercise), found()
    assert exercise.check(answer)
    assert found() == before


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_double_precision_is_no_mistake(exercise: Exercise) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert exercise.check(solve(exercise))
    finally:
        torch.set_default_dtype(torch.float32)
