"""Guesses by mouse, finger and keys: in JupyterLab, and on a page that is opened from a file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from pruninglab.classroom.rerun import stable
from pruninglab.classroom.site import build
from pruninglab.classroom.site.pages import page as make_page

# On one worker, which builds the small site once.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("guess")]
ROOT = Path(__file__).resolve().parents[2]
X, Y = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0], [0.31, 0.55, 0.81, 0.9, 0.93, 0.942, 0.942]
CELLS = [
    f"import pruninglab as lab\nx, y = {X}, {Y}",
    'lab.guess.curve("How does the accuracy fall?", (x, y), xlabel="share of weights that stay",'
    ' ylabel="test accuracy", name="07_curve", logx=True)',
    'lab.guess.number("Where is the cliff?", 20, low=0, high=100, unit="%", name="07_cliff")',
    'lab.guess.choice("Which layer keeps most?", ["the first", "the second", "the last"],'
    ' answer="the last", why="Its weights start larger.", name="07_layer")',
    'lab.guess.summary("07_small")',
]
ABOVE = 0.5  # a level line at half of the axis lies this far from the measured curve, on average
LEVEL = sum(abs(value - ABOVE) for value in Y) / len(Y)


def notebook() -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a site of one small notebook, with the site's own settings and scripts."""
    from sphinx.cmd.build import build_main

    folder = tmp_path_factory.mktemp("small")
    source, here = folder / "source", Path(build.__file__).parent
    shutil.copytree(here / "static", source / "_static")
    shutil.copy(here / "conf.py", source)
    (source / "extra").mkdir()
    made = notebook()
    made.cells.insert(0, nbformat.v4.new_markdown_cell("# A small notebook\n\nGuess."))
    names: dict[str, Any] = {}
    for cell in made.cells[1:]:
        *before, last = (
            cell.source.partition("\n") if "import" in cell.source else ("", cell.source)
        )
        if before[0]:
            exec(cell.source, names)
            continue
        shown = eval(last, names)
        data = shown._repr_mimebundle_()[0]
        cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    make_page(stable(made), source / "extra", {}, "")
    nbformat.write(made, source / "index.ipynb")
    assert not build_main(["-q", "-W", "-b", "html", str(source), str(folder / "html")])
    return folder / "html" / "index.html"


@pytest.fixture(params=[390, 1280])
def page(request: pytest.FixtureRequest, offline_page: Any) -> Iterator[Any]:
    with offline_page(request.param, touch=request.param < 500) as page:
        yield page


def keep(page: Any, name: str) -> None:
    """Save a screenshot if the variable SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}_{page.viewport_size['width']}.png", full_page=True)


def boxes(page: Any) -> list[Any]:
    """Return the curve, the number, the choice and the list of all guesses."""
    page.wait_for_selector(".pruninglab-guess .chart")
    found = page.locator(".pruninglab-guess")
    return [found.nth(number) for number in range(found.count())]


def draw(page: Any, box: Any, heights: list[float]) -> None:
    """Draw with the mouse: heights from 0 to 1 at even steps, from edge to edge."""
    chart = box.locator(".chart")
    chart.scroll_into_view_if_needed()
    area = chart.bounding_box()
    left, right, top, bottom = area["x"] + 58, area["x"] + area["width"] - 14, 24, 44
    page.mouse.move(left, area["y"] + top + (1 - heights[0]) * (area["height"] - top - bottom))
    page.mouse.down()
    for i, height in enumerate(heights):
        across = left + i * (right - left) / (len(heights) - 1)
        up = area["y"] + top + (1 - height) * (area["height"] - top - bottom)
        page.mouse.move(across, up, steps=3)
    page.mouse.up()


def show(box: Any) -> str:
    box.locator("button.main").click()
    return str(box.locator(".result").inner_text())


def test_drawn_by_mouse_shown_kept_and_there_again(small_site: Path, page: Any) -> None:
    page.goto(small_site.as_uri())
    curve, number, choice, everything = boxes(page)
    assert "No guess of yours yet" in everything.inner_text()
    assert curve.locator("button.main").is_disabled() and not curve.locator("path.truth").count()
    keep(page, "empty")
    draw(page, curve, [0.5, 0.5])
    told = show(curve)
    assert curve.locator("path.truth").count() == 1
    assert f"lies {LEVEL:.3g} from" in told and "Not quite" in told
    assert "Other direction: from left to right it rises, yours stays level" in told

    assert number.locator("button.main").is_disabled()
    number.locator("input").first.fill("80")
    number.locator("input").nth(1).fill("16")
    assert "You said 40 %, it is 20 %: 20 % too high." in show(number)
    choice.locator("label", has_text="the last").click()
    assert "✓ Right. You said “the last”. Its weights" in show(choice)

    summary = everything.inner_text()
    assert summary.count("not quite") == 2 and summary.count("✓ right") == 1
    assert (
        "You were right in 1 of 3. Where you were sure (70 % or more): right in 0 of 1." in summary
    )
    keep(page, "shown")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")

    page.reload()
    curve, number, _, everything = boxes(page)
    assert curve.locator("path.truth").count() == 1 and "80 % sure" in everything.inner_text()
    assert number.locator("input").first.is_disabled()
    number.get_by_text("Forget it").click()
    assert number.locator("button.main").is_disabled()
    assert page.evaluate(
        "Object.keys(localStorage).filter(key => key.includes('guess')).sort().join()"
    ) == ("pruninglab-guess-07_curve,pruninglab-guess-07_layer")


def test_drawn_by_keys_alone(small_site: Path, page: Any) -> None:
    page.goto(small_site.as_uri())
    curve = boxes(page)[0]
    chart = curve.locator(".chart")
    chart.focus()
    assert chart.get_attribute("aria-valuetext") == "nothing drawn yet"
    page.keyboard.press("End")  # a level line, its right end
    assert (
        chart.get_attribute("aria-valuetext") == "test accuracy 0.5 at share of weights that stay 1"
    )
    for key in ("PageUp", "PageUp", "ArrowUp", "ArrowLeft", "ArrowDown", "Home", "PageDown"):
        page.keyboard.press(key)
    assert float(chart.get_attribute("aria-valuenow")) == pytest.approx(0.4)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")  # how sure
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert curve.locator("path.truth").count() == 1
    kept = json.loads(page.evaluate("localStorage['pruninglab-guess-07_curve']"))
    heights = kept["guess"]
    assert kept["sure"] == 55
    assert heights[24] == pytest.approx(0.72) and heights[21] == pytest.approx(0.48)
    assert heights[22] == pytest.approx(0.56) and heights[0] == pytest.approx(0.4)
    assert heights[3:19] == [0.5] * 16
    assert page.evaluate("document.activeElement.textContent") == "Forget it and guess again"


def test_drawn_with_a_finger_without_scrolling(small_site: Path, page: Any) -> None:
    if page.viewport_size["width"] > 500:
        pytest.skip("a phone has the finger")
    page.goto(small_site.as_uri())
    curve = boxes(page)[0]
    area = curve.locator(".chart").bounding_box()
    touch = page.context.new_cdp_session(page)
    points = [(area["x"] + 60 + i * (area["width"] - 75) / 9, area["y"] + 40 + 20 * i)
              for i in range(10)]  # fmt: skip
    before = page.evaluate("scrollY")
    for i, (x, y) in enumerate(points):
        kind = "touchMove" if i else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("scrollY") == before
    assert "yours falls" in show(curve)


REFUSED = """for (const name of ['getItem', 'setItem', 'removeItem']) {
    const kept = Storage.prototype[name];
    Storage.prototype[name] = function (key, ...others) {
        if (key.startsWith('pruninglab')) throw new Error('refused');
        return kept.call(this, key, ...others);
    };
}"""


def test_storage_that_is_refused(small_site: Path, page: Any) -> None:
    page.add_init_script(REFUSED)
    page.goto(small_site.as_uri())
    choice, everything = boxes(page)[2:]
    choice.locator("label", has_text="the first").click()
    assert "It is “the last”" in show(choice)
    assert "does not keep guesses" in choice.inner_text()
    assert "right in 0 of 1" in everything.inner_text(), "kept as long as the page lasts"


@pytest.mark.parametrize("kept", ["{", "3", "null", '{"kind": "curve", "guess": [1]}'])
def test_what_was_kept_and_is_damaged_is_no_guess(small_site: Path, page: Any, kept: str) -> None:
    page.goto(small_site.as_uri())
    page.evaluate("kept => { localStorage['pruninglab-guess-07_curve'] = kept; }", kept)
    page.reload()
    curve = boxes(page)[0]
    assert not curve.locator("path.truth").count() and "draw your curve" in curve.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_fault_for_screen_readers(
    small_site: Path, page: Any, theme: str, axe: str
) -> None:  # fmt: skip
    page.emulate_media(color_scheme=theme)
    page.goto(small_site.as_uri())
    curve, number, choice, _ = boxes(page)
    for state in ("open", "answered"):
        page.evaluate(axe)
        found = page.evaluate("async () => (await axe.run('.pruninglab-guess')).violations")
        grave = {
            one["id"]: [node["html"][:90] + node["failureSummary"] for node in one["nodes"]][:3]
            for one in found
        }
        assert not grave, f"{state}, {theme}: {grave}"
        if state == "open":
            draw(page, curve, [0.2, 0.8, 0.9])
            number.locator("input").first.fill("80")
            choice.locator("label", has_text="the first").click()
            for box in (curve, number, choice):
                show(box)
    keep(page, f"answered_{theme}")


def test_without_a_script_the_question_is_there(small_site: Path, chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(small_site.as_uri())
    text = page.inner_text("article")
    assert "How does the accuracy fall?" in text and "draw your guess" in text
    assert "0.942" not in text.replace(CELLS[0], "")
    context.close()


def test_in_jupyterlab(lab_page: Any, request: pytest.FixtureRequest) -> None:
    """Mouse, keys, the file beside the notebook, and the guesses again after a new start."""
    lab_page.folder = lab_page._folder
    nbformat.write(stable(notebook()), lab_page.folder / "small.ipynb")
    page = lab_page.page
    lab_page.open("small.ipynb")
    lab_page.run_all()
    assert lab_page.errors() == []
    curve, number, choice, everything = boxes(page)
    draw(page, curve, [0.5, 0.5])
    curve.locator(".chart").focus()
    for _ in range(4):  # where the hand left it: the right end
        page.keyboard.press("ArrowUp")
    told = show(curve)
    assert curve.locator("path.truth").count() == 1 and "Right direction" in told
    number.locator("input").first.focus()
    page.keyboard.press("ArrowLeft")
    assert "You said 49.5 %, it is 20 %" in show(number)
    choice.locator("label", has_text="the last").click()
    assert "✓ Right." in show(choice)
    everything.locator("li").nth(2).wait_for()
    curve.scroll_into_view_if_needed()
    lab_page.keep("guess_curve")
    everything.scroll_into_view_if_needed()
    lab_page.keep("guess_summary")

    everything.get_by_text("You were right in 1 of 3.").wait_for()
    kept = json.loads((lab_page.folder / "guesses/07.json").read_text("utf-8"))
    assert list(kept) == ["07_curve", "07_cliff", "07_layer"]
    assert len(kept["07_curve"]["guess"]) == 25
    assert kept["07_curve"]["guess"][-1] == pytest.approx(0.58, abs=0.02)
    assert kept["07_cliff"]["guess"] == pytest.approx(49.5)
    saved = nbformat.writes(lab_page.saved("small.ipynb"))
    assert "You said" not in saved, "guesses are the student's, the notebook is everyone's"

    lab_page.open("small.ipynb")
    lab_page.run_all()
    curve, number, _, everything = boxes(page)
    assert curve.locator("path.truth").count() == 1 and "49.5 %" in number.inner_text()
    assert everything.locator("li").count() == 3
    number.get_by_text("Forget it").click()
    everything.locator("li").nth(2).wait_for(state="detached")
    kept = json.loads((lab_page.folder / "guesses/07.json").read_text("utf-8"))
    assert list(kept) == ["07_curve", "07_layer"]
