"""What a notebook asks: a curve to draw, a number, a choice; and in its last cell, all guesses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...checks import Finite, Positive, checked
from .control import Control

FEWEST_POINTS = 3
LARGEST = 1e100
# Shows what gives the answer away, below the question: `lambda: lab.publish(…)`.
Then = Callable[[], Any] | None
NAME = re.compile(r"\d\d_\w+", re.ASCII)


@checked
def curve(
    question: str,
    truth: Mapping[Any, Any] | tuple[Any, ...],
    *,
    xlabel: str,
    ylabel: str,
    name: str,
    logx: bool = False,
    x_percent: bool = False,
    y_percent: bool = False,
    low: Finite | None = None,
    high: Finite | None = None,
    then: Then = None,
) -> Control:
    """Let the student draw a curve over empty axes; then show the measured one on top.

    `truth` is the measured curve, {x: y} or (xs, ys), at least three points; where its xs descend,
    so does the axis from left to right. With `x_percent` and `y_percent` shares are shown in
    percent. The vertical axis goes from `low` to `high`; without them from 0 to 1 for shares, else
    wide enough to give nothing away. `name` begins with the notebook's number. `then` shows what
    gives the answer away, as `lambda: lab.explore(…)`: below the question, after a guess or after
    "show me". Raises ValueError for a truth that is no curve or lies outside the axis, and for
    `logx` where an x is not above 0. Taught in notebook 00.
    """
    points = _points(truth)
    x, y = [point[0] for point in points], [point[1] for point in points]
    if logx and min(x) <= 0:
        raise ValueError(f"truth has x={min(x):g}, which must be above 0 where logx=True")
    least, most = _span(y)
    least, most = (least if low is None else float(low)), (most if high is None else float(high))
    if not least < most:
        raise ValueError(f"low={least:g} must be below high={most:g}")
    if min(y) < least or max(y) > most:
        raise ValueError(
            f"truth goes from {min(y):g} to {max(y):g} and must lie from low={least:g} "
            f"to high={most:g}"
        )
    about = {"x": x, "y": y, "low": least, "high": most, "logx": logx}
    labels = {"xlabel": xlabel, "ylabel": ylabel, "x_percent": x_percent, "y_percent": y_percent}
    return _ask("curve", question, name, about | labels, "to draw your guess", then)


@checked
def number(
    question: str,
    truth: Finite,
    *,
    low: Finite,
    high: Finite,
    name: str,
    unit: str = "",
    within: Positive | None = None,
    then: Then = None,
) -> Control:
    """Let the student guess a number from `low` to `high`, and say how sure; then show `truth`.

    A guess counts as right `within` so much of it, without it within a tenth of the range. The
    slider starts at `low`. `then` as in `curve`. Raises ValueError unless low < high and `truth`
    lies between them, farther from `low` than a given `within`: the start is no guess.
    """
    if not low < high:
        raise ValueError(f"low={low:g} must be below high={high:g}")
    if not low <= truth <= high:
        raise ValueError(f"truth={truth:g} must lie from low={low:g} to high={high:g}")
    if within is not None and truth - low <= within:
        raise ValueError(
            f"within={within:g} reaches from truth={truth:g} to the start, low={low:g}"
        )
    within = (high - low) / 10 if within is None else within
    about = {"truth": _short(truth), "low": float(low), "high": float(high), "unit": unit,
             "within": float(within)}  # fmt: skip
    return _ask("number", question, name, about, "to give your guess", then)


@checked
def choice(
    question: str,
    options: Sequence[str],
    *,
    answer: str,
    name: str,
    why: str = "",
    then: Then = None,
) -> Control:
    """Let the student choose one of the options; then show the answer and `why`, one sentence.

    Raises ValueError for fewer than two different options, and for an answer not among them.
    """
    if isinstance(options, str) or len(set(options)) < max(2, len(options)):
        raise ValueError(f"options={options!r} must be at least two different answers")
    if answer not in options:
        raise ValueError(f"answer={answer!r} must be one of options={options!r}")
    about = {"options": list(options), "answer": answer, "why": why}
    return _ask("choice", question, name, about, "to choose", then)


@checked
def summary(notebook: str) -> Control:
    """Show all guesses of a notebook: how far off, how sure, and how often right when sure.

    The last cell of a notebook. It follows while the student guesses. Raises ValueError for a
    `notebook` that does not begin with its number.
    """
    _check_name("notebook", notebook)
    return _shown({"kind": "summary", "name": notebook}, "to see your guesses here")


def _ask(
    kind: str, question: str, name: str, about: dict[str, Any], todo: str, then: Then
) -> Control:
    _check_name("name", name)
    if not question.strip():
        raise ValueError(f"question={question!r} must be a question")
    return _shown({"kind": kind, "name": name, "question": question, **about}, todo, then)


def _shown(about: dict[str, Any], todo: str, then: Then = None) -> Control:
    control = Control(about, todo, then)
    control.show_here()
    return control


def _check_name(argument: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(
            f"{argument}={name!r} must be the notebook's number and words, as in 07_density"
        )


def _points(truth: Mapping[Any, Any] | tuple[Any, ...]) -> list[tuple[float, float]]:
    """Return the points of a curve from left to right; raises ValueError if it is none.

    The axis runs upwards, unless the points come with x descending.
    """
    pair = (truth.keys(), truth.values()) if isinstance(truth, Mapping) else truth
    try:
        x, y = ([_short(float(value)) for value in part] for part in pair)
        descending = x == sorted(x, reverse=True)
        points = sorted(zip(x, y, strict=True), reverse=descending)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"truth must be {{x: y}} or (xs, ys) of numbers ({error})") from error
    if not all(abs(value) <= LARGEST for point in points for value in point):
        raise ValueError(f"truth must be made of finite numbers, of size {LARGEST:g} at most")
    if len({x for x, _ in points}) < max(FEWEST_POINTS, len(points)):
        raise ValueError(f"truth has {len(points)} points; at least three with different x are due")
    return points


def _short(value: float) -> float:
    """Return a number as the page shows it at most: six digits."""
    return float(f"{value:.6g}")


def _span(y: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that holds a curve and gives its size away only roughly.

    >>> _span([0.2, 0.9]), _span([0.0, 31.0]), _span([-2.0, 1.0])
    ((0.0, 1.0), (0.0, 50.0), (-3.0, 3.0))
    """
    if min(y) >= 0 and max(y) <= 1:
        return 0.0, 1.0
    reach = 1.5 * max(abs(value) for value in y)
    power = 10.0 ** math.floor(math.log10(reach))
    end = next(step * power for step in (1, 2, 3, 5, 10) if step * power >= reach)
    return (0.0 if min(y) >= 0 else -end), (0.0 if max(y) <= 0 else end)
