"""The widgets of the window and where they lie: toolbar, canvas, reading, history, status line.

Buttons do nothing but raise virtual events on the window.
"""

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk

from gui.drawing import Drawing
from gui.drawing_canvas import DrawingCanvas
from gui.history_strip import Entry, HistoryStrip
from gui.keys import key_for, raise_events
from gui.protocol import DigitReading
from gui.reading_panel import Bars, GlyphView, Headline
from gui.shown_reading import ShownReading
from gui.theme import Theme
from gui.widgets import Tooltip

NAME = "Handwritten digits"
THINNEST, THICKEST = 0.01, 0.12  # limits of the pen's width, relative to the side of the canvas
PANEL_WIDTH = 180  # points
STATUS_TIME = 10_000  # milliseconds that a text stays in the status line
SCREEN_RESERVE = 45  # points of the screen's height that the desktop may take
GLYPH_CAPTION = "What the network sees"


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
        single: variable, True to read one digit, False to read a number.
        why: variable, whether the heat map is shown.
        use_memory: variable, whether corrected samples count.
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
        self._status_due = ""
        self.single = tk.BooleanVar(root, True)
        self.why = tk.BooleanVar(root, False)
        self.use_memory = tk.BooleanVar(root, True)
        self._brush = tk.DoubleVar(root, brush)
        self._thinnest, self._thickest = THINNEST * side, THICKEST * side
        gap, beside = theme.px(8), (theme.px(12), 0)
        frame = ttk.Frame(root, padding=gap)
        frame.pack(fill="both", expand=True)
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(1, weight=1)
        toolbar = self._toolbar(frame)
        toolbar.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, gap))
        self.drawing_canvas = DrawingCanvas(frame, theme, drawing, side, on_change, on_choose)
        self.drawing_canvas.grid(row=1, column=0, sticky="nsew")
        self.drawing_canvas.brush = brush
        self.drawing_canvas.focus_set()
        panel = self._panel(frame, gap)
        panel.grid(row=1, column=1, sticky="nsew", padx=beside)
        self.history = HistoryStrip(frame, theme, on_recall)
        self.history.grid(row=2, column=0, sticky="ew", pady=(gap, 0))
        foot = ttk.Frame(frame, width=theme.px(PANEL_WIDTH))  # keeps its width however long the text is
        foot.pack_propagate(False)
        foot.grid(row=2, column=1, sticky="nsew", padx=beside, pady=(gap, 0))
        self._status = ttk.Label(foot, style="Muted.TLabel", wraplength=theme.px(PANEL_WIDTH), anchor="w")
        self._status.pack(fill="both", expand=True)
        self._set_size(gap, toolbar, panel)
        raise_events(root)

    def _raises(self, event: str) -> Callable[[], None]:
        """Return a button's command that raises a virtual event."""
        return partial(self.root.event_generate, event)

    def _toolbar(self, parent: tk.Misc) -> ttk.Frame:
        theme = self.theme
        bar = ttk.Frame(parent)

        def button(text: str, event: str, tip: str) -> ttk.Button:
            made = ttk.Button(bar, text=text, command=self._raises(event))
            made.pack(side="left", padx=(0, theme.px(2)))
            Tooltip(made, theme, f"{tip} ({key_for(event)})")
            return made

        def space() -> None:
            ttk.Frame(bar, width=theme.px(6)).pack(side="left", fill="x", expand=True)

        self._undo = button("Undo", "<<Undo>>", "Take back")
        self._redo = button("Redo", "<<Redo>>", "Do again")
        button("Clear", "<<ClearPage>>", "A blank sheet")
        space()
        ttk.Label(bar, text="Brush").pack(side="left", padx=(0, theme.px(4)))
        slider = ttk.Scale(
            bar, variable=self._brush, from_=self._thinnest, to=self._thickest, length=theme.px(54)
        )
        slider.pack(side="left")
        Tooltip(slider, theme, f"Width of the pen ({key_for('<<Thinner>>')} and {key_for('<<Thicker>>')})")
        self._brush.trace_add("write", lambda *_: setattr(self.drawing_canvas, "brush", self._brush.get()))
        space()
        for text, single in (("Single", True), ("Number", False)):
            segment = ttk.Radiobutton(
                bar,
                text=text,
                variable=self.single,
                value=single,
                command=self._raises("<<ModeChanged>>"),
                style="Segment.Toolbutton",
            )
            segment.pack(side="left")
            Tooltip(segment, theme, f"One digit, or a number ({key_for('<<ToggleMode>>')})")
        space()
        button("Open", "<<OpenPicture>>", "Open a picture")
        button("Save", "<<SaveDrawing>>", "Save the drawing as PNG")
        button("?", "<<Help>>", "All keys").pack_configure(padx=0)
        return bar

    def _panel(self, parent: tk.Misc, gap: int) -> ttk.Frame:
        theme = self.theme
        panel = ttk.Frame(parent, width=theme.px(PANEL_WIDTH))
        panel.pack_propagate(False)
        self._headline = Headline(panel, theme)
        self._headline.pack(fill="x")
        below = ttk.Frame(panel)
        below.pack(side="bottom", fill="x")
        self._bars = Bars(panel, theme)
        self._bars.pack(fill="both", expand=True, pady=gap)
        self._glyph = GlyphView(below, theme)
        self._glyph.pack(side="left", padx=(0, gap))
        for text, variable, changed, key, tip in (
            ("Why", self.why, "<<WhyChanged>>", "<<ToggleWhy>>", "What speaks for the reading"),
            (
                "Memory",
                self.use_memory,
                "<<MemoryChanged>>",
                "<<ToggleMemory>>",
                "With what you corrected, or without",
            ),
        ):
            toggle = ttk.Checkbutton(
                below, text=text, variable=variable, command=self._raises(changed), style="Segment.Toolbutton"
            )
            toggle.pack(fill="x", pady=(0, theme.px(2)))
            Tooltip(toggle, theme, f"{tip} ({key_for(key)})")
        samples = ttk.Button(below, text="Remembered", command=self._raises("<<ShowMemory>>"))
        samples.pack(fill="x")
        Tooltip(samples, theme, f"What you corrected, to look at and to forget ({key_for('<<ShowMemory>>')})")
        room = theme.px(PANEL_WIDTH) - self._glyph.winfo_reqwidth() - gap
        self._caption = ttk.Label(below, text=GLYPH_CAPTION, style="Muted.TLabel", wraplength=room)
        self._caption.pack(anchor="w", pady=(theme.px(4), 0))
        return panel

    def _set_size(self, gap: int, toolbar: ttk.Frame, panel: ttk.Frame) -> None:
        """Set the initial and the minimum size, at which the panel is never cut off."""
        root = self.root
        root.update_idletasks()
        width, height = root.winfo_reqwidth(), root.winfo_reqheight()
        inside = sum(child.winfo_reqheight() for child in panel.winfo_children()) + 2 * gap
        min_height = height - self.drawing_canvas.winfo_reqheight() + inside
        root.minsize(toolbar.winfo_reqwidth() + 2 * gap, min_height)
        available = root.winfo_screenheight() - self.theme.px(SCREEN_RESERVE)
        height = max(min_height, min(height, available))
        root.geometry(f"{min(width, root.winfo_screenwidth())}x{height}")

    # showing

    def say(self, text: str) -> None:
        """Show a text in the status line for `STATUS_TIME`."""
        self._status.configure(text=text)
        if self._status_due:
            self.root.after_cancel(self._status_due)
        self._status_due = self.root.after(STATUS_TIME, self._status.configure, {"text": ""})

    def show_buttons(self, can_undo: bool, can_redo: bool) -> None:
        """Enable or disable the buttons for undo and redo."""
        for button, possible in ((self._undo, can_undo), (self._redo, can_redo)):
            button.state(["!disabled" if possible else "disabled"])

    def show_hint(self, blank: bool) -> None:
        """Show on a blank page what to draw."""
        hint = "Draw a digit here" if self.single.get() else "Write a number here"
        self.drawing_canvas.set_hint(hint if blank else "")

    def show_reading(self, shown: ShownReading) -> None:
        """Show a reading in the title, the panel, and as boxes on the canvas."""
        text, note, digit = shown.text(), shown.note(), shown.digit
        title = " · ".join(part for part in (text, note) if part and part != "not sure")
        self.root.title(f"{title} - {NAME}" if title else NAME)
        self._headline.show(text, note)
        self._bars.show(digit.probabilities if digit else ())
        if digit:
            self.show_heat(digit, None)
        else:
            self._glyph.show(None)
        if self.single.get():
            self.drawing_canvas.show_boxes((), (), 0)
        else:
            self.drawing_canvas.show_boxes(shown.reading.digits, shown.labels(), shown.chosen)

    def show_heat(self, digit: DigitReading, heat: bytes | None) -> None:
        """Show a digit's glyph with a heat map over it, or without one if `heat` is None."""
        self._glyph.show(digit.glyph, heat)
        caption = GLYPH_CAPTION if heat is None else f"Glowing: what speaks for {digit.digit}"
        self._caption.configure(text=caption)

    def change_brush(self, steps: int) -> None:
        """Make the pen thicker by 1/20 of its range for each step, thinner if `steps` is negative."""
        width = self._brush.get() + steps * (self._thickest - self._thinnest) / 20
        self._brush.set(min(self._thickest, max(self._thinnest, width)))
