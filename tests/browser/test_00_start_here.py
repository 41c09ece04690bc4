"""Notebook 00 as a student meets it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.browser

LABEL = "weights that stay"


def test_run_all_and_slide(lab_page: object) -> None:
    lab_page.open("00_start_here.ipynb")
    # Before anything runs, the saved picture is there.
    lab_page.page.wait_for_selector(".jp-RenderedImage img", timeout=20_000)
    lab_page.run_all()
    assert lab_page.errors() == []
    caption = lab_page.page.locator(".widget-html-content", has_text="of the weights stay")
    assert caption.inner_text().startswith("The largest 10.0% of the weights stay")
    before = lab_page.picture(LABEL)
    lab_page.press(LABEL, "ArrowRight", times=3)
    after = lab_page.picture(LABEL)
    assert after != before
    assert caption.inner_text().startswith("The largest 3.0% of the weights stay")
    lab_page.press(LABEL, "ArrowLeft", times=3)
    assert lab_page.picture(LABEL) != after
    if folder := os.environ.get("SCREENSHOTS"):
        lab_page.page.screenshot(path=f"{folder}/00.png")
    # A fast hand: the picture ends at the value that the slider shows, few frames in between.
    lab_page.press(LABEL, "Home")
    for _ in range(12):
        lab_page.page.keyboard.press("ArrowRight")
    lab_page.page.wait_for_timeout(2500)
    fast = lab_page.picture(LABEL)
    lab_page.press(LABEL, "ArrowLeft")
    lab_page.press(LABEL, "ArrowRight")
    assert lab_page.picture(LABEL) == fast
