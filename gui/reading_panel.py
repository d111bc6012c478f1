"""The panel beside the canvas: the reading, how probable each digit is, what the network sees."""

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import NamedTuple

from PIL import Image

from gui.headline import Headline
from gui.icons import tk_image
from gui.keys import CORRECT, key_for
from gui.protocol import DigitReading
from gui.shown_reading import ShownReading
from gui.texts import say
from gui.theme import Theme
from gui.widgets import RedrawnCanvas, Tooltip


class Height(NamedTuple):
    """The height of a part in points, where the window is high enough and in the smallest window."""

    full: int
    least: int


HEADLINE, BARS, GLYPHS = Height(66, 36), Height(60, 35), Height(98, 58)
HEAT, HEAT_COVER = (255, 96, 16), 0.72  # colour of a heat map, and how much of the ink it hides at most
LONG = 8  # characters of a number that is offered
PANEL_WIDTH = 180  # points
COLUMNS = 11  # of the bars: ten digits and "no digit"


class ReadingPanel(ttk.Frame):
    """Shows a reading, and raises virtual events on the main window to correct and to explain it.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        width: in pixels.
        single: variable, True to read one digit, False to read a number.
        use_memory: variable, whether corrected samples count.
    """

    def __init__(
        self, parent: tk.Misc, theme: Theme, width: int, single: tk.BooleanVar, use_memory: tk.BooleanVar
    ) -> None:
        super().__init__(parent, width=width)
        self.grid_propagate(False)
        self.columnconfigure(0, weight=1)
        self._raise = self.winfo_toplevel().event_generate
        gap = theme.px(6)
        switch = ttk.Frame(self)
        for column, (name, value) in enumerate((("single", True), ("number", False))):
            segment = ttk.Radiobutton(
                switch,
                text=say(name),
                variable=single,
                value=value,
                command=lambda: self._raise("<<ModeChanged>>"),
                style="Segment.Toolbutton",
            )
            segment.grid(row=0, column=column, sticky="ew")
            switch.columnconfigure(column, weight=1, uniform="segment")
            Tooltip(segment, theme, say("tip", what=say("mode"), key=key_for("<<ToggleMode>>")))
        self._headline = Headline(self, theme, theme.px(HEADLINE.full), self._correct)
        self._hint = ttk.Label(self, wraplength=width)
        self._hint.bind("<Button-1>", lambda event: self._offered and self._raise("<<ToggleMode>>"))
        self._offered = False  # whether the hint offers to read a number
        self._bars = Bars(self, theme, self._correct)
        self._glyphs = GlyphView(self, theme, lambda: self._raise("<<ToggleWhy>>"))
        self._learned = ttk.Button(self, command=lambda: self._raise("<<ShowMemory>>"))
        tip = say("tip", what=say("learned_tip"), key=key_for("<<ShowMemory>>"))
        Tooltip(self._learned, theme, tip)
        self._use_memory, self._samples = use_memory, 0
        use_memory.trace_add("write", lambda *_: self.show_learned(self._samples))
        self.show_learned(0)
        gives_way = {self._headline: HEADLINE, self._bars: BARS, self._glyphs: GLYPHS}  # in a low window
        parts = (switch, self._headline, self._hint, self._bars, self._glyphs, None, self._learned)
        for row, part in enumerate(parts):
            if part is None:  # room that is left over
                self.rowconfigure(row, weight=10_000)
                continue
            part.grid(row=row, column=0, sticky="nsew", pady=(0 if part in (switch, self._hint) else gap, 0))
            if part in gives_way:
                self.rowconfigure(row, weight=1, minsize=gap + theme.px(gives_way[part].least))
        self._show_hint("\n")
        hint_height = self._hint.winfo_reqheight()
        self._show_hint("")
        self.rowconfigure(2, minsize=hint_height)
        fixed = segment.winfo_reqheight() + hint_height + self._learned.winfo_reqheight()
        self.least_height = fixed + 4 * gap + sum(theme.px(height.least) for height in gives_way.values())

    def _correct(self, label: int) -> None:
        self._raise(CORRECT[label])

    def show_learned(self, count: int) -> None:
        """Show the number of samples; from the first one on the hint on how to correct is left out."""
        self._samples = count
        if count and not self._offered:
            self._show_hint("")
        text = "learned" if self._use_memory.get() else "learned_unused"
        self._learned.configure(text=say(text, count=count))

    def show(self, shown: ShownReading) -> None:
        """Show a reading."""
        digit = shown.digit
        self._headline.show(shown)
        self._bars.show(digit, shown.labels()[shown.chosen] if digit else "")
        hint, number = "", shown.reading.number
        if number:
            text = number if len(number) <= LONG else f"{number[:LONG]}…"
            hint = say("number_hint", key=key_for("<<ToggleMode>>"), text=text)
        elif digit and not self._samples and not shown.corrected:
            label = shown.labels()[shown.chosen]
            hint = say("correct_hint", label=label) if label != "?" else say("unsure_hint")
        self._show_hint(hint, offered=bool(number))

    def _show_hint(self, text: str, offered: bool = False) -> None:
        self._offered = offered
        style, cursor = ("Link.TLabel", "hand2") if offered else ("Muted.TLabel", "")
        self._hint.configure(text=text, style=style, cursor=cursor)

    def show_glyph(self, glyph: bytes | None, heats: Sequence[tuple[int, bytes]]) -> None:
        """Show a glyph, see `GlyphView.show`."""
        self._glyphs.show(glyph, heats)


class Bars(RedrawnCanvas):
    """Shows a bar for the probability of each digit and of no digit; a click corrects to a digit.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        on_choose: called with the digit whose bar was clicked.
    """

    def __init__(self, parent: tk.Misc, theme: Theme, on_choose: Callable[[int], None]) -> None:
        super().__init__(parent, theme, width=1, height=theme.px(BARS.full))
        self._on_choose = on_choose
        self._digit: DigitReading | None = None
        self._label = ""
        self._under_pointer: int | None = None
        self.bind("<Motion>", lambda event: self._point_at(self._place_of(event)))
        self.bind("<Leave>", lambda event: self._point_at(None))
        self.bind("<Button-1>", self._click)

    def show(self, digit: DigitReading | None, label: str) -> None:
        """Show the probabilities of a digit that is shown as `label`; nothing if there is none."""
        self._digit, self._label = digit, label
        self.draw()

    def draw(self) -> None:
        """Replace the content."""
        self.delete("all")
        self.configure(cursor="hand2" if self._digit else "")
        if self._digit is None:
            return
        theme, colours = self.theme, self.theme.colours
        column, thick = self.winfo_width() / COLUMNS, self.theme.px(9)
        bottom = self.winfo_height() - theme.small.metrics("linespace") - theme.px(1.5)
        for place, probability in enumerate((*self._digit.probabilities, self._digit.no_digit)):
            name = str(place) if place < 10 else "?"
            leads, pointed = name == self._label, place == self._under_pointer and place < 10
            middle = (place + 0.5) * column
            left, right = round(middle - thick / 2), round(middle + thick / 2)
            track = colours.line if pointed else colours.track
            self.create_rectangle(left, 0, right, bottom, fill=track, width=0)
            top = bottom - bottom * probability
            if bottom - top >= 1:
                fill = colours.accent if leads else colours.soft
                self.create_rectangle(left, top, right, bottom, fill=fill, width=0)
            strong = colours.accent if pointed else colours.text if leads else colours.muted
            self.create_text(
                middle,
                self.winfo_height(),
                text=name,
                font=theme.bold if leads or pointed else theme.small,
                fill=strong,
                anchor="s",
            )

    def _place_of(self, event: tk.Event) -> int | None:
        if self._digit is None or not 0 <= event.x < self.winfo_width():
            return None
        return event.x * COLUMNS // self.winfo_width()

    def _point_at(self, place: int | None) -> None:
        if place != self._under_pointer:
            self._under_pointer = place
            self.draw()

    def _click(self, event: tk.Event) -> None:
        place = self._place_of(event)
        if place is not None and place < 10:
            self._on_choose(place)


class GlyphView(RedrawnCanvas):
    """Shows the 28x28 glyph that the network read, enlarged; once more for each heat map over it.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        on_click: called after a click.
    """

    def __init__(self, parent: tk.Misc, theme: Theme, on_click: Callable[[], None]) -> None:
        super().__init__(parent, theme, width=1, height=theme.px(GLYPHS.full))
        self._glyph: bytes | None = None
        self._heats: Sequence[tuple[int, bytes]] = ()
        self._photos: list[tk.PhotoImage] = []  # keeps them alive: Tk does not
        self.bind("<Button-1>", lambda event: on_click())
        tip = say("tip", what=say("why"), key=key_for("<<ToggleWhy>>"))
        Tooltip(self, theme, tip, lambda: self._glyph is not None)

    def show(self, glyph: bytes | None, heats: Sequence[tuple[int, bytes]] = ()) -> None:
        """Show a glyph.

        Args:
            glyph: 28x28 bytes, 255 for full ink; None for nothing.
            heats: digits and what speaks for them, 28x28 bytes, 255 for most.
        """
        self._glyph, self._heats = glyph, heats
        self.draw()

    def draw(self) -> None:
        """Replace the content."""
        self.delete("all")
        self._photos.clear()
        self.configure(cursor="hand2" if self._glyph else "")
        if self._glyph is None:
            return
        theme, font = self.theme, self.theme.small
        half = (self.winfo_width() + theme.px(6)) // 2
        room = min(half - theme.px(6), self.winfo_height() - font.metrics("linespace"))
        zoom = max(1, (room - 2) // 28)
        side = 28 * zoom + 1
        ink = Image.frombytes("L", (28, 28), self._glyph)
        captions = [(say("for", label=digit), heat) for digit, heat in self._heats]
        for place, (caption, heat) in enumerate(captions or [(say("glyph"), None)]):
            image = Image.merge("RGB", (ink, ink, ink))
            if heat is not None:
                warm = Image.frombytes("L", (28, 28), heat)
                image.paste(HEAT, mask=warm.point(lambda value: value * HEAT_COVER))
            left = place * half
            self.create_rectangle(left, 0, left + side, side, outline=theme.colours.line)
            self._photos.append(tk_image(self, image).zoom(zoom))
            self.create_image(left + 1, 1, image=self._photos[-1], anchor="nw")
            self.create_text(left, side, text=caption, font=font, fill=theme.colours.muted, anchor="nw")
