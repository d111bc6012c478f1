"""What the reading process does for the window, one method for each kind of question.

Imports PyTorch: only that process loads this file.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

import corrections
from answers import Answer, Digit
from drawing import Page, Picture
from explain import grad_cam
from geometry import Box, grown
from painting import composed, pixels_of, to_image
from picture import as_rgb, open_picture, reduced
from recognizer import Reading, Recognizer, text_of
from runtime import pick_device, write_atomically

PICTURE_SIDE = 1120  # pixels; a larger picture is shrunk to this: reading looks at half of them
MARGIN = 20.0  # around the picture of a sample


class Desk:
    """Arguments as for `Recognizer` and `pick_device`."""

    def __init__(self, checkpoint: str | None, device: str, threads: int) -> None:
        self.recognizer = Recognizer(checkpoint, pick_device(device, threads))
        self.recognizer.read_strokes([[(0, 0), (0, 9)]], single=True)  # the first reading takes longest

    def read(self, page: Page, single: bool) -> Answer:
        """What is on the page; `single`: all of it is one digit."""
        if page.picture is None:
            readings = self.recognizer.read_strokes(page.points(), single=single)
            return _answer(readings, (0.0, 0.0), 1.0)
        image, region, scale = composed(page)
        return _answer(self.recognizer.read_image(image, single=single), region[:2], scale)

    def explain(self, glyph: bytes, digit: int) -> bytes:
        """Where the ink speaks for `digit`: 28 rows of 28 bytes, 255 for most."""
        ink = np.frombuffer(glyph, dtype=np.uint8).reshape(28, 28).astype(np.float32) / 255
        return _to_bytes(grad_cam(self.recognizer.model, ink, digit))

    def open(self, source: Path | bytes) -> Picture:
        """A picture from a file, or from what one holds. It has no place on a page yet."""
        image = as_rgb(reduced(open_picture(source if isinstance(source, Path) else io.BytesIO(source))))
        image.thumbnail((PICTURE_SIDE, PICTURE_SIDE), reducing_gap=2)
        paper = tuple(int(value) for value in np.median(np.asarray(image), axis=(0, 1)))
        return Picture(image.width, image.height, image.tobytes(), paper)

    def save(self, path: Path, page: Page, region: Box, scale: float) -> Path:
        """Write the page as PNG: `region` of it, or all of one with a picture; dark on white."""
        image = composed(page)[0] if page.picture else to_image(page, region, scale)
        _write_png(path, image)
        return path

    def keep(
        self, name: str, label: int, page: Page, box: Box | None, read: int | None, confidence: float
    ) -> Path:
        """Keep a corrected sample: the whole page, or the digit in `box`."""
        region = grown(box or page.bounds(), MARGIN)
        if page.picture is None:
            strokes = page.strokes_in(box) if box else page.strokes
            image = to_image(page, region)
        else:
            strokes = ()  # which are no digit without the picture
            whole, shown, scale = composed(page)
            image = whole.crop(pixels_of(region, shown, scale, whole.size))
        return corrections.keep(
            corrections.CORRECTIONS,
            name,
            label=label,
            strokes=[stroke.points for stroke in strokes],
            image=image,
            read=read,
            confidence=confidence,
        )

    def forget(self, name: str) -> None:
        """Take back a sample that was kept."""
        corrections.forget(corrections.CORRECTIONS, name)


def _answer(readings: list[Reading], origin: tuple[float, float], scale: float) -> Answer:
    """Readings in plain values, their boxes moved from an image to the page."""
    digits = [
        Digit(
            digit=int(reading.digit),
            probabilities=tuple(map(float, reading.probabilities)),
            is_digit=bool(reading.is_digit),
            box=tuple(float(edge) / scale + origin[axis % 2] for axis, edge in enumerate(reading.box)),
            glyph=_to_bytes(reading.glyph),
        )
        for reading in readings
    ]
    return Answer(tuple(digits), text_of(readings))


def _to_bytes(values: np.ndarray) -> bytes:
    return (values * 255).round().astype(np.uint8).tobytes()


def _write_png(path: Path, image: Image.Image) -> None:
    content = io.BytesIO()
    image.save(content, "PNG")
    write_atomically(path, content.getbuffer())
