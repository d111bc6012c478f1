"""What the desktop provides: dialogs for files, the screen's resolution, dark mode."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog

from gui.texts import say

PICTURES = (
    *("*.png", "*.jpg", "*.jpeg", "*.heic", "*.heif", "*.avif", "*.pdf", "*.tif", "*.tiff", "*.gif", "*.bmp"),
    *("*.webp", "*.ppm", "*.pgm", "*.pbm", "*.pnm", "*.json", "*.jsonl", "*.jsonl.gz"),
)


def ask_for_picture(root: tk.Misc, folder: str) -> Path | None:
    """Ask which picture to open.

    Args:
        root: the window.
        folder: to start in; "" for where the last dialog was.

    Returns:
        the chosen file; None if cancelled.
    """
    types = [(say("pictures"), PICTURES), (say("all_files"), "*")]
    chosen = filedialog.askopenfilename(
        parent=root, title=say("open_title"), filetypes=types, initialdir=folder
    )
    return Path(chosen) if chosen else None


def ask_where_to_save(root: tk.Misc, folder: str, name: str) -> Path | None:
    """Ask for the PNG file to write.

    Args:
        root, folder: as for `ask_for_picture`.
        name: the proposed file name, without suffix.

    Returns:
        the chosen file; None if cancelled.
    """
    chosen = filedialog.asksaveasfilename(
        parent=root,
        title=say("save_title"),
        filetypes=[("PNG", "*.png")],
        defaultextension=".png",
        initialdir=folder,
        initialfile=f"{name}.png",
    )
    return Path(chosen) if chosen else None


def accept_files(root: tk.Tk, on_file: Callable[[Path], None]) -> bool:
    """Have files that are dropped onto the window opened, if tkinterdnd2 is installed.

    Args:
        root: the window.
        on_file: called with the first of the files.

    Returns:
        whether they can be dropped.
    """
    try:
        from tkinterdnd2 import TkinterDnD

        TkinterDnD._require(root)
    except (ImportError, RuntimeError, tk.TclError):
        return False

    def dropped(data: str) -> str:
        if files := root.tk.splitlist(data):
            on_file(Path(files[0]))
        return "copy"

    root.tk.call("tkdnd::drop_target", "register", root, "DND_Files")
    root.tk.call("bind", root, "<<Drop:DND_Files>>", (root.register(dropped), "%D"))
    return True


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
