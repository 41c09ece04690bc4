"""Notebook 06 as a student meets it."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.browser


def test_run_all_and_the_sliders(lab_page: object) -> None:
    lab_page.open("06_imc_spectral_gaps.ipynb")
    # On a busy machine the indicator is idle before there is a kernel; the status bar is not.
    lab_page.page.wait_for_selector("text=/\\(ipykernel\\) \\| Idle/", timeout=120_000)
    lab_page.run_all(seconds=400)
    assert lab_page.errors() == []
    for label, keys in {
        "curvature ratio": ("ArrowRight", "End", "Home"),
        "bend": ("ArrowRight", "Home", "End"),
        "start (degrees)": ("ArrowRight", "Home"),
        "log₁₀ K": ("ArrowRight", "Home", "End"),
        "log₁₀ B": ("ArrowLeft", "End", "Home"),
    }.items():
        for key in keys:
            before = lab_page.picture(label)
            lab_page.press(label, key)
            assert lab_page.picture(label) != before, f"{key} on {label} must change the picture"
        if folder := os.environ.get("SCREENSHOTS"):
            lab_page.page.screenshot(path=f"{folder}/06_{label.split()[0]}.png")
    assert choose_epoch(lab_page, "0")
    assert lab_page.page.locator(".widget-html pre").count() == 0, "no error message is shown"


def choose_epoch(lab_page: object, epoch: str) -> bool:
    """Pick an epoch from the list; tell whether the picture changed."""
    page = lab_page.page
    box = page.locator(".widget-dropdown", has=page.locator(".widget-label:text-is('epoch')"))
    around = box.locator("xpath=ancestor::div[contains(@class, 'widget-vbox')][1]")
    before = around.locator("img").first.screenshot()
    page.evaluate("() => { window.loads = []; }")
    box.locator("select").select_option(epoch)
    page.wait_for_function("() => window.loads.length > 0", timeout=10_000)
    return around.locator("img").first.screenshot() != before
