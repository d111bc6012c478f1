"""Drives `app.py` on a virtual screen (Xvfb), with mouse and keys (xdotool), and looks at its pixels."""

import contextlib
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
from PIL import Image, ImageGrab

from common.files import PROJECT
from gui.texts import LANGUAGES, TEXTS
from tests.support.handwriting import digit

TOOLS = ("Xvfb", "xdotool")
NAME = "Handwritten digits"
SIDE = 400  # of the canvas of the window that tests share, in pixels
PATIENCE = 60  # seconds, far more than anything takes, so that no test fails on a busy machine
PAUSES = 0.02, 0.05  # seconds between two looks, at first and at most: what is waited for needs the processor

Point = tuple[float, float]


def missing_tools() -> list[str]:
    """Return what is missing to run a window without a screen."""
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    try:
        import tkinter  # noqa: F401
    except ImportError:
        lacking.append("tkinter")
    return lacking


@contextlib.contextmanager
def screen(size: str = "1280x1024", dpi: int = 96) -> Iterator[str]:
    """Start a virtual screen and yield the name of its display."""
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
    """Return the first and the last pixel between two thick lines, given all pixels of both."""
    widest = int(np.diff(lines).argmax())
    return int(lines[widest]) + 1, int(lines[widest + 1]) - 1


class Window:
    """A running `python app.py`, used as by a person at the screen.

    Args:
        display: name of the display.
        arguments: for app.py.
        folder: the project, or a copy of it.
        dark: whether to use the dark theme.
        autosave: whether the sheet is kept and restored.
        language: "en" or "zh".
        environment: variables to set.

    Attributes:
        process: of the window, not the worker process.
        top, left, right, bottom: edges of the canvas in the window, in pixels.
    """

    def __init__(
        self,
        display: str,
        *arguments: object,
        folder: Path = PROJECT,
        dark: bool = False,
        autosave: bool = False,
        language: str = "en",
        **environment: str,
    ) -> None:
        from gui.theme import DARK, LIGHT  # needs Tk, which a machine may lack

        self.palette = DARK if dark else LIGHT
        self.environment = {**os.environ, "DISPLAY": display, "PYTHONUNBUFFERED": "1"}
        self.environment.pop("WAYLAND_DISPLAY", None)
        self.name = TEXTS["name"][LANGUAGES.index(language)]
        options = ["--theme", "dark" if dark else "light", "--language", language]
        options += [] if autosave else ["--no-autosave"]
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "--device", "cpu", *options, *map(str, arguments)],
            cwd=folder,
            env={**self.environment, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.id = self.wait(lambda: self.xdotool("search", "--onlyvisible", "--class", "Digits")).split()[-1]
        self.wait(lambda: self.title().endswith(self.name))  # it has its size
        self.wait(self.find_canvas)

    def close(self) -> str:
        """End it and its child processes; return what it wrote to stderr."""
        children = self.children()
        self.process.terminate()  # not kill(): coverage would lose its data
        for process in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGTERM)  # it may take a while to load PyTorch
        return self.process.communicate()[1]

    def xdotool(self, *arguments: object) -> str:
        """Run xdotool and return its output."""
        command = ["xdotool", *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout.strip()

    def wait(self, wanted: Callable[[], object]) -> object:
        """Wait until `wanted` returns something true, and return it."""
        until = time.monotonic() + PATIENCE
        pause, longest = PAUSES
        while not (found := wanted()):
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < until, f"waited in vain; the title is {self.title()!r}"
            time.sleep(pause)
            pause = min(1.3 * pause, longest)
        return found

    def find_canvas(self) -> bool:
        """Find the canvas by its border, the longest lines of that colour; return whether it was found."""
        edge = np.abs(self.pixels().astype(int) - self.colour("line")).sum(2) < 6
        rows, columns = (np.flatnonzero(edge.mean(axis) > 0.35) for axis in (1, 0))
        if min(len(rows), len(columns)) < 2:
            return False
        self.top, self.bottom = _between(rows)
        self.left, self.right = _between(columns)
        return True

    def colour(self, name: str) -> np.ndarray:
        """Return a colour of the palette in use: int, (3,), RGB."""
        return np.array([int(getattr(self.palette, name)[at : at + 2], 16) for at in (1, 3, 5)])

    # looking

    def title(self) -> str:
        """Return the title of the window."""
        return self.xdotool("getwindowname", self.id)

    def wait_for_title(self, pattern: str) -> str:
        """Wait until the whole title matches a regular expression, and return the title."""
        return self.wait(lambda: (title := self.title()) and re.fullmatch(pattern, title) and title)

    def wait_for_reading(self, text: str = r"[0-9? ]+") -> str:
        """Wait until the title shows this reading (a regular expression), and return the title."""
        sure = r"( · (\d+ %|corrected|confirmed)|, or ([0-9? ]+|no digit\?))?"
        return self.wait_for_title(rf"({text}){sure} - {self.name}")

    def wait_for_blank(self) -> None:
        """Wait until the title shows no reading."""
        self.wait_for_title(self.name)

    def reading(self) -> str:
        """Return the reading that the title shows."""
        return re.split(" · |, or ", self.title())[0].removesuffix(f" - {self.name}")

    def picture(self, window: str | None = None) -> Image.Image:
        """Return a screenshot of this window, of another one, or of the whole screen ("root")."""
        whole = ImageGrab.grab(xdisplay=self.environment["DISPLAY"])
        if window == "root":
            return whole
        said = self.xdotool("getwindowgeometry", "--shell", window or self.id)
        x, y, width, height = (
            int(re.search(rf"^{name}=(-?\d+)$", said, re.M)[1]) for name in ("X", "Y", "WIDTH", "HEIGHT")
        )
        return whole.crop((x, y, x + width, y + height))

    def pixels(self) -> np.ndarray:
        """Return a screenshot of the window: uint8, (height, width, 3)."""
        return np.asarray(self.picture())

    def ink(self) -> np.ndarray:
        """Return where the canvas shows ink: bool, (height, width)."""
        pixels = self.pixels()[self.top : self.bottom + 1, self.left : self.right + 1]
        return np.abs(pixels.mean(2) - self.colour("paper").mean()) > 155

    def wait_for_ink(self, wanted: Callable[[np.ndarray], bool]) -> np.ndarray:
        """Wait until the ink is as wanted, and return it, as `ink` does."""
        self.wait(lambda: wanted(self.ink()))
        return self.ink()

    def settle(self) -> None:
        """Wait until the window no longer changes."""
        last = [self.pixels()]

        def is_still() -> bool:
            time.sleep(0.2)
            last.append(self.pixels())
            return (last[-1] == last[-2]).all()

        self.wait(is_still)

    def children(self) -> list[Path]:
        """Return its child processes as folders of /proc."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [Path(f"/proc/{process}") for process in listed.split()]

    # acting

    @property
    def middle(self) -> Point:
        """The middle of the canvas, in pixels of the canvas."""
        return (self.right - self.left) / 2, (self.bottom - self.top) / 2

    def _to(self, point: Point) -> str:
        x, y = round(point[0] + self.left), round(point[1] + self.top)
        return f"mousemove --window {self.id} {x} {y}"

    def draw(
        self,
        strokes: Sequence[Sequence[Point]],
        button: int = 1,
        pause: float = 0.004,
        lift: bool = True,
        press: bool = True,
    ) -> None:
        """Move the mouse along strokes.

        Args:
            strokes: points in pixels of the canvas.
            button: that is held down.
            pause: seconds to wait at each point; Tk merges moves that it has no time to take one by one.
            lift: whether to release the button at the end.
            press: whether to press it at the start.
        """
        script = []
        for stroke in strokes:
            first, *rest = (self._to(point) for point in stroke)
            script += [first, f"mousedown {button}"] if press else [first]
            for move in rest:
                script += [f"sleep {pause}", move]
            script += [f"sleep {pause}", f"mouseup {button}"]
        self._script(script if lift else script[:-1])

    def _script(self, lines: Sequence[str]) -> None:
        text = "\n".join(lines) + "\n"
        subprocess.run(["xdotool", "-"], input=text, env=self.environment, text=True, check=True)

    def click(self, point: Point, button: int = 1) -> None:
        """Click on a point given in pixels of the canvas, which may lie outside of it."""
        self._script([self._to(point), f"click {button}"])

    def press(self, *keys: str) -> None:
        """Press keys such as "ctrl+z", one after another."""
        self.xdotool("key", *keys)

    def type(self, text: str) -> None:
        """Type a text."""
        self.xdotool("type", "--delay", "10", text)

    def fresh(self) -> None:
        """Clear the canvas, with the pointer over it."""
        self._script([self._to(self.middle), "key Escape"])
        self.wait_for_blank()


def draw(window: Window, number: int, at: float = 0.5, height: float = 0.6) -> None:
    """Draw a digit, centred at `at` of the width of the canvas, as high as `height` of its height."""
    canvas_width, canvas_height = window.right - window.left, window.bottom - window.top
    window.draw(digit(number, (at * canvas_width, canvas_height / 2), height * canvas_height))
