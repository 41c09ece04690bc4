"""What a class on one server costs: `python tests/benchmarks/class_on_one_server.py 10 02_sap`.

Starts so many kernels at once, each of which runs the lesson from top to bottom, and prints for a
JupyterHub's admin: minutes, memory and threads a student, what a kernel costs idle.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import nbformat
from nbclient import NotebookClient

FOLDER = Path("notebooks")


def status(pid: int) -> dict[str, int]:
    """Return memory, the part of it that is shared with nobody else, in MB, and threads."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return {
        "peak": int(found["VmHWM"].split()[0]) // 1024,
        "resident": int(found["VmRSS"].split()[0]) // 1024,
        "own": int(found["RssAnon"].split()[0]) // 1024,
        "threads": int(found["Threads"]),
    }


def run(name: str, together: threading.Barrier) -> dict[str, float]:
    """Run a lesson in a kernel of its own, as soon as all kernels are there."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=7200, resources={"metadata": {"path": str(FOLDER)}})
    with client.setup_kernel():
        pid = client.km.provisioner.process.pid
        idle = status(pid)["resident"]
        together.wait()
        start = time.perf_counter()
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                client.execute_cell(cell, number)
        return {"minutes": (time.perf_counter() - start) / 60, "empty": idle, **status(pid)}


def main(kernels: int, name: str) -> None:
    """Print the table of one lesson."""
    together = threading.Barrier(kernels)
    with ThreadPoolExecutor(kernels) as pool:
        found = list(pool.map(lambda _: run(name, together), range(kernels)))
    print(f"{kernels} kernels at once, {name}: median, most")
    for key, unit in (("minutes", ""), ("peak", " MB"), ("own", " MB"), ("threads", ""),
                      ("empty", " MB")):  # fmt: skip
        values = [one[key] for one in found]
        print(f"{key:8} {median(values):8.1f} {max(values):8.1f}{unit}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
