"""The window's parts and where they lie: toolbar, sheet, reading, history, status line."""

import tkinter as tk
from tkinter import ttk
from typing import Any

from gui.drawing import Drawing
from gui.drawing_canvas import DrawingCanvas
from gui.history_strip import HistoryStrip
from gui.keys import key_for
from gui.protocol import DigitReading
from gui.reading_panel import Bars, GlyphView, Headline
from gui.shown_reading import ShownReading
from gui.theme import Theme
from gui.widgets import Tooltip

NAME = "Handwritten digits"
THINNEST, THICKEST = 0.01, 0.12  # the brush, as a share of the sheet's side
PANEL = 180  # points
SAID_FOR = 10_000  # milliseconds
SEEN = "What the network sees"


class MainWindow:
    """The widgets in their places, and ways to show things in them.

    Args:
        root: Tk's main window, empty.
        theme: how it looks.
        drawing: what the sheet shows.
        session: whose methods the buttons call.
        side: of the sheet at first, in pixels.
        brush: the pen's width at first, in pixels.

    Attributes:
        sheet, history: for who needs them.
        single: a variable: True for one digit, False for a number.
        why: a variable: whether the heat map is wanted.
        personal: a variable: whether to read with what was corrected.
    """

    def __init__(
        self, root: tk.Tk, theme: Theme, drawing: Drawing, session: Any, side: int, brush: float
    ) -> None:
        self.root, self.theme = root, theme
        self._forget_due = ""
        self.single = tk.BooleanVar(root, True)
        self.why = tk.BooleanVar(root, False)
        self.personal = tk.BooleanVar(root, True)
        self._brush = tk.DoubleVar(root, brush)
        self._thinnest, self._thickest = THINNEST * side, THICKEST * side
        gap, beside = theme.px(8), (theme.px(12), 0)
        frame = ttk.Frame(root, padding=gap)
        frame.pack(fill="both", expand=True)
        frame.columnconfigure(0, weight=1)
        frame.rowconfigure(1, weight=1)
        toolbar = self._toolbar(frame, session)
        toolbar.grid(row=0, column=0, columnspan=2, sticky="ew", pady=(0, gap))
        self.sheet = DrawingCanvas(frame, theme, drawing, side, session.changed, session.choose)
        self.sheet.grid(row=1, column=0, sticky="nsew")
        self.sheet.brush = brush
        self.sheet.focus_set()
        panel = self._panel(frame, session, gap)
        panel.grid(row=1, column=1, sticky="nsew", padx=beside)
        self.history = HistoryStrip(frame, theme, session.recall)
        self.history.grid(row=2, column=0, sticky="ew", pady=(gap, 0))
        foot = ttk.Frame(frame, width=theme.px(PANEL))  # however long a line, the panel keeps its width
        foot.pack_propagate(False)
        foot.grid(row=2, column=1, sticky="nsew", padx=beside, pady=(gap, 0))
        self._status = ttk.Label(foot, style="Muted.TLabel", wraplength=theme.px(PANEL), anchor="w")
        self._status.pack(fill="both", expand=True)
        self._set_size(gap, toolbar, panel)

    def _toolbar(self, parent: tk.Misc, session: Any) -> ttk.Frame:
        theme = self.theme
        bar = ttk.Frame(parent)

        def button(text: str, action: str, tip: str) -> ttk.Button:
            made = ttk.Button(bar, text=text, command=getattr(session, action))
            made.pack(side="left", padx=(0, theme.px(2)))
            Tooltip(made, theme, f"{tip} ({key_for(action)})")
            return made

        def space() -> None:
            ttk.Frame(bar, width=theme.px(6)).pack(side="left", fill="x", expand=True)

        self._undo = button("Undo", "undo", "Take back")
        self._redo = button("Redo", "redo", "Do again")
        button("Clear", "clear", "A blank sheet")
        space()
        ttk.Label(bar, text="Brush").pack(side="left", padx=(0, theme.px(4)))
        slider = ttk.Scale(
            bar, variable=self._brush, from_=self._thinnest, to=self._thickest, length=theme.px(54)
        )
        slider.pack(side="left")
        Tooltip(slider, theme, f"Width of the pen ({key_for('thinner')} and {key_for('thicker')})")
        self._brush.trace_add("write", lambda *_: setattr(self.sheet, "brush", self._brush.get()))
        space()
        for text, single in (("Single", True), ("Number", False)):
            segment = ttk.Radiobutton(
                bar,
                text=text,
                variable=self.single,
                value=single,
                command=session.read_again,
                style="Segment.Toolbutton",
            )
            segment.pack(side="left")
            Tooltip(segment, theme, f"One digit, or a number ({key_for('toggle_mode')})")
        space()
        button("Open", "open", "Open a picture")
        button("Save", "save", "Save the drawing as PNG")
        button("?", "help", "All keys").pack_configure(padx=0)
        return bar

    def _panel(self, parent: tk.Misc, session: Any, gap: int) -> ttk.Frame:
        theme = self.theme
        panel = ttk.Frame(parent, width=theme.px(PANEL))
        panel.pack_propagate(False)
        self._headline = Headline(panel, theme)
        self._headline.pack(fill="x")
        below = ttk.Frame(panel)
        below.pack(side="bottom", fill="x")
        self._bars = Bars(panel, theme)
        self._bars.pack(fill="both", expand=True, pady=gap)
        self._glyph = GlyphView(below, theme)
        self._glyph.pack(side="left", padx=(0, gap))
        for text, variable, action, tip, key in (
            ("Why", self.why, "show_why", "What speaks for the reading", "toggle_why"),
            (
                "Memory",
                self.personal,
                "memory_switched",
                "With what you corrected, or without",
                "toggle_memory",
            ),
        ):
            toggle = ttk.Checkbutton(
                below,
                text=text,
                variable=variable,
                command=getattr(session, action),
                style="Segment.Toolbutton",
            )
            toggle.pack(fill="x", pady=(0, theme.px(2)))
            Tooltip(toggle, theme, f"{tip} ({key_for(key)})")
        samples = ttk.Button(below, text="Remembered", command=session.show_memory)
        samples.pack(fill="x")
        Tooltip(samples, theme, f"What you corrected, to look at and to forget ({key_for('show_memory')})")
        room = theme.px(PANEL) - self._glyph.winfo_reqwidth() - gap
        self._caption = ttk.Label(below, text=SEEN, style="Muted.TLabel", wraplength=room)
        self._caption.pack(anchor="w", pady=(theme.px(4), 0))
        return panel

    def _set_size(self, gap: int, toolbar: ttk.Frame, panel: ttk.Frame) -> None:
        """Open as large as the sheet asks for, where the screen has the room; never so small as to clip."""
        root = self.root
        root.update_idletasks()
        wide, high = root.winfo_reqwidth(), root.winfo_reqheight()
        inside = sum(child.winfo_reqheight() for child in panel.winfo_children()) + 2 * gap
        least = high - self.sheet.winfo_reqheight() + inside
        root.minsize(toolbar.winfo_reqwidth() + 2 * gap, least)
        room = root.winfo_screenheight() - self.theme.px(45)  # less what the desktop takes
        root.geometry(f"{min(wide, root.winfo_screenwidth())}x{max(least, min(high, room))}")

    # showing

    def say(self, text: str) -> None:
        """In the status line, for some seconds."""
        self._status.configure(text=text)
        if self._forget_due:
            self.root.after_cancel(self._forget_due)
        self._forget_due = self.root.after(SAID_FOR, self._status.configure, {"text": ""})

    def show_buttons(self, can_undo: bool, can_redo: bool) -> None:
        for button, possible in ((self._undo, can_undo), (self._redo, can_redo)):
            button.state(["!disabled" if possible else "disabled"])

    def show_hint(self, blank: bool) -> None:
        """What to do, on a sheet that is blank."""
        hint = "Draw a digit here" if self.single.get() else "Write a number here"
        self.sheet.set_hint(hint if blank else "")

    def show_reading(self, shown: ShownReading) -> None:
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
            self.sheet.show_boxes((), (), 0)
        else:
            self.sheet.show_boxes(shown.answer.digits, shown.labels(), shown.chosen)

    def show_heat(self, digit: DigitReading, heat: bytes | None) -> None:
        """Show a digit's glyph with a heat map over it, or without."""
        self._glyph.show(digit.glyph, heat)
        what = SEEN if heat is None else f"Glowing: what speaks for {digit.digit}"
        self._caption.configure(text=what)

    def change_brush(self, steps: int) -> None:
        """Make it thicker (+1) or thinner (-1)."""
        width = self._brush.get() + steps * (self._thickest - self._thinnest) / 20
        self._brush.set(min(self._thickest, max(self._thinnest, width)))
