"""Drives the page of `web/` in headless Chromium, with the events of a mouse, a pen or a finger."""

import base64
import contextlib
import ctypes
import functools
import http.server
import io
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.support.wait import WebDriverWait

from common.files import PROJECT
from tests.support.handwriting import Stroke, symbol

WEB = PROJECT / "web"
TOOLS = ("chromium", "chromedriver", "node")
PATIENCE = 120  # seconds, far more than anything takes, so that no test fails on a busy machine
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def missing_tools() -> list[str]:
    """Return what is missing to build the page and to open it."""
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    if not (WEB / "node_modules").exists():
        lacking.append("the page's packages (npm ci --prefix web)")
    return lacking


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line on stderr for each."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Serve a connection, and say nothing if the browser ends it in the middle of an answer."""
        with contextlib.suppress(ConnectionError):
            super().handle()


def build(folder: Path) -> None:
    """Build the page in a folder."""
    subprocess.run(
        ["node", str(WEB / "build.js"), str(folder)], check=True, capture_output=True, timeout=PATIENCE
    )


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Build the page in a folder, serve it at a free port of this computer, and give its address."""
    build(folder)
    with serve_built(folder) as address:
        yield address


@contextlib.contextmanager
def serve_built(folder: Path) -> Iterator[str]:
    """As `serve`, for a page that is built already."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()


def end_with_parent() -> None:
    """Let Linux kill this process when the one that started it ends, in whatever way."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def chromium(*arguments: str) -> Iterator[webdriver.Chrome]:
    """Start a headless Chromium with a new profile, and end it; it ends, too, if this process is killed."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    # Root needs --no-sandbox; containers have little shared memory. The pipe closes when the driver ends.
    needed = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-pipe")
    for argument in (*needed, "--disable-gpu", "--lang=en-US", *arguments):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"), popen_kw={"preexec_fn": end_with_parent})
    driver = webdriver.Chrome(options, service)
    try:
        driver.set_script_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


class Page:
    """The page in a browser.

    Args:
        driver: the browser.
        address: of the page.
        size: of the screen, in CSS pixels.
        dark: whether the system is dark.
        ready: whether to wait until the network is loaded.
        scale: device pixels in a CSS pixel.
    """

    def __init__(
        self,
        driver: webdriver.Chrome,
        address: str,
        size: tuple[int, int] = (1100, 800),
        dark: bool = False,
        ready: bool = True,
        scale: float = 1,
    ) -> None:
        self.driver, self.scale = driver, scale
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.resize(*size)
        driver.get(address)
        if ready:
            self.wait_for("return document.documentElement.dataset.state === 'blank'")

    def resize(self, width: int, height: int) -> None:
        """Give the screen another size, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": self.scale, "mobile": width < 1000}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, script: str, *arguments: object) -> None:
        """Wait until JavaScript returns something true."""
        waiting = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05)
        waiting.until(lambda _: self.run(script, *arguments), f"{script} {arguments}; reads {self.text()!r}")

    def text(self) -> str:
        """Return the reading that is shown."""
        return self.run("return document.getElementById('text').textContent")

    def wait_for_reading(self, text: str) -> None:
        """Wait until this reading is shown and no other is to come."""
        script = """
            const reading = document.getElementById("text");
            return reading.ariaBusy === "false" && reading.textContent === arguments[0];
        """
        self.wait_for(script, text)

    def box(self, name: str) -> tuple[float, float, float, float]:
        """Return left, top, width and height of an element, in CSS pixels."""
        script = "const b = document.getElementById(arguments[0]).getBoundingClientRect(); return b.toJSON()"
        box = self.run(script, name)
        return box["x"], box["y"], box["width"], box["height"]

    def click(self, name: str) -> None:
        """Click on an element; a hidden radio button is clicked by its label."""
        element = self.driver.find_element("id", name)
        label = element.find_elements("xpath", "parent::label")
        (label[0] if label else element).click()

    def draw(self, strokes: Sequence[Stroke], kind: str = "mouse") -> None:
        """Draw strokes with a pointer.

        Args:
            strokes: in CSS pixels of the screen.
            kind: "mouse", "pen" or "touch".
        """
        actions = ActionBuilder(self.driver, mouse=PointerInput(kind, kind), duration=1)
        pointer = actions.pointer_action
        for stroke in strokes:
            pointer.move_to_location(*map(round, stroke[0]))
            pointer.pointer_down()
            for x, y in stroke[1:]:
                pointer.move_to_location(round(x), round(y))
            pointer.pointer_up()
        actions.perform()

    def digits(self, text: str) -> list[Stroke]:
        """Return the strokes of digits and signs that fill the paper, side by side."""
        left, top, width, height = self.box("paper")
        size = min(0.7 * height, 0.9 * width / (0.9 * len(text)))
        middle = left + width / 2
        places = [
            (middle + (i - (len(text) - 1) / 2) * 0.9 * size, top + height / 2) for i in range(len(text))
        ]
        return [
            stroke
            for one, place in zip(text, places, strict=True)
            for stroke in symbol(one, place, size, step=10)  # each point takes a frame to draw
        ]

    def picture(self) -> Image.Image:
        """Return what the screen shows, once it no longer moves."""
        self.run("return Promise.all(document.getAnimations().map((animation) => animation.finished))")
        png = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
        return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")

    def errors(self) -> list[str]:
        """Return the errors on the browser's console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
