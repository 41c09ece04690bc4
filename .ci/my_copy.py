"""Copy the notebooks into `mine/`, which git ignores: playing never stands in the way of a pull.

The glossary that they link to goes along. A copy that is there stays; where the lesson has become
newer, that is said. Python's own library only, run in the repository's root: `make my-copy`.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile


def copied(notebook: Path) -> None:
    """Make a student's copy of one notebook, or say that theirs is older."""
    mine = Path("mine", *notebook.parts[1:])
    if not mine.exists():
        mine.parent.mkdir(parents=True, exist_ok=True)
        copyfile(notebook, mine)
    older = mine.stat().st_mtime < notebook.stat().st_mtime
    if older and mine.read_bytes() != notebook.read_bytes():
        print(f"{notebook} is newer than your {mine}: rename yours, then run this again")


if __name__ == "__main__":
    for found in (*Path("notebooks").glob("*.md"), *sorted(Path("notebooks").rglob("*.ipynb"))):
        if ".ipynb_checkpoints" not in found.parts:
            copied(found)
