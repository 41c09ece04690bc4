"""Notebook 03 as a student meets it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.browser


def test_run_all_and_both_ends_of_every_slider(lab_page: object) -> None:
    lab_page.open("03_incop_flows.ipynb")
    lab_page.run_all(seconds=400)
    assert lab_page.errors() == []
    captions = lab_page.page.locator(".widget-html [aria-live=polite]")
    for label in ("weights removed", "ε / largest distance", "w", "largest |t|"):
        for key in ("ArrowRight", "Home", "End"):
            before, told = lab_page.picture(label), captions.all_inner_texts()
            lab_page.press(label, key)
            assert lab_page.picture(label) != before, f"{key} on {label} must change the picture"
            assert captions.all_inner_texts() != told, f"{key} on {label} must change the caption"
        if folder := os.environ.get("SCREENSHOTS"):
            name = "".join(letter for letter in label if letter.isalnum())
            lab_page.page.screenshot(path=f"{folder}/03_{name}.png")
    assert lab_page.page.locator(".widget-html pre").count() == 0, "no error message is shown"
