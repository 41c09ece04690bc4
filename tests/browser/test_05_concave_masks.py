"""Notebook 05 as a student meets it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_run_all_and_both_ends_of_every_slider(lab_page: object) -> None:
    lab_page.open("05_concave_masks.ipynb")
    lab_page.run_all(seconds=400)
    assert lab_page.errors() == []
    sliders = {
        "log10 λ": ("ArrowRight", "End", "Home", "ArrowRight"),
        "ε (q, b)": ("ArrowRight", "End"),
        "ε of log": ("ArrowRight", "End", "Home"),
        "λ": ("ArrowRight", "Home", "End"),
        "ε": ("ArrowRight", "End", "Home"),
        "γ": ("ArrowRight", "End", "Home"),
    }
    lab_page.drive(sliders, "05")
    lab_page.choose("penalty r", "lq")
    lab_page.keep("05_lq")
