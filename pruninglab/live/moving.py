"""`python -m pruninglab.live.moving`: the README's moving picture, taken from the wall itself.

Needs Chromium and the extra `browser`.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from . import script, trained

TARGET = Path("figures/wall.webp")
# Stops of the slider, forty a decade, and milliseconds that the last one stays.
STOPS, STAY, LAST, WIDTH = (*range(0, 96, 4), 96), 180, 1800, 900
PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="live.css">
<body style="margin: 12px; font-family: sans-serif">
<div class="pruninglab-live" data-sent="sent.js"></div><script src="live.js" defer></script>"""
MOVE = "(e, stop) => { e.value = stop; e.dispatchEvent(new Event('input')); }"


def main() -> None:
    """Write figures/wall.webp."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as play:
        folder = Path(scratch)
        files = {"live.js": script.page(), "live.css": script.style(), "sent.js": trained.script()}
        for name, text in (files | {"index.html": PAGE}).items():
            (folder / name).write_text(text, "utf-8")
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 640}, reduced_motion="reduce")
        page.goto((folder / "index.html").as_uri())
        page.wait_for_selector(".pruninglab-live.ready", timeout=120_000)
        page.wait_for_function("document.querySelector('.numbers b').textContent !== '–'")
        frames = [_frame(page, stop) for stop in STOPS]
        browser.close()
    frames[0].save(
        TARGET, save_all=True, append_images=frames[1:], loop=0, quality=50, method=6,
        duration=[STAY] * (len(frames) - 1) + [LAST],
    )  # fmt: skip
    print(f"{TARGET}: {TARGET.stat().st_size / 1e3:.0f} kB")


def _frame(page: Any, stop: int) -> Image.Image:
    page.eval_on_selector(".scale input", MOVE, stop)
    shown = page.get_attribute(".scale input", "aria-valuetext")
    page.wait_for_function(
        "shown => document.querySelector('.numbers div:nth-child(2) b').textContent === shown",
        arg=shown, timeout=60_000,
    )  # fmt: skip
    height = page.eval_on_selector(".stage", "e => e.getBoundingClientRect().bottom")
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height + 8}
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")


if __name__ == "__main__":
    main()
