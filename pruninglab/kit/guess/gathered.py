"""The guesses of a class, laid over one another: a figure from the files that students hand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ...checks import Finite, checked
from ..page import BLUE, GRAY, RED, Page, apart, figure
from .control import asked
from .kept import KNOTS, Entry, entries_of
from .questions import _check_name, _points

About = dict[str, Any]
# What a lecture hall can read: bars, the letters of an option, columns of dots, lines of words.
BARS, LETTERS, COLUMNS, LINES = 8, 56, 40, 14
EDGES = {"curve": (0.13, 0.82), "number": (0.05, 0.95), "choice": (0.42, 0.94)}


@checked
def together(
    name: str,
    folder: str | Path,
    *,
    truth: Mapping[Any, Any] | tuple[Any, ...] | Finite | str | None = None,
) -> Figure:
    """Return a figure of all guesses of the question `name`, from the files below `folder`.

    Drawn curves lie over one another with their median, numbers are dots, choices are bars; `truth`
    is added if given, as in the question. The axes are the question's where its cell has run. A
    damaged file is passed over; the alt text counts them. Raises ValueError where there is no
    guess, and for a truth that is no answer to such a question.
    """
    _check_name("name", name)
    entries, damaged = _read(name, Path(folder))
    if not entries:
        raise ValueError(
            f"folder={str(folder)!r} holds no guess of {name}; damaged files: {damaged}"
        )
    kind = Counter(entry["kind"] for entry in entries).most_common(1)[0][0]
    guesses = [entry["guess"] for entry in entries if entry["kind"] == kind]
    damaged += len(entries) - len(guesses)
    about = asked(name) if asked(name).get("kind") == kind else {}
    drawings: dict[str, Callable[..., str]] = {
        "curve": _curves,
        "number": _numbers,
        "choice": _choices,
    }

    def drawn(page: Page) -> str:
        (axes,) = page(7, 4, edges=(*EDGES[kind], 0.15, 0.9))
        axes.set_title(f"{len(guesses)} guesses", loc="left")
        words = drawings[kind](axes, guesses, about, truth)
        return f"{words} Damaged files that were passed over: {damaged}." if damaged else words

    return figure(f"{name[:2]}_together/{name}")(drawn)()


def _read(name: str, folder: Path) -> tuple[list[Entry], int]:
    """Return all guesses of one question, and how many of its files are damaged."""
    entries, damaged = [], 0
    for path in sorted(folder.rglob("*.json")):
        # The one file of old, NN.json, unless its student has guessed since.
        of_old = path.stem == name[:2] and not path.with_name(f"{name}.json").exists()
        if ".damaged-" in path.name or not (of_old or name in path.stem):
            continue
        try:
            entries.append(entries_of(path).get(name))
        except (ValueError, OSError):
            damaged += 1
    return [entry for entry in entries if entry is not None], damaged


def _curves(axes: Axes, guesses: list[list[float]], about: About, truth: Any) -> str:
    points = None if truth is None else _points(_fitting(truth, (Mapping, tuple), "a curve"))
    xs = about.get("x") or ([x for x, _ in points] if points else [0.0, 1.0])
    places = (np.geomspace if about.get("logx") else np.linspace)(xs[0], xs[-1], KNOTS)
    heights, median = np.array(guesses), np.median(guesses, axis=0)
    axes.plot(places, heights.T, color=GRAY, linewidth=0.8, alpha=max(0.3, len(guesses) ** -0.5))
    lines = [("median", RED, list(places), list(median))]
    if points:
        lines.append(("measured", BLUE, [x for x, _ in points], [y for _, y in points]))
    # Of what somebody drew beyond all others, the rest does not become flat.
    seen = [*np.percentile(heights, [2, 98]), *lines[-1][3]]
    low, high = about.get("low", min(seen)), about.get("high", max(seen))
    high += low == high
    _scale(axes, xs, about)
    axes.set_ylim(low, high)
    ends = np.clip([y[-1] for *_, y in lines], low, high)
    for (word, color, x, y), at in zip(lines, apart(ends, (high - low) / LINES), strict=True):
        axes.plot(x, y, color=color, linewidth=3)
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
        axes.annotate(word, (1.02, at), color=color, va="center", **place)
    return f"{len(guesses)} drawn curves. {' '.join(_course(*line, about) for line in lines)}"


def _scale(axes: Axes, xs: list[float], about: About) -> None:
    if about.get("logx"):
        axes.set_xscale("log")
    axes.set_xlim(xs[0], xs[-1])
    axes.set_xlabel(about.get("xlabel", "from left to right"))
    axes.set_ylabel(about.get("ylabel", "height"))
    for axis, key in ((axes.xaxis, "x_percent"), (axes.yaxis, "y_percent")):
        if about.get(key):
            axis.set_major_formatter(PercentFormatter(1))


def _course(word: str, color: str, x: list[float], y: list[float], about: About) -> str:
    form = ".0%" if about.get("y_percent") else ".3g"
    left, middle, right = (f"{y[i]:{form}}" for i in (0, len(y) // 2, -1))
    return f"{word.capitalize()}: {left} at the left, {middle} in the middle, {right} at the right."


def _numbers(axes: Axes, guesses: list[float], about: About, truth: Any) -> str:
    unit = f" {about['unit']}" if about.get("unit") else ""
    marks = [("median", RED, float(np.median(guesses)))]
    if truth is not None:
        marks.append(("measured", BLUE, float(_fitting(truth, (int, float), "a number"))))
    seen = [*np.percentile(guesses, [2, 98]), *(value for *_, value in marks)]
    low, high = about.get("low", min(seen)), about.get("high", max(seen))
    width = (high - low) / COLUMNS or 1.0
    columns = np.round((np.clip(sorted(guesses), low, high) - low) / width)
    # Those that are nearly the same stand upon one another.
    stacked = [list(columns[:i]).count(column) for i, column in enumerate(columns)]
    axes.plot(low + columns * width, stacked, "o", color=GRAY)
    for line, (word, color, value) in enumerate(marks):
        axes.axvline(value, color=color, linewidth=3, zorder=0)
        # On the side where there is more room.
        side, sign = ("left", " ") if value < (low + high) / 2 else ("right", " ")
        axes.annotate(f"{sign}{word}: {value:.3g}{unit}{sign}", (value, 0.95 - line / LINES),
                      xycoords=("data", "axes fraction"), color=color, ha=side)  # fmt: skip
    axes.set(ylim=(-1, 1.4 * max(*stacked, 5)), yticks=[], xlim=(low - width, high + width))
    axes.set_xlabel(f"guess,{unit}" if unit else "guess")
    told = " ".join(f"{word.capitalize()}: {value:.3g}{unit}." for word, _, value in marks)
    return f"{len(guesses)} guesses of a number, as dots. {told}"


def _choices(axes: Axes, guesses: list[str], about: About, truth: Any) -> str:
    counts = Counter(guesses)
    known = [*about.get("options", ()), *(option for option, _ in counts.most_common())]
    options = list(dict.fromkeys(known))[:BARS]
    answer = None if truth is None else _fitting(truth, (str,), "one of the options")
    places, numbers = range(len(options)), [counts[option] for option in options]
    bars = axes.barh(places, numbers, color=[BLUE if one == answer else GRAY for one in options])
    axes.bar_label(bars, padding=3)
    # Somebody else's words: no mathematics is read in them.
    axes.set_yticks(places, [fill(_cut(one), LETTERS // 2) for one in options], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("guesses")
    told = ", ".join(f"{n} “{_cut(one)}”" for n, one in zip(numbers, options, strict=True))
    right = f" Right is “{_cut(answer)}”." if answer else ""
    return f"{len(guesses)} choices, as bars: {told}.{right}"


def _cut(option: str) -> str:
    """Return an option on one line, without what cannot be seen, and not too long."""
    words = "".join(filter(str.isprintable, " ".join(option.split())))
    return words if len(words) <= LETTERS else words[: LETTERS - 1] + "…"


def _fitting(truth: Any, kinds: tuple[type, ...], words: str) -> Any:
    if not isinstance(truth, kinds):
        raise ValueError(f"truth={truth!r} must be {words}, as the guesses are")
    return truth
