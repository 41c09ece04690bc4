"""The fuzzer: a good call of every public name, with one or two arguments replaced by nonsense.

Right is a result, or a TypeError, ValueError, KeyError, FileNotFoundError or DataError whose
message names an argument that was replaced. Everything else is a failure, and so is a call after
which Python, NumPy or torch are not set as before: `state_of_all`.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import random
import re
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
import torch
from examples import ALL, Examples
from torch import nn
from torch._subclasses import FakeTensorMode
from torchvision.tv_tensors import Image

from pruninglab.data import DataError

SECONDS = 3.0
RIGHT = (TypeError, ValueError, KeyError, FileNotFoundError, DataError)
SCALARS: dict[str, Callable[[], Any]] = {
    "None": lambda: None, "string": lambda: "nonsense", "empty string": lambda: "",
    "bytes": lambda: b"x", "list": lambda: [1, 2], "empty list": list, "strings": lambda: ["a"],
    "tuple": lambda: (1, "a", None), "dict": lambda: {"a": 1}, "empty dict": dict,
    "tensors by name": lambda: {"a": torch.ones(2)}, "nan": lambda: math.nan,
    "inf": lambda: math.inf, "-inf": lambda: -math.inf, "-1": lambda: -1, "0": lambda: 0,
    "1.5": lambda: 1.5, "-0.5": lambda: -0.5, "1": lambda: 1, "7": lambda: 7,
    "huge": lambda: 10**30, "-huge": lambda: -(10**30), "True": lambda: True,
    "False": lambda: False, "complex number": lambda: 1j, "object": object,
    "function": lambda: print, "type": lambda: int, "array": lambda: np.ones(3),
    "network": lambda: nn.Conv1d(1, 1, 1), "numbers with nan": lambda: [0.5, math.nan],
    "lazy network": lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)),
    "meta network": lambda: nn.Linear(4, 3, device="meta"),
    "strange tensors by name": lambda: {"a": nested(torch.ones(2))},
}  # fmt: skip


def nested(t: torch.Tensor, layout: torch.layout = torch.strided) -> torch.Tensor:
    return torch.nested.nested_tensor([t, t], layout=layout)


def fake(t: torch.Tensor) -> torch.Tensor:
    with FakeTensorMode() as mode:
        return mode.from_tensor(t)


def in_inference(t: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return t.clone()


def two_dimensions(t: torch.Tensor) -> torch.Tensor:
    return t if t.dim() == 2 else t.reshape(1, -1)


TENSORS: dict[str, Callable[[], Any]] = {
    "meta": lambda: torch.ones(2, 3, device="meta"), "sparse": lambda: torch.eye(3).to_sparse(),
    "empty": lambda: torch.ones(0), "int": lambda: torch.ones(2, 3, dtype=torch.int64),
    "bool": lambda: torch.ones(2, 3).bool(), "complex": lambda: torch.ones(2, 3) * 1j,
    "nan tensor": lambda: torch.full((3, 4), math.nan),
    "inf tensor": lambda: torch.full((3, 4), math.inf), "number": lambda: torch.tensor(2.0),
    "five-dimensional": lambda: torch.ones(1, 2, 1, 2, 3), "vector": lambda: torch.ones(7),
    "half": lambda: torch.ones(3, 4).half(), "negative": lambda: -torch.ones(3, 4),
    "uninitialised": nn.UninitializedParameter, "lazy buffer": nn.UninitializedBuffer,
    "no columns": lambda: torch.ones(3, 0), "uint8": lambda: torch.ones(3, 4).byte(),
    "0-dim int": lambda: torch.tensor(3), "parameter": lambda: nn.Parameter(torch.ones(3, 4)),
}  # fmt: skip
BAD = SCALARS | TENSORS
CALLABLE = {"function", "type", "network"}
# Spoiled tensors of the right shape: what a plain tensor of another shape does not reach.
SPOILED: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "as nan": lambda t: t.float() * math.nan, "as inf": lambda t: t.float() + math.inf,
    "as half": lambda t: t.half(), "as int": lambda t: t.long(), "as complex": lambda t: t + 0j,
    "as meta": lambda t: t.to("meta"), "as sparse": lambda t: t.to_sparse(),
    "as double": lambda t: t.double(), "empty first": lambda t: t[:0], "as bool": lambda t: t > 0,
    "one less": lambda t: t[..., :-1], "with grad": lambda t: t.float().requires_grad_(),
    "as csr": lambda t: two_dimensions(t).to_sparse_csr(), "as nested": nested,
    "as csc": lambda t: two_dimensions(t).to_sparse_csc(), "as brain": lambda t: t.bfloat16(),
    "as bsr": lambda t: two_dimensions(t).to_sparse_bsr((1, 1)), "as fake": fake,
    "as mkldnn": lambda t: t.float().to_mkldnn(), "as jagged": lambda t: nested(t, torch.jagged),
    "as quantized": lambda t: torch.quantize_per_tensor(t.float(), 0.1, 0, torch.qint8),
    "in inference": in_inference,
    "as image": lambda t: Image(t) if t.dim() > 1 else t, "as uint16": lambda t: t.to(torch.uint16),
    "expanded": lambda t: t.flatten()[:1].expand(t.numel()).view(t.shape) if t.numel() else t,
    "far apart": lambda t: t.repeat_interleave(1000, -1)[..., ::1000],
    "transposed": lambda t: t.mT.contiguous().mT if t.dim() > 1 else t,
    "conjugate": lambda t: (t + 0j).conj(), "as negated": lambda t: torch._neg_view(t.float()),
    "masked": lambda t: torch.masked.masked_tensor(t.float(), t > 0),
    "view with grad": lambda t: t.float().requires_grad_().view(t.shape),
}  # fmt: skip


class TooLong(BaseException):
    """The call ran longer than it may; no `except Exception` of the code holds this up."""


@dataclass(frozen=True)
class Call:
    """One spoiled call: which target, and which arguments by which kind of nonsense."""

    target: str
    bad: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.target}({', '.join(f'{name}=<{kind}>' for name, kind in self.bad)})"


@dataclass
class Report:
    """Calls and failures by target and by type of error, with the first example of each."""

    calls: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, call: Call, error: str | None, message: str) -> None:
        self.calls[call.target] += 1
        if error:
            self.failures.setdefault(call.target, Counter())[error] += 1
            self.examples.setdefault((call.target, error), f"{call}\n    {error}: {message}")

    @property
    def failed(self) -> int:
        return sum(sum(counts.values()) for counts in self.failures.values())

    def __str__(self) -> str:
        """Return the table: target, calls, failures by type, worst first; then the sums."""
        lines = [f"{'target':60} {'calls':>6} {'failed':>6}  by type"]
        for target in sorted(self.failures, key=lambda name: -sum(self.failures[name].values())):
            counts = self.failures[target]
            kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
            lines.append(f"{target:60} {self.calls[target]:6} {sum(counts.values()):6}  {kinds}")
        total = sum(self.failures.values(), Counter())
        kinds = ", ".join(f"{count} {kind}" for kind, count in total.most_common())
        lines.append(f"{len(self.calls)} targets, {sum(self.calls.values())} calls, "
                     f"{self.failed} failures: {kinds or 'none'}")  # fmt: skip
        return "\n".join(lines)


def draw_calls(count: int, seed: int) -> Iterator[Call]:
    """Yield `count` calls at random, target after target so that each gets its share."""
    names = [name for name in ALL if ALL[name].parameters]
    for number, name in enumerate(itertools.islice(itertools.cycle(names), count)):
        # Each target draws by itself: a new name changes nobody else's calls.
        chance = random.Random(f"{seed} {name} {number // len(names)}")
        parameters = ALL[name].parameters
        spoiled = chance.sample(parameters, min(len(parameters), chance.choice((1, 1, 1, 2))))
        kinds = [chance.choice([*BAD, *SPOILED]) for _ in spoiled]
        yield Call(name, tuple(zip(spoiled, kinds, strict=True)))


def fuzz(examples: Examples, calls: Iterator[Call]) -> Report:
    """Make the calls; return what failed. Nothing is printed, no warning is shown."""
    report = Report()
    for call in calls:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=()):
            warnings.simplefilter("ignore")
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                report.add(call, *judge(examples, call))
    return report


def state_of_all() -> dict[str, Any]:
    """Return what every call has to leave as it is: it belongs to the user's own code."""
    name, keys, *place = np.random.get_state()
    return {
        "Python's random": random.getstate(), "NumPy's random": (name, keys.tobytes(), *place),
        "torch's random": torch.get_rng_state().numpy().tobytes(),
        "default dtype": torch.get_default_dtype(), "default device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(), "inference": torch.is_inference_mode_enabled(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(), "warnings": list(warnings.filters),
        "variables": dict(os.environ), "folder": os.getcwd(), "path": list(sys.path),
        "NumPy's errors": np.geterr(), "figures": dict(matplotlib.rcParams),
    }  # fmt: skip


def judge(examples: Examples, call: Call) -> tuple[str | None, str]:
    """Make one call; return the failure's type and message, or None if all is right."""
    target = ALL[call.target]
    arguments = examples.arguments(target)
    for name, kind in call.bad:
        arguments[name] = spoil(arguments.get(name), kind)
    before = state_of_all()
    found = judge_answer(examples, call, arguments)
    after = state_of_all()
    if changed := [name for name in before if before[name] != after[name]]:
        return "changed " + ", ".join(changed), "not as it was before the call"
    return found


def judge_answer(
    examples: Examples, call: Call, arguments: dict[str, Any]
) -> tuple[str | None, str]:
    """Make the call with these arguments; judge its answer alone."""
    target = ALL[call.target]
    try:
        with time_limit(SECONDS):
            examples.call(target, arguments)
    except TooLong:
        # A loop of 10³⁰ steps does what it was asked for.
        huge = any("huge" in kind for _, kind in call.bad)
        return (None if huge else "TooLong"), f"longer than {SECONDS} s"
    except Exception as error:
        return judge_error(error, call)
    return None, ""


def judge_error(error: Exception, call: Call) -> tuple[str | None, str]:
    """Return None if the error was raised on purpose and names a spoiled argument."""
    message = " ".join(str(error).split())
    frame = traceback.extract_tb(error.__traceback__)[-1]
    on_purpose = "pruninglab" in frame.filename and str(frame.line).startswith("raise")
    named = on_purpose and any(names(message, name) for name, _ in call.bad)
    if isinstance(error, DataError) or (isinstance(error, RIGHT) and named):
        return None, ""
    kinds = [kind for _, kind in call.bad]
    if isinstance(error, TypeError) and set(kinds) & CALLABLE:
        return None, ""  # A function that takes other arguments fails in its own words.
    if "network" in kinds and "/torch/nn/" in frame.filename:
        return None, ""  # So does a network that takes other images.
    kind = type(error).__name__ + (" unnamed" if isinstance(error, RIGHT) else "")
    return kind, f"{message[:200]} ({frame.filename.rpartition('/')[2]}:{frame.lineno})"


def names(message: str, name: str) -> bool:
    """Tell whether a message names an argument; a single letter only where it says what it is."""
    follows = r"(?=[=\[(,]| is| must| has| holds| float| and|$)" if len(name) == 1 else r"\b"
    return re.search(rf"\b{name}{follows}", message) is not None


def spoil(value: Any, kind: str) -> Any:
    """Return nonsense of a kind, made of the good tensor where the kind asks for one."""
    if kind in BAD:
        return BAD[kind]()
    if not isinstance(value, torch.Tensor):
        return SPOILED[kind](torch.ones(3, 4))
    return SPOILED[kind](value) if value.dim() else value


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooLong in the block after some seconds of the processor, however busy it is."""

    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
