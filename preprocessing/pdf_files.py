"""Count and draw the pages of PDF files, each in a process of its own.

A malicious page can take PDFium hours or gigabytes, and end its process when memory runs out. It is also not
thread-safe. A process takes 0.1 s to start, has limits of time and memory, and may fail alone:

    python -m preprocessing.pdf_files PAGE < FILE

draws page PAGE (from 1), or counts the pages if PAGE is 0. It imports nothing but pypdfium2.
"""

import contextlib
import io
import json
import subprocess
import sys
from typing import BinaryIO, NoReturn

from common.files import PROJECT

DPI = 200  # at which a page is drawn: a digit of 4 mm is 31 pixels high
MAX_PIXELS = 16_000_000  # of a drawn page; one larger than A2 is drawn more coarsely
MAX_SECONDS = 5  # of processor time; 600 dpi of JPEG 2000 take 1 s
MAX_WAIT = 60  # seconds, where processor time cannot be limited (Windows) or the machine is busy
MAX_MEMORY = 320 * 2**20  # bytes; 600 dpi of JPEG 2000 take 180 MiB
PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD


class PdfError(Exception):
    """An error that says what is wrong with a PDF file: the end of a sentence that begins with its name."""


def count_pages(file: BinaryIO, most: int) -> tuple[int, int]:
    """Count the pages of a PDF file.

    Args:
        file: open, at its start.
        most: how many pages are looked at.

    Returns:
        How many pages it claims to have, and how many of the first `most` exist.

    Raises:
        PdfError: if it cannot be opened.
    """
    (claimed, existing), _ = _run(file, 0, most)
    return claimed, existing


def draw_page(file: BinaryIO, page: int) -> tuple[tuple[int, int], int, bytes]:
    """Draw a page at `DPI`, with its annotations, on white.

    Args:
        file: open, at its start.
        page: number from 1.

    Returns:
        Its width and height in pixels, the bytes of a row, and the pixels: rows of RGB values.

    Raises:
        PdfError: if it cannot be drawn within the limits of this module.
    """
    (width, height, stride), pixels = _run(file, page)
    return (width, height), stride, pixels


def _run(file: BinaryIO, *arguments: int) -> tuple[list[int], bytes]:
    """Return the numbers and the pixels that a process prints."""
    try:
        file.fileno()
        source = {"stdin": file}
    except io.UnsupportedOperation:  # in memory
        source = {"input": file.read()}
    command = [sys.executable, "-m", "preprocessing.pdf_files", *map(str, arguments)]
    try:
        child = subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=MAX_WAIT, **source)
    except subprocess.TimeoutExpired:
        raise PdfError(f"takes more than {MAX_WAIT} seconds to draw: save it as a picture") from None
    if child.returncode:  # most often a signal, after a limit
        limits = f"{MAX_SECONDS} seconds or {MAX_MEMORY >> 20} MiB"
        raise PdfError(f"takes more than {limits} to draw, or is damaged: save it as a picture")
    head, _, pixels = child.stdout.partition(b"\n")
    answer = json.loads(head)
    if isinstance(answer, str):
        raise PdfError(answer)
    return answer, pixels


def _main(page: int, most: int = 0) -> None:
    """Answer one request on stdout: a line of JSON, a text if it failed, and the pixels."""
    _limit_resources()
    try:
        import pypdfium2
    except ImportError:
        _answer("is a PDF file: to read it, pip install pypdfium2")
    # PDFium reads a file piecewise; a pipe has to be in memory.
    source = sys.stdin.buffer if sys.stdin.seekable() else sys.stdin.buffer.read()
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == PASSWORD_ERROR
        _answer("is encrypted: save a copy without password" if locked else "is damaged, or not a PDF file")
    if not page:
        claimed, size = len(document), pypdfium2.raw.FS_SIZEF()
        exists = pypdfium2.raw.FPDF_GetPageSizeByIndexF
        last_first = range(min(claimed, most), 0, -1)
        _answer([claimed, next((number for number in last_first if exists(document, number - 1, size)), 0)])
    try:
        sheet = document[page - 1]
        width, height = sheet.get_size()  # in points, 72 to an inch
        scale = min(DPI / 72, (MAX_PIXELS / max(width * height, 1e-9)) ** 0.5)
        bitmap = sheet.render(scale=scale, rev_byteorder=True, maybe_alpha=False, prefer_bgrx=False)
    except (pypdfium2.PdfiumError, IndexError):
        _answer("is damaged")
    _answer([bitmap.width, bitmap.height, bitmap.stride], bytes(bitmap.buffer))


def _limit_resources() -> None:
    """Limit this process where the system can; it is ended when it exceeds them, without a dump of memory."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {resource.RLIMIT_CPU: MAX_SECONDS, resource.RLIMIT_AS: MAX_MEMORY, resource.RLIMIT_CORE: 0}
    for kind, most in limits.items():
        with contextlib.suppress(ValueError, OSError):  # a lower limit holds, or none can be set (macOS)
            resource.setrlimit(kind, (most, most))


def _answer(answer: str | list[int], pixels: bytes = b"") -> NoReturn:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.write(pixels)
    sys.stdout.buffer.flush()
    sys.exit()


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
