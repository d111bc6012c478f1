"""The panel beside the canvas: the reading, the probabilities of the ten digits, the network's input."""

import tkinter as tk
from collections.abc import Sequence

from PIL import Image

from common.messages import percent
from gui.theme import Theme
from gui.widgets import RedrawnCanvas, photo


class Headline(RedrawnCanvas):
    """Shows the reading in large letters, and a note on how sure it is."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, theme, height=theme.big.metrics("linespace"), width=1)
        self._text = self._note = ""
        self._largest = abs(theme.big.cget("size"))

    def show(self, text: str, note: str) -> None:
        """Show a reading, reduced to fit, and a note beside it."""
        self._text, self._note = text, note
        self.draw()

    def draw(self) -> None:
        """Replace the content."""
        self.delete("all")
        theme, font = self.theme, self.theme.big
        width, height = self.winfo_width(), self.winfo_height()
        beside = theme.bold.measure(self._note) + theme.px(8)
        size = self._largest
        font.configure(size=size)
        while size > abs(theme.bold.cget("size")) and font.measure(self._text) > width - beside:
            size -= 1
            font.configure(size=size)
        self.create_text(0, height / 2, text=self._text, font=font, fill=theme.colours.text, anchor="w")
        self.create_text(
            width, height / 2, text=self._note, font=theme.bold, fill=theme.colours.muted, anchor="e"
        )


class Bars(RedrawnCanvas):
    """Shows a bar for the probability of each of the ten digits."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        super().__init__(parent, theme, width=1, height=10 * theme.px(11))
        self._probabilities: Sequence[float] = ()

    def show(self, probabilities: Sequence[float]) -> None:
        """Show ten probabilities, or only the empty tracks if there are none."""
        self._probabilities = probabilities
        self.draw()

    def draw(self) -> None:
        """Replace the content."""
        self.delete("all")
        theme, colours = self.theme, self.theme.colours
        left = theme.small.measure("0") + theme.px(6)
        right = self.winfo_width() - theme.small.measure("100 %") - theme.px(5)
        row = self.winfo_height() / 10
        thick = min(row * 0.62, theme.px(12))
        best = max(self._probabilities, default=0)
        for digit in range(10):
            middle = (digit + 0.5) * row
            top, bottom = round(middle - thick / 2), round(middle + thick / 2)
            probability = self._probabilities[digit] if self._probabilities else 0
            leads = bool(self._probabilities) and probability == best
            strong = colours.text if leads else colours.muted
            self.create_text(0, middle, text=str(digit), font=theme.small, fill=strong, anchor="w")
            self.create_rectangle(left, top, right, bottom, fill=colours.track, width=0)
            end = left + (right - left) * probability
            if end - left >= 1:
                fill = colours.accent if leads else colours.soft
                self.create_rectangle(left, top, end, bottom, fill=fill, width=0)
            if self._probabilities and probability >= 0.01:
                self.create_text(
                    self.winfo_width(),
                    middle,
                    text=percent(probability),
                    font=theme.small,
                    fill=strong,
                    anchor="e",
                )


class GlyphView(RedrawnCanvas):
    """Shows the 28x28 glyph that the network read, enlarged, with a heat map over it."""

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        self._zoom = theme.px(3)
        side = 28 * self._zoom + 2
        super().__init__(parent, theme, width=side, height=side)
        self._glyph: bytes | None = None
        self._heat: bytes | None = None
        self._photo: tk.PhotoImage | None = None

    def show(self, glyph: bytes | None, heat: bytes | None = None) -> None:
        """Show a glyph.

        Args:
            glyph: 28x28 bytes, 255 for full ink; None for nothing.
            heat: 28x28 bytes, 255 for most heat; None for no heat map.
        """
        self._glyph, self._heat = glyph, heat
        self.draw()

    def draw(self) -> None:
        """Replace the content."""
        self.delete("all")
        side = 28 * self._zoom + 1
        self.create_rectangle(
            0, 0, side, side, outline=self.theme.colours.line, fill=self.theme.colours.track
        )
        if self._glyph is None:
            return
        ink = Image.frombytes("L", (28, 28), self._glyph)
        image = Image.merge("RGB", (ink, ink, ink))
        if self._heat is not None:
            heat = Image.frombytes("L", (28, 28), self._heat)
            image.paste((255, 96, 16), mask=heat.point(lambda value: value * 0.72))
        self._photo = photo(self, image).zoom(self._zoom)
        self.create_image(1, 1, image=self._photo, anchor="nw")
