"""The site in a real browser, from a file, with the network off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

# On one worker, which builds the site once.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("site")]
WIDTHS = {"phone": 390, "desk": 1280}
SHOWN = """([figure, number]) => {
    const image = figure.querySelector('img');
    return image.dataset.number === String(number) && image.complete;
}"""


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, offline_page: Any) -> Iterator[Any]:
    with offline_page(WIDTHS[request.param]) as page:
        yield page


def pages(site: Path) -> list[Path]:
    return [site / "index.html", *sorted((site / "notebooks").glob("**/*.html"))]


def test_every_explorer_moves_at_every_stop(site: Path, page: Any) -> None:
    """Each stop of each control shows its own picture and words, and the others stay."""
    moved = 0
    for path in pages(site):
        page.goto(path.as_uri())
        for figure in page.query_selector_all("figure.explorer"):
            about = json.loads(figure.query_selector("script").text_content())
            state = [control["default"] for control in about["controls"]]
            for i in range(len(state)):
                moved += drive(page, figure, about, i, state)
    assert moved >= 3


def drive(page: Any, figure: Any, about: dict[str, Any], i: int, state: list[int]) -> int:
    """Move control `i` to its ends and its middle, where `state` follows; return how many."""
    controls = about["controls"]
    drawn = list(product(*(range(len(control["stops"])) for control in controls)))
    last = len(controls[i]["stops"]) - 1
    stops = sorted({0, last // 2, last})
    entries = figure.query_selector_all("input, select")
    for stop in stops:
        state[i] = stop
        number = drawn.index(tuple(state))
        entries[i].evaluate(
            "(e, stop) => { e.focus(); e.value = stop; e.dispatchEvent(new Event('input')); }", stop
        )
        page.wait_for_function(SHOWN, arg=[figure, number])
        assert [int(entry.input_value()) for entry in entries] == state
        caption = figure.query_selector("figcaption").text_content()
        assert caption == about["words"][number]
        images = figure.query_selector_all("img")
        assert [image.get_attribute("alt") for image in images if image.get_attribute("alt")] == [
            caption
        ]
        for image in images:
            assert image.get_attribute("src").endswith(f"/{number:03}.webp")
            assert image.evaluate("e => e.naturalWidth") > 100
        if controls[i]["kind"] == "range":
            assert entries[i].get_attribute("aria-valuetext") == controls[i]["stops"][stop]
    return len(stops)


def test_a_lesson_ends_with_its_wall(site: Path, page: Any) -> None:
    """It begins with the lesson's choices, and is fetched when it comes near."""
    page.goto((site / "notebooks/04_nnrelief_heatmaps.html").as_uri())
    assert not page.query_selector(".pruninglab-live.ready")
    page.locator(".pruninglab-live").scroll_into_view_if_needed()
    page.wait_for_selector(".pruninglab-live.ready", timeout=120_000)
    chosen = page.eval_on_selector_all(
        ".pruninglab-live input:checked", "all => all.map(e => e.value)"
    )
    assert chosen == ["nnrelief", "neuron", "signal"]


def test_the_bet_stands_in_the_summary(site: Path, page: Any) -> None:
    page.goto((site / "notebooks/00_start_here.html").as_uri())
    assert "half of the wall" not in page.inner_text(".pruninglab-guess.all")
    page.locator(".pruninglab-live").scroll_into_view_if_needed()
    page.wait_for_selector(".pruninglab-live.ready", timeout=120_000)
    page.click(".bet button")
    page.wait_for_function(
        "document.querySelector('.pruninglab-guess.all').innerText.includes('half of the wall')",
        timeout=120_000,
    )
    page.reload()
    assert "half of the wall" in page.inner_text(".pruninglab-guess.all"), "kept"


def test_without_a_script_the_wall_is_a_picture(site: Path, chromium: Any) -> None:
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto((site / "index.html").as_uri())
    assert "reads" in page.get_attribute(".pruninglab-live img", "alt")
    assert page.is_visible(".pruninglab-live img") and page.is_visible("text=Read the lessons")


def test_on_paper_nothing_scrolls(site: Path, page: Any) -> None:
    page.goto(pages(site)[1].as_uri())
    page.emulate_media(media="print")
    cut = page.eval_on_selector_all(
        "article pre, article .picture",
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML)",
    )
    assert not cut
    assert not page.is_visible("figure.explorer .hint")


def test_the_keyboard_is_enough(site: Path, page: Any) -> None:
    page.goto(pages(site)[1].as_uri())
    # The first explorer of the page comes alive after a guess.
    page.locator("button:text-is('Show me')").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("figure.explorer input", state="visible")
    page.focus("figure.explorer input")
    before = page.text_content("figure.explorer figcaption")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "words => document.querySelector('figure.explorer figcaption').textContent != words",
        arg=before,
    )


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
    page.goto(pages(site)[1].as_uri())
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
    assert max(path.stat().st_size for path in (site / "_frames").rglob("*.webp")) <= 60e3
