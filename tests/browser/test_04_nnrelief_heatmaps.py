"""Notebook 04 as a student meets it, and how long the α slider takes."""

from __future__ import annotations

from statistics import median

import pytest

NOTEBOOK = "04_nnrelief_heatmaps.ipynb"


@pytest.mark.browser
def test_run_all_and_both_ends_of_the_slider(lab_page: object) -> None:
    lab_page.open(NOTEBOOK)
    lab_page.run_all(seconds=400)
    assert lab_page.errors() == []
    lab_page.drive({"α": ("ArrowLeft", "Home", "End")}, "04")
    lab_page.choose("cut", "fc3")
    caption = ".widget-html [aria-live=polite] >> text=/only fc3 is cut/"
    lab_page.page.wait_for_selector(caption, timeout=10_000)
    lab_page.keep("04_fc3")


@pytest.mark.benchmark
def test_alpha_to_picture(lab_page: object) -> None:
    """Milliseconds from the key press to the new picture, at the median."""
    lab_page.open(NOTEBOOK)
    lab_page.run_all(seconds=400)
    lab_page.press("α", "Home")
    delays = lab_page.press("α", "ArrowRight", times=18)
    print(f"\nα to picture: median {median(delays):.0f} ms (≤ 250), worst {max(delays):.0f} ms")
    assert median(delays) <= 250
