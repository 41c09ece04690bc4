"""The site in a real browser, from a file, with the network off."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

from pruninglab.classroom.site.build import build

pytestmark = pytest.mark.browser
WIDTHS = {"phone": 390, "desk": 1280}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, chromium: Any) -> Iterator[Any]:
    width = WIDTHS[request.param]
    context = chromium.new_context(viewport={"width": width, "height": 844})
    context.set_offline(True)
    page = context.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("request", lambda asked: page.wrong.append(asked.url)
            if not asked.url.startswith(("file:", "data:")) else None)  # fmt: skip
    yield page
    assert not page.wrong
    context.close()


def pages(site: Path) -> list[Path]:
    return [site / "index.html", *sorted((site / "notebooks").glob("*.html"))]


def test_every_explorer_moves_at_every_stop(site: Path, page: Any) -> None:
    """Each stop of each control shows its own picture, its own words, and says them aloud."""
    moved = 0
    for path in pages(site):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), path.name
        for figure in page.query_selector_all("figure.explorer"):
            about = json.loads(figure.query_selector("script").text_content())
            for i, control in enumerate(about["controls"]):
                moved += drive(page, figure, about, i, control)
    assert moved > 10


def drive(page: Any, figure: Any, about: dict[str, Any], i: int, control: dict[str, Any]) -> int:
    """Move a control to its ends and its middle; return how many states were seen."""
    last = len(control["stops"]) - 1
    stops = {0, last // 2, last}
    for stop in stops:
        entry = figure.query_selector_all("input, select")[i]
        entry.evaluate(
            "(e, stop) => { e.focus(); e.value = stop; e.dispatchEvent(new Event('input')); }", stop
        )
        page.wait_for_function("f => f.querySelector('img').complete", arg=figure)
        page.wait_for_timeout(50)
        caption = figure.query_selector("figcaption").text_content()
        assert caption in about["words"]
        assert figure.query_selector("img").get_attribute("alt") == caption
        if shown := re.search(r"(\d+)\.webp$", figure.query_selector("img").get_attribute("src")):
            assert about["words"][int(shown[1])] == caption
        assert figure.query_selector("img").evaluate("e => e.naturalWidth") > 100
        if control["kind"] == "range":
            assert entry.get_attribute("aria-valuetext") == control["stops"][stop]
    return len(stops)


def test_the_keyboard_is_enough(site: Path, page: Any) -> None:
    page.goto(pages(site)[0].as_uri())
    page.focus("figure.explorer input")
    before = page.text_content("figcaption")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("words => document.querySelector('figcaption').textContent != words",
                           arg=before)  # fmt: skip


def test_every_link_and_picture_leads_somewhere(site: Path, page: Any) -> None:
    for path in pages(site):
        page.goto(path.as_uri())
        for kind, name in (("a[href]", "href"), ("img[src]", "src")):
            targets = page.eval_on_selector_all(kind, f"all => all.map(e => e.{name})")
            files = {unquote(urlparse(t).path) for t in targets if t.startswith("file:")}
            missing = [file for file in files if not Path(file).exists()]
            assert not missing, f"{path.name} leads to {missing}"


def test_mathematics_is_drawn_and_search_finds(site: Path, page: Any) -> None:
    page.goto((site / "notebooks/02_sap.html").as_uri())
    assert page.eval_on_selector_all("math", "all => all.length") > 0
    assert "\\frac" not in page.inner_text("article")
    page.goto((site / "search.html").as_uri() + "?q=inertial")
    page.wait_for_selector("#search-results li")


SEEN = """async (stop) => {
    const entry = document.querySelector('figure.explorer input');
    const image = document.querySelector('figure.explorer img');
    const start = performance.now();
    entry.value = stop;
    entry.dispatchEvent(new Event('input'));
    while (image.dataset.number != window.wanted(stop) || !image.complete) {
        await new Promise(done => requestAnimationFrame(done));
        if (performance.now() - start > 2000) return -1;
    }
    await image.decode();
    return performance.now() - start;
}"""


@pytest.mark.benchmark
@pytest.mark.parametrize("width", WIDTHS.values())
def test_how_soon_a_state_is_seen(site: Path, chromium: Any, width: int) -> None:
    page = chromium.new_context(viewport={"width": width, "height": 844}).new_page()
    page.goto(pages(site)[0].as_uri())
    page.evaluate("""() => { window.wanted = stop => stop;
        document.querySelector('figure.explorer input').focus(); }""")
    page.wait_for_timeout(500)
    last = int(page.get_attribute("figure.explorer input", "max"))
    first = sorted(page.evaluate(SEEN, stop) for stop in range(last + 1))
    again = sorted(page.evaluate(SEEN, stop) for stop in range(last + 1))
    print(f"\n{width} px: first visit {first[len(first) // 2]:.1f} ms, "
          f"again {again[len(again) // 2]:.1f} ms at the median")  # fmt: skip
    assert first[0] >= 0 and first[len(first) // 2] <= 50
    assert again[len(again) // 2] <= 16


def test_pages_have_no_serious_faults_for_screen_readers(site: Path, page: Any, axe: str) -> None:
    for path in [*pages(site), site / "ledger.html"]:
        page.goto(path.as_uri())
        page.evaluate(axe)
        found = page.evaluate("async () => (await axe.run()).violations")
        grave = {f["id"]: [n["html"][:120] for n in f["nodes"]][:3] for f in found
                 if f["impact"] in ("serious", "critical")}  # fmt: skip
        assert not grave, f"{path.name}: {grave}"


def test_the_site_is_small(site: Path) -> None:
    sizes = [path.stat().st_size for path in site.rglob("*") if path.is_file()]
    assert sum(sizes) <= 25e6
    assert max(path.stat().st_size for path in (site / "_frames").rglob("*.webp")) <= 40e3
