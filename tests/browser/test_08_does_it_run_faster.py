"""Notebook 08 as a student meets it: what it measures differs, so pictures must only change."""

from __future__ import annotations

import pytest

NOTEBOOK = "08_does_it_run_faster.ipynb"


@pytest.mark.browser
def test_run_all_and_every_slider(lab_page: object) -> None:
    lab_page.open(NOTEBOOK)
    lab_page.run_all(seconds=300)
    assert lab_page.errors() == []
    lab_page.drive(
        {"weights that live": ("End", "Home"), "weights that stay": ("End", "Home")}, "08"
    )
    before = lab_page.picture("weights that live")
    lab_page.choose("batch", "batch 1")
    assert lab_page.picture("weights that live") != before, "the batch must change the picture"
    assert lab_page.page.locator(".widget-html pre").count() == 0, "no error message is shown"
