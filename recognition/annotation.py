"""Copies of what was read, with a box and the reading around each digit."""

import io
import os
import threading
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.files import write_atomically
from common.messages import UserError, percent, short
from preprocessing.image_files import as_rgb
from preprocessing.stroke_files import StrokeSample, has_lines
from recognition.inputs import STANDARD_INPUT, Item, Source
from recognition.recognizer import Reading

SURE, UNSURE = "#1565c0", "#c75100"  # white text is easy to read on both
SMALLEST = 280  # pixels of a copy's longer side: a smaller picture is enlarged, so that labels fit
LARGEST_FONT = 200
SHEET, MARGIN, PEN = 640, 40, 8  # pixels of a drawing's copy: longer side of the ink, border, pen width
SMOOTH = 3  # a drawing is drawn so many times as large and reduced, for smooth edges


class Copies:
    """Where the copies go: they lie as their inputs do, below the folder that holds all of these.

    A JPEG's copy is a JPEG, all others are PNGs. A file with a drawing on each line becomes a folder, as
    does standard input.
    """

    def __init__(self, folder: Path, sources: Sequence[Source]) -> None:
        """
        Raises:
            UserError: if `folder` cannot be made, or holds one of the inputs, which may be overwritten.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the folder {short(folder)}: {error.strerror or error}") from error
        files = [source.path for source in sources if not source.fault and source.path != STANDARD_INPUT]
        inside = folder.resolve()
        for file in files:
            if Path(file).resolve().is_relative_to(inside):
                raise UserError(f"{file} lies in {short(folder)}: name a folder apart from it for the copies")
        self._folder = folder
        self._lock = threading.Lock()  # an input that is named twice has one copy
        self._names = _names(files)

    def write(self, item: Item, readings: list[Reading] | UserError) -> None:
        """Write the copy of one input, if that could be read.

        Raises:
            UserError: if the copy cannot be written.
        """
        if isinstance(readings, UserError):
            return
        name = self._names[item.path]
        if item.path == STANDARD_INPUT or item.line is not None:
            name /= f"{item.line or 1}.png"
        content = item.load()
        draw = draw_drawing if isinstance(content, StrokeSample) else draw_picture
        kind = "JPEG" if name.suffix.lower() in (".jpg", ".jpeg") else "PNG"
        buffer = io.BytesIO()
        draw(content, readings).save(buffer, kind, quality=92)
        with self._lock:
            write_atomically(self._folder / name, buffer.getbuffer())


def _names(files: Sequence[str]) -> dict[str, PurePath]:
    """A name for the copy of each file and of standard input, relative to the folder of all copies."""
    full = {file: Path(os.path.normpath(Path(file).absolute())) for file in files}
    try:
        root = os.path.commonpath([path.parent for path in full.values()])
    except ValueError:  # none at all, or drives of Windows
        root = None
    names: dict[str, PurePath] = {}
    taken: set[str] = set()
    for file, path in full.items():
        name = path.relative_to(root or path.anchor)
        if not has_lines(file) and path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            name = name.with_name(f"{name.name}.png")
        names[file] = _untaken(name, taken)
    names[STANDARD_INPUT] = _untaken(PurePath("stdin"), taken)  # last, when all folders are known
    return names


def _untaken(name: PurePath, taken: set[str]) -> PurePath:
    """`name`, or it with a number where it is taken; it and its folders are taken then."""
    free, count = name, 1
    while str(free).casefold() in taken:  # on some disks a.png and A.png are one file
        count += 1
        free = name.with_name(f"{name.stem}-{count}{name.suffix}")
    taken.update(str(part).casefold() for part in (free, *free.parents))
    return free


def draw_picture(picture: Image.Image, readings: Sequence[Reading]) -> Image.Image:
    """A copy in RGB with the readings on it; a small picture is enlarged by a whole factor."""
    factor = max(1, -(-SMALLEST // max(picture.size)))
    sheet = as_rgb(picture)
    if factor > 1:
        sheet = sheet.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    boxes = [np.array(reading.box) * factor for reading in readings]
    _draw_readings(sheet, readings, boxes)
    return sheet


def draw_drawing(drawing: StrokeSample, readings: Sequence[Reading]) -> Image.Image:
    """The strokes in black on white, scaled to one size whatever their unit, with the readings on it."""
    strokes = [stroke for stroke in drawing.strokes if len(stroke)]
    points = np.concatenate(strokes) if strokes else np.zeros((1, 2))
    unit = max(np.abs(points).max(), np.finfo(float).tiny)  # the largest floats would overflow below
    low = (points / unit).min(0)
    extent = (points / unit).max(0) - low
    scale = SHEET / (extent.max() or 1)

    def place(x_and_y: np.ndarray) -> np.ndarray:
        return (x_and_y / unit - low) * scale + MARGIN

    width, height = (np.ceil(extent * scale).astype(int) + 2 * MARGIN).tolist()
    fine = Image.new("L", (width * SMOOTH, height * SMOOTH), 255)
    pen = ImageDraw.Draw(fine)
    for stroke in strokes:
        path = place(stroke) * SMOOTH
        pen.line(path.ravel().tolist(), 0, PEN * SMOOTH, joint="curve")
        for x, y in path[[0, -1]]:  # round ends; a lone point is a dot
            pen.circle((x, y), PEN * SMOOTH / 2, 0)
    sheet = fine.reduce(SMOOTH).convert("RGB")
    boxes = [place(np.array(reading.box).reshape(2, 2)).ravel() for reading in readings]
    _draw_readings(sheet, readings, boxes)
    return sheet


def _draw_readings(sheet: Image.Image, readings: Sequence[Reading], boxes: Sequence[np.ndarray]) -> None:
    """Draw boxes, each (left, top, right, bottom) in pixels of `sheet`, with their readings."""
    pen = ImageDraw.Draw(sheet)
    line = max(2, round(max(sheet.size) / 400))
    font = ImageFont.load_default(min(max(18, max(sheet.size) / 40), LARGEST_FONT))
    colours = [SURE if reading.is_digit else UNSURE for reading in readings]
    boxes = [box + [-line, -line, line, line] for box in boxes]
    for box, colour in zip(boxes, colours, strict=True):
        pen.rectangle(box.tolist(), outline=colour, width=line)
    for reading, box, colour in zip(readings, boxes, colours, strict=True):
        text = f"{reading.digit}  {percent(reading.confidence)}" if reading.is_digit else "?"
        room = max(box[2] - box[0], 0.6 * (box[3] - box[1]))  # a 1 is narrow, and stands apart
        if pen.textlength(text, font) > room:  # it would cover the next digit's
            text = text[0]
        _draw_label(pen, sheet.size, box, text, font, colour)
    if not readings:
        _draw_label(pen, sheet.size, np.zeros(4), "(blank)", font, UNSURE)


def _draw_label(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    box: np.ndarray,
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: str,
) -> None:
    """Draw `text` above the box or, where there is no room, below it or over its upper edge."""
    _, _, right, bottom = pen.textbbox((0, 0), text, font)
    pad = font.size / 4
    width, height = right + 2 * pad, bottom + 2 * pad
    left = max(0.0, min(box[0], size[0] - width))
    top = box[1] - height
    if top < 0:
        top = box[3] if box[3] + height <= size[1] else max(0.0, box[1])
    pen.rectangle((left, top, left + width, top + height), fill=colour)
    pen.text((left + pad, top + pad), text, "white", font)
