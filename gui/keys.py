"""The keys: which does what, how each is spelled on this platform, and the one place that listens to them."""

import sys
import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from tkinter import ttk

MAC = sys.platform == "darwin"

# Bits of an event's state.
SHIFT, CONTROL, COMMAND = 0x1, 0x4, 0x8


@dataclass(frozen=True)
class Key:
    """Keys that do the same.

    Attributes:
        action: a method of `Session`.
        what: what it does, for people.
        names: as `name_of` names a key that was pressed; the first is the one that is shown.
    """

    action: str
    what: str
    names: tuple[str, ...]


KEYS = (
    Key("undo", "Undo", ("Ctrl+Z",)),
    Key("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y")),
    Key("clear", "Clear the sheet", ("Delete", "Esc")),
    Key("toggle_mode", "Single digit, or a number", ("N",)),
    Key("toggle_why", "Why: what speaks for the reading", ("W",)),
    Key("toggle_memory", "With or without what you corrected", ("M",)),
    Key("show_memory", "What is remembered, to look at and to forget", ("R",)),
    Key("choose_previous", "The digit before, in a number", ("Left",)),
    Key("choose_next", "The digit after it", ("Right",)),
    Key("thinner", "A thinner brush", ("[", "-")),
    Key("thicker", "A thicker brush", ("]", "+", "=")),
    Key("older", "Back in the history", ("PageUp",)),
    Key("newer", "Forward in the history", ("PageDown",)),
    Key("open", "Open a picture", ("Ctrl+O",)),
    Key("paste", "Paste a picture", ("Ctrl+V",)),
    Key("save", "Save the drawing as PNG", ("Ctrl+S",)),
    Key("copy", "Copy the reading", ("Ctrl+C",)),
    Key("help", "Show the keys", ("F1", "?")),
    Key("quit", "Quit", ("Ctrl+Q",)),
)

NAMES = {
    "Escape": "Esc",
    "Prior": "PageUp",
    "Next": "PageDown",
    "KP_Delete": "Delete",
    "BackSpace": "Delete",  # what Macs write on that key
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
MAC_NAMES = {"Ctrl+": "⌘", "Shift+": "⇧", "Delete": "⌫"}


def name_of(keysym: str, state: int) -> str:
    """The name of a key that was pressed, as in "Ctrl+Shift+Z", "N", "7" or "?".

    Shift is named with Ctrl only: it is how some keyboards type a digit, and Caps Lock is no Shift.
    """
    name = NAMES.get(keysym, keysym)
    if len(name) == 1:
        name = name.upper()
    if not state & (COMMAND if MAC else CONTROL):
        return name
    return f"Ctrl+Shift+{name}" if state & SHIFT else f"Ctrl+{name}"


def spelled(name: str) -> str:
    """The name of a key as this platform's people know it."""
    if MAC:
        for ours, theirs in MAC_NAMES.items():
            name = name.replace(ours, theirs)
    return name


def key_for(action: str) -> str:
    """The key of an action, spelled."""
    return next(spelled(key.names[0]) for key in KEYS if key.action == action)


def listen(root: tk.Tk, actions: object, on_digit: Callable[[int], None]) -> None:
    """Have keys that are pressed in the window call the methods of `actions`, and 0 to 9 `on_digit`."""
    methods = {name: getattr(actions, key.action) for key in KEYS for name in key.names}

    def pressed(event: tk.Event) -> None:
        if isinstance(event.widget, ttk.Scale) and event.keysym in ("Left", "Right"):
            return  # they move its slider
        name = name_of(event.keysym, event.state)
        if name in methods:
            methods[name]()
        elif len(name) == 1 and name in "0123456789":
            on_digit(int(name))

    root.bind("<Key>", pressed)
    # Tk's own buttons take the focus from the sheet when clicked, and stop the event loop for a tenth of a
    # second when pressed by Space.
    for kind in ("TButton", "TCheckbutton", "TRadiobutton"):
        root.bind_class(kind, "<Button-1>", _sink)
        root.bind_class(kind, "<space>", lambda event: event.widget.invoke())


def _sink(event: tk.Event) -> None:
    if event.widget.instate(["!disabled"]):
        event.widget.state(["pressed"])
