"""Pictures from elsewhere, and to elsewhere: the dialogs for files, and the clipboard."""

from __future__ import annotations

import io
import re
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog
from typing import TYPE_CHECKING

from PIL import Image, ImageGrab

from drawing import Page, Picture
from runtime import UserError, short

if TYPE_CHECKING:
    from session import Session

PICTURES = ("*.png", "*.jpg", "*.jpeg", "*.gif", "*.bmp", "*.tif", "*.tiff", "*.webp", "*.ppm", "*.pgm")
LARGEST = 8  # MB of a picture in the clipboard: X11 gives them as text, of which each takes 50 ms


class Exchange:
    """What a session does with pictures, files and the clipboard."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def open(self) -> None:
        path = ask_for_picture(self.session.root)
        self.session.sheet.focus_set()
        if path:
            self.read_from(path)

    def paste(self) -> None:
        source = picture_from_clipboard(self.session.root)
        if source:
            self.read_from(source)
        else:
            self.session.say("There is no picture in the clipboard.")

    def read_from(self, source: Path | bytes, otherwise: Callable[[str], None] | None = None) -> None:
        """Open a picture; `otherwise` gets the reason if that is not possible."""
        self.session.say("Opening the picture…")
        self.session.ask("open", source, then=self._place, otherwise=otherwise)

    def _place(self, picture: Picture) -> None:
        """Lay a picture on the sheet, as large as fits, and read it: as a number, until it proves a digit."""
        session = self.session
        session.sheet.pen_up()
        session.remember()
        session.window.single.set(False)
        session.replace(Page(picture=picture.fitted(session.sheet.surface.region)))
        session.opened_at = session.drawing.version
        session.say("A picture: draw on it, or clear it.")

    def save(self) -> None:
        session = self.session
        session.sheet.pen_up()
        if session.drawing.blank:
            session.say("Nothing to save yet.")
            return
        path = ask_where_to_save(session.root, session.shown.text().replace("?", "") or "drawing")
        session.sheet.focus_set()
        if path:
            surface, page = session.sheet.surface, session.drawing.page
            done = lambda path: session.say(f"Saved as {short(path)}")  # noqa: E731
            session.ask("save", path, page, surface.region, surface.scale, then=done)

    def copy(self) -> None:
        text = self.session.shown.text()
        if text:
            copy_text(self.session.root, text)
        self.session.say(f"Copied: {text}" if text else "Nothing to copy yet.")


def ask_for_picture(root: tk.Misc) -> Path | None:
    """The file that a person chooses to open; None if they think better of it."""
    types = [("Pictures", PICTURES), ("All files", "*")]
    chosen = filedialog.askopenfilename(parent=root, title="Open a picture", filetypes=types)
    return Path(chosen) if chosen else None


def ask_where_to_save(root: tk.Misc, name: str) -> Path | None:
    """The PNG file that a person chooses to write, at first called `name`; None as above."""
    chosen = filedialog.asksaveasfilename(
        parent=root,
        title="Save the drawing",
        filetypes=[("PNG", "*.png")],
        defaultextension=".png",
        initialfile=f"{name}.png",
    )
    return Path(chosen) if chosen else None


def picture_from_clipboard(root: tk.Misc) -> Path | bytes | None:
    """What was copied: the file that was, or the bytes of a PNG; None if it is no picture.

    Raises:
        UserError: if it is too large.
    """
    # X11: whoever owns the clipboard is asked for a PNG, which Tk gives as text.
    if root.tk.call("tk", "windowingsystem") == "x11":
        try:
            return bytes_of(root.clipboard_get(type="image/png"))
        except (tk.TclError, ValueError):
            pass
    try:
        copied = ImageGrab.grabclipboard()  # on Linux it needs wl-paste or xclip
        if isinstance(copied, Image.Image):
            png = io.BytesIO()
            copied.save(png, "PNG", compress_level=1)  # in a fourth of the time
            return png.getvalue()
    except (NotImplementedError, OSError):
        return None
    return Path(copied[0]) if copied else None


def bytes_of(text: str) -> bytes:
    """The bytes of Tk's "0x89 0x50 0xa ...".

    Raises:
        UserError: if they are too many.
        ValueError: if it is another text.
    """
    if text.count(" ") > LARGEST * 1_000_000:
        raise UserError(f"The picture in the clipboard has more than {LARGEST} MB: open it from a file.")
    return bytes.fromhex(re.sub(r"0x(?=.(?: |$))", "0", text).replace("0x", ""))


def copy_text(root: tk.Misc, text: str) -> None:
    """To the clipboard."""
    root.clipboard_clear()
    root.clipboard_append(text)
