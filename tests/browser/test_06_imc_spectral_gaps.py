"""Notebook 06 as a student meets it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_run_all_and_the_sliders(lab_page: object) -> None:
    lab_page.open("06_imc_spectral_gaps.ipynb")
    lab_page.run_all(seconds=400)
    assert lab_page.errors() == []
    sliders = {
        "curvature ratio": ("ArrowRight", "End", "Home"),
        "bend": ("ArrowRight", "Home", "End"),
        "start (degrees)": ("ArrowRight", "Home"),
        "log₁₀ K": ("ArrowRight", "Home", "End"),
        "log₁₀ B": ("ArrowLeft", "End", "Home"),
    }
    lab_page.drive(sliders, "06")
    caption = ".widget-html [aria-live=polite] >> text=/eigenvalues of the Hessian {}/"
    lab_page.page.wait_for_selector(caption.format("after 10 epochs"), timeout=10_000)
    lab_page.choose("epoch", "0")
    lab_page.page.wait_for_selector(caption.format("before training"), timeout=10_000)
