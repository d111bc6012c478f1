"""Draws in a window of this process, and measures the gaps of its event loop and the memory in use."""

import time
from collections.abc import Callable
from pathlib import Path

from common.messages import UserError
from recognition.profiles import DEFAULT

Strokes = list[list[tuple[float, float]]]
SIDE = 520  # of the canvas, in pixels


class Hand:
    """Draws by generating events.

    Args:
        profile: of the corrections.
        folder: where the sheet is kept; None for nowhere.
        watching: whether to watch the event loop by a callback that is due each millisecond.
        language: "en" or "zh".

    Attributes:
        root, session, corrections, commands: of the window.
        autosave: None without a folder.
        canvas: that is drawn on.
        longest_gap: seconds between two calls of that callback.
    """

    def __init__(
        self,
        profile: str = DEFAULT,
        folder: Path | None = None,
        watching: bool = True,
        language: str = "en",
    ) -> None:
        from app import open_display
        from gui import texts
        from gui.autosave import Autosave
        from gui.commands import Commands  # these need Tk, which a machine may lack
        from gui.corrections import Corrections
        from gui.session import Session
        from gui.theme import Theme

        self.root = open_display()
        texts.use(language, self.root)
        self.session = Session(self.root, Theme(self.root, "light"), (None, "cpu", 1, profile), SIDE, 20)
        self.corrections = Corrections(self.session)
        self.commands = Commands(self.session, self.corrections)
        self.autosave = Autosave(self.session, folder) if folder else None
        self.canvas = self.session.drawing_canvas
        self.longest_gap, self._ticked = 0.0, time.perf_counter()
        if watching:
            self._tick()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_gap, self._ticked = max(self.longest_gap, now - self._ticked), now
        self.root.after(1, self._tick)

    def gap(self) -> float:
        """Return the longest gap of the event loop since the last call, in milliseconds."""
        longest, self.longest_gap = self.longest_gap, 0.0
        return 1000 * longest

    def draw(self, strokes: Strokes, pause: float = 0.0) -> None:
        """Draw strokes in pixels from the middle of the canvas, waiting `pause` seconds at each point."""
        for stroke in strokes:
            for place, (x, y) in enumerate(stroke):
                at = {"x": round(x + SIDE / 2), "y": round(y + SIDE / 2)}
                if place == 0:
                    self.canvas.event_generate("<ButtonPress-1>", **at)
                self.canvas.event_generate("<Motion>", state=0x100, **at)
                self.run(pause)
            self.canvas.event_generate("<ButtonRelease-1>", state=0x100, **at)

    def run(self, seconds: float) -> None:
        """Handle events for that long, and at least those that are pending."""
        until = time.perf_counter() + seconds
        self.root.update()
        while time.perf_counter() < until:
            self.root.tk.dooneevent(0)

    def wait(self, wanted: Callable[[], object]) -> None:
        """Handle events until `wanted` returns something true."""
        while not wanted():
            self.root.tk.dooneevent(0)

    def wait_for_reading(self) -> None:
        """Handle events until the drawing as it is has been read and shown."""
        self.wait(lambda: self.session.shown.version == self.session.drawing.version)
        self.root.update_idletasks()

    def status(self) -> str:
        """Return the text of the status line."""
        return self.session.window.status


def resident(process: int) -> float:
    """Return the resident memory of a process in MiB (Linux).

    Raises:
        UserError: if the system does not tell.
    """
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise UserError(f"no memory figure for process {process}")
