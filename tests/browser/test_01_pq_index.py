"""Notebook 01 as a student meets it, and how long a slider takes."""

from __future__ import annotations

import os
from statistics import median

import pytest

NOTEBOOK = "01_pq_index.ipynb"


@pytest.mark.browser
def test_run_all_and_both_ends_of_every_slider(lab_page: object) -> None:
    lab_page.open(NOTEBOOK)
    lab_page.run_all()
    assert lab_page.errors() == []
    for label in ("p", "q"):
        seen = {lab_page.picture(label)}
        for key in ("End", "ArrowLeft", "Home"):
            lab_page.press(label, key)
            seen.add(lab_page.picture(label))
        assert len(seen) >= 3, f"the picture must change with {label}"
    if folder := os.environ.get("SCREENSHOTS"):
        lab_page.page.screenshot(path=f"{folder}/01.png")
    assert lab_page.page.locator(".widget-html pre").count() == 0, "no error message is shown"


@pytest.mark.benchmark
def test_slider_to_picture(lab_page: object) -> None:
    """Milliseconds from the key press to the new picture, at the median."""
    lab_page.open(NOTEBOOK)
    lab_page.run_all()
    lab_page.press("p", "Home")
    delays = lab_page.press("p", "ArrowRight", times=18)
    print(
        f"\nslider to picture: median {median(delays):.0f} ms (≤ 100), worst {max(delays):.0f} ms"
    )
    assert median(delays) <= 100
