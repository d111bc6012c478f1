"""Carries out the window's requests in the worker process.

The only module of the package that imports PyTorch and NumPy.
"""

import contextlib
import io
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from common.device import pick_device
from common.files import write_atomically
from common.geometry import Box, Point, around, grown
from common.messages import UserError, short
from gui.copy_programs import copy_file
from gui.drawing import WHOLE, Page, Picture
from gui.painting import composed, pixels_of, to_image
from gui.protocol import (
    CopyPicture,
    DigitReading,
    Explain,
    Forget,
    ForgetAll,
    Keep,
    Kept,
    ListSamples,
    Open,
    PageReading,
    Read,
    Request,
    Restore,
    Sample,
    SampleList,
    Save,
)
from gui.stroke import Stroke
from preprocessing.glyph import to_uint8
from preprocessing.image_files import as_rgb, open_picture, pages_of, reduced
from preprocessing.region import pixels_in
from preprocessing.stroke_files import drawings, each_line, is_stroke_file, read_drawing
from recognition.memory import Memory
from recognition.profiles import move_old_samples, profile_folder
from recognition.reading import Reading, count_crossed_out, text_of
from recognition.recognizer import Recognizer
from visualization.explain import grad_cam

PICTURE_SIDE = 1600  # pixels; larger pictures are reduced to this: digits of a full page are still read
# Slope of the logistic curve from a reading's novelty, 1 at the threshold, to the probability of no digit. It
# has the lowest log loss for 1,500 digits of the stroke file and as many scribbles and pairs of digits drawn
# over one another, weighted ten to one.
NO_DIGIT_SLOPE = 9.0
SIGN = 0.99  # that probability for a sign such as a minus
CLIPBOARD = "the clipboard"  # in error messages
SAMPLE_MARGIN = 20.0  # units of the page around the digit in a sample's image


class Worker:
    """Holds the network and the samples.

    Args:
        checkpoint: as for `Recognizer`.
        device, threads: as for `pick_device`.
        profile: as for `profile_folder`.

    Raises:
        UserError: if the checkpoint or the device cannot be used.
    """

    def __init__(self, checkpoint: str | None, device: str, threads: int, profile: str) -> None:
        move_old_samples()
        self.recognizer = Recognizer(checkpoint, pick_device(device, threads), profile_folder(profile))
        self.memory = self.recognizer.memory
        self.recognizer_without_memory = copy(self.recognizer)
        self.recognizer_without_memory.memory = None
        self.recognizer.read_strokes([[(0, 0), (0, 9)]], single=True)  # the first reading takes longest

    def answer(self, request: Request) -> object:
        """Carry out a request and return the answer that its class describes.

        Raises:
            UserError: if the request cannot be carried out.
        """
        match request:
            case Read(page, single, use_memory):
                return self.read(page, single, use_memory)
            case Explain(glyph, digits):
                ink = _from_bytes(glyph)
                return tuple(_to_bytes(grad_cam(self.recognizer.model, ink, digit)) for digit in digits)
            case Open(source, part):
                return self.open(source, part)
            case Save(path, page, region, scale, ink_follows_speed):
                return self.save(path, page, region, scale, ink_follows_speed)
            case CopyPicture(page, region, scale, ink_follows_speed):
                return self.copy_picture(page, region, scale, ink_follows_speed)
            case Keep():
                return self.keep(request)
            case Forget(sample):
                return self.forget(sample)
            case ForgetAll():
                files = self.files_of("*")
                self.memory.forget_all()
                return files
            case Restore(files):
                return self.restore(files)
            case ListSamples():
                return self.list_samples()
        raise TypeError(f"unknown request: {request!r}")

    def read(self, page: Page, single: bool, use_memory: bool) -> PageReading:
        """Read a page, see `Read`."""
        recognizer = self.recognizer if use_memory else self.recognizer_without_memory
        if page.picture is None:
            readings = recognizer.read_strokes(page.points(), single=single)
            several = recognizer.read_strokes(page.points()) if single and side_by_side(page.strokes) else []
            sure = len(several) > 1 and all(reading.is_digit for reading in several)
            return _page_reading(readings, (0.0, 0.0), 1.0, text_of(several) if sure else "")
        image, region, scale = composed(page)
        return _page_reading(recognizer.read_image(image, single=single), region[:2], scale)

    def open(self, source: Path | bytes, part: Box = WHOLE) -> Picture | Page:
        """Decode a picture or strokes, see `Open`."""
        if is_strokes(source):
            return Page(tuple(Stroke(line, 1.0) for line in strokes_of(source)))
        file = source if isinstance(source, Path) else io.BytesIO(source)
        pages = pages_of(file)
        image = open_picture(file, pages[0])
        if part != WHOLE:
            sides = (share * image.size[axis % 2] for axis, share in enumerate(part))
            image = image.crop(pixels_in(tuple(sides), image.size, "the picture"))
        image = as_rgb(reduced(image))
        image.thumbnail((PICTURE_SIDE, PICTURE_SIDE), reducing_gap=2)
        paper = tuple(int(value) for value in np.median(np.asarray(image), axis=(0, 1)))
        path = str(source.absolute()) if isinstance(source, Path) else ""
        size = image.width, image.height
        return Picture(*size, image.tobytes(), paper, pages=len(pages), file=path, part=part)

    def save(self, path: Path, page: Page, region: Box, scale: float, ink_follows_speed: bool) -> Path:
        """Write a page as PNG, see `Save`."""
        if page.picture:
            image = composed(page, ink_follows_speed)[0]
        else:
            image = to_image(page, region, scale, ink_follows_speed=ink_follows_speed)
        content = io.BytesIO()
        image.save(content, "PNG")
        write_atomically(path, content.getbuffer())
        return path

    def copy_picture(self, page: Page, region: Box, scale: float, ink_follows_speed: bool) -> bool:
        """Put a page into the clipboard, see `CopyPicture`."""
        with TemporaryDirectory() as folder:
            return copy_file(self.save(Path(folder) / "drawing.png", page, region, scale, ink_follows_speed))

    def keep(self, request: Keep) -> Kept:
        """Keep a corrected sample, see `Keep`."""
        page, digit = request.page, request.digit
        strokes, image = _cut_out(page, request.box)
        self.memory.add(
            request.label,
            _from_bytes(digit.glyph),
            strokes=strokes,
            image=image,
            read=digit.digit if digit.is_digit else None,
            confidence=digit.confidence,
            name=request.sample,
        )
        replaced = self.forget(request.replaces) if request.replaces else {}
        return Kept(list(self.memory.labels.values()).count(request.label), replaced)

    def files_of(self, name: str) -> dict[str, bytes]:
        """Return the content of the files of a sample, or of all samples ("*"), by their names.

        A file that cannot be read is left out.
        """
        files = {}
        for sample in self.memory.folder.glob(f"{name}.jsonl"):
            for path in (sample.with_suffix(".npy"), sample.with_suffix(".png"), sample):  # what counts last
                with contextlib.suppress(OSError):
                    files[path.name] = path.read_bytes()
        return files

    def forget(self, sample: str) -> dict[str, bytes]:
        """Delete a sample, see `Forget`."""
        files = self.files_of(sample)
        self.memory.forget(sample)
        return files

    def restore(self, files: dict[str, bytes]) -> None:
        """Write files of deleted samples, and read all samples again."""
        for name, content in files.items():
            write_atomically(self.memory.folder / name, content)
        self.memory = self.recognizer.memory = Memory(self.memory.folder, self.recognizer.checkpoint)

    def list_samples(self) -> SampleList:
        """List all samples, the newest first."""
        labels, glyphs = self.memory.labels, self.memory.glyphs
        samples = [Sample(name, labels[name], glyphs[name].tobytes()) for name in reversed(labels)]
        set_aside = [path.name for path in self.memory.set_aside]
        return SampleList(short(self.memory.folder), tuple(samples), tuple(set_aside))


def _cut_out(page: Page, box: Box | None) -> tuple[list[tuple], Image.Image]:
    """Return the strokes in `box` (None for the whole page) and an image of it with a margin.

    There are no strokes if the page has a picture: without it they would not be the digit.
    """
    region = grown(box or page.bounds(), SAMPLE_MARGIN)
    if page.picture is None:
        strokes = page.strokes_in(box) if box else page.strokes
        return [stroke.points for stroke in strokes], to_image(page, region)
    whole, shown, scale = composed(page)
    return [], whole.crop(pixels_of(region, shown, scale, whole.size))


def side_by_side(strokes: Sequence[Stroke]) -> bool:
    """Return whether some strokes lie beside the others, which they overlap by less than half their width."""
    ordered = sorted(strokes, key=lambda stroke: stroke.box[0])
    for place in range(1, len(ordered)):
        first, second = (
            around([stroke.box for stroke in part]) for part in (ordered[:place], ordered[place:])
        )
        narrower = min(first[2] - first[0], second[2] - second[0])
        if first[2] - second[0] < narrower / 2:
            return True
    return False


def _page_reading(
    readings: list[Reading], origin: tuple[float, float], scale: float, number: str = ""
) -> PageReading:
    """Return readings in plain values, their boxes in page coordinates.

    Args:
        readings: with boxes in pixels of an image.
        origin: page coordinates of the image's upper left corner.
        scale: pixels per unit of the page.
        number: as in `PageReading`.
    """
    nones = [no_digit(reading) for reading in readings]
    digits = [
        DigitReading(
            digit=int(reading.digit),
            probabilities=tuple(float(value) * (1 - none) for value in reading.probabilities),
            no_digit=none,
            is_digit=bool(reading.is_digit),
            box=tuple(float(edge) / scale + origin[axis % 2] for axis, edge in enumerate(reading.box)),
            glyph=_to_bytes(reading.glyph),
        )
        for reading, none in zip(readings, nones, strict=True)
        if reading.symbol
    ]
    turned = readings[0].turned if readings else 0
    return PageReading(tuple(digits), text_of(readings), number, turned, count_crossed_out(readings))


def no_digit(reading: Reading) -> float:
    """Return the probability that a reading is no digit, above 0.5 where it is shown as none.

    On a page, ink that looks like a digit may be print or an edge.
    """
    if reading.kind != "digit":
        return SIGN
    novel = float(1 / (1 + np.exp(min(50.0, NO_DIGIT_SLOPE * (1 - reading.novelty)))))
    return max(novel, 1 - reading.chance)


def is_strokes(source: Path | bytes) -> bool:
    """Return whether a file or the content of one is a stroke file."""
    return is_stroke_file(source) if isinstance(source, Path) else source.lstrip()[:1] in (b"[", b"{")


def strokes_of(source: Path | bytes) -> list[tuple[Point, ...]]:
    """Return the strokes of the first drawing of a stroke file or the content of one.

    Raises:
        UserError: if it is not valid, or blank.
    """
    if isinstance(source, Path):
        drawing, name = next(drawings(source)), short(source)
    else:
        name, source = CLIPBOARD, source.strip()
        if source[:1] == b"[":
            drawing = read_drawing(io.BytesIO(source), name)
        else:
            first = source.partition(b"\n")[0].rstrip()
            # An object may be spread over lines.
            line = first if first.endswith(b"}") else b" ".join(source.split())
            _, drawing = next(each_line(io.BytesIO(line), name))
            if isinstance(drawing, UserError):
                raise drawing
    strokes = [tuple(map(tuple, stroke.tolist())) for stroke in drawing.strokes if len(stroke)]
    if not strokes:
        raise UserError(f"{name} has no strokes")
    return strokes


def _to_bytes(values: np.ndarray) -> bytes:
    """Convert float (28, 28) in [0, 1] to 784 bytes."""
    return to_uint8(values).tobytes()


def _from_bytes(values: bytes) -> np.ndarray:
    """Convert 784 bytes to float32 (28, 28) in [0, 1]."""
    return np.frombuffer(values, dtype=np.uint8).reshape(28, 28).astype(np.float32) / 255
