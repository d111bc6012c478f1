"""Pictures from files: opened safely, upright, in any mode, with limits on their size."""

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

# In favour of that limit; and a file that is odd but can be read is read.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")

PIXELS, SHORTEST = 560 * 560, 112  # of the picture that is worked on; small ones are enlarged
MAX_PIXELS = 50_000_000  # more is refused before it is decoded, so that none takes seconds
MAX_WEBP_PIXELS = 20_000_000  # its decoder holds the picture four times
MAX_PLAIN_PIXELS = 1_000_000  # of a PPM in digits, which Pillow decodes in Python
# Of the formats that Pillow knows: others are hardly ever of paper, and for some it starts other programs.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
# Suffixes of pictures in a folder. A file that is named itself is opened whatever its name.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")

_STDERR = threading.Lock()  # held while it is turned away: two threads at that would leave it so


class InkError(UserError):
    """A picture or strokes that cannot be taken, and why, in one line."""


def open_picture(source: Path | BinaryIO) -> Image.Image:
    """The picture in a file, fully decoded, upright by its EXIF orientation.

    Raises:
        InkError: if it is no picture, is damaged, or has more pixels than `_most_pixels` says.
    """
    name = short(source) if isinstance(source, Path) else "the picture"
    try:
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            if width * height > (most := _most_pixels(image)):
                raise InkError(f"{name} has {width:,} x {height:,} pixels, more than {most:,}: scale it down")
            with _quiet() if image.format == "TIFF" else contextlib.nullcontext():
                image.load()
            try:
                return ImageOps.exif_transpose(image)
            except Exception:  # odd EXIF data do not make a picture unreadable
                return image.copy()
    except InkError:
        raise
    except Image.DecompressionBombError:
        raise InkError(f"{name} has too many pixels: scale it down") from None
    except Image.UnidentifiedImageError:
        raise InkError(f"{name} is not a picture that can be read") from None
    except OSError as error:
        raise InkError(f"{name} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # decoders raise whatever they please on damaged files
        raise InkError(f"{name} is damaged: {error}") from error


def _most_pixels(image: Image.Image) -> int:
    """How many pixels a picture may have, so that it takes no more than 2 s and 1 GiB; not decoded yet."""
    if image.format == "WEBP":
        return MAX_WEBP_PIXELS
    if image.format == "PPM" and image.tile[0][0] == "ppm_plain":
        return MAX_PLAIN_PIXELS
    return MAX_PIXELS


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing goes to stderr, where libtiff writes by itself what an error is raised for as well."""
    with _STDERR:
        kept = os.dup(2)
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def reduced(image: Image.Image) -> Image.Image:
    """`image`, brought near to what is worked on if it is larger: before anything is made of a large one."""
    width, height = image.size
    step = int((width * height / (4 * PIXELS)) ** 0.5)
    if step < 2:
        return image
    smooth = Image.Resampling.BOX if image.mode in ("L", "LA", "RGB", "RGBA") else Image.Resampling.NEAREST
    return image.resize((max(1, width // step), max(1, height // step)), smooth)


def as_rgb(image: Image.Image) -> Image.Image:
    """Transparency becomes paper, white or black, whichever the drawing stands out from."""
    try:
        if image.mode.startswith(("I", "F")):  # 16 bits and more, in whatever range was used
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
