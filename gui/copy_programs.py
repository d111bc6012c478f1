"""Pictures to the clipboard, by the programs that desktops have for it: Tk itself can only copy text."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COPY_TIME = 5  # seconds that copying may take


def copy_program() -> list[str]:
    """Return the start of the command that puts a PNG file into the clipboard on this desktop."""
    if sys.platform == "darwin":
        return ["osascript", "-e"]
    if sys.platform == "win32":
        return ["powershell", "-NoProfile", "-STA", "-Command"]
    if os.environ.get("WAYLAND_DISPLAY") and shutil.which("wl-copy"):
        return ["wl-copy", "--type", "image/png"]
    return ["xclip", "-selection", "clipboard", "-target", "image/png", "-in"]


def copy_file(path: Path) -> bool:
    """Put a PNG file into the clipboard as a picture; return False if that was not possible."""
    command = copy_program()
    if sys.platform == "darwin":
        command.append(f'set the clipboard to (read (POSIX file "{path}") as «class PNGf»)')
    elif sys.platform == "win32":
        command.append(
            "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; "
            f"[Windows.Forms.Clipboard]::SetImage([Drawing.Image]::FromFile('{path}'))"
        )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        subprocess.run(command, input=path.read_bytes(), timeout=COPY_TIME, check=True, **quiet)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
