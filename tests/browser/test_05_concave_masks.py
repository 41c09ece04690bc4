"""Notebook 05 as a student meets it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.browser


def test_run_all_and_both_ends_of_every_slider(lab_page: object) -> None:
    lab_page.open("05_concave_masks.ipynb")
    # A long page: let it settle, or the menu click is lost.
    lab_page.page.wait_for_timeout(3000)
    lab_page.run_all(seconds=300)
    assert lab_page.errors() == []
    for label, keys in {
        "log10 λ": ("ArrowRight", "Home", "ArrowRight"),
        "ε (q, b)": ("ArrowRight", "End"),
        "ε of log": ("ArrowRight", "End", "Home"),
        "λ": ("ArrowRight", "Home", "End"),
        "ε": ("ArrowRight", "End", "Home"),
        "γ": ("ArrowRight", "End", "Home"),
    }.items():
        for key in keys:
            before = lab_page.picture(label)
            lab_page.press(label, key)
            assert lab_page.picture(label) != before, f"{key} on {label} must change the picture"
        if folder := os.environ.get("SCREENSHOTS"):
            lab_page.page.screenshot(path=f"{folder}/05_{label.split()[0]}.png")
    assert lab_page.page.locator(".widget-html pre").count() == 0, "no error message is shown"
