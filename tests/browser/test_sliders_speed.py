"""Milliseconds from a key to the picture, for every explorer of every notebook, in a real browser.

Four kinds of state: one that was shown before; a neighbour that was drawn while the kernel was
idle; the next one of a hand that goes on step by step, as fast as pictures come; and any other, to
which the slider jumps. `make bench` runs it with the other benchmarks; nothing else may run
meanwhile.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

pytestmark = pytest.mark.benchmark
NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
# Milliseconds at the median.
LIMITS = {"revisited": 30, "ahead": 30, "next": 80, "other": 80}
TIMES = 8
# A slider at rest for so long has had its neighbours drawn.
IDLE_MS = 1500


def press(slider: object, key: str, times: int) -> list[float]:
    """Press a key again and again; return the delays of those presses that gave a new picture."""
    delays = [slider.do(lambda: slider._press(key)) for _ in range(times)]
    return [delay for delay in delays if delay is not None]


def measure(lab_page: object, slider: object) -> dict[str, float]:
    """Return the median delay of each kind of state along one slider."""
    slider.do(lambda: slider._press("Home"))
    found = {"other": press(slider, "PageUp", TIMES)}
    slider.do(lambda: slider._press("Home"))
    found["next"] = press(slider, "ArrowRight", TIMES)
    found["revisited"] = press(slider, "ArrowLeft", TIMES) + press(slider, "ArrowRight", TIMES)
    found["ahead"] = []
    slider.do(lambda: slider._press("End"))
    for _ in range(TIMES // 2):
        lab_page.page.wait_for_timeout(IDLE_MS)
        found["ahead"] += press(slider, "ArrowLeft", 1)
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
            found = measure(lab_page, control)
            told = ", ".join(f"{kind} {ms:.0f} (≤ {LIMITS[kind]})" for kind, ms in found.items())
            print(f"{path.stem}, {control.label} ({words}…): {told} ms", flush=True)
            slow += [control.label for kind, ms in found.items() if ms > LIMITS[kind]]
    assert not slow
