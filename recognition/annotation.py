"""Write annotated copies of inputs: a box and the reading around each digit."""

import io
import os
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.files import write_atomically
from common.messages import UserError, percent, short
from preprocessing.image_files import as_rgb
from preprocessing.stroke_files import StrokeSample, has_lines
from recognition.inputs import STANDARD_INPUT, Item, Source
from recognition.reading import Reading

DIGIT_COLOUR, UNSURE_COLOUR = "#1565c0", "#c75100"  # white text is legible on both
MIN_SIDE = 280  # longer side of a copy in pixels: a smaller picture is enlarged so that labels fit
MAX_FONT = 200
# The copy of a drawing, in pixels: longer side of the ink, margin, pen width.
DRAWING_SIDE, MARGIN, PEN_WIDTH = 640, 40, 8
OVERSAMPLING = 3  # a drawing is drawn larger by this factor and reduced, for smooth edges


class AnnotatedCopies:
    """A folder for annotated copies, which mirrors the folders of the inputs.

    The copy of a JPEG is a JPEG, all others are PNGs. A file with a drawing on each line or with several
    pages becomes a folder of copies, as does standard input.
    """

    def __init__(self, folder: Path, sources: Sequence[Source]) -> None:
        """Create the folder and choose the names of the copies.

        Args:
            folder: for the copies.
            sources: all inputs.

        Raises:
            UserError: if `folder` cannot be created, or contains an input, which might be overwritten.
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
        self._names = _names(files)

    def write(self, item: Item, readings: list[Reading] | UserError) -> None:
        """Write the copy of one input; do nothing if it could not be read.

        Args:
            item: the input.
            readings: of `item`, or the error that occurred.

        Raises:
            UserError: if the copy cannot be written.
        """
        if isinstance(readings, UserError):
            return
        name = self._names[item.path]
        if item.path == STANDARD_INPUT or item.line is not None:
            name /= f"{item.line or item.page or 1}.png"
        elif item.page is not None:
            name = name.with_name(name.name.removesuffix(".png")) / f"{item.page}.png"
        content = item.load()
        draw = draw_drawing if isinstance(content, StrokeSample) else draw_picture
        kind = "JPEG" if name.suffix.lower() in (".jpg", ".jpeg") else "PNG"
        buffer = io.BytesIO()
        draw(content, readings).save(buffer, kind, quality=92)
        write_atomically(self._folder / name, buffer.getbuffer())


def _names(files: Sequence[str]) -> dict[str, PurePath]:
    """Return the path of the copy of each file and of standard input, relative to the folder of copies."""
    full = {file: Path(os.path.normpath(Path(file).absolute())) for file in files}
    try:
        root = os.path.commonpath([path.parent for path in full.values()])
    except ValueError:  # no files, or files on several drives of Windows
        root = None
    names: dict[str, PurePath] = {}
    taken: set[str] = set()
    for file, path in full.items():
        name = path.relative_to(root or path.anchor)
        if not has_lines(file) and path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            name = name.with_name(f"{name.name}.png")
        names[file] = _untaken(name, taken)
    names[STANDARD_INPUT] = _untaken(PurePath("stdin"), taken)  # last, when all other names are known
    return names


def _untaken(name: PurePath, taken: set[str]) -> PurePath:
    """Return `name`, with a number if it is taken, and add it and its parent folders to `taken`."""
    free, count = name, 1
    while str(free).casefold() in taken:  # some file systems ignore case
        count += 1
        free = name.with_name(f"{name.stem}-{count}{name.suffix}")
    taken.update(str(part).casefold() for part in (free, *free.parents))
    return free


def draw_picture(picture: Image.Image, readings: Sequence[Reading]) -> Image.Image:
    """Return an RGB copy of a picture with the readings; a small picture is enlarged by an integer factor."""
    factor = max(1, -(-MIN_SIDE // max(picture.size)))
    copy = as_rgb(picture)
    if factor > 1:
        copy = copy.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    boxes = [np.array(reading.box) * factor for reading in readings]
    _draw_readings(copy, readings, boxes)
    return copy


def draw_drawing(drawing: StrokeSample, readings: Sequence[Reading]) -> Image.Image:
    """Draw strokes in black on white, scaled to a fixed size, with the readings."""
    strokes = [stroke for stroke in drawing.strokes if len(stroke)]
    points = np.concatenate(strokes) if strokes else np.zeros((1, 2))
    unit = max(np.abs(points).max(), np.finfo(float).tiny)  # avoids overflow of the largest coordinates
    low = (points / unit).min(0)
    extent = (points / unit).max(0) - low
    scale = DRAWING_SIDE / (extent.max() or 1)

    def to_pixels(points: np.ndarray) -> np.ndarray:
        return (points / unit - low) * scale + MARGIN

    width, height = (np.ceil(extent * scale).astype(int) + 2 * MARGIN).tolist()
    large = Image.new("L", (width * OVERSAMPLING, height * OVERSAMPLING), 255)
    pen = ImageDraw.Draw(large)
    for stroke in strokes:
        path = to_pixels(stroke) * OVERSAMPLING
        pen.line(path.ravel().tolist(), 0, PEN_WIDTH * OVERSAMPLING, joint="curve")
        for x, y in path[[0, -1]]:  # round ends; a single point is a dot
            pen.circle((x, y), PEN_WIDTH * OVERSAMPLING / 2, 0)
    copy = large.reduce(OVERSAMPLING).convert("RGB")
    boxes = [to_pixels(np.array(reading.box).reshape(2, 2)).ravel() for reading in readings]
    _draw_readings(copy, readings, boxes)
    return copy


def _draw_readings(copy: Image.Image, readings: Sequence[Reading], boxes: Sequence[np.ndarray]) -> None:
    """Draw the readings and their boxes, each (left, top, right, bottom) in pixels of `copy`."""
    pen = ImageDraw.Draw(copy)
    line = max(2, round(max(copy.size) / 400))
    font = ImageFont.load_default(min(max(18, max(copy.size) / 40), MAX_FONT))
    colours = [DIGIT_COLOUR if reading.symbol.strip("?") else UNSURE_COLOUR for reading in readings]
    boxes = np.reshape(boxes, (-1, 4)) + [-line, -line, line, line]
    lefts, tops, _, bottoms = boxes.T
    for box, colour in zip(boxes, colours, strict=True):
        pen.rectangle(box.tolist(), outline=colour, width=line)
    for reading, box, colour in zip(readings, boxes, colours, strict=True):
        text = reading.symbol or "--"
        if reading.is_digit:
            text = f"{reading.digit}  {percent(reading.confidence)}"
        # The label of one digit does not cover that of another to its right.
        beside = lefts[(lefts > box[0]) & (tops < box[3]) & (bottoms > box[1])]
        if pen.textlength(text, font) + 2 * _pad(font) > beside.min(initial=copy.width) - box[0]:
            text = text[0]
        _draw_label(pen, copy.size, box, text, font, colour)
    if not readings:
        _draw_label(pen, copy.size, np.zeros(4), "(blank)", font, UNSURE_COLOUR)


def _pad(font: ImageFont.FreeTypeFont) -> float:
    """Return the margin of a label's text in pixels."""
    return font.size / 4


def _draw_label(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    box: np.ndarray,
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: str,
) -> None:
    """Draw `text` above the box or, if there is no room, below it or over its upper edge.

    Args:
        pen: the copy's drawing context.
        size: the copy's width and height in pixels.
        box: (left, top, right, bottom) in pixels.
        text, font: the label's text and font.
        colour: the background's colour; the text is white.
    """
    _, _, right, bottom = pen.textbbox((0, 0), text, font)
    pad = _pad(font)
    width, height = right + 2 * pad, bottom + 2 * pad
    left = max(0.0, min(box[0], size[0] - width))
    top = box[1] - height
    if top < 0:
        top = box[3] if box[3] + height <= size[1] else max(0.0, box[1])
    pen.rectangle((left, top, left + width, top + height), fill=colour)
    pen.text((left + pad, top + pad), text, "white", font)
