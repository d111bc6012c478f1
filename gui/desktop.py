"""Pictures from elsewhere, and to elsewhere: the dialogs for files, and the clipboard."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog
from typing import TYPE_CHECKING

from PIL import Image, ImageGrab

from common.messages import UserError, short
from gui.drawing import Page, Picture

if TYPE_CHECKING:
    from gui.session import Session

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


def dots_per_inch(root: tk.Tk) -> float:
    """The screen's resolution, as the desktop is set.

    On X11 most desktops leave the screen at 96 and put the true one where fonts look for it.
    """
    if root.tk.call("tk", "windowingsystem") == "x11":
        for line in _output("xrdb", "-query").splitlines():
            name, _, value = line.partition(":")
            if name == "Xft.dpi":
                return float(value)
    return root.winfo_fpixels("1i")


def desktop_is_dark() -> bool:
    """Whether the desktop is set to dark; False where it doesn't say."""
    if sys.platform == "darwin":
        return "Dark" in _output("defaults", "read", "-g", "AppleInterfaceStyle")
    if sys.platform == "win32":
        import winreg

        key = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as settings:
                return winreg.QueryValueEx(settings, "AppsUseLightTheme")[0] == 0
        except OSError:
            return False
    if "dark" in os.environ.get("GTK_THEME", "").lower():
        return True
    return "dark" in _output("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")


def _output(*command: str) -> str:
    """What a command prints; nothing if it is not there, fails or takes long."""
    if not shutil.which(command[0]):
        return ""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=0.5).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
