"""Which papers there are: every folder beside this file is one; no list is kept by hand.

A paper's `__init__.py` has NUMBER, that of its notebook; ROWS, its rows of the table by their
labels; EXPERIMENTS, its commands. Beside it lies `ledger.csv`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

HERE = Path(__file__).resolve().parent
PACKAGE = __name__.rpartition(".")[0]
_FOLDERS = [module.name for module in iter_modules([str(HERE)]) if module.ispkg]
# In the order of their notebooks.
PAPERS: dict[str, ModuleType] = dict(
    sorted(
        ((name, import_module(f".{name}", PACKAGE)) for name in _FOLDERS),
        key=lambda found: int(found[1].NUMBER),
    )
)
