"""The widgets of the window and where they lie: toolbar, canvas, reading, history, status line.

Buttons do nothing but raise virtual events on the window.
"""

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from gui.drawing import Drawing
from gui.drawing_canvas import DrawingCanvas
from gui.history_strip import Entry, HistoryStrip
from gui.keys import raise_events
from gui.protocol import DigitReading
from gui.reading_panel import PANEL_WIDTH, ReadingPanel
from gui.shown_reading import ShownReading
from gui.styles import apply_styles
from gui.texts import say
from gui.theme import Theme
from gui.toolbar import Toolbar

THINNEST, THICKEST = 0.01, 0.06  # limits of the pen's width, relative to the side of the canvas
STATUS_TIME = 10_000  # milliseconds that a text stays in the status line
SCREEN_RESERVE = 45  # points of the screen's height that the desktop may take


class MainWindow:
    """Lays out the widgets and shows things in them.

    Args:
        root: Tk's main window, empty.
        theme: the window's theme.
        drawing: what the canvas shows.
        side: the canvas's initial side in pixels.
        brush: the pen's initial width in pixels.
        on_change: called after each change that the pen or the eraser makes.
        on_choose: called with the index of a digit whose box was clicked.
        on_recall: called with an entry of the history that was clicked.

    Attributes:
        drawing_canvas: what is drawn on.
        history: thumbnails of earlier pages.
        toolbar: its buttons and menu.
        single: variable, True to read one digit, False to read a number.
        why: variable, whether the heat map is shown.
        use_memory: variable, whether corrected samples count.
        eraser: variable, whether the left button erases.
        ink_follows_speed: variable, whether fast strokes are thinner.
    """

    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        drawing: Drawing,
        side: int,
        brush: float,
        *,
        on_change: Callable[[], None],
        on_choose: Callable[[int], None],
        on_recall: Callable[[Entry], None],
    ) -> None:
        self.root, self.theme = root, theme
        self._surfaces = apply_styles(root, theme)  # keeps the images alive: Tk does not
        self._status_due = ""
        self.single = tk.BooleanVar(root, True)
        self.why = tk.BooleanVar(root, False)
        self.use_memory = tk.BooleanVar(root, True)
        self.eraser = tk.BooleanVar(root, False)
        self.ink_follows_speed = tk.BooleanVar(root, True)
        self._brush = tk.DoubleVar(root, brush)
        self._limits = THINNEST * side, THICKEST * side
        gap = theme.px(6)
        frame = ttk.Frame(root, padding=(2 * gap, gap, 2 * gap, gap // 2))
        frame.pack(fill="both", expand=True)
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(1, weight=1)
        switches = {
            "ink_follows_speed": (self.ink_follows_speed, "<<InkChanged>>"),
            "use_corrections": (self.use_memory, "<<MemoryChanged>>"),
            "show_why": (self.why, "<<WhyChanged>>"),
        }
        self.toolbar = Toolbar(frame, theme, self.eraser, self._brush, self._limits, switches)
        self.toolbar.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, gap))
        self.drawing_canvas = DrawingCanvas(
            frame, theme, drawing, side, self.eraser, self.ink_follows_speed, on_change, on_choose
        )
        self.drawing_canvas.grid(row=1, column=0, sticky="nsew")
        self.drawing_canvas.set_brush(brush)
        self.drawing_canvas.focus_set()
        self._brush.trace_add("write", lambda *_: self.drawing_canvas.set_brush(self._brush.get()))
        self._panel = ReadingPanel(frame, theme, theme.px(PANEL_WIDTH), self.single, self.use_memory)
        self._panel.grid(row=1, column=1, sticky="nsew", padx=(2 * gap, 0))
        self.history = HistoryStrip(frame, theme, on_recall)
        self.history.grid(row=2, column=0, columnspan=2, sticky="ew", pady=(gap, 0))
        self._status = ttk.Label(frame, style="Muted.TLabel", anchor="w")
        self._status.grid(row=3, column=0, columnspan=2, sticky="ew", pady=(gap // 2, 0))
        self._set_size(4 * gap)
        raise_events(root)

    def _set_size(self, beside: int) -> None:
        """Set the initial and the minimum size, at which nothing is cut off."""
        root, canvas = self.root, self.drawing_canvas
        root.update_idletasks()
        width, height = root.winfo_reqwidth(), root.winfo_reqheight()
        least = height - canvas.winfo_reqheight() + self._panel.least_height
        root.minsize(self.toolbar.winfo_reqwidth() + beside, least)
        available = root.winfo_screenheight() - self.theme.px(SCREEN_RESERVE)
        root.geometry(f"{min(width, root.winfo_screenwidth())}x{max(least, min(height, available))}")

    # showing

    def say(self, text: str) -> None:
        """Show a text in the status line for `STATUS_TIME`."""
        self._status.configure(text=text)
        if self._status_due:
            self.root.after_cancel(self._status_due)
        self._status_due = self.root.after(STATUS_TIME, self._status.configure, {"text": ""})

    @property
    def status(self) -> str:
        """The text of the status line."""
        return self._status.cget("text")

    def show_hint(self, blank: bool) -> None:
        """Show on a blank page what to draw."""
        hint = say("draw_here" if self.single.get() else "write_here")
        self.drawing_canvas.set_hint(hint if blank else "")

    def show_learned(self, count: int) -> None:
        """Show the number of corrected samples."""
        self._panel.show_learned(count)

    def show_reading(self, shown: ShownReading) -> None:
        """Show a reading in the title, the panel, and as boxes on the canvas."""
        title = shown.title()
        self.root.title(f"{title} - {say('name')}" if title else say("name"))
        self._panel.show(shown)
        if self.single.get():
            self.drawing_canvas.show_boxes((), (), 0)
        else:
            self.drawing_canvas.show_boxes(shown.reading.digits, shown.labels(), shown.chosen)

    def show_glyph(self, digit: DigitReading | None, heats: Sequence[tuple[int, bytes]] = ()) -> None:
        """Show a digit's glyph, see `GlyphView.show`."""
        self._panel.show_glyph(digit.glyph if digit else None, heats)

    def change_brush(self, steps: int) -> None:
        """Make the pen thicker by 1/20 of its range for each step, thinner if `steps` is negative."""
        least, most = self._limits
        width = self._brush.get() + steps * (most - least) / 20
        self._brush.set(min(most, max(least, width)))
