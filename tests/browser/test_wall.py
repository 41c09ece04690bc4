"""The wall in a real browser, opened from a file, with the network off."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pruninglab as lab
from pruninglab.lessons.palette import METHODS
from pruninglab.lessons.website import wall as markup
from pruninglab.live import script, trained
from pruninglab.live.sent import packed

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("site")]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>wall</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="live.css">
<main><h1>Wall</h1><h2>of digits</h2>{wall}</main><script src="live.js" defer></script></html>"""
READY = 120_000  # milliseconds, on a machine that does other things, too
RIGHT = ".pruninglab-live .numbers div:nth-child(1) b"
KEPT = ".pruninglab-live .numbers div:nth-child(2) b"
SLIDER = ".pruninglab-live .scale input"


@pytest.fixture(scope="session")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wall")
    (folder / "live.js").write_text(script.page(), "utf-8")
    (folder / "live.css").write_text(script.style(), "utf-8")
    (folder / "_live").mkdir()
    (folder / "_live" / "sent.js").write_text(trained.script())
    (folder / "index.html").write_text(PAGE.format(wall=markup("A wall of digits.", "")), "utf-8")
    return folder / "index.html"


@pytest.fixture
def page(wall: Path, offline_page: Any) -> Iterator[Any]:
    """The wall at a fifth of the weights, after its glide."""
    with offline_page(390) as page:
        page.set_default_timeout(READY)
        page.goto(wall.as_uri(), wait_until="commit")
        page.wait_for_function(f"document.querySelector('{KEPT}')?.textContent === '20 %'")
        yield page


def answered(page: Any, kept: str) -> int:
    """Wait until so much is kept; return how many are right."""
    page.wait_for_function(f"document.querySelector('{KEPT}').textContent === '{kept}'")
    return int(page.text_content(RIGHT))


def move(page: Any, stop: int) -> None:
    page.eval_on_selector(SLIDER, "(e, stop) => { e.value = stop; "
                          "e.dispatchEvent(new Event('input')); }", stop)  # fmt: skip


def test_it_reads_as_the_package_does_at_every_choice(page: Any) -> None:
    """It has glided to a fifth, and nothing turned red; then each control asks anew."""
    data = lab.data.load("mnist", device="cpu")
    test, probe, net = data.test.take(1000), data.train.take(1000), trained.network()

    def right(score: Any, density: float, scope: Any = lab.scopes.global_) -> int:
        torch.manual_seed(0)
        cut, _ = lab.cut_once(net, probe, score, lab.budgets.fraction(1 - density), scope)
        with torch.no_grad():
            return int((cut(test.inputs).argmax(1) == test.targets).sum())

    def near(mine: int, theirs: int) -> bool:
        return abs(mine - theirs) <= 1  # one near tie may fall otherwise

    dense = right(lab.scores.magnitude, 1)
    fifth = answered(page, "20 %")
    assert near(fifth, right(lab.scores.magnitude, 0.2)) and fifth >= dense - 5
    page.check("input[value=random]")
    page.wait_for_function(f"document.querySelector('{RIGHT}').textContent !== '{fifth}'")
    assert near(int(page.text_content(RIGHT)), right(lab.scores.random, 0.2))
    page.check("input[value=nnrelief]")
    move(page, 68)
    assert near(answered(page, "2 %"), right(lab.scores.nnrelief(1000), 0.02))
    page.click("summary")
    page.check("input[value=magnitude]")
    page.check("input[value=layer]")
    move(page, 40)
    layered = right(lab.scores.magnitude, 0.1, lab.scopes.layer)
    page.wait_for_function(f"Math.abs(document.querySelector('{RIGHT}').textContent - {layered}) "
                           "<= 1")  # fmt: skip
    page.check("input[value=pq]")
    page.wait_for_function(f"document.querySelector('{KEPT}').textContent !== '10 %'")
    once = float(page.text_content(KEPT).removesuffix(" %"))
    page.click("text=Again")
    page.wait_for_function(f"parseFloat(document.querySelector('{KEPT}').textContent) < {once}")
    assert page.is_disabled(SLIDER) and page.is_visible("text=η")


def test_masks_in_chromium_are_those_of_the_package(page: Any) -> None:
    buffers: list[bytes] = []
    about = packed(trained.wall(), buffers)
    cuts = [
        {"score": "magnitude", "scope": scope, "budget": "share", "gone": gone}
        for scope in ("neuron", "layer", "global")
        for gone in ("0.29", "0.5", "0.953")
    ]
    told = page.evaluate(
        f"""([about, buffers, cuts]) => {{ {script.engine()}
        const {{ Network, unpacked }} = pruninglabEngine();
        const bytes = buffers.map((t) => Uint8Array.from(atob(t), (c) => c.charCodeAt(0)));
        const net = new Network(unpacked(about, bytes));
        return cuts.map((cut) => Array.from(net.survivors(cut)).join("")); }}""",
        [about, [base64.b64encode(buffer).decode() for buffer in buffers], cuts],
    )
    net, images = trained.network(), lab.data.load("mnist", device="cpu").train.take(1)
    scopes = {"neuron": lab.scopes.neuron, "layer": lab.scopes.layer, "global": lab.scopes.global_}
    for cut, alive in zip(cuts, told, strict=True):
        budget = lab.budgets.fraction(float(cut["gone"]))
        _, masks = lab.cut_once(net, images, lab.scores.magnitude, budget, scopes[cut["scope"]])
        expected = [
            masks[name].numpy().ravel() if name in masks else np.ones(p.numel(), bool)
            for name, p in net.named_parameters()
        ]
        assert alive == "".join(map(str, np.concatenate(expected).astype(int))), cut


def test_a_bet_is_answered_and_kept(page: Any) -> None:
    page.click("button:text-is('Bet')")
    page.wait_for_function("document.querySelector('.bet p').textContent.startsWith('Half is red')")
    told = page.text_content(".bet p")
    assert "You said 32 %" in told and "too careful" in told
    kept = json.loads(page.evaluate("localStorage.getItem('pruninglab-guess-00_half_red')"))
    assert kept["told"] == told and kept["right"] is False
    density = float(told.split("red at ")[1].split(" %")[0])
    assert 0.5 < density < 2


def test_training_is_stopped_at_once_and_begins_anew(page: Any) -> None:
    train, stop = page.get_by_text("Train 63 networks here"), page.get_by_text("Stop", exact=True)
    trained = (
        "document.querySelector('.pruninglab-live').innerText.match(/([0-9]+) networks trained/)"
    )
    assert stop.is_disabled()
    train.click()
    assert train.is_disabled()
    page.wait_for_function(trained)
    stop.click()
    assert stop.is_disabled() and train.is_enabled()
    before = page.evaluate(f"{trained}[1]")
    page.wait_for_timeout(10_000)
    assert page.evaluate(f"{trained}[1]") == before, "nothing goes on in secret"
    train.click()
    page.wait_for_function(f"{trained}[1] !== '{before}'")


def test_a_digit_is_written_with_keys_and_read(page: Any) -> None:
    """A stroke from top to bottom is a one; the ribbon tells down to which density."""
    page.focus(".pad")
    page.keyboard.press(" ")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.wait_for_function("document.body.innerText.includes('Both read 1.')")
    page.wait_for_function("/It is 1 down to .* of the weights/.test(document.body.innerText)")
    page.click("text=A misread one")
    page.wait_for_function("!document.body.innerText.includes('Both read 1.')")
    page.click("text=Clear")


def test_the_sentence_waits_until_the_hand_rests(page: Any) -> None:
    page.wait_for_function(
        "document.querySelector('.sentence').textContent.startsWith('20 % of the weights read')"
    )
    assert page.get_attribute(SLIDER, "aria-valuetext") == "20 %"
    page.focus(SLIDER)
    page.keyboard.press("ArrowRight")
    answered(page, "19 %")
    assert " of them red" in page.get_attribute(".stage canvas", "aria-label")


def test_without_motion_it_stands_there_at_once(wall: Path, offline_page: Any) -> None:
    with offline_page(390) as page:
        page.emulate_media(reduced_motion="reduce")
        page.goto(wall.as_uri(), wait_until="commit")
        page.wait_for_function(
            f"document.querySelector('{KEPT}')?.textContent.includes('%')", timeout=READY
        )
        assert page.text_content(KEPT) == "20 %"


def test_the_picture_stands_until_the_network_is_read(wall: Path, offline_page: Any) -> None:
    with offline_page(390) as page:
        page.add_init_script("window.Worker = class { postMessage() {} };")  # It never answers.
        page.goto(wall.as_uri())
        page.wait_for_selector(".stage canvas", state="attached", timeout=READY)
        assert page.locator(".stage > img[alt]").count() == 1
        assert not page.locator(".stage canvas").is_visible()


def test_the_wall_stands_where_its_picture_was(page: Any) -> None:
    assert page.locator(".stage > img").count() == 0
    assert page.locator(".stage canvas").bounding_box()["height"] > 100


@pytest.mark.parametrize("width", [360, 768, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_has_no_serious_faults(
    wall: Path, offline_page: Any, axe: str, width: int, scheme: str
) -> None:
    with offline_page(width, scheme=scheme) as page:
        page.goto(wall.as_uri(), wait_until="commit")
        page.wait_for_selector(".pruninglab-live.ready", timeout=READY)
        page.click("summary")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(axe)
        found = page.evaluate("async () => (await axe.run()).violations")
        grave = {f["id"]: [n["html"][:120] for n in f["nodes"]][:3] for f in found
                 if f["impact"] in ("serious", "critical")}  # fmt: skip
        assert not grave


def test_a_score_has_one_colour_everywhere() -> None:
    names = {"magnitude": "magnitude", "random": "random", "nnrelief": "NNrelief"}
    for ours, method in names.items():
        assert f"--{ours}: {METHODS[method]};" in script.style()
