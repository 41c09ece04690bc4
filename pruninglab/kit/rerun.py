"""Run notebooks from top to bottom in a fresh kernel and save them, byte for byte the same.

`python -m pruninglab.kit.rerun notebooks/*.ipynb`, or `make notebooks`. A second run on the
same machine changes no byte, except in cells tagged `measured-time`.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ..checks import checked
from ..files import write_whole
from .pictures import LIVE, VARIABLE

CELL_SECONDS = 1800
ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@checked
def rerun(path: Path) -> float:
    """Execute one notebook and save it in place, whole or not at all; return the seconds it took.

    Raises OSError or ValueError for a file that is no notebook, nbclient's CellExecutionError if a
    cell fails; then the file is left as it was.
    """
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except ValueError as error:
        raise ValueError(f"path={path} is not a notebook ({error})") from error
    start = time.perf_counter()
    execute(notebook, path.parent, {VARIABLE: str(figures_of(path))})
    seconds = time.perf_counter() - start
    write_whole(path, nbformat.writes(stable(notebook)).encode() + b"\n")
    return seconds


def figures_of(path: Path) -> Path:
    """Return where the pictures of a notebook are kept: figures/ beside notebooks/.

    >>> figures_of(Path("/lab/notebooks/audits/02_sap.ipynb")).as_posix()
    '/lab/figures'
    """
    folders = path.resolve().parents
    return next((f.parent for f in folders if f.name == "notebooks"), folders[0]) / "figures"


@checked
def execute(notebook: NotebookNode, folder: Path, variables: Mapping[str, str]) -> None:
    """Run all cells in a fresh kernel in `folder`, with these environment variables added.

    Raises nbclient's CellExecutionError if a cell fails.
    """
    from nbclient import NotebookClient  # Of the laboratory: sliders do without.

    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    client.execute(env=os.environ | variables)


@checked
def stable(notebook: NotebookNode) -> NotebookNode:
    """Drop what differs from run to run: widget ids and state, timestamps, addresses, cell ids."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {key: cell.metadata[key] for key in ("tags",) if key in cell.metadata}
        if cell.cell_type == "code":
            # A bar that is done has left an output of nothing.
            cell.outputs = joined([out for out in cell.outputs if out.get("data") != {}])
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            # The live view names a widget of a kernel that is gone: the picture stays.
            data.pop(LIVE, None)
            if "text/plain" in data:
                data["text/plain"] = ADDRESS.sub("", data["text/plain"])
    return notebook


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join what is printed in several pieces, but not across a picture between them."""
    together: list[NotebookNode] = []
    for output in outputs:
        if together and "name" in output and together[-1].get("name") == output.name:
            together[-1].text += output.text
        else:
            together.append(output)
    return together


@checked
def main(paths: list[str]) -> None:
    """Re-run the notebooks, one after the other, and print the seconds of each."""
    for path in map(Path, paths):
        print(f"{path}: {rerun(path):.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
