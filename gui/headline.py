"""The reading in large letters, how sure it is, and what else it may be."""

import tkinter as tk
from collections.abc import Callable
from textwrap import wrap

from common.geometry import holds
from common.messages import percent
from gui.shown_reading import ShownReading
from gui.theme import Theme
from gui.widgets import RedrawnCanvas

LINE_SHARE = 1.2  # height of a line relative to that of the canvas: letters do not fill their line


class Headline(RedrawnCanvas):
    """Shows the reading in large letters, how sure it is, and the two runners-up, which can be clicked.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        height: in pixels, where the window is high enough.
        on_choose: called with a runner-up that was clicked.
    """

    def __init__(self, parent: tk.Misc, theme: Theme, height: int, on_choose: Callable[[int], None]) -> None:
        super().__init__(parent, theme, height=height, width=1)
        self._on_choose = on_choose
        self._shown = ShownReading()
        self._largest = abs(theme.big.cget("size"))
        self._full_size = theme.big.copy()  # to measure with
        # Tk closes a font that nothing uses, and takes milliseconds to open it again.
        for used in (self._full_size, theme.big, theme.bold, theme.small):
            tk.Label(self, font=used)
        self._choices: dict[int, int] = {}  # digits by the items that a click chooses
        self.bind("<Motion>", self._point)
        self.bind("<Leave>", self._point)
        self.bind("<Button-1>", self._click)

    def show(self, shown: ShownReading) -> None:
        """Show a reading, in letters that fit."""
        self._shown = shown
        self.draw()

    def draw(self) -> None:
        """Replace the content."""
        self.delete("all")
        self._choices.clear()
        theme, shown, font = self.theme, self._shown, self.theme.big
        width, height, gap = self.winfo_width(), self.winfo_height(), self.theme.px(9)
        text, note, contenders = shown.text(), shown.note(), shown.contenders()
        beside = max(theme.bold.measure(note), theme.small.measure("0  <1 %") * bool(contenders))
        room = max(1, width - beside - gap)
        self._set_size(text, room, height)
        if font.measure(text) > room:
            self._show_long(text, note, contenders)
            return
        self.create_text(0, height / 2, text=text, font=font, fill=theme.colours.text, anchor="w")
        left = font.measure(text) + gap if text else 0
        lines = theme.bold.metrics("linespace"), theme.small.metrics("linespace")
        shown_below = contenders[: max(0, int((height - lines[0]) // lines[1]))]
        y = (height - lines[0] - len(shown_below) * lines[1]) / 2
        self.create_text(left, y, text=note, font=theme.bold, fill=theme.colours.text, anchor="nw")
        for place, contender in enumerate(shown_below):
            self._show_contender(contender, left, y + lines[0] + place * lines[1])

    def _show_contender(self, contender: tuple[str, float], left: float, top: float) -> int:
        """Show what else it may be, a digit of which can be clicked; return its right end."""
        label, probability = contender
        line = f"{label}  {percent(probability) if probability >= 0.01 else '<1 %'}"
        font, colour = self.theme.small, self.theme.colours.muted
        item = self.create_text(left, top, text=line, font=font, fill=colour, anchor="nw")
        if label != "?":
            self._choices[item] = int(label)
        return self.bbox(item)[2]

    def _point(self, event: tk.Event) -> None:
        """Highlight the contender under the pointer; bound to the canvas, since bindings of items leak."""
        under = self._choice_at(event)
        for item in self._choices:
            colour = self.theme.colours.accent if item == under else self.theme.colours.muted
            self.itemconfigure(item, fill=colour)
        self.configure(cursor="hand2" if under else "")

    def _click(self, event: tk.Event) -> None:
        if item := self._choice_at(event):
            self._on_choose(self._choices[item])

    def _choice_at(self, event: tk.Event) -> int | None:
        """Return the item of the contender at the pointer."""
        at = (event.x, event.y)
        return next((item for item in self._choices if holds(self.bbox(item), at)), None)

    def _show_long(self, text: str, note: str, contenders: list[tuple[str, float]]) -> None:
        """Show a text in as many lines as there is room for, the note below, and below it the contenders."""
        theme, font = self.theme, self.theme.bold
        line = font.metrics("linespace")
        rows = wrap(text, max(1, self.winfo_width() // font.measure("0")))
        fit = max(1, self.winfo_height() // line - 1)
        if len(rows) > fit:
            rows = [*rows[: fit - 1], rows[fit - 1][:-1] + "…"]
        self.create_text(0, 0, text="\n".join(rows), font=font, fill=theme.colours.text, anchor="nw")
        y = len(rows) * line
        self.create_text(0, y, text=note, font=theme.small, fill=theme.colours.muted, anchor="nw")
        y += theme.small.metrics("linespace")
        if y + theme.small.metrics("linespace") <= self.winfo_height():
            left = 0
            for contender in contenders:  # at most three: they fit side by side
                left = self._show_contender(contender, left, y) + theme.px(9)

    def _set_size(self, text: str, room: int, height: int) -> None:
        """Set the size of the letters so that a text fits, if it does in letters as large as others."""
        font, least = self.theme.big, abs(self.theme.bold.cget("size"))
        full = self._full_size
        share = min(room / max(1, full.measure(text)), LINE_SHARE * height / full.metrics("linespace"))
        size = max(least, min(self._largest, int(share * self._largest)))
        if size != abs(font.cget("size")):  # each change of a font that is in use takes Tk milliseconds
            font.configure(size=size)
        while size > least and font.measure(text) > room:  # widths do not grow evenly
            size -= 1
            font.configure(size=size)
