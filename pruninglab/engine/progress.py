"""A sign of life: a bar on the terminal or below a cell, gone when it is done."""

from __future__ import annotations

import sys

from tqdm import tqdm

# Seconds of silence that nobody takes for a standstill.
PATIENCE = 3.0


class Bar(tqdm):  # type: ignore[misc]
    """tqdm without its thread, which would outlive the bar."""

    monitor_interval = 0


def bar(total: int, unit: str, what: str = "", *, after: float = PATIENCE) -> Bar:
    """Return a bar for so many steps, which is shown only if they take longer than `after` s."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    file = _Output() if hasattr(shell, "kernel") else None
    return Bar(total=total, unit=unit, desc=what, delay=after, leave=False, file=file)


class _Output:
    """An output of a cell that shows what is written last; of a bar that is done, nothing stays.

    `tqdm.notebook` leaves a widget in the saved notebook that no longer lives.
    """

    def __init__(self) -> None:
        self._shown: object = None

    def write(self, text: str) -> None:
        from IPython.display import display

        said = {"text/plain": text.strip()} if text.strip() else {}
        if self._shown is None and said:
            # First nothing: it is this that a saved notebook would keep.
            self._shown = display({}, raw=True, display_id=True)
        if self._shown is not None:
            self._shown.update(said, raw=True)  # type: ignore[attr-defined]

    def flush(self) -> None:
        """Do nothing: it is shown already."""
