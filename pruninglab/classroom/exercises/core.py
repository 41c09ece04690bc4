"""What every exercise is made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import torch
from IPython.display import Markdown
from jaxtyping import Num
from torch import Tensor

from ...ideas.checks import Share, checked
from ...ideas.devices import accurate


class NotYet(AssertionError):
    """The answer is wrong; the message says in what."""


@checked
@dataclass(frozen=True, repr=False)
class Exercise:
    """One exercise: shown as its prompt, checked by `check`, solved by `reveal`.

    `checker` takes the answer and raises NotYet with the mistake; `solution` is code that sets
    `answer`. An unanswered exercise, `answer = ...`, fails nothing, so that Run All goes through.
    """

    title: str
    prompt: str
    checker: Callable[[Any], None]
    solution: str

    def __repr__(self) -> str:
        return f"Exercise({self.title!r})"

    def _repr_markdown_(self) -> str:
        return f"**Exercise: {self.title}.** {self.prompt}"

    def check(self, answer: Any = ...) -> str:
        """Return "Right." or raise NotYet with a hint to what is wrong, whatever the answer is."""
        if answer is ...:
            return "Not answered yet: replace ... by your answer, then run this cell again."
        try:
            self.checker(answer)
        except NotYet:
            raise
        except Exception as error:
            raise NotYet(
                f"Not yet: your answer fails with {type(error).__name__}: {error}"
            ) from error
        return "Right."

    def reveal(self) -> Markdown:
        """Show the solution."""
        return Markdown(f"```python\n{self.solution.strip()}\n```")


@checked
def expect(condition: bool, hint: str) -> None:
    """Raise NotYet with `hint` unless the condition holds."""
    if not condition:
        raise NotYet(f"Not yet: {hint}")


@checked
def number(answer: Any, hint: str = "give one number") -> float:
    """Return the answer as a finite float: a Python, numpy or torch number. Raises NotYet."""
    if isinstance(answer, Tensor) and answer.numel() == 1 and answer.dtype != torch.bool:
        answer = answer.item()
    expect(isinstance(answer, Real) and not isinstance(answer, bool), hint)
    try:
        value = float(answer)
    except OverflowError:
        value = math.inf
    expect(math.isfinite(value), f"{hint}, a finite one")
    return value


@checked
def whole(answer: Any, hint: str = "give a whole number") -> int:
    """Return the answer as an int. Raises NotYet for all but whole numbers written as such."""
    if isinstance(answer, Tensor) and not answer.is_floating_point():
        number(answer, hint)
        answer = answer.item()
    expect(isinstance(answer, Integral) and not isinstance(answer, bool), hint)
    return int(answer)


@checked
def tensor(answer: Any, hint: str = "return a tensor") -> Tensor:
    """Return the answer, a tensor, without its graph and on the CPU. Raises NotYet."""
    expect(isinstance(answer, Tensor), hint)
    plain: Tensor = answer.detach().cpu()
    return plain


@checked
def close(
    first: Num[Tensor, "*shape"], second: Num[Tensor, "*shape"], tolerance: Share = 1e-8
) -> bool:
    """Tell whether two tensors agree in every entry, whatever their precision."""
    real = not first.is_complex()
    return real and torch.allclose(accurate(first), accurate(second), atol=tolerance)
