"""The ttk styles of the window: buttons, switches, the slider, scroll bars, with their states.

Their surfaces are images that are drawn here at the screen's resolution: ttk's own elements have square
corners and borders of one pixel on every screen.
"""

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from PIL import Image

from gui.icons import surface, tk_image
from gui.theme import Theme

RADIUS = 4.5  # points


def apply_styles(root: tk.Tk, theme: Theme) -> list[tk.PhotoImage]:
    """Create the ttk theme "digits" and use it.

    Returns:
        the images that it shows, which the caller keeps alive.
    """
    style = ttk.Style(root)
    style.theme_create("digits", parent="clam")
    style.theme_use("digits")
    _general(root, style, theme)
    kept: list[tk.PhotoImage] = []

    def element(name: str, images: dict[str, Image.Image], **options: object) -> None:
        """Create an element of images by their states, "" for all others."""
        photos = {states: tk_image(root, image) for states, image in images.items()}
        kept.extend(photos.values())
        states = [(*key.split(), photo) for key, photo in photos.items() if key]
        style.element_create(name, "image", photos[""], *states, **options)

    _buttons(style, element, theme)
    _switch(style, element, theme)
    _slider(style, element, theme)
    _scrollbar(style, element, theme)
    return kept


def _general(root: tk.Tk, style: ttk.Style, theme: Theme) -> None:
    colours, px = theme.colours, theme.px
    root.configure(background=colours.window)
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
        font=theme.body,
        lightcolor=colours.window,
        darkcolor=colours.window,
    )
    for name, colour in (("Muted.TLabel", colours.muted), ("Link.TLabel", colours.accent)):
        # Without a border the text begins where the widgets above and below it do.
        style.configure(name, foreground=colour, font=theme.small, borderwidth=0, padding=(0, px(1.5)))
    style.configure("Line.TFrame", background=colours.line)
    style.configure(
        "Tooltip.TLabel",
        background=colours.text,
        foreground=colours.window,
        font=theme.small,
        padding=(px(6), px(3)),
    )
    for name in ("TCombobox", "TEntry"):
        style.map(name, bordercolor=[("focus", colours.accent)], lightcolor=[("focus", colours.accent)])
    # For menus and the widgets of Tk's own dialogs, on platforms that have none.
    for option, colour in {
        "background": colours.window,
        "foreground": colours.text,
        "Canvas.foreground": "black",  # of the list of files, whose background is always white
        "selectBackground": colours.accent,
        "selectForeground": colours.on_accent,
        "selectColor": colours.text,
        "activeBackground": colours.hover,
        "activeForeground": colours.text,
        "Menu.activeBorderWidth": px(3),
    }.items():
        root.option_add(f"*{option}", colour, "startupFile")


def _buttons(style: ttk.Style, element: Callable[..., None], theme: Theme) -> None:
    colours, px = theme.colours, theme.px
    side, radius, ring = px(24), px(RADIUS), px(1.5)

    def round_surface(fill: str, edge: str, width: float) -> Image.Image:
        return surface((side, side), radius, fill, edge, width)

    for name, normal, edge in (
        ("Button", colours.button, colours.line),
        ("Tool", colours.window, colours.window),
    ):
        images = {
            "disabled": round_surface(
                colours.window, colours.line if name == "Button" else colours.window, 1
            ),
            "selected focus": round_surface(colours.accent, colours.text, ring),
            "selected": round_surface(colours.accent, colours.accent, 1),
            "pressed": round_surface(colours.pressed, colours.soft, 1),
            "focus": round_surface(normal, colours.accent, ring),
            "active": round_surface(colours.hover, colours.soft, 1),
            "": round_surface(normal, edge, 1),
        }
        element(f"Digits.{name}", images, border=radius + ring, padding=0, sticky="nswe")
    for kind, surface_name in (
        ("TButton", "Button"),
        ("Segment.Toolbutton", "Button"),
        ("Tool.TButton", "Tool"),
        ("Tool.Toolbutton", "Tool"),
        ("History.TButton", "Tool"),
    ):
        part = "Button" if kind.endswith("TButton") else "Toolbutton"
        label = (f"{part}.label", {"sticky": "nswe"})
        padding = (f"{part}.padding", {"sticky": "nswe", "children": [label]})
        style.layout(kind, [(f"Digits.{surface_name}", {"sticky": "nswe", "children": [padding]})])
        style.configure(
            kind,
            padding=px(4.5) if surface_name == "Tool" else (px(6), px(4.5)),
            anchor="center",
            background=colours.window,
        )
        style.map(
            kind,
            background=[],
            foreground=[("selected", colours.on_accent), ("disabled", colours.muted)],
        )
    style.configure("History.TButton", padding=px(3), font=theme.small)


def _switch(style: ttk.Style, element: Callable[..., None], theme: Theme) -> None:
    colours, px = theme.colours, theme.px
    width, height = px(24), px(13)

    def switch(track: str, knob: str, right: bool, edge: str | None) -> Image.Image:
        image = surface((width, height), height / 2, track, edge, px(1.5))
        inset = px(2.5)
        side = height - 2 * inset
        disc = surface((side, side), side / 2, knob)
        image.alpha_composite(disc, (width - inset - side if right else inset, inset))
        return image

    images = {}
    for states, edge in (("focus", colours.text), ("", None)):
        images[f"selected {states}".strip()] = switch(colours.accent, colours.on_accent, True, edge)
        images[states] = switch(colours.soft, colours.window, False, edge)
    images[""] = images.pop("")  # last, for all other states
    element("Digits.switch", images, width=width + px(6), sticky="w")
    label = ("Checkbutton.label", {"side": "left", "sticky": ""})
    style.layout("Switch.TCheckbutton", [("Digits.switch", {"side": "left", "sticky": ""}), label])
    style.configure("Switch.TCheckbutton", background=colours.window)
    style.map("Switch.TCheckbutton", background=[])


def _slider(style: ttk.Style, element: Callable[..., None], theme: Theme) -> None:
    colours, px = theme.colours, theme.px
    side, thick = px(12), px(3)
    discs = {
        state: surface((side, side), side / 2, fill, edge, px(1.5))
        for state, fill, edge in (
            ("focus", colours.accent, colours.text),
            ("pressed", colours.accent, None),
            ("active", colours.accent, None),
            ("", colours.muted, None),
        )
    }
    element("Digits.slider", discs, sticky="")  # Tk finds it by the end of its name
    trough = Image.new("RGBA", (side, side))
    trough.alpha_composite(surface((side, thick), thick / 2, colours.line), (0, (side - thick) // 2))
    element("Digits.trough", {"": trough}, border=(thick, 0), sticky="we")
    knob = ("Digits.slider", {"side": "left", "sticky": ""})
    style.layout("Horizontal.TScale", [("Digits.trough", {"sticky": "we", "children": [knob]})])


def _scrollbar(style: ttk.Style, element: Callable[..., None], theme: Theme) -> None:
    colours, width = theme.colours, theme.px(6)
    states = (("active", colours.soft), ("disabled", colours.window), ("", colours.line))
    thumbs = {state: surface((width, 2 * width), width / 2, fill) for state, fill in states}
    # Tk finds the thumb by the end of its name.
    element("Digits.Vertical.Scrollbar.thumb", thumbs, border=(0, width // 2), sticky="ns")
    thumb = ("Digits.Vertical.Scrollbar.thumb", {"expand": True, "sticky": "ns"})
    trough = ("Vertical.Scrollbar.trough", {"sticky": "ns", "children": [thumb]})
    style.layout("Vertical.TScrollbar", [trough])
    hidden = dict.fromkeys(("troughcolor", "bordercolor"), colours.window)
    style.configure("Vertical.TScrollbar", borderwidth=0, width=width, **hidden)
