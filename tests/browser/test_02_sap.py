"""Notebook 02 as a student meets it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.browser


def test_run_all_and_both_ends_of_every_slider(lab_page: object) -> None:
    lab_page.open("02_sap.ipynb")
    lab_page.run_all(seconds=300)
    assert lab_page.errors() == []
    for label in ("p", "q", "η", "γ", "β"):
        seen = {lab_page.picture(label)}
        for key in ("ArrowRight", "ArrowLeft", "End", "Home"):
            if lab_page.can_move(label, key):
                lab_page.press(label, key)
                seen.add(lab_page.picture(label))
        assert len(seen) >= 2, f"the picture must change with {label}"
        if folder := os.environ.get("SCREENSHOTS"):
            lab_page.page.screenshot(path=f"{folder}/02_{label}.png")
    assert lab_page.page.locator(".widget-html pre").count() == 0, "no error message is shown"
