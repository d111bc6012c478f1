"""The look of the window: colours, fonts and lengths, light and dark, at any resolution."""

import tkinter as tk
from dataclasses import dataclass
from tkinter import font

from gui.desktop import desktop_is_dark, dots_per_inch
from gui.icons import icon, tk_image

RGB = tuple[int, int, int]
LEAST_HEIGHT = 384  # points of the screen that the window is made for; on a smaller screen all is smaller


@dataclass(frozen=True)
class Palette:
    """The colours of a theme, each "#rrggbb".

    Attributes:
        window, paper, ink: of the window, and of the canvas and what is drawn on it.
        text, muted: of text, and of text that matters less.
        line: of borders.
        button, hover, pressed: of a button at rest, under the pointer and pressed.
        track: of switches that are off and of empty bars.
        accent, on_accent: of what is chosen, and of text on it.
        soft: of what is not chosen: bars and boxes.
    """

    window: str
    paper: str
    ink: str
    text: str
    muted: str
    line: str
    button: str
    hover: str
    pressed: str
    track: str
    accent: str
    on_accent: str
    soft: str


LIGHT = Palette(
    window="#f4f5f7",
    paper="#ffffff",
    ink="#16181d",
    text="#1c1f24",
    muted="#626975",
    line="#d2d6dd",
    button="#ffffff",
    hover="#eceff4",
    pressed="#dce1e9",
    track="#e6e9ee",
    accent="#2460d8",
    on_accent="#ffffff",
    soft="#77808f",
)
DARK = Palette(
    window="#1d2025",
    paper="#121417",
    ink="#f1f3f6",
    text="#e7eaee",
    muted="#9aa3af",
    line="#3b414b",
    button="#262a31",
    hover="#2f343d",
    pressed="#3a414c",
    track="#2b3038",
    accent="#78a9ff",
    on_accent="#10151f",
    soft="#7d8795",
)


def rgb(colour: str) -> RGB:
    """Return "#rrggbb" as three values from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class Theme:
    """Colours, fonts, lengths and icons for one window.

    Parts lie 3, 6 or 12 points apart: 4, 8 or 16 pixels at 96 dots per inch.

    Args:
        root: the window.
        choice: "light", "dark" or "auto" to follow the desktop.

    Attributes:
        dark: whether the colours are dark.
        colours: the palette.
        small, body, bold, big: fonts of one family in three sizes; bold has the size of body.
        small_bold: bold, with the size of small.
    """

    def __init__(self, root: tk.Tk, choice: str) -> None:
        self.dark = choice == "dark" or (choice == "auto" and desktop_is_dark())
        self.colours = DARK if self.dark else LIGHT
        self._root = root
        self._scale = min(dots_per_inch(root) / 72, root.winfo_screenheight() / LEAST_HEIGHT)
        self._icons: dict[str, tuple[object, ...]] = {}
        root.tk.call("tk", "scaling", self._scale)  # fonts have sizes in points
        self.body = font.nametofont("TkDefaultFont")
        family, size = self.body.actual("family"), abs(self.body.actual("size"))
        for name in (
            "TkDefaultFont",
            "TkTextFont",
            "TkMenuFont",
            "TkHeadingFont",
            "TkCaptionFont",
            "TkTooltipFont",
        ):
            font.nametofont(name).configure(family=family, size=size, weight="normal")
        self.small = font.Font(root, name="DigitsSmall", family=family, size=size - 1)
        self.small_bold = font.Font(root, name="DigitsKeys", family=family, size=size - 1, weight="bold")
        self.bold = font.Font(root, name="DigitsBold", family=family, size=size, weight="bold")
        self.big = font.Font(root, name="DigitsBig", family=family, size=size * 6, weight="bold")

    def px(self, points: float) -> int:
        """Return a length in points (1/72 inch) as pixels, at least 1."""
        return max(1, round(points * self._scale))

    def icon(self, name: str) -> tuple[object, ...]:
        """Return an icon as the `image` option of ttk's widgets takes it, with its states."""
        if name not in self._icons:
            colours, side = self.colours, self.px(15)
            shown = {"": colours.text, "disabled": colours.soft, "selected": colours.on_accent}
            photos = {
                state: tk_image(self._root, icon(name, side, colour)) for state, colour in shown.items()
            }
            self._icons[name] = photos.pop(""), *(part for item in photos.items() for part in item)
        return self._icons[name]
