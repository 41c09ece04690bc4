"""`python -m pruninglab.kit.grade 'submissions/*.ipynb' marks.csv`: see the package."""

from __future__ import annotations

import glob
import secrets
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from ...checks import checked
from ...files import read_limited
from .cells import Task, imports, original_of, tasks
from .marks import mark, warm
from .report import Marks, write

LONGEST_FILE = 50_000_000


@checked
def grade(
    pattern: str, out: Path, folder: Path = Path("notebooks"), seed: int | None = None
) -> list[Marks]:
    """Mark all notebooks whose paths fit `pattern`, and write `out`, a CSV, with pages beside it.

    The originals are those in `folder`. `seed` draws hidden inputs, anew each time without it.
    Everything is read first and written last. Raises ValueError where no notebook is found.
    """
    paths = sorted(map(Path, glob.glob(pattern, recursive=True)))
    if not paths:
        raise ValueError(f"pattern={pattern!r} fits no file")
    originals = {path.stem: read(path) for path in sorted(folder.glob("*.ipynb"))}
    if not originals:
        raise ValueError(f"folder={str(folder)!r} has no notebooks")
    asked = {name: tasks(notebook) for name, notebook in originals.items()}
    submitted = [(path, *opened(path)) for path in paths]
    names = {name for one in originals.values() for name in modules(imports(one))}
    warm(sorted(names))
    seed = secrets.randbits(32) if seed is None else seed
    marks = [
        of_one(str(path), notebook, note, originals, asked, seed)
        for path, notebook, note in tqdm(submitted, desc="notebooks")
    ]
    write(out, marks, seed)
    return marks


def of_one(
    path: str,
    notebook: NotebookNode | None,
    note: str,
    originals: dict[str, NotebookNode],
    asked: dict[str, list[Task]],
    seed: int,
) -> Marks:
    """Return the marks of one submission; `note` says why it cannot be read."""
    original = original_of(notebook, originals.values()) if notebook else None
    if notebook is None or original is None:
        return Marks(path, "", {}, note or "it shares no cell with a notebook of the course")
    name = next(name for name, one in originals.items() if one is original)
    found = {task.title: mark(notebook, original, task, seed) for task in asked[name]}
    return Marks(path, name, found, note)


def opened(path: Path) -> tuple[NotebookNode | None, str]:
    """Return a notebook that somebody else has written, or why it is none."""
    try:
        return read(path), ""
    except Exception as error:
        return None, f"it cannot be read ({type(error).__name__})"


def read(path: Path) -> NotebookNode:
    """Read a notebook. Raises ValueError or nbformat's errors for what is none."""
    found: NotebookNode = nbformat.reads(read_limited(path, LONGEST_FILE).decode(), as_version=4)
    return found


def modules(code: str) -> list[str]:
    """Return the modules that lines of imports load: `from a import b` may load a.b."""
    words = [line.replace(",", " ").split() for line in code.splitlines()]
    return [line[1] if line[0] == "import" else f"{line[1]}.{line[3]}" for line in words]


if __name__ == "__main__":
    grade(sys.argv[1], Path(sys.argv[2]), seed=int(sys.argv[3]) if sys.argv[3:] else None)
