"""Milliseconds from a key to the picture, for every explorer of every notebook, in a real browser.

Two kinds of state: one that was shown before, and a new one. `make bench` runs it with the other
benchmarks; nothing else may run meanwhile.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

pytestmark = pytest.mark.benchmark
NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
# Milliseconds at the median.
LIMITS = {"seen": 60, "new": 150}
TIMES = 8


def press(slider: object, key: str, times: int) -> list[float]:
    """Press a key again and again; return the delays of those presses that gave a new picture."""
    delays = [slider.do(lambda: slider._press(key)) for _ in range(times)]
    return [delay for delay in delays if delay is not None]


def measure(slider: object) -> dict[str, float]:
    """Return the median delay of each kind of state along one slider."""
    slider.do(lambda: slider._press("Home"))
    found = {"new": press(slider, "ArrowRight", TIMES)}
    found["seen"] = press(slider, "ArrowLeft", TIMES) + press(slider, "ArrowRight", TIMES)
    return {kind: median(delays) for kind, delays in found.items() if delays}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_key_to_picture(lab_page: object, path: Path) -> None:
    lab_page.open(path.name)
    print(f"\n{path.stem}: Run All in {lab_page.run_all(seconds=600):.0f} s")
    slow = []
    for explorer in lab_page.explorers():
        words = explorer.caption[:40]
        for control in explorer.controls():
            if control.kind != "slider":
                continue
            found = measure(control)
            told = ", ".join(f"{kind} {ms:.0f} (≤ {LIMITS[kind]})" for kind, ms in found.items())
            print(f"{path.stem}, {control.label} ({words}…): {told} ms", flush=True)
            slow += [control.label for kind, ms in found.items() if ms > LIMITS[kind]]
    assert not slow
