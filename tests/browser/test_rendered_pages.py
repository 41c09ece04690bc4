"""Every notebook as a page, on a phone and a desk, light and dark: on the site and by nbconvert.

What needs no taste is seen by a machine: nothing is too wide, raw, broken or too pale, and no
saved picture is missing. The rest is seen by who looks: open each page before a release.
"""

from __future__ import annotations

import base64
import io
import itertools
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("site")]
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = [*sorted(FOLDER.glob("*.ipynb")), *sorted(FOLDER.glob("audits/*.ipynb"))]
LOOK = "".join(Path(__file__).with_name("look.js").read_text("utf-8").partition("async")[1:])
VIEWS = [(width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]


def tag(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix().replace("/", "-")


def saved_pictures(path: Path) -> list[bytes]:
    """Return the pictures of a saved notebook."""
    cells = nbformat.read(path, as_version=4).cells
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    return [base64.b64decode(one["image/png"]) for one in data if "image/png" in one]


def faults(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is wrong with a page, of what `look.js` found."""
    lists = {kind: words for kind, words in found.items() if isinstance(words, list) and words}
    return lists | ({"sideways": found["sideways"]} if found["sideways"] > 0 else {})


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_a_page_of_the_site(site: Path, offline_page: Any, width: int, scheme: str) -> None:
    wrong = {}
    with offline_page(width, scheme=scheme) as page:
        for path in [*site.glob("*.html"), *site.glob("notebooks/**/*.html")]:
            page.goto(path.as_uri())
            found = page.evaluate(LOOK, "body")
            name = path.relative_to(site).with_suffix("").as_posix()
            wrong[name] = faults(found)
            if (notebook := ROOT / f"{name}.ipynb") in NOTEBOOKS:
                wrong[name] |= lost(found["pictures"], notebook)
    assert {stem: fault for stem, fault in wrong.items() if fault} == {}


def test_at_360_and_at_200_percent_no_page_scrolls_sideways(site: Path, chromium: Any) -> None:
    """1280 pixels at 200 % are 640 of CSS; what is wider scrolls by itself."""
    for width in (360, 640):
        page = chromium.new_page(viewport={"width": width, "height": 422})
        for path in [*site.glob("*.html"), *site.glob("notebooks/**/*.html")]:
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path.name
        page.close()


def lost(seen: int, notebook: Path) -> dict[str, Any]:
    saved = len(saved_pictures(notebook))
    return {} if seen == saved else {"pictures": f"{seen} of {saved} are seen"}


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All notebooks as nbconvert's pages, as one who got them by mail opens them."""
    folder = tmp_path_factory.mktemp("nbconvert")
    for theme, path in itertools.product(("light", "dark"), NOTEBOOKS):
        text, _ = HTMLExporter(theme=theme).from_filename(path)
        (folder / f"{tag(path)}.{theme}.html").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_a_page_of_nbconvert(converted: Path, chromium: Any, width: int, scheme: str) -> None:
    """What nbconvert itself fetches and how it looks is not ours; what our cells show in it is."""
    wrong = {}
    context = chromium.new_context(viewport={"width": width, "height": 844})
    context.set_offline(True)
    page = context.new_page()
    for notebook in NOTEBOOKS:
        page.goto((converted / f"{tag(notebook)}.{scheme}.html").as_uri())
        found = page.evaluate(LOOK, ".jp-OutputArea-output")
        wrong[tag(notebook)] = faults(found) | lost(found["pictures"], notebook)
    context.close()
    assert {stem: fault for stem, fault in wrong.items() if fault} == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=tag)
def test_no_saved_picture_is_empty(path: Path) -> None:
    for picture in map(io.BytesIO, saved_pictures(path)):
        assert np.asarray(Image.open(picture).convert("L")).std() > 1
