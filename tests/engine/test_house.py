"""The house as design says: imports run downwards, the engine asks and never guesses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pruninglab

PACKAGE = Path(pruninglab.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# The ground: for everybody.
GROUND = {"checks", "devices", "files", "modes", "settings", "threads"}
# What a folder may import from beside the ground; data, nets and costs stand beside the core.
BELOW = {
    "ideas": {"ideas"},
    "choices": {"ideas", "choices", "data"},
    "engine": {"ideas", "choices", "engine", "data", "__version__"},
    "papers": {"ideas", "choices", "engine", "papers", "data", "nets", "costs"},
    "kit": {"kit"},
}
# Lines of a body; what draws a figure, line after line, may have more.
LONGEST, LONGEST_DRAWING = 32, 48


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Return the parts of the package that a file imports from, seen from the package."""
    inside = path.relative_to(PACKAGE).parts[:-1]
    parts = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = inside[: len(inside) - node.level + 1]
            dotted = [*base, *(node.module.split(".") if node.module else [])]
            parts |= {dotted[0]} if dotted else {alias.name for alias in node.names}
    return parts


@pytest.mark.parametrize("folder", BELOW)
def test_imports_run_downwards(folder: str) -> None:
    for path in (PACKAGE / folder).rglob("*.py"):
        assert imported(path) <= BELOW[folder] | GROUND, path.name


def calls(path: Path, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def test_only_needs_looks_up_what_a_choice_asks() -> None:
    """`fingerprint` looks at every value; nothing else of the engine looks by name or type."""
    for path in (*(PACKAGE / "engine").glob("*.py"), *(PACKAGE / "choices").glob("*.py")):
        if path.name not in ("fingerprint.py", "needs.py"):
            by_name = [ast.unparse(call) for call in calls(path, "getattr")]
            assert set(by_name) <= {"getattr(module, 'reset_parameters', None)"}, path.name
    choices = {"score", "budget", "scope", "stop", "rewind", "choice"}
    for path in (PACKAGE / "engine").glob("*.py"):
        for call in calls(path, "isinstance"):
            subject = ast.unparse(call.args[0]).rpartition(".")[2]
            plain = ("(str, int, float)", "tuple")
            cells = path.name == "recipes.py" and ast.unparse(call.args[1]) in plain
            assert subject not in choices or cells or path.name == "fingerprint.py"


def test_no_function_is_longer_than_a_screen() -> None:
    long = []
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[ast.get_docstring(node) is not None :]
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                most = LONGEST_DRAWING if "lessons" in path.parts else LONGEST
                long += [f"{path.name}: {node.name} has {lines}"] * (lines > most)
    assert not long
