"""Notebook 02 as a student meets it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.browser


def test_run_all_and_both_ends_of_every_slider(lab_page: object) -> None:
    lab_page.open("02_sap.ipynb")
    lab_page.run_all(seconds=300)
    assert lab_page.errors() == []
    # In this order every key changes the picture: β is felt only where γ and η ask for much.
    for label, keys in {
        "p": ("ArrowRight", "End", "Home"),
        "q": ("ArrowRight", "End", "Home"),
        "η": ("ArrowRight", "End"),
        "γ": ("ArrowRight", "Home", "End"),
        "β": ("ArrowLeft", "Home", "End"),
    }.items():
        for key in keys:
            before = lab_page.picture(label)
            lab_page.press(label, key)
            assert lab_page.picture(label) != before, f"{key} on {label} must change the picture"
        if folder := os.environ.get("SCREENSHOTS"):
            lab_page.page.screenshot(path=f"{folder}/02_{label}.png")
    assert lab_page.page.locator(".widget-html pre").count() == 0, "no error message is shown"
