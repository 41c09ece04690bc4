"""Code lines by room, and what this change adds: `make size`. A mirror: it fails nothing.

A code line has a token on it and is no comment and no docstring; of JavaScript and CSS every line
counts that is neither blank nor a comment; of notebooks the lines of their code cells.
"""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

CORE = ("ideas", "choices", "engine", "data.py", "nets.py", "costs.py", "shrink.py", "export.py")
PACKAGE = ("core", "lessons", "papers", "kit", "live", "ground", "classroom")
BLANK = (
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
)  # fmt: skip


def python_lines(source: str) -> int:
    """Count the lines with a token that is no comment and lies in no docstring."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {line for token in tokens if token.type not in BLANK
             for line in range(token.start[0], token.end[0] + 1)}  # fmt: skip
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if ast.get_docstring(node, clean=False) is not None and first is not None:
                lines -= set(range(first.lineno, (first.end_lineno or 0) + 1))
    return len(lines)


def lines_of(path: str, source: str) -> int:
    """Count the code lines of a file of any of our kinds."""
    if path.endswith(".py"):
        return python_lines(source)
    if path.endswith(".ipynb"):
        cells = json.loads(source)["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        return sum(bool(line.strip()) and not line.strip().startswith("#")
                   for cell in code for line in cell.splitlines())  # fmt: skip
    return sum(
        bool(line.strip()) and not line.strip().startswith(("//", "/*", "*"))
        for line in source.splitlines()
    )


def room_of(path: str) -> str | None:
    """Return in which room of the house a file lies, or None if it holds no code."""
    if not path.endswith((".py", ".ipynb", ".js", ".css")):
        return None
    top, *rest = PurePosixPath(path).parts
    if top != "pruninglab" or not rest:
        return top if rest else "the top"
    kind = "" if path.endswith(".py") else " (js, css)"
    if rest[0] in CORE:
        return "core"
    return (rest[0] if len(rest) > 1 else "ground") + kind


def measure(sources: Iterable[tuple[str, str]]) -> Counter[str]:
    """Count code lines by room of (path, source) pairs."""
    total: Counter[str] = Counter()
    for path, source in sources:
        if room := room_of(path):
            total[room] += lines_of(path, source)
    return total


def committed(ref: str) -> Iterator[tuple[str, str]]:
    """Yield path and source of each file of ours in a commit."""
    for path in git("ls-tree", "-r", "--name-only", ref).splitlines():
        if room_of(path):
            yield path, git("show", f"{ref}:{path}")


def present() -> Iterator[tuple[str, str]]:
    """Yield path and source of each file that git knows, as it stands here."""
    for path in git("ls-files").splitlines():
        if room_of(path) and Path(path).exists():
            yield path, Path(path).read_text(encoding="utf-8")


def git(*words: str) -> str:
    """Return what git says."""
    return subprocess.run(["git", *words], capture_output=True, check=True).stdout.decode("utf-8")


def main(base: str) -> None:
    """Print the table of what stands here against a commit; a shallow clone has none."""
    now = measure(present())
    try:
        before = measure(committed(base))
    except subprocess.CalledProcessError:
        before = now
    for count in (now, before):
        count["package"] = sum(lines for room, lines in count.items() if room.split()[0] in PACKAGE)
    print(f"code lines, and the change against {base}")
    for room in sorted(now | before, key=lambda room: -now[room]):
        print(f"{room:20} {now[room]:7,} {now[room] - before[room]:+7,}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "HEAD~1")
