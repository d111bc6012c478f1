"""Pictures from elsewhere, and to elsewhere: the dialogs for files, and the clipboard."""

import io
import tkinter as tk
from pathlib import Path
from tkinter import filedialog

from PIL import Image, ImageGrab

PICTURES = ("*.png", "*.jpg", "*.jpeg", "*.gif", "*.bmp", "*.tif", "*.tiff", "*.webp", "*.ppm", "*.pgm")


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
    """What was copied: the file that was, or the bytes of a PNG; None if it is no picture."""
    # X11: whoever owns the clipboard is asked for a PNG; Tk gives its bytes as "0x89 0x50 ...".
    if root.tk.call("tk", "windowingsystem") == "x11":
        try:
            return bytes(int(byte, 16) for byte in root.clipboard_get(type="image/png").split())
        except (tk.TclError, ValueError):
            pass
    try:
        copied = ImageGrab.grabclipboard()  # on Linux it needs wl-paste or xclip
    except (NotImplementedError, OSError):
        return None
    if isinstance(copied, Image.Image):
        png = io.BytesIO()
        copied.save(png, "PNG")
        return png.getvalue()
    return Path(copied[0]) if copied else None


def copy_text(root: tk.Misc, text: str) -> None:
    """To the clipboard."""
    root.clipboard_clear()
    root.clipboard_append(text)
