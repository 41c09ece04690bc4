"""One visual language: colours stand in the palette, and density falls to the right."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.colors import is_color_like, to_rgb

import pruninglab as lab
from pruninglab.lessons import palette

LESSONS = Path(palette.__file__).parent
FILES = [path for path in sorted(LESSONS.rglob("*.py")) if path.name != "palette.py"]
GRAY_ENOUGH = 0.02


def gray(color: str) -> bool:
    red, green, blue = to_rgb(color)
    return max(red, green, blue) - min(red, green, blue) <= GRAY_ENOUGH


def written_colors(source: str) -> Iterator[str]:
    """Yield the colours that are written in code: hex, or a name behind color= and its like."""
    for node in ast.walk(ast.parse(source)):
        named = isinstance(node, ast.keyword) and "color" in (node.arg or "")
        for part in ast.walk(node) if named else [node]:
            value = part.value if isinstance(part, ast.Constant) else None
            if isinstance(value, str) and (named or value[:1] == "#") and is_color_like(value):
                yield value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(LESSONS).as_posix())
def test_a_figure_has_no_colour_of_its_own(path: Path) -> None:
    colors = [color for color in written_colors(path.read_text("utf-8")) if color != "none"]
    assert not [color for color in colors if not gray(color)]


def test_a_stray_colour_is_found() -> None:
    source = "axes.plot(x, color='tab:blue'); A = '#123456'; axes.text(0, 0, 'red', color='0.4')"
    strays = [color for color in written_colors(source) if not gray(color)]
    assert sorted(strays) == ["#123456", "tab:blue"]


def test_every_method_of_the_records_has_its_colour() -> None:
    runs = lab.papers.record("head-to-head", "fashion-mnist_lenet_300_100").runs
    colors = {label: palette.color_of(label) for label in runs}
    assert len(set(colors.values())) >= 7
