"""The look of the window: colours, fonts, lengths and ttk styles, light and dark, at any resolution."""

import tkinter as tk
from dataclasses import dataclass
from tkinter import font, ttk

from gui.desktop import desktop_is_dark, dots_per_inch

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Colours, each "#rrggbb"."""

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
    soft: str  # the accent, subdued


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
    soft="#9db6e6",
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
    soft="#45629a",
)


def rgb(colour: str) -> RGB:
    """Return "#rrggbb" as three values from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


class Theme:
    """Colours, fonts and lengths for one window.

    Args:
        root: the window.
        choice: "light", "dark" or "auto" to follow the desktop.

    Attributes:
        dark: whether the colours are dark.
        colours: the palette.
        body, small, bold, big: fonts of the same family, sizes in points.
    """

    def __init__(self, root: tk.Tk, choice: str) -> None:
        self.dark = choice == "dark" or (choice == "auto" and desktop_is_dark())
        self.colours = DARK if self.dark else LIGHT
        self._scale = dots_per_inch(root) / 72
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
        self.bold = font.Font(root, name="DigitsBold", family=family, size=size, weight="bold")
        self.big = font.Font(root, name="DigitsBig", family=family, size=size * 5, weight="bold")
        self._style(root)

    def px(self, points: float) -> int:
        """Return a length in points (1/72 inch) as pixels, at least 1."""
        return max(1, round(points * self._scale))

    def _style(self, root: tk.Tk) -> None:
        colours = self.colours
        root.configure(background=colours.window)
        style = ttk.Style(root)
        style.theme_create("digits", parent="clam")
        style.theme_use("digits")
        flat = {"lightcolor": colours.window, "darkcolor": colours.window}
        style.configure(
            ".",
            background=colours.window,
            foreground=colours.text,
            bordercolor=colours.line,
            troughcolor=colours.track,
            focuscolor=colours.accent,
            fieldbackground=colours.paper,
            insertcolor=colours.text,
            selectbackground=colours.accent,
            selectforeground=colours.on_accent,
            arrowcolor=colours.text,
            font=self.body,
            **flat,
        )
        # The border's colour shows the focus, instead of clam's dashed ring.
        for kind, element in (("TButton", "Button"), ("Segment.Toolbutton", "Toolbutton")):
            label = (f"{element}.label", {"sticky": "nswe"})
            padding = (f"{element}.padding", {"sticky": "nswe", "children": [label]})
            style.layout(kind, [("Button.border", {"sticky": "nswe", "border": "1", "children": [padding]})])
            background = [
                ("selected", colours.accent),
                ("pressed", colours.pressed),
                ("disabled", colours.window),
                ("active", colours.hover),
            ]
            edge = [("focus", colours.accent), *background]
            style.configure(
                kind,
                padding=(self.px(5), self.px(3)),
                anchor="center",
                borderwidth=1,
                relief="raised",
                background=colours.button,
                lightcolor=colours.button,
                darkcolor=colours.button,
            )
            style.map(
                kind,
                background=background,
                lightcolor=edge,
                darkcolor=edge,
                bordercolor=[("focus", colours.accent), ("selected", colours.accent)],
                foreground=[("selected", colours.on_accent), ("disabled", colours.muted)],
            )
        style.configure("History.TButton", padding=self.px(2), font=self.small)
        style.configure(
            "TScale",
            sliderlength=self.px(11),
            arrowsize=self.px(10),
            borderwidth=1,
            background=colours.muted,
            gripcount=0,
        )
        style.map("TScale", background=[("focus", colours.accent), ("active", colours.accent)])
        style.configure("Muted.TLabel", foreground=colours.muted, font=self.small)
        style.configure("Bold.TLabel", font=self.bold)
        style.configure(
            "Tooltip.TLabel",
            background=colours.text,
            foreground=colours.window,
            font=self.small,
            padding=(self.px(5), self.px(2)),
        )
        for name in ("TCombobox", "TEntry"):
            style.map(name, bordercolor=[("focus", colours.accent)], lightcolor=[("focus", colours.accent)])
        # For the widgets of Tk's own dialogs, on platforms that have none.
        for option, colour in {
            "background": colours.window,
            "foreground": colours.text,
            "Canvas.foreground": "black",  # of the list of files, whose background is always white
            "selectBackground": colours.accent,
            "selectForeground": colours.on_accent,
            "activeBackground": colours.hover,
            "activeForeground": colours.text,
        }.items():
            root.option_add(f"*{option}", colour, "startupFile")
