"""What the desktop provides: dialogs for files, the clipboard, the screen's resolution, dark mode."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tkinter as tk
from pathlib import Path
from tkinter import filedialog

from PIL import Image, ImageGrab

from common.messages import UserError

PICTURES = (
    *("*.png", "*.jpg", "*.jpeg", "*.heic", "*.heif", "*.avif", "*.pdf", "*.tif", "*.tiff", "*.gif", "*.bmp"),
    *("*.webp", "*.ppm", "*.pgm", "*.pbm", "*.pnm"),
)
CLIPBOARD_LIMIT = 8  # MB of a picture; X11 gives it as text, which takes 50 ms for each


def ask_for_picture(root: tk.Misc) -> Path | None:
    """Ask which picture to open.

    Returns:
        the chosen file; None if cancelled.
    """
    types = [("Pictures", PICTURES), ("All files", "*")]
    chosen = filedialog.askopenfilename(parent=root, title="Open a picture", filetypes=types)
    return Path(chosen) if chosen else None


def ask_where_to_save(root: tk.Misc, name: str) -> Path | None:
    """Ask for the PNG file to write.

    Args:
        root: the window.
        name: the proposed file name, without suffix.

    Returns:
        the chosen file; None if cancelled.
    """
    chosen = filedialog.asksaveasfilename(
        parent=root,
        title="Save the drawing",
        filetypes=[("PNG", "*.png")],
        defaultextension=".png",
        initialfile=f"{name}.png",
    )
    return Path(chosen) if chosen else None


def picture_from_clipboard(root: tk.Misc) -> Path | bytes | None:
    """Return the picture in the clipboard.

    Returns:
        the path of a copied file, or the bytes of a PNG file; None if there is no picture.

    Raises:
        UserError: if it is too large.
    """
    # On X11 Tk asks the owner of the clipboard for a PNG, and gives it as text.
    if root.tk.call("tk", "windowingsystem") == "x11":
        try:
            return bytes_of(root.clipboard_get(type="image/png"))
        except (tk.TclError, ValueError):
            pass
    try:
        copied = ImageGrab.grabclipboard()  # on Linux it needs wl-paste or xclip
        if isinstance(copied, Image.Image):
            png = io.BytesIO()
            copied.save(png, "PNG", compress_level=1)  # four times as fast as the default
            return png.getvalue()
    except (NotImplementedError, OSError):
        return None
    return Path(copied[0]) if copied else None


def bytes_of(text: str) -> bytes:
    """Convert Tk's text for binary data, "0x89 0x50 0xa ...", to bytes.

    Raises:
        UserError: if there are too many.
        ValueError: if it is any other text.
    """
    if text.count(" ") > CLIPBOARD_LIMIT * 1_000_000:
        raise UserError(
            f"The picture in the clipboard has more than {CLIPBOARD_LIMIT} MB: open it from a file."
        )
    return bytes.fromhex(re.sub(r"0x(?=.(?: |$))", "0", text).replace("0x", ""))


def copy_text(root: tk.Misc, text: str) -> None:
    """Put a text into the clipboard."""
    root.clipboard_clear()
    root.clipboard_append(text)


def dots_per_inch(root: tk.Tk) -> float:
    """Return the screen's resolution as the desktop is set.

    On X11 most desktops leave the screen's own value at 96, and set the resource Xft.dpi.
    """
    if root.tk.call("tk", "windowingsystem") == "x11":
        for line in _output("xrdb", "-query").splitlines():
            name, _, value = line.partition(":")
            if name == "Xft.dpi":
                return float(value)
    return root.winfo_fpixels("1i")


def desktop_is_dark() -> bool:
    """Return whether the desktop is set to dark colours; False if that is unknown."""
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
    """Return what a command prints; "" if it does not exist, fails or takes too long."""
    if not shutil.which(command[0]):
        return ""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=0.5).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
