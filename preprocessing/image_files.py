"""Open pictures safely: upright, in any mode, with limits on their size."""

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from common.messages import UserError, short

# The limits below replace Pillow's, and a file with a minor fault is read without a warning.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")

WORKING_PIXELS = 560 * 560  # of the copy in which ink is searched for
WORKING_SIDE = 112  # shorter side to which the copy of a small picture is enlarged
MAX_PIXELS = 50_000_000  # checked before decoding, which would otherwise take seconds
MAX_WEBP_PIXELS = 20_000_000  # the decoder needs four times the picture's memory
MAX_PLAIN_PIXELS = 1_000_000  # of a PPM in decimal text, which Pillow decodes in Python
# Pillow knows more formats, but they rarely show paper, and some make it start other programs.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
# Which files of a folder are pictures. A file that is named explicitly is opened whatever its suffix.
PICTURE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)

_STDERR_LOCK = threading.Lock()  # two threads that redirect stderr at once would not restore it


class InkError(UserError):
    """An error that says in one line why a picture or strokes cannot be used."""


def is_picture_file(path: str | Path) -> bool:
    """Return whether the name is that of a picture."""
    return str(path).lower().endswith(PICTURE_SUFFIXES)


def open_picture(source: Path | BinaryIO) -> Image.Image:
    """Open a picture and decode it, turned upright by its EXIF orientation.

    Args:
        source: a path, or an open binary file.

    Raises:
        InkError: if it is not a picture, is damaged, or has more than MAX_PIXELS pixels (fewer for WebP and
            for PPM in decimal text).
    """
    name = short(source) if isinstance(source, Path) else "the picture"
    try:
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            if width * height > (most := _max_pixels(image)):
                raise InkError(f"{name} has {width:,} x {height:,} pixels, more than {most:,}: scale it down")
            with _without_stderr() if image.format == "TIFF" else contextlib.nullcontext():
                image.load()
            try:
                return ImageOps.exif_transpose(image)
            except Exception:  # invalid EXIF data do not make a picture unreadable
                return image.copy()
    except InkError:
        raise
    except Image.DecompressionBombError:
        raise InkError(f"{name} has too many pixels: scale it down") from None
    except Image.UnidentifiedImageError:
        raise InkError(f"{name} is not a picture that can be read") from None
    except OSError as error:
        raise InkError(f"{name} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # decoders raise exceptions of many types on damaged files
        raise InkError(f"{name} is damaged: {error}") from error


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
    """Return a large picture reduced to about four times WORKING_PIXELS, a smaller one as it is.

    Doing this first keeps all later steps fast.
    """
    width, height = image.size
    step = int((width * height / (4 * WORKING_PIXELS)) ** 0.5)
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
