"""What the reading process does for the window, one method for each kind of question.

Imports PyTorch: only that process loads this file.
"""

import io
from copy import copy
from pathlib import Path

import numpy as np
from PIL import Image

from common.device import pick_device
from common.files import write_atomically
from common.geometry import Box, grown
from common.messages import short
from gui.drawing import Page, Picture
from gui.painting import composed, pixels_of, to_image
from gui.protocol import Answer, DigitReading, Remembered, Sample
from preprocessing.image_files import as_rgb, open_picture, reduced
from recognition.profiles import profile_folder, take_in_old_samples
from recognition.recognizer import Reading, Recognizer, text_of
from visualization.explain import grad_cam

PICTURE_SIDE = 1120  # pixels; a larger picture is shrunk to this: reading looks at half of them
MARGIN = 20.0  # around the picture of a sample


class Worker:
    """Arguments as for `Recognizer`, `pick_device` and `profile_folder`."""

    def __init__(self, checkpoint: str | None, device: str, threads: int, profile: str) -> None:
        take_in_old_samples()
        self.recognizer = Recognizer(checkpoint, pick_device(device, threads), profile_folder(profile))
        self.memory = self.recognizer.memory
        self.plain = copy(self.recognizer)
        self.plain.memory = None
        self.recognizer.read_strokes([[(0, 0), (0, 9)]], single=True)  # the first reading takes longest

    def read(self, page: Page, single: bool, personal: bool) -> Answer:
        """What is on the page; `single`: all of it is one digit; `personal`: as the memory has it."""
        recognizer = self.recognizer if personal else self.plain
        if page.picture is None:
            readings = recognizer.read_strokes(page.points(), single=single)
            return _answer(readings, (0.0, 0.0), 1.0)
        image, region, scale = composed(page)
        return _answer(recognizer.read_image(image, single=single), region[:2], scale)

    def explain(self, glyph: bytes, digit: int) -> bytes:
        """Where the ink speaks for `digit`: 28 rows of 28 bytes, 255 for most."""
        return _to_bytes(grad_cam(self.recognizer.model, _from_bytes(glyph), digit))

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
        self,
        name: str,
        label: int,
        digit: DigitReading,
        page: Page,
        box: Box | None,
        instead_of: str | None = None,
    ) -> int:
        """Keep a corrected sample, and read with it from now on; how many of its label there are.

        Args:
            digit: as it was read.
            page: that it was read on.
            box: the part of the page that is the digit; None for all of it.
            instead_of: the name of a sample that is then forgotten.
        """
        region = grown(box or page.bounds(), MARGIN)
        if page.picture is None:
            strokes = page.strokes_in(box) if box else page.strokes
            image = to_image(page, region)
        else:
            strokes = ()  # which are no digit without the picture
            whole, shown, scale = composed(page)
            image = whole.crop(pixels_of(region, shown, scale, whole.size))
        self.memory.add(
            label,
            _from_bytes(digit.glyph),
            strokes=[stroke.points for stroke in strokes],
            image=image,
            read=digit.digit if digit.is_digit else None,
            confidence=digit.confidence,
            name=name,
        )
        if instead_of:
            self.memory.forget(instead_of)
        return list(self.memory.labels.values()).count(label)

    def forget(self, name: str) -> None:
        """Take back a sample that was kept."""
        self.memory.forget(name)

    def forget_all(self) -> int:
        """Take back all of them; how many there were."""
        return self.memory.forget_all()

    def remembered(self) -> Remembered:
        """All samples, the newest first."""
        labels, glyphs = self.memory.labels, self.memory.glyphs
        samples = [Sample(name, labels[name], glyphs[name].tobytes()) for name in reversed(labels)]
        return Remembered(
            short(self.memory.folder), tuple(samples), tuple(path.name for path in self.memory.set_aside)
        )


def _answer(readings: list[Reading], origin: tuple[float, float], scale: float) -> Answer:
    """Readings in plain values, their boxes moved from an image to the page."""
    digits = [
        DigitReading(
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


def _from_bytes(values: bytes) -> np.ndarray:
    return np.frombuffer(values, dtype=np.uint8).reshape(28, 28).astype(np.float32) / 255


def _write_png(path: Path, image: Image.Image) -> None:
    content = io.BytesIO()
    image.save(content, "PNG")
    write_atomically(path, content.getbuffer())
