"""The keys: which virtual event each raises, what it does in words, and how this platform spells it."""

import sys
import tkinter as tk
from dataclasses import dataclass
from tkinter import ttk

MAC = sys.platform == "darwin"

SHIFT, CONTROL, COMMAND = 0x1, 0x4, 0x8  # bits of an event's state


@dataclass(frozen=True)
class Key:
    """One or several keys that raise the same virtual event.

    Attributes:
        event: the virtual event, which `commands` binds.
        description: what it does: a key of `texts`.
        names: keys as `name_of` returns them; the first one is shown in tooltips.
    """

    event: str
    description: str
    names: tuple[str, ...]


# Tk itself raises <<Undo>> and <<Redo>> for some of these keys. It calls only the most specific binding of a
# key, so no key counts twice. Its <<Clear>>, <<Copy>> and <<Paste>> have other keys too (Ctrl+Y pastes on
# X11), hence the different names here.
KEYS = (
    Key("<<Undo>>", "undo", ("Ctrl+Z",)),
    Key("<<Redo>>", "redo", ("Ctrl+Shift+Z", "Ctrl+Y")),
    Key("<<ClearPage>>", "clear", ("Esc", "Delete")),
    Key("<<UsePen>>", "pen", ("P",)),
    Key("<<UseEraser>>", "eraser", ("E",)),
    Key("<<Thinner>>", "thinner", ("[", "-")),
    Key("<<Thicker>>", "thicker", ("]", "+", "=")),
    Key("<<ToggleInk>>", "ink_follows_speed", ("V",)),
    Key("<<ToggleMode>>", "key_mode", ("N",)),
    Key("<<ChoosePrevious>>", "key_previous", ("Left",)),
    Key("<<ChooseNext>>", "key_next", ("Right",)),
    Key("<<ToggleWhy>>", "key_why", ("W",)),
    Key("<<ToggleMemory>>", "key_memory", ("M",)),
    Key("<<ShowMemory>>", "key_learned", ("R",)),
    Key("<<Older>>", "older", ("PageUp",)),
    Key("<<Newer>>", "newer", ("PageDown",)),
    Key("<<OpenPicture>>", "open", ("Ctrl+O",)),
    Key("<<PastePicture>>", "paste", ("Ctrl+V",)),
    Key("<<SaveDrawing>>", "save", ("Ctrl+S",)),
    Key("<<CopyReading>>", "copy", ("Ctrl+C",)),
    Key("<<CopyPicture>>", "copy_picture", ("Ctrl+Shift+C",)),
    Key("<<ZoomIn>>", "zoom_in", ("Ctrl++", "Ctrl+=", "Ctrl+Shift++")),
    Key("<<ZoomOut>>", "zoom_out", ("Ctrl+-",)),
    Key("<<ShowAll>>", "fit", ("Ctrl+0",)),
    Key("<<More>>", "more", ("F10",)),
    Key("<<Help>>", "keys", ("F1", "?")),
    Key("<<Quit>>", "quit", ("Ctrl+Q",)),
)
CORRECT = tuple(f"<<Correct{label}>>" for label in range(10))  # raised by the keys 0 to 9

NAMES = {  # of keys whose keysym people would not recognise, or that do the same as another key
    "Escape": "Esc",
    "Prior": "PageUp",
    "Next": "PageDown",
    "KP_Delete": "Delete",
    "BackSpace": "Delete",  # the label of that key on a Mac
    "bracketleft": "[",
    "bracketright": "]",
    "minus": "-",
    "KP_Subtract": "-",
    "plus": "+",
    "KP_Add": "+",
    "equal": "=",
    "question": "?",
    **{f"KP_{digit}": str(digit) for digit in range(10)},
}
ARROWS = {"Left": "←", "Right": "→"}
MAC_NAMES = {"Ctrl+": "⌘", "Shift+": "⇧", "Delete": "⌫"}


def name_of(keysym: str, state: int) -> str:
    """Return the name of a pressed key, as in "Ctrl+Shift+Z", "N", "7" or "?".

    Shift is named only along with Ctrl, since some keyboards type digits with it. Caps Lock is not Shift.

    Args:
        keysym: Tk's name of the key.
        state: the event's state, which holds the modifiers.
    """
    name = NAMES.get(keysym, keysym)
    if len(name) == 1:
        name = name.upper()
    if not state & (COMMAND if MAC else CONTROL):
        return name
    return f"Ctrl+Shift+{name}" if state & SHIFT else f"Ctrl+{name}"


def spelled(name: str) -> str:
    """Return the name of a key as this platform writes it."""
    name = ARROWS.get(name, name)
    if MAC:
        for ours, theirs in MAC_NAMES.items():
            name = name.replace(ours, theirs)
    return name


def key_for(event: str) -> str:
    """Return the first key that raises a virtual event, as this platform writes it."""
    return next(spelled(key.names[0]) for key in KEYS if key.event == event)


def raise_events(root: tk.Tk) -> None:
    """Have keys that are pressed in the window raise their virtual events on `root`."""
    events = {name: key.event for key in KEYS for name in key.names}
    events |= {str(label): event for label, event in enumerate(CORRECT)}

    def pressed(event: tk.Event) -> None:
        if isinstance(event.widget, ttk.Scale) and event.keysym in ("Left", "Right"):
            return  # they move its slider
        name = name_of(event.keysym, event.state)
        if name in events:
            root.event_generate(events[name])

    root.bind("<Key>", pressed)
    # By default a click moves the focus from the canvas to the button, and pressing a button by Space blocks
    # the event loop for a tenth of a second.
    for kind in ("TButton", "TCheckbutton", "TRadiobutton"):
        root.bind_class(kind, "<Button-1>", _show_pressed)
        root.bind_class(kind, "<space>", lambda event: event.widget.invoke())
    root.bind_class("TButton", "<Return>", lambda event: event.widget.invoke())


def _show_pressed(event: tk.Event) -> None:
    if event.widget.instate(["!disabled"]):
        event.widget.state(["pressed"])
