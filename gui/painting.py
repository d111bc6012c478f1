"""Rendering of pages with Pillow: strokes as smooth, round, anti-aliased ink."""

import math
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from common.geometry import Box, Point, around, box_of, grown
from gui.drawing import Page, Picture
from gui.spline import STEP
from gui.stroke import Stroke

Pixels = tuple[int, int, int, int]  # left, top, right, bottom

SUPERSAMPLING = 4  # factor by which ink is drawn larger, for anti-aliasing
CHUNK = 64  # points that are painted at a time

DARK, LIGHT = (22, 24, 29), (245, 246, 248)  # colours of ink on a picture
WHITE = (255, 255, 255)


def chunks(line: Sequence[Point]) -> list[Sequence[Point]]:
    """Split a line into short ones, each starting where the one before ends, to be painted in steps."""
    return [line[start : start + CHUNK + 1] for start in range(0, max(1, len(line) - 1), CHUNK)]


def paint(
    layer: Image.Image, line: Sequence[Point], width: float, within: Pixels | None = None
) -> Pixels | None:
    """Add ink along a line, with round ends and joints.

    Args:
        layer: mode L, from 0 for paper to 255 for full ink; changed in place.
        line: at least one point, in pixels.
        width: of the ink, in pixels.
        within: the box that may be changed; None for the whole layer.

    Returns:
        the box that may have changed; None if nothing has.
    """
    box = pixels_of(grown(box_of(line), width / 2 + 1), (0, 0, 0, 0), 1, layer.size)
    if within:
        box = *map(max, box[:2], within[:2]), *map(min, box[2:], within[2:])
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return None
    fine = box, SUPERSAMPLING  # region and scale of the tile
    tile = Image.new("L", size_of(*fine))
    _draw(ImageDraw.Draw(tile), moved(line, *fine), width * SUPERSAMPLING)
    layer.paste(ImageChops.lighter(layer.crop(box), tile.reduce(SUPERSAMPLING)), box)
    return box


def moved(points: Sequence[Point], region: Box, scale: float) -> list[Point]:
    """Convert points of the page to pixels of an image that shows `region` of it."""
    return [((x - region[0]) * scale, (y - region[1]) * scale) for x, y in points]


def ink_layer(
    strokes: Sequence[Stroke], region: Box, scale: float, ink_follows_speed: bool = False
) -> Image.Image:
    """Return the ink of a part of the page.

    Args:
        strokes: of the page.
        region: the part of the page.
        scale: pixels per unit of the page.
        ink_follows_speed: whether fast strokes are thinner.

    Returns:
        mode L, 255 for full ink.
    """
    layer = Image.new("L", size_of(region, scale))
    for stroke in strokes:
        for whole, width in pieces_of(stroke, STEP / scale, ink_follows_speed):
            for line in chunks(whole):
                paint(layer, moved(line, region, scale), width * scale)
    return layer


def pieces_of(stroke: Stroke, step: float, ink_follows_speed: bool) -> list[tuple[list[Point], float]]:
    """Return the lines that a stroke is painted as, with their widths."""
    return stroke.inked(step) if ink_follows_speed else [(stroke.line(step), stroke.width)]


def size_of(region: Box, scale: float) -> tuple[int, int]:
    """Return width and height in pixels of an image of `region`, at least 1."""
    return max(1, round((region[2] - region[0]) * scale)), max(1, round((region[3] - region[1]) * scale))


def _draw(pen: ImageDraw.ImageDraw, line: Sequence[Point], width: float) -> None:
    """Draw a line with round ends and joints, without anti-aliasing."""
    # Rounded down here, since Pillow truncates: that differs for negative coordinates.
    line = [(math.floor(x), math.floor(y)) for x, y in line]
    radius = max(round(width / 2), 0)
    if len(line) > 1:
        pen.line(line, fill=255, width=2 * radius + 1)
    for x, y in line:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def pixels_of(box: Box, region: Box, scale: float, size: tuple[int, int]) -> Pixels:
    """Convert a box on the page to pixels of an image of `size` that shows `region`, cut to the image."""
    left, top = moved([box[:2]], region, scale)[0]
    right, bottom = moved([box[2:]], region, scale)[0]
    return (
        max(0, math.floor(left)),
        max(0, math.floor(top)),
        min(size[0], math.ceil(right)),
        min(size[1], math.ceil(bottom)),
    )


def place_picture(canvas: Image.Image, page: Page, region: Box, scale: float) -> None:
    """Paste the page's picture, if it has one, into an image that shows `region`."""
    if page.picture is None:
        return
    picture = Image.frombytes("RGB", (page.picture.width, page.picture.height), page.picture.pixels)
    left, top = map(round, moved([page.picture.box[:2]], region, scale)[0])
    width, height = size_of(page.picture.box, scale)
    if (width, height) == picture.size:
        canvas.paste(picture, (left, top))
        return
    # Only what is visible is resized: of a picture that is zoomed the whole would take seconds.
    shown = max(0, -left), max(0, -top), min(width, canvas.width - left), min(height, canvas.height - top)
    if shown[0] < shown[2] and shown[1] < shown[3]:
        size = shown[2] - shown[0], shown[3] - shown[1]
        across, down = picture.width / width, picture.height / height
        part = shown[0] * across, shown[1] * down, shown[2] * across, shown[3] * down
        picture = picture.resize(size, Image.Resampling.BICUBIC, box=part, reducing_gap=2)
        canvas.paste(picture, (left + shown[0], top + shown[1]))


def ink_colour(page: Page, otherwise: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return a colour of ink that stands out from the page's picture; `otherwise` if it has none."""
    if page.picture is None:
        return otherwise
    return LIGHT if page.picture.dark else DARK


def to_image(
    page: Page,
    region: Box,
    scale: float = 1.0,
    ink: tuple[int, int, int] = DARK,
    paper: tuple[int, int, int] = WHITE,
    ink_follows_speed: bool = False,
) -> Image.Image:
    """Return a part of the page as an image.

    Args:
        page: what to show.
        region: the part of the page.
        scale: pixels per unit of the page.
        ink: colour of ink on a page without a picture.
        paper: colour of paper.
        ink_follows_speed: whether fast strokes are thinner.

    Returns:
        mode RGB.
    """
    image = Image.new("RGB", size_of(region, scale), paper)
    place_picture(image, page, region, scale)
    layer = ink_layer(page.strokes, region, scale, ink_follows_speed)
    image.paste(ink_colour(page, ink), mask=layer)
    return image


def thumbnail(page: Page, side: int, ink: tuple[int, int, int], paper: tuple[int, int, int]) -> Image.Image:
    """Return the whole page, centred in a square of `side` pixels, mode RGB."""
    left, top, right, bottom = page.bounds() or (0.0, 0.0, 1.0, 1.0)
    half = max(right - left, bottom - top, 1) / 2 * 1.15
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    region = middle_x - half, middle_y - half, middle_x + half, middle_y + half
    scale = side / (2 * half)
    ink_fine = Image.new("L", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    pen = ImageDraw.Draw(ink_fine)
    max_points = max(2, min(24, 4000 // max(1, len(page.strokes))))  # per stroke: more cannot be seen
    for stroke in page.strokes:
        every = max(1, len(stroke.points) // max_points)
        points = (*stroke.points[::every], stroke.points[-1])
        width = max(stroke.width * scale, 1.6)  # thinner strokes could not be seen
        _draw(pen, moved(points, region, scale * SUPERSAMPLING), width * SUPERSAMPLING)
    image = Image.new("RGB", (side, side), paper)
    place_picture(image, page, region, scale)
    image.paste(ink_colour(page, ink), mask=ink_fine.reduce(SUPERSAMPLING))
    return image


def composed(page: Page, ink_follows_speed: bool = False) -> tuple[Image.Image, Box, float]:
    """Merge the picture and the strokes of a page into one image.

    The image has at least the picture's resolution, and more if strokes are drawn on a tiny picture.

    Returns:
        an image of mode RGB, the part of the page that it shows, and its pixels per unit of the page.
    """
    picture = page.picture
    region = around([picture.box, *(stroke.box for stroke in page.strokes)])
    scale = picture.width / (picture.box[2] - picture.box[0])
    if page.strokes:
        region = grown(region, 1)
        longest = max(region[2] - region[0], region[3] - region[1])
        scale = min(max(scale, 600 / longest), 2400 / longest)
    image = to_image(page, region, scale, paper=picture.paper, ink_follows_speed=ink_follows_speed)
    return image, region, scale


def shares_of(picture: Picture, region: Box) -> Box:
    """Return what a part of a page shows of the file of its picture, as in `Picture.part`."""
    box, part = picture.box, picture.part
    return tuple(
        part[axis] + min(1.0, max(0.0, share)) * (part[axis + 2] - part[axis])
        for place, axis in enumerate((0, 1, 0, 1))
        for share in [(region[place] - box[axis]) / (box[axis + 2] - box[axis])]
    )


def part_of(page: Page, region: Box) -> Picture | None:
    """Return a part of a page, its picture and its strokes, as a picture; None if nothing of it lies there.

    Args:
        page: one with a picture.
        region: the part, in page coordinates.
    """
    whole, shown, scale = composed(page)
    left, top, right, bottom = pixels_of(region, shown, scale, whole.size)
    if left >= right or top >= bottom:
        return None
    part = whole.crop((left, top, right, bottom))
    return Picture(part.width, part.height, part.tobytes(), page.picture.paper)
