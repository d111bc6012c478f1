"""The clipboard: pictures, files and strokes from it, texts to it."""

import contextlib
import io
import re
import sys
import tkinter as tk
from pathlib import Path
from urllib.parse import unquote, urlparse

from PIL import Image, ImageGrab

from common.messages import UserError
from gui.texts import say

CLIPBOARD_LIMIT = 8  # MB of a picture; X11 gives it as text, which takes 50 ms for each


def picture_from_clipboard(root: tk.Misc) -> Path | bytes | None:
    """Return the picture or the strokes in the clipboard.

    Returns:
        the path of a copied file, or the bytes of a PNG file or of a stroke file; None if there is nothing
        of these.

    Raises:
        UserError: if it is too large.
    """
    on_x11 = root.tk.call("tk", "windowingsystem") == "x11"
    if on_x11:  # Tk asks the owner of the clipboard for a PNG, and gives it as text
        try:
            return bytes_of(root.clipboard_get(type="image/png"))
        except (tk.TclError, ValueError):
            pass
    with contextlib.suppress(tk.TclError):
        if source := source_of(root.clipboard_get()):
            return source
    if on_x11:  # there ImageGrab asks by another program, which waits for the window if it is the owner
        return None
    try:
        copied = ImageGrab.grabclipboard()
        if isinstance(copied, Image.Image):
            png = io.BytesIO()
            copied.save(png, "PNG", compress_level=1)  # four times as fast as the default
            return png.getvalue()
    except (NotImplementedError, OSError):
        return None
    return Path(copied[0]) if copied else None


def source_of(text: str) -> Path | bytes | None:
    """Return what a text in the clipboard, or one that was dropped, stands for.

    Returns:
        the content of a stroke file, or the path of a file that exists, also if given as a file:// address;
        None for any other text.
    """
    text = text.strip()
    if text[:1] in ("[", "{"):
        return text.encode()
    lines = [line.strip() for line in text.splitlines()] or [""]
    # File managers put other lines before the addresses.
    first = next((line for line in lines if line.startswith("file:")), lines[0])
    if first.startswith("file:"):
        first = unquote(urlparse(first).path)
        first = first.lstrip("/") if sys.platform == "win32" else first
    try:
        return Path(first) if first and Path(first).is_file() else None
    except (OSError, ValueError):  # too long, or with a null character
        return None


def bytes_of(text: str) -> bytes:
    """Convert Tk's text for binary data, "0x89 0x50 0xa ...", to bytes.

    Raises:
        UserError: if there are too many.
        ValueError: if it is any other text.
    """
    if text.count(" ") > CLIPBOARD_LIMIT * 1_000_000:
        raise UserError(say("too_large", limit=CLIPBOARD_LIMIT))
    return bytes.fromhex(re.sub(r"0x(?=.(?: |$))", "0", text).replace("0x", ""))


def copy_text(root: tk.Misc, text: str) -> None:
    """Put a text into the clipboard."""
    root.clipboard_clear()
    root.clipboard_append(text)
