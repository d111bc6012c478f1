"""Strokes as pixels: smooth, round and anti-aliased. Pillow only."""

import math
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from common.geometry import Box, Point, around, box_of, grown
from gui.drawing import Page, Stroke
from gui.spline import STEP

Pixels = tuple[int, int, int, int]  # left, top, right, bottom

FINE = 4  # ink is drawn this many times larger, and shrunk
CHUNK = 64  # points that are painted at a time

DARK, LIGHT = (22, 24, 29), (245, 246, 248)  # ink on a picture
WHITE = (255, 255, 255)


def chunks(line: Sequence[Point]) -> list[Sequence[Point]]:
    """A long line in short ones that meet, so that no step of painting takes long."""
    return [line[start : start + CHUNK + 1] for start in range(0, max(1, len(line) - 1), CHUNK)]


def paint(
    layer: Image.Image, line: Sequence[Point], width: float, within: Pixels | None = None
) -> Pixels | None:
    """Add ink along `line`, with round ends and joints.

    Args:
        layer: mode L, 0 for paper to 255 for full ink.
        line: at least one point, in pixels.
        width: of the ink, in pixels.
        within: nothing outside of this box is touched; None for the whole layer.

    Returns:
        the box of pixels that may have changed, if any.
    """
    box = pixels_of(grown(box_of(line), width / 2 + 1), (0, 0, 0, 0), 1, layer.size)
    if within:
        box = *map(max, box[:2], within[:2]), *map(min, box[2:], within[2:])
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return None
    tile = Image.new("L", ((right - left) * FINE, (bottom - top) * FINE))
    _draw(ImageDraw.Draw(tile), [((x - left) * FINE, (y - top) * FINE) for x, y in line], width * FINE)
    layer.paste(ImageChops.lighter(layer.crop(box), tile.reduce(FINE)), box)
    return box


def moved(points: Sequence[Point], region: Box, scale: float) -> list[Point]:
    """Points of the page as pixels of an image that shows `region` of it."""
    return [((x - region[0]) * scale, (y - region[1]) * scale) for x, y in points]


def ink_layer(strokes: Sequence[Stroke], region: Box, scale: float) -> Image.Image:
    """A part of the page's ink: mode L, 255 for full ink, `scale` pixels for each unit."""
    layer = Image.new("L", size_of(region, scale))
    for stroke in strokes:
        for line in chunks(stroke.line(STEP / scale)):
            paint(layer, moved(line, region, scale), stroke.width * scale)
    return layer


def size_of(region: Box, scale: float) -> tuple[int, int]:
    return max(1, round((region[2] - region[0]) * scale)), max(1, round((region[3] - region[1]) * scale))


def _draw(pen: ImageDraw.ImageDraw, line: Sequence[Point], width: float) -> None:
    """A line with round ends and joints, not anti-aliased."""
    # In whole pixels, which Pillow would make of them itself, but differently on both sides of 0.
    line = [(math.floor(x), math.floor(y)) for x, y in line]
    radius = max(round(width / 2), 0)
    if len(line) > 1:
        pen.line(line, fill=255, width=2 * radius + 1)
    for x, y in line:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def pixels_of(box: Box, region: Box, scale: float, size: tuple[int, int]) -> Pixels:
    """A box on the page as one of pixels in an image of `size` that shows `region`, cut to it."""
    left, top = moved([box[:2]], region, scale)[0]
    right, bottom = moved([box[2:]], region, scale)[0]
    return (
        max(0, math.floor(left)),
        max(0, math.floor(top)),
        min(size[0], math.ceil(right)),
        min(size[1], math.ceil(bottom)),
    )


def place_picture(canvas: Image.Image, page: Page, region: Box, scale: float) -> None:
    """Put the page's picture, if it has one, where it belongs on an image of `region`."""
    if page.picture is None:
        return
    picture = Image.frombytes("RGB", (page.picture.width, page.picture.height), page.picture.pixels)
    left, top = moved([page.picture.box[:2]], region, scale)[0]
    size = size_of(page.picture.box, scale)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    canvas.paste(picture, (round(left), round(top)))


def ink_colour(page: Page, otherwise: tuple[int, int, int]) -> tuple[int, int, int]:
    """What ink is drawn in: it must stand out from the picture; `otherwise` on plain paper."""
    if page.picture is None:
        return otherwise
    return LIGHT if page.picture.dark else DARK


def to_image(
    page: Page,
    region: Box,
    scale: float = 1.0,
    ink: tuple[int, int, int] = DARK,
    paper: tuple[int, int, int] = WHITE,
) -> Image.Image:
    """A part of the page as a picture: mode RGB, `scale` pixels for each unit.

    `ink` and `paper` are the colours where there is no picture; on one, ink is dark or light.
    """
    image = Image.new("RGB", size_of(region, scale), paper)
    place_picture(image, page, region, scale)
    image.paste(ink_colour(page, ink), mask=ink_layer(page.strokes, region, scale))
    return image


def thumbnail(page: Page, side: int, ink: tuple[int, int, int], paper: tuple[int, int, int]) -> Image.Image:
    """The whole page in a square of `side` pixels, its ink in the middle."""
    left, top, right, bottom = page.bounds() or (0.0, 0.0, 1.0, 1.0)
    half = max(right - left, bottom - top, 1) / 2 * 1.15
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    region = middle_x - half, middle_y - half, middle_x + half, middle_y + half
    scale = side / (2 * half)
    ink_fine = Image.new("L", (side * FINE, side * FINE))
    pen = ImageDraw.Draw(ink_fine)
    most = max(2, min(24, 4000 // max(1, len(page.strokes))))  # points of a stroke: more cannot be seen
    for stroke in page.strokes:
        every = max(1, len(stroke.points) // most)
        points = (*stroke.points[::every], stroke.points[-1])
        width = max(stroke.width * scale, 1.6)  # nor thinner than that
        _draw(pen, moved(points, region, scale * FINE), width * FINE)
    image = Image.new("RGB", (side, side), paper)
    place_picture(image, page, region, scale)
    image.paste(ink_colour(page, ink), mask=ink_fine.reduce(FINE))
    return image


def composed(page: Page) -> tuple[Image.Image, Box, float]:
    """A page with a picture on it as one image, with the region that it shows and its scale.

    It has at least the picture's own pixels, and enough of them for strokes on a tiny picture.
    """
    picture = page.picture
    region = around([picture.box, *(stroke.box for stroke in page.strokes)])
    scale = picture.width / (picture.box[2] - picture.box[0])
    if page.strokes:
        region = grown(region, 1)
        longest = max(region[2] - region[0], region[3] - region[1])
        scale = min(max(scale, 600 / longest), 2400 / longest)
    return to_image(page, region, scale, paper=picture.paper), region, scale
