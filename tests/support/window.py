"""Drives the real window: a virtual screen (Xvfb), a real mouse and real keys (xdotool), real pixels."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from common.files import PROJECT
from tests.support.handwriting import digit

TOOLS = ("Xvfb", "xdotool", "import")  # the last is ImageMagick's
NAME = "Handwritten digits"
SIDE = 400  # of the sheet of the window that tests share, in pixels
PATIENCE = 60  # seconds: far more than anything takes, so that a busy machine fails no test

Point = tuple[float, float]


def missing_tools() -> list[str]:
    """What this machine lacks to run a window without a screen."""
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    try:
        import tkinter  # noqa: F401
    except ImportError:
        lacking.append("tkinter")
    return lacking


@contextlib.contextmanager
def screen(size: str = "1280x1024", dpi: int = 96) -> Iterator[str]:
    """A virtual screen of its own; the name of its display."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-dpi", str(dpi)]
    server = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            yield f":{int(pipe.readline())}"
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _between(lines: np.ndarray) -> tuple[int, int]:
    """The first and the last pixel between two thick lines."""
    widest = int(np.diff(lines).argmax())
    return int(lines[widest]) + 1, int(lines[widest + 1]) - 1


class Window:
    """A running `python app.py`, as a person at the screen has it.

    Args:
        display: as `screen` gives it.
        arguments: of app.py.
        folder: the project, or a copy of it.
        dark: whether it is to open in the dark theme.

    Attributes:
        process: of the window, not of the reading.
        top, left, right, bottom: the sheet in the window, in pixels, when it opened.
    """

    def __init__(
        self,
        display: str,
        *arguments: object,
        folder: Path = PROJECT,
        dark: bool = False,
        **environment: str,
    ) -> None:
        from gui.theme import DARK, LIGHT  # needs Tk, which a machine may lack

        self.palette = DARK if dark else LIGHT
        self.environment = {**os.environ, "DISPLAY": display, "PYTHONUNBUFFERED": "1"}
        self.environment.pop("WAYLAND_DISPLAY", None)
        theme = ["--theme", "dark" if dark else "light"]
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "--device", "cpu", *theme, *map(str, arguments)],
            cwd=folder,
            env={**self.environment, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.id = self.wait(lambda: self.xdotool("search", "--onlyvisible", "--name", NAME)).split()[-1]
        self.wait(self.find_sheet)

    def close(self) -> str:
        """End it and all that it started; what it said on stderr."""
        children = self.children()
        self.process.terminate()  # no kill, after which coverage would not know what has run
        for process in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGTERM)  # it may be loading PyTorch for a while
        return self.process.communicate()[1]

    def xdotool(self, *arguments: object) -> str:
        command = ["xdotool", *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout.strip()

    def wait(self, wanted: Callable[[], object]) -> object:
        """Wait until `wanted` returns something true; that."""
        until = time.monotonic() + PATIENCE
        while not (found := wanted()):
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < until, f"waited in vain; the title is {self.title()!r}"
            time.sleep(0.02)
        return found

    def find_sheet(self) -> bool:
        """Find the sheet by its edge: the longest lines of that colour."""
        edge = np.abs(self.pixels().astype(int) - self.colour("line")).sum(2) < 6
        rows, columns = (np.flatnonzero(edge.mean(axis) > 0.35) for axis in (1, 0))
        if min(len(rows), len(columns)) < 2:
            return False
        self.top, self.bottom = _between(rows)
        self.left, self.right = _between(columns)
        return True

    def colour(self, name: str) -> np.ndarray:
        """A colour of the palette that is in use: int, (3,)."""
        return np.array([int(getattr(self.palette, name)[at : at + 2], 16) for at in (1, 3, 5)])

    # what is seen

    def title(self) -> str:
        return self.xdotool("getwindowname", self.id)

    def wait_for_title(self, pattern: str) -> str:
        """Wait until the whole title matches a regular expression."""
        return self.wait(lambda: (title := self.title()) and re.fullmatch(pattern, title) and title)

    def wait_for_reading(self, text: str = r"[0-9? ]+") -> str:
        """Wait for a title that starts with this reading (a regular expression); the title."""
        return self.wait_for_title(rf"({text})( · (\d+ %|corrected))? - {NAME}")

    def wait_for_blank(self) -> None:
        self.wait_for_title(NAME)

    def reading(self) -> str:
        """What the title says was read."""
        return self.title().partition(" · ")[0].removesuffix(f" - {NAME}")

    def picture(self, window: str | None = None) -> Image.Image:
        """What is on the screen: this window, another one, or "root" for all."""
        command = ["import", "-silent", "-window", window or self.id, "png:-"]
        taken = subprocess.run(command, env=self.environment, capture_output=True, check=True)
        return Image.open(io.BytesIO(taken.stdout)).convert("RGB")

    def pixels(self) -> np.ndarray:
        """The window: uint8, (height, width, 3)."""
        return np.asarray(self.picture())

    def sheet(self) -> np.ndarray:
        """The sheet's ink: bool, (height, width)."""
        pixels = self.pixels()[self.top : self.bottom + 1, self.left : self.right + 1]
        return np.abs(pixels.mean(2) - self.colour("paper").mean()) > 155

    def wait_for_ink(self, wanted: Callable[[np.ndarray], bool]) -> np.ndarray:
        """Wait until the sheet's ink is as wanted."""
        self.wait(lambda: wanted(self.sheet()))
        return self.sheet()

    def settle(self) -> None:
        """Wait until nothing changes any more."""
        last = [self.pixels()]

        def is_still() -> bool:
            time.sleep(0.2)
            last.append(self.pixels())
            return (last[-1] == last[-2]).all()

        self.wait(is_still)

    def children(self) -> list[Path]:
        """The processes that it started, as folders of /proc."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [Path(f"/proc/{process}") for process in listed.split()]

    # what is done

    @property
    def middle(self) -> Point:
        """The sheet's, in the sheet's own pixels."""
        return (self.right - self.left) / 2, (self.bottom - self.top) / 2

    def _to(self, point: Point) -> str:
        x, y = round(point[0] + self.left), round(point[1] + self.top)
        return f"mousemove --window {self.id} {x} {y}"

    def draw(
        self, strokes: Sequence[Sequence[Point]], button: int = 1, pause: float = 0.002, lift: bool = True
    ) -> None:
        """Move the real mouse along strokes, in the sheet's pixels, `pause` seconds at each point.

        Without `lift` the button stays down at the end.
        """
        script = []
        for stroke in strokes:
            first, *rest = (self._to(point) for point in stroke)
            script += [first, f"mousedown {button}"]
            for move in rest:
                script += [f"sleep {pause}", move]
            script += [f"sleep {pause}", f"mouseup {button}"]
        self._script(script if lift else script[:-1])

    def _script(self, lines: Sequence[str]) -> None:
        text = "\n".join(lines) + "\n"
        subprocess.run(["xdotool", "-"], input=text, env=self.environment, text=True, check=True)

    def click(self, point: Point, button: int = 1) -> None:
        """Click on a point of the sheet, or outside of it."""
        self._script([self._to(point), f"click {button}"])

    def press(self, *keys: str) -> None:
        """Press keys, one after another, as in "ctrl+z"."""
        self.xdotool("key", *keys)

    def type(self, text: str) -> None:
        self.xdotool("type", "--delay", "10", text)

    def fresh(self) -> None:
        """A blank sheet, with the pointer over it."""
        self._script([self._to(self.middle), "key Escape"])
        self.wait_for_blank()


SESSION = """
import sys
from app import open_display
from gui.session import Session
from gui.theme import Theme
root = open_display()
session = Session(root, Theme(root, "light"), (None, "cpu", 1, sys.argv[1]), 300, 12.0)
def wait(wanted):
    while not wanted():
        root.tk.dooneevent(0)
def status():
    return session.window._status.cget("text")
"""


def run_in_session(
    code: str, display: str, folder: Path, profile: str = "default"
) -> subprocess.CompletedProcess[str]:
    """Run `code` after SESSION, in a process of its own: what no mouse and no key can do to a window."""
    path = os.pathsep.join((str(folder), str(PROJECT)))  # of the project's copy, and of the tests
    return subprocess.run(
        [sys.executable, "-c", SESSION + code, profile],
        cwd=folder,
        env={**os.environ, "DISPLAY": display, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )


def draw(window: Window, number: int, at: float = 0.5, height: float = 0.6) -> None:
    """Draw a digit, its middle at a share of the sheet's width, `height` a share of its own height."""
    wide, high = window.right - window.left, window.bottom - window.top
    window.draw(digit(number, (at * wide, high / 2), height * high))
