"""What every exercise is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from IPython.display import Markdown


class NotYet(AssertionError):
    """The answer is wrong; the message says in what."""


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
        """Return "Right." or raise NotYet with a hint to what is wrong."""
        if answer is ...:
            return "Not answered yet: replace ... by your answer, then run this cell again."
        self.checker(answer)
        return "Right."

    def reveal(self) -> Markdown:
        """Show the solution."""
        return Markdown(f"```python\n{self.solution.strip()}\n```")


def expect(condition: bool, hint: str) -> None:
    """Raise NotYet with `hint` unless the condition holds."""
    if not condition:
        raise NotYet(f"Not yet: {hint}")
