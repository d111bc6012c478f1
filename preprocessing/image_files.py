"""Open pictures and pages safely: upright, in any mode, with limits on their size and number."""

import contextlib
import io
import math
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, features

from common.messages import UserError, one_line, short
from preprocessing import pdf_files

# The limits below replace Pillow's, and a file with a minor fault is read without a warning.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")

REDUCED_PIXELS = 4 * 560 * 560  # of the copy of a large picture that the window shows and reads
MAX_PIXELS = 50_000_000  # checked before decoding, which would otherwise take seconds
MAX_WEBP_PIXELS = 20_000_000  # the decoder needs four times the picture's memory
MAX_PLAIN_PIXELS = 1_000_000  # of a PPM in decimal text, which Pillow decodes in Python
JPEG = ("JPEG", "MPO")  # the latter has several pictures, as of stereo cameras; the first is read
# Pillow knows more formats, but they rarely show paper, and some make it start other programs.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "HEIF")
# Which files of a folder are pictures. A file that is named explicitly is opened whatever its suffix.
PICTURE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".pdf"),
)
PAGED_SUFFIXES = (".tif", ".tiff", ".pdf")
MAX_BYTES = 256 * 2**20  # of a file that is held in memory
MAX_PAGES = 1000  # of a file: to open a page of a TIFF, all before it are passed
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
NO_PAGE = 1 | 4  # bits of TIFF's NewSubfileType: a reduced copy or a mask of another picture in the file
NEW_SUBFILE_TYPE = 254

_STDERR_LOCK = threading.Lock()  # two threads that redirect stderr at once would not restore it


class InkError(UserError):
    """An error that says in one line why a picture or strokes cannot be used."""


def is_picture_file(path: str | Path) -> bool:
    """Return whether the name is that of a picture."""
    return str(path).lower().endswith(PICTURE_SUFFIXES)


def has_pages(path: str | Path) -> bool:
    """Return whether the name is that of a file that may have several pages."""
    return str(path).lower().endswith(PAGED_SUFFIXES)


def pages_of(source: Path | BinaryIO, name: str | None = None) -> list[int | InkError]:
    """Find the pages of a TIFF or PDF file. A file of another format has one, also if it is animated.

    Args:
        source: a path, or an open binary file. A pipe, which can be read only once, is not opened.
        name: the file's name in error messages.

    Returns:
        The `page` of `open_picture` for each page, in order. Where pages cannot be opened, or are more than
        MAX_PAGES, the last element says so. For a file that cannot be opened at all, it is [0].
    """
    if isinstance(source, Path) and not source.is_file():
        return [0]
    name = name or _name(source)
    try:
        with _opened(source) as file:
            kind = _kind_of(file)
            if kind == "PDF":
                return _pages_of_pdf(file, name)
            return _pages_of_tiff(file, name) if kind == "TIFF" else [0]
    except Exception:  # which `open_picture` raises again
        return [0]


def _pages_of_pdf(file: BinaryIO, name: str) -> list[int | InkError]:
    claimed, existing = pdf_files.count_pages(file, MAX_PAGES)
    pages: list[int | InkError] = list(range(max(1, existing)))
    if claimed > MAX_PAGES == existing:
        pages.append(_too_many(name))
    elif claimed > len(pages):
        pages.append(InkError(f"{name} is damaged: pages {len(pages) + 1:,} to {claimed:,} are missing"))
    return pages


def _pages_of_tiff(file: BinaryIO, name: str) -> list[int | InkError]:
    pages: list[int | InkError] = []
    with Image.open(file, formats=("TIFF",)) as image:
        for frame in range(MAX_PAGES + 1):
            try:
                image.seek(frame)
                is_page = not image.tag_v2.get(NEW_SUBFILE_TYPE, 0) & NO_PAGE
            except EOFError:
                break
            except Exception as error:  # decoders raise exceptions of many types on damaged files
                if pages:
                    pages.append(InkError(f"{name} is damaged after page {frame}: {one_line(error)}"))
                break
            if is_page:
                pages.append(_too_many(name) if frame == MAX_PAGES else frame)
    return pages or [0]


def _too_many(name: str) -> InkError:
    return InkError(f"{name} has more than {MAX_PAGES:,} pages: split it, the rest is not read")


def open_picture(source: Path | BinaryIO, page: int = 0, name: str | None = None) -> Image.Image:
    """Open a picture and decode it, turned upright by its EXIF orientation.

    Args:
        source: a path, or an open binary file.
        page: which page of a file of several, from `pages_of`; the default is the first.
        name: the file's name in error messages.

    Raises:
        InkError: as `open_reduced`.
    """
    return open_reduced(source, None, page, name)[0]


def open_reduced(
    source: Path | BinaryIO, enough: int | None, page: int = 0, name: str | None = None
) -> tuple[Image.Image, int]:
    """Open a picture as `open_picture` does, a large JPEG reduced, which takes half the time.

    Args:
        source, page, name: as for `open_picture`.
        enough: number of pixels of which at least as many are left; None to reduce nothing.

    Returns:
        The picture, and by which factor each side is reduced: 1, 2, 4 or 8.

    Raises:
        InkError: if it is not a picture, is damaged, needs a library that is not installed, or has more than
            MAX_PIXELS pixels (fewer for WebP and for PPM in decimal text).
    """
    name = name or _name(source)
    try:
        with _opened(source) as file:
            kind = _kind_of(file)
            if kind == "PDF":
                size, stride, pixels = pdf_files.draw_page(file, page + 1)
                return Image.frombytes("RGB", size, pixels, "raw", "RGB", stride), 1
            with Image.open(file, formats=_formats_for(kind, file, name)) as image:
                if page:
                    image.seek(page)
                width, height = image.size
                if width * height > (most := _max_pixels(image)):
                    raise InkError(
                        f"{name} has {width:,} x {height:,} pixels, more than {most:,}: scale it down"
                    )
                if enough and (share := (enough / (width * height)) ** 0.5) < 1:
                    image.draft(None, (math.ceil(share * width), math.ceil(share * height)))
                with _without_stderr() if image.format == "TIFF" else contextlib.nullcontext():
                    image.load()
                try:
                    # A copy takes a third of a JPEG's decoding. Other decoders hold more than the picture.
                    upright = ImageOps.exif_transpose(image, in_place=image.format in JPEG) or image
                except Exception:  # invalid EXIF data do not make a picture unreadable
                    upright = image.copy()
                return upright, round(max(width, height) / max(image.size))
    except InkError:
        raise
    except pdf_files.PdfError as error:
        raise InkError(f"{name} {error}") from error
    except Image.DecompressionBombError:
        raise InkError(f"{name} has too many pixels: scale it down") from None
    except Image.UnidentifiedImageError:
        raise InkError(f"{name} is not a picture that can be read") from None
    except OSError as error:
        raise InkError(f"{name} cannot be read: {error.strerror or one_line(error)}") from error
    except Exception as error:  # decoders raise exceptions of many types on damaged files
        raise InkError(f"{name} is damaged: {one_line(error)}") from error


def _name(source: Path | BinaryIO) -> str:
    return short(source) if isinstance(source, Path) else "the picture"


@contextlib.contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a path; the content of a pipe is read to memory.

    Raises:
        InkError: if a pipe holds more than MAX_BYTES.
    """
    if not isinstance(source, Path):
        yield source
        return
    with open(source, "rb") as file:
        if file.seekable():
            yield file
            return
        content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise InkError(f"{short(source)} holds more than {MAX_BYTES >> 20} MiB")
        yield io.BytesIO(content)


def _kind_of(file: BinaryIO) -> str:
    """Return PDF, TIFF, AVIF or HEIF by how a file starts, "" for any other, and go to its start."""
    file.seek(0)
    head = file.read(1024)
    file.seek(0)
    if head.lstrip(b"\xef\xbb\xbf\0\t\n\f\r ").startswith(b"%PDF-"):
        return "PDF"
    if head.startswith(TIFF_STARTS):
        return "TIFF"
    brands = head[8 : int.from_bytes(head[:4], "big")] if head[4:8] == b"ftyp" else b""
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    return "HEIF" if any(brand in brands for brand in HEIF_BRANDS) else ""


def _formats_for(kind: str, file: BinaryIO, name: str) -> tuple[str, ...]:
    """Return the formats that a file may have.

    Args:
        kind: from `_kind_of`.
        file: the file.
        name: of the file, for messages.

    Raises:
        InkError: if the decoder is not installed, or would hold too much in memory.
    """
    if kind not in ("AVIF", "HEIF"):
        return tuple(each for each in FORMATS if each not in ("AVIF", "HEIF"))
    if file.seek(0, os.SEEK_END) > MAX_BYTES:  # the decoder reads all of it at once
        raise InkError(f"{name} has more than {MAX_BYTES >> 20} MiB: save it as JPEG")
    file.seek(0)
    if kind == "AVIF" and not features.check("avif"):
        raise InkError(f"{name} is an AVIF picture: to read it, pip install --upgrade pillow")
    if kind == "HEIF":
        try:
            import pillow_heif  # takes 50 ms, which only such pictures need
        except ImportError:
            raise InkError(f"{name} is a HEIC picture: to read it, pip install pillow-heif") from None
        pillow_heif.register_heif_opener()
    return (kind,)


def _max_pixels(image: Image.Image) -> int:
    """Return how many pixels a picture may have to be decoded within 2 s and 1 GiB."""
    if image.format == "WEBP":
        return MAX_WEBP_PIXELS
    if image.format == "PPM" and image.tile[0][0] == "ppm_plain":
        return MAX_PLAIN_PIXELS
    return MAX_PIXELS


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Discard what is written to stderr: libtiff prints errors there that Pillow raises as well."""
    with _STDERR_LOCK:
        stderr = os.dup(2)
        with open(os.devnull, "wb") as devnull:
            os.dup2(devnull.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def reduced(image: Image.Image) -> Image.Image:
    """Return a large picture reduced to about REDUCED_PIXELS, a smaller one as it is.

    Doing this first keeps all later steps fast.
    """
    width, height = image.size
    step = int((width * height / REDUCED_PIXELS) ** 0.5)
    if step < 2:
        return image
    smooth = Image.Resampling.BOX if image.mode in ("L", "LA", "RGB", "RGBA") else Image.Resampling.NEAREST
    return image.resize((max(1, width // step), max(1, height // step)), smooth)


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert a picture of any mode to RGB.

    Transparent pixels become paper: white or black, whichever contrasts with the drawing.

    Raises:
        InkError: if the mode cannot be converted.
    """
    try:
        if image.mode.startswith(("I", "F")):  # 16 bits and more: scale the range of the values to 8 bits
            values = np.nan_to_num(np.asarray(image, np.float64))
            low, high = values.min(), values.max()
            return Image.fromarray(((values - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)).convert(
                "RGB"
            )
        if not image.has_transparency_data:
            return image.convert("RGB")
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"), np.float32)
        brightness = (np.asarray(image.convert("L")) * alpha).sum() / max(alpha.sum(), 1.0)
        paper = Image.new("RGBA", image.size, "white" if brightness < 128 else "black")
        return Image.alpha_composite(paper, image).convert("RGB")
    except ValueError as error:
        raise InkError(f"a picture of mode {image.mode} cannot be read: {error}") from error
