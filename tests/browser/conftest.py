"""A real JupyterLab in a real Chromium, on a copy of the notebooks."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from pruninglab.kit.site.build import NOTEBOOKS, build
from pruninglab.lessons.website import below, written

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
# Nothing is shared with another worker's server, nor with the JupyterLab of who runs the tests.
OWN_FOLDERS = {
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
# Notes when a control was touched, when an <img> has finished loading, and which messages of
# widgets the kernel still owes an answer. It says "idle" after all that a message has changed: then
# the page shows it too.
WATCH = """() => {
    window.loads = [];
    window.touched = null;
    for (const kind of ['keydown', 'change'])
        document.addEventListener(kind, (event) => { window.touched ??= event.timeStamp; }, true);
    document.addEventListener('load', (event) => {
        if (event.target.tagName === 'IMG') window.loads.push(performance.now());
    }, true);
    window.asked = new Set();
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    kernel.anyMessage.connect((_, { msg, direction }) => {
        if (direction === 'send' && msg.header.msg_type === 'comm_msg')
            window.asked.add(msg.header.msg_id);
    });
    kernel.iopubMessage.connect((_, msg) => {
        if (msg.header.msg_type === 'status' && msg.content.execution_state === 'idle')
            window.asked.delete(msg.parent_header.msg_id);
    });
}"""
ANSWERED = """(img) => window.asked.size === 0 && img.complete"""

BYTES = """async (img) => Array.from(new Uint8Array(
    await (await fetch(img.src)).arrayBuffer())).join()"""


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Start JupyterLab on a free port over a copy of the notebooks; yield address and folder."""
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
            "--LabApp.news_url=None", "--allow-root", "--LabApp.expose_app_in_browser=True",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        cwd=folder, stdout=log, stderr=subprocess.STDOUT,
        env=os.environ | {name: str(folder / own) for name, own in OWN_FOLDERS.items()},
    )  # fmt: skip
    try:
        _wait_until_up(address, server, folder / "server.log")
        yield address, folder / "notebooks"
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


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site once; of the first notebook the explorers move."""
    return build(tmp_path_factory.mktemp("site"), written, below(), NOTEBOOKS[:1])


@pytest.fixture
def offline_page(chromium: object) -> Callable[..., AbstractContextManager[object]]:
    """A page without a network; in the end it has met no error and asked for no other file."""

    @contextmanager
    def opened(width: int, touch: bool = False, scheme: str = "light") -> Iterator[object]:
        context = chromium.new_context(
            viewport={"width": width, "height": 844}, has_touch=touch, color_scheme=scheme
        )
        context.set_offline(True)
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("request", lambda asked: page.wrong.append(asked.url)
                if not asked.url.startswith(("file:", "data:", "blob:")) else None)  # fmt: skip
        yield page
        assert not page.wrong
        context.close()

    return opened


class Lab:
    """One notebook, open in the browser."""

    def __init__(self, page: object, address: str, folder: Path) -> None:
        self.page = page
        self._address, self._folder = address, folder

    def open(self, notebook: str) -> None:
        """Open a notebook and wait until its cells are there."""
        self.page.goto(f"{self._address}/lab/tree/notebooks/{notebook}?token={TOKEN}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)

    def run_all(self, seconds: float = 150) -> float:
        """Run > Run All Cells; return the seconds until the kernel is idle."""
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000
        )
        # The indicator says idle before there is a kernel; the status bar knows better.
        self.page.wait_for_selector("#jp-main-statusbar >> text=/ipykernel.*Idle/", timeout=60_000)
        self.page.evaluate(WATCH)
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
            polling=250,
            timeout=seconds * 1000,
        )
        return time.perf_counter() - start

    def show_all(self) -> None:
        """Press "show me" below each question that has it, and wait for the pictures."""
        # A question that holds nothing back hides its button, and so does one that was answered.
        buttons = self.page.locator(".pruninglab-guess button:text-is('Show me')")
        for button in buttons.all():
            if button.is_visible():
                button.click()
        self.page.wait_for_timeout(500)
        self.page.wait_for_selector(
            ".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=120_000
        )

    def errors(self) -> list[str]:
        """Return the texts of error outputs."""
        return self.page.locator(
            ".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']"
        ).all_inner_texts()

    def saved(self, notebook: str) -> NotebookNode:
        """Save the notebook as it stands in the browser; return it."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return nbformat.read(self._folder / notebook, as_version=4)

    def explorers(self, at_least: int = 0) -> list[Explorer]:
        """Return the explorers of the notebook, from top to bottom, once so many are there."""
        boxes = self.page.locator(".jp-OutputArea-output .widget-vbox:has(> .pruninglab-picture)")
        if at_least:
            boxes.nth(at_least - 1).wait_for(timeout=120_000)
        return [Explorer(self.page, boxes.nth(number)) for number in range(boxes.count())]

    def keep(self, name: str) -> None:
        """Save a screenshot if the variable SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            tidy = "".join(letter if letter.isalnum() else "_" for letter in name)
            self.page.screenshot(path=f"{folder}/{tidy}.png")


class Explorer:
    """One picture with its caption and its controls."""

    def __init__(self, page: object, box: object) -> None:
        self._page, self._box = page, box

    @property
    def caption(self) -> str:
        """The words under the picture."""
        return self._box.locator("[aria-live=polite]").first.inner_text()

    @property
    def image(self) -> object:
        """The picture itself."""
        return self._box.locator("> .pruninglab-picture > img")

    @property
    def message(self) -> str:
        """The error that is shown, or nothing."""
        return self._box.locator("> .pruninglab-picture > .error").inner_text()

    @property
    def picture(self) -> str:
        """The address of the picture that is shown: each has its own."""
        return self.image.get_attribute("src")

    def settle(self, seconds: float = 60) -> None:
        """Wait until the kernel has answered whatever the controls have sent, and it is shown."""
        picture = self.image.element_handle()
        self._page.wait_for_function(ANSWERED, arg=picture, polling=10, timeout=1000 * seconds)

    def settled(self) -> tuple[str, str]:
        """The bytes of the picture and the caption, as soon as everything is answered."""
        self.settle()
        return self.image.evaluate(BYTES), self.caption

    def controls(self) -> list[Control]:
        """All controls, from top to bottom."""
        found = self._box.locator(".widget-slider, .widget-dropdown, .widget-text")
        return [Control(self._page, self, found.nth(number)) for number in range(found.count())]


class Control:
    """A slider, a drop-down list or a line of text."""

    def __init__(self, page: object, explorer: Explorer, box: object) -> None:
        self._page, self.explorer, self._box = page, explorer, box
        self.label = box.locator(".widget-label").first.inner_text()
        classes = box.get_attribute("class")
        self.kind = next(kind for kind in ("slider", "dropdown", "text") if f"-{kind}" in classes)

    @property
    def field(self) -> object:
        """What takes the keyboard, and what a screen reader reads."""
        return self._box.locator(".noUi-handle, select, input").first

    @property
    def readout(self) -> object:
        """The number beside a slider, which can be edited; absent elsewhere."""
        return self._box.locator(".widget-readout")

    @property
    def value(self) -> str:
        """What it shows now."""
        return self.readout.inner_text() if self.kind == "slider" else self.field.input_value()

    @property
    def stand(self) -> str:
        """Where it stands: what a slider shows may be rounded, the place of its handle is not."""
        if self.kind == "slider":
            return self._box.locator(".noUi-origin").first.get_attribute("style")
        return self.value

    def steps(self) -> list[Callable[[], None]]:
        """Ways to move it: along a slider and to both ends, every option, another text."""
        if self.kind == "slider":
            keys = ("ArrowRight", "ArrowLeft", "Home", "ArrowRight", "End", "ArrowLeft")
            return [partial(self._press, key) for key in keys]
        if self.kind == "dropdown":
            options = self.field.locator("option").all_inner_texts()
            return [partial(self.field.select_option, one) for one in [*options, *options[:1]]]
        return [self._type]

    def _press(self, key: str) -> None:
        self.field.scroll_into_view_if_needed()
        self.field.focus()
        self._page.keyboard.press(key)

    def _type(self) -> None:
        """Write another text of the same kind: every number one larger."""
        text = re.sub(r"\d+", lambda number: str(int(number[0]) + 1), self.value)
        self.field.fill(text)
        self.field.press("Enter")

    def do(self, step: Callable[[], None]) -> float | None:
        """Make a step; return the milliseconds from the key to the new picture.

        None if the value did not move or no new picture came: some values look the same.
        """
        stand, picture = self.stand, self.explorer.picture
        self._page.evaluate("() => { window.loads = []; window.touched = null; }")
        step()
        if self.stand == stand:
            return None
        self.explorer.settle()
        if self.explorer.picture == picture:
            return None
        # The picture before this one may have come in after the step began.
        later = "() => window.loads.find((load) => load > window.touched)"
        self._page.wait_for_function(later, polling=2, timeout=10_000)
        return self._page.evaluate(f"({later})() - window.touched")

    def drive(self) -> bool:
        """Make all steps; tell whether picture and caption have changed. No error may be shown."""
        changed = False
        for step in self.steps():
            before = (self.explorer.picture, self.explorer.caption)
            self.do(step)
            after = (self.explorer.picture, self.explorer.caption)
            changed |= before[0] != after[0] and before[1] != after[1]
            assert self.explorer.message == "", f"{self.label} at {self.value}"
        return changed


@pytest.fixture
def lab_page(jupyter: tuple[str, Path], chromium: object) -> Iterator[Lab]:
    """Give each test a fresh page."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    yield Lab(page, *jupyter)
    # Without its kernel, whose threads the next notebook would have to share the machine with.
    page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")
    page.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fetch the checker of accessibility; it is no part of this repository."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    command = [npm or "npm", "install", "--silent", "--prefix", str(folder), "axe-core"]
    if npm is None or subprocess.run(command, capture_output=True, timeout=120).returncode:
        pytest.skip("axe-core could not be fetched: npm and a registry are needed")
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")
