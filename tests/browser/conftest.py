"""A real JupyterLab in a real Chromium, on a copy of the notebooks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "pruninglab-test"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Headless, and silent on the network: it must work with the cable out.
CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# All cells in the page, not only those in view; no questions in a corner.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
# Counts the pictures that an <img> has finished loading, and when.
WATCH = """() => {
    window.loads = [];
    document.addEventListener('load', (event) => {
        if (event.target.tagName === 'IMG') window.loads.push(performance.now());
    }, true);
}"""


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start JupyterLab on a free port over a copy of the notebooks; yield its address."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    for name, settings in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1",
            f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
            "--LabApp.news_url=None", "--allow-root",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        cwd=folder, stdout=log, stderr=subprocess.STDOUT,
        env=os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")},
    )  # fmt: skip
    try:
        _wait_until_up(address, server, folder / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def _wait_until_up(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(120):
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")
        try:
            urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=2)
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.5)
    raise RuntimeError(f"JupyterLab did not answer at {address}:\n{log.read_text()}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Start Chromium, or fail with what to install."""
    sync_api = pytest.importorskip("playwright.sync_api")
    binary = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert binary, f"none of {BROWSERS} is installed; on Debian: apt-get install chromium"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=CHROMIUM)
        yield browser
        browser.close()


class Lab:
    """One notebook, open in the browser."""

    def __init__(self, page: object, address: str) -> None:
        self.page = page
        self._address = address

    def open(self, notebook: str) -> None:
        """Open a notebook and wait until its cells are there."""
        self.page.goto(f"{self._address}/lab/tree/notebooks/{notebook}?token={TOKEN}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.evaluate(WATCH)

    def run_all(self, seconds: float = 150) -> float:
        """Run > Run All Cells; return the seconds until the kernel is idle."""
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000
        )
        # The indicator says idle before there is a kernel; the status bar knows better.
        self.page.wait_for_selector("#jp-main-statusbar >> text=/ipykernel.*Idle/", timeout=60_000)
        start = time.perf_counter()
        self.page.click("text=Run >> nth=0")
        self.page.click("li.lm-Menu-item:has-text('Run All Cells') >> nth=0")
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=busy]", timeout=20_000
        )
        self.page.wait_for_function(
            """() => document.querySelector(
                '.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'
                && ![...document.querySelectorAll('.jp-InputPrompt')].some(
                    (prompt) => prompt.textContent.includes('[*]'))""",
            timeout=seconds * 1000,
        )
        return time.perf_counter() - start

    def errors(self) -> list[str]:
        """Return the texts of error outputs."""
        return self.page.locator(
            ".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']"
        ).all_inner_texts()

    def handle(self, label: str) -> object:
        """Return the handle of the slider with this label, scrolled into view."""
        exact = self.page.locator(f".widget-label:text-is('{label}')")
        slider = self.page.locator(".widget-slider", has=exact).first
        handle = slider.locator(".noUi-handle").first
        handle.scroll_into_view_if_needed()
        return handle

    def picture(self, label: str) -> bytes:
        """Return a screenshot of the picture that belongs to the slider with this label."""
        around = "xpath=ancestor::div[contains(@class, 'widget-vbox')][1]"
        return self.handle(label).locator(around).locator("img").first.screenshot()

    def press(self, label: str, key: str, times: int = 1) -> list[float]:
        """Press a key on a slider; return the milliseconds until each new picture was loaded."""
        handle, delays = self.handle(label), []
        handle.focus()
        for _ in range(times):
            start = self.page.evaluate("() => { window.loads = []; return performance.now(); }")
            self.page.keyboard.press(key)
            self.page.wait_for_function("() => window.loads.length > 0", polling=2, timeout=10_000)
            delays.append(self.page.evaluate("() => window.loads[0]") - start)
        return delays

    def choose(self, label: str, option: str) -> None:
        """Pick an option of a drop-down list and wait for the new picture."""
        exact = self.page.locator(f".widget-label:text-is('{label}')")
        self.page.evaluate("() => { window.loads = []; }")
        self.page.locator(".widget-dropdown", has=exact).locator("select").select_option(option)
        self.page.wait_for_function("() => window.loads.length > 0", polling=2, timeout=10_000)

    def drive(self, sliders: dict[str, Sequence[str]], name: str) -> None:
        """Press these keys on every slider: each must change the picture, none may fail.

        With SCREENSHOTS=folder, the page is kept after every key.
        """
        for label, keys in sliders.items():
            for key in keys:
                before = self.picture(label)
                self.press(label, key)
                assert self.picture(label) != before, f"{key} on {label} must change the picture"
                self.keep(f"{name}_{label}_{key}")
        assert self.page.locator(".widget-html pre").count() == 0, "no error message is shown"

    def keep(self, name: str) -> None:
        """Save a screenshot if the variable SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            tidy = "".join(letter if letter.isalnum() else "_" for letter in name)
            self.page.screenshot(path=f"{folder}/{tidy}.png")


@pytest.fixture
def lab_page(jupyter: str, chromium: object) -> Iterator[Lab]:
    """Give each test a fresh page."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    yield Lab(page, jupyter)
    page.close()
