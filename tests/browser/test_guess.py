"""Guesses by mouse, finger and keys: in JupyterLab, and on a page that is opened from a file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from pruninglab.kit.pictures import VARIABLE as PICTURES
from pruninglab.kit.rerun import execute, stable
from pruninglab.kit.site import build
from pruninglab.kit.site.frames import VARIABLE as FRAMES
from pruninglab.kit.site.pages import explorers
from pruninglab.kit.site.pages import page as make_page

# On one worker, which builds the small site once.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("guess")]
ROOT = Path(__file__).resolve().parents[2]
X, Y = [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01], [0.942, 0.942, 0.93, 0.9, 0.81, 0.55, 0.31]
SETUP = f"""import pruninglab as lab
x, y = {X}, {Y}

@lab.figure("07_small/dot")
def dot(page, place=1):
    (axes,) = page(4, 2, edges=(0.1, 0.9, 0.2, 0.9))
    axes.plot([place], [0], "o")
    axes.set(xlim=(-1, 5), yticks=[])
    return f"A dot that lies at {{place:g}}, and nothing else."

def away():
    lab.explore(dot, place=lab.slider(0, 4, 1, step=1, label="place", hint="to the right"))"""
CELLS = [
    SETUP,
    'lab.guess.curve("How does the accuracy fall?", (x, y), xlabel="share of weights that stay",'
    ' ylabel="test accuracy", name="07_curve", logx=True, x_percent=True, y_percent=True,'
    " then=lambda: lab.publish(dot(2)))",
    'lab.guess.number("Where is the cliff?", 20, low=0, high=100, unit="%", name="07_cliff",'
    " within=5, then=away)",
    'lab.guess.choice("Which layer keeps most?", ["the first", "the second", "the last"],'
    ' answer="the last", why="Its weights start larger.", name="07_layer")',
    'lab.guess.summary("07_small")',
]
# How far a line at half of the axis lies from the measured curve, on average.
SHARES = np.log10(X) / np.log10(X[-1])
LEVEL = 100 * np.abs(np.interp(np.linspace(0, 1, 25), SHARES, Y) - 0.5).mean()
DOT = "A dot that lies at {}, and nothing else."


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
    frames = source / "extra/_frames"
    # As `make notebooks` runs it, and as the site's frames are drawn.
    execute(made, folder, {PICTURES: str(folder / "figures"), FRAMES: str(frames)})
    make_page(stable(made), source / "extra/_pictures", explorers(frames), "")
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
    assert f"Not quite. It falls; yours stays level. On average yours lies {LEVEL:.2g}" in told
    assert "points off, farthest at share of weights that stay = 100 %: 44 points too low" in told
    assert "Score: 0 of 100" in told

    assert number.locator("button.main").is_disabled()
    number.locator("input").first.fill("80")
    number.locator("input").nth(1).fill("16")
    assert "within 5 points?" in number.inner_text()
    assert "You said 40 %, it is 20 %: 20 points too high." in show(number)
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
    assert number.locator("input").first.input_value() == "0", "it starts at the low end"
    assert page.evaluate(
        "Object.keys(localStorage).filter(key => key.includes('guess')).sort().join()"
    ) == ("pruninglab-guess-07_curve,pruninglab-guess-07_layer")


def test_shown_after_a_guess_or_on_demand_and_hidden_before(small_site: Path, page: Any) -> None:
    page.goto(small_site.as_uri())
    curve, number, choice, _ = boxes(page)
    below = page.locator(".then")
    assert "iVBOR" not in page.content(), "pictures are files"
    assert not page.locator(".then :visible").count()
    page.emulate_media(media="print")
    assert not page.locator(".then :visible").count()
    page.emulate_media(media="screen")
    assert not choice.get_by_role("button", name="Show me").is_visible(), "nothing is held back"

    # On demand, by keys: the explorer moves, and one can still guess.
    number.get_by_role("button", name="Show me").focus()
    page.keyboard.press("Enter")
    assert below.nth(1).is_visible() and not below.nth(0).is_visible()
    assert "It is shown below." in number.inner_text()
    assert not number.get_by_role("button", name="Show me").is_visible()
    assert page.evaluate("document.activeElement.type") == "range"
    figure = below.nth(1).locator("figure.explorer")
    figure.get_by_role("slider", name="place").fill("3")
    figure.get_by_text(DOT.format(3)).wait_for()
    image = figure.locator("img").first
    assert image.evaluate("async (img) => { await img.decode(); return img.clientWidth > 200; }")

    draw(page, curve, [0.94, 0.93, 0.9, 0.8, 0.3])
    assert "✓ Right. The right course: it falls." in show(curve)
    picture = below.nth(0).locator("img").first
    assert picture.get_attribute("alt") == DOT.format(2) and picture.is_visible()
    keep(page, "below")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")

    page.reload()
    curve, *_ = boxes(page)
    assert below.nth(0).is_visible(), "a guess that is kept"
    assert not below.nth(1).is_visible(), "without a guess it is hidden again"
    curve.get_by_text("Forget it").click()
    assert not below.nth(0).is_visible()
    assert curve.get_by_role("button", name="Show me").is_visible()


def test_the_axis_runs_as_the_curve_is_given(small_site: Path, page: Any) -> None:
    page.goto(small_site.as_uri())
    texts = boxes(page)[0].locator(".chart text")
    places = {one.text_content(): one.bounding_box() for one in texts.all()}
    assert places["80 %"]["y"] < places["0 %"]["y"], "accuracy, upwards"
    ticks = [places[f"{share} %"]["x"] for share in (50, 20, 10, 5, 2, 1) if f"{share} %" in places]
    assert len(ticks) > 1 and ticks == sorted(ticks)


def test_what_a_screen_reader_calls_them(small_site: Path, page: Any) -> None:
    page.goto(small_site.as_uri())
    curve = page.get_by_role("group", name="How does the accuracy fall?")
    curve.get_by_role(
        "slider", name="Your curve: test accuracy against share of weights that stay"
    ).wait_for()
    curve.get_by_role("slider", name="How sure are you of its course and level?").wait_for()
    for name in ("Show the measured curve", "Show me"):
        curve.get_by_role("button", name=name, exact=True).wait_for()
    number = page.get_by_role("group", name="Where is the cliff?")
    slider = number.get_by_role("slider", name="Your guess")
    assert slider.get_attribute("aria-valuetext") == "0 %"
    choice = page.get_by_role("group", name="Which layer keeps most?")
    assert choice.get_by_role("radio").count() == 3


def test_drawn_by_keys_alone(small_site: Path, page: Any) -> None:
    page.goto(small_site.as_uri())
    curve = boxes(page)[0]
    chart = curve.locator(".chart")
    chart.focus()
    assert chart.get_attribute("aria-valuetext") == "nothing drawn yet"
    page.keyboard.press("End")  # a level line, its right end
    assert (
        chart.get_attribute("aria-valuetext")
        == "test accuracy 50 % at share of weights that stay 1 %"
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
    assert "The right course: it falls." in show(curve)


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
    assert page.locator(".then").count() == 2 and not page.locator(".then :visible").count()
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
    dots = page.locator(".jp-OutputArea-output img")
    assert dots.count() == 0 and lab_page.explorers() == [], "nothing gives the answers away"
    draw(page, curve, [0.94, 0.93, 0.9, 0.8, 0.3])
    curve.locator(".chart").focus()
    for _ in range(4):  # where the hand left it: the right end
        page.keyboard.press("ArrowUp")
    told = show(curve)
    assert curve.locator("path.truth").count() == 1 and "The right course: it falls." in told
    dots.first.wait_for()
    assert dots.count() == 1 and lab_page.explorers() == []

    number.get_by_role("button", name="Show me").click()
    page.locator("figure, .pruninglab-picture").first.wait_for()
    assert len(lab_page.explorers()) == 1 and "It is shown below." in number.inner_text()
    number.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    assert "You said 0.5 %, it is 20 %: 19.5 points too low." in show(number)
    choice.locator("label", has_text="the last").click()
    assert "✓ Right." in show(choice)
    everything.locator("li").nth(2).wait_for()
    assert len(lab_page.explorers()) == 1, "shown once"
    curve.scroll_into_view_if_needed()
    lab_page.keep("guess_curve")
    number.scroll_into_view_if_needed()
    lab_page.keep("guess_number")
    everything.scroll_into_view_if_needed()
    lab_page.keep("guess_summary")

    everything.get_by_text("You were right in 2 of 3.").wait_for()
    kept = kept_in(lab_page.folder / "guesses")
    assert list(kept) == ["07_cliff", "07_curve", "07_layer"]
    assert len(kept["07_curve"]["guess"]) == 25
    assert kept["07_curve"]["guess"][-1] == pytest.approx(0.38, abs=0.02)
    assert kept["07_cliff"]["guess"] == pytest.approx(0.5)
    saved = nbformat.writes(lab_page.saved("small.ipynb"))
    assert "You said" not in saved, "guesses are the student's, the notebook is everyone's"

    lab_page.open("small.ipynb")
    lab_page.run_all()
    curve, number, _, everything = boxes(page)
    assert curve.locator("path.truth").count() == 1 and "0.5 %" in number.inner_text()
    dots.first.wait_for()
    page.locator(".pruninglab-picture").first.wait_for()
    assert len(lab_page.explorers()) == 1, "a guess that is kept shows it at once"
    assert not page.get_by_role("button", name="Show me").locator("visible=true").count()
    assert everything.locator("li").count() == 3
    number.get_by_text("Forget it").click()
    everything.locator("li").nth(2).wait_for(state="detached")
    assert kept_in(lab_page.folder / "guesses")["07_cliff"] is None


def kept_in(folder: Path) -> dict[str, Any]:
    """Return what all files of guesses say, in order."""
    texts = [path.read_text("utf-8") for path in sorted(folder.iterdir())]
    return {name: entry for text in texts for name, entry in json.loads(text).items()}
