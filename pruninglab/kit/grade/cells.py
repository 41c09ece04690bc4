"""What of a notebook is an answer: the statements that a name needs, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from symtable import SymbolTable, symtable
from typing import Any

from nbformat import NotebookNode

from ..exercise import Exercise

# Lines for IPython, not for Python.
MAGIC = re.compile(r"^[ \t]*[%!].*", re.M)
Imports = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Task:
    """An exercise of an original notebook, and what its check takes: the name of the answer."""

    title: str
    answer: str
    exercise: Exercise


def sources(notebook: NotebookNode) -> list[str]:
    """Return the sources of all cells."""
    return [str(cell.source) for cell in notebook.cells]


def statements(notebook: NotebookNode) -> list[ast.stmt]:
    """Return the statements of all code cells that are Python."""
    found: list[ast.stmt] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                found += ast.parse(MAGIC.sub("", str(cell.source))).body
    return found


def imports(original: NotebookNode) -> str:
    """Return what an original notebook imports, as code."""
    return "\n".join(ast.unparse(one) for one in statements(original) if isinstance(one, Imports))


def tasks(original: NotebookNode) -> list[Task]:
    """Return what the cells of an original notebook check: `exercises.X.check(answer)`."""
    names: dict[str, Any] = {}
    exec(imports(original), names)
    nodes = [node for one in statements(original) for node in ast.walk(one)]
    return [
        Task(node.func.value.attr, ast.unparse(node.args[0]), found)
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
        if node.func.attr == "check" and isinstance(node.func.value, ast.Attribute)
        if isinstance(found := eval(ast.unparse(node.func.value), names), Exercise)
    ]


def answer_of(submitted: NotebookNode, original: NotebookNode, name: str) -> str:
    """Return the code that makes `name`: the last statements that bind it, and what those need.

    What a student did not write comes from the original.
    """
    own, first = statements(submitted), [*statements(original)]
    needed, wanted, kept = [name], set[str](), list[tuple[int, int, ast.stmt]]()
    while needed:
        if (word := needed.pop()) in wanted:
            continue
        wanted.add(word)
        for rank, body in enumerate((own, first)):
            binding = [(1 - rank, at, one) for at, one in enumerate(body) if word in _bound(one)]
            if binding:
                kept += [one for one in binding if one not in kept]
                needed += [part for *_, one in binding for part in _used(_table(one))]
                break
    kept.sort(key=lambda one: one[:2])
    return "\n".join(ast.unparse(one) for *_, one in kept)


def _table(statement: ast.stmt) -> SymbolTable:
    return symtable(ast.unparse(statement), "", "exec")


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Expr):
        return set()
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, Imports):
        return {(part.asname or part.name).partition(".")[0] for part in statement.names}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _used(table: SymbolTable) -> set[str]:
    """Return the names that code takes from outside, those that its functions take included."""
    outside = table.get_type() == "module"
    own = {s.get_name() for s in table.get_symbols() if outside or s.is_global()}
    return own.union(*map(_used, table.get_children()))


def original_of(submitted: NotebookNode, originals: Iterable[NotebookNode]) -> NotebookNode | None:
    """Return the original of which a submission has most cells, or None if it has none of any."""
    given = set(sources(submitted))
    shared = [(len(given & set(sources(one))), at, one) for at, one in enumerate(originals)]
    count, _, best = max(shared, default=(0, 0, None), key=lambda one: one[:2])
    return best if count else None
