"""Run notebooks from top to bottom in a fresh kernel and save them, byte for byte the same.

`python -m pruninglab.classroom.rerun notebooks/*.ipynb`, or `make notebooks`. A second run on the
same machine changes no byte, except in cells tagged `measured-time`.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode

from ..files import write_whole
from ..ideas.checks import checked

CELL_SECONDS = 300
LIVE = "application/vnd.jupyter.widget-view+json"
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
    executor = ExecutePreprocessor(
        timeout=CELL_SECONDS, kernel_name="python3", coalesce_streams=True
    )
    start = time.perf_counter()
    executor.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
    seconds = time.perf_counter() - start
    write_whole(path, nbformat.writes(stable(notebook)).encode() + b"\n")
    return seconds


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
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            # The live view names a widget of a kernel that is gone: the picture stays.
            data.pop(LIVE, None)
            if "text/plain" in data:
                data["text/plain"] = ADDRESS.sub("", data["text/plain"])
    return notebook


@checked
def main(paths: list[str]) -> None:
    """Re-run the notebooks, one after the other, and print the seconds of each."""
    os.environ["PRUNINGLAB_SAVE_FIGURES"] = "1"
    for path in map(Path, paths):
        print(f"{path}: {rerun(path):.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
