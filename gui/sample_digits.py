"""Sample digits and a sample photo, of our own design: to look at, and for those without a mouse at hand."""

from PIL import Image, ImageChops

from common.geometry import Point
from gui.drawing import Page, Picture
from gui.painting import to_image
from gui.stroke import Stroke

# Where the pen goes, stroke by stroke: x,y in a frame 100 wide and 140 high, y downwards.
_POINTS = {
    0: ("58,8 36,14 16,44 12,84 26,122 50,132 76,112 88,70 80,30 60,9 50,10",),
    1: ("34,38 48,24 60,8 57,50 54,92 51,134",),
    2: ("18,40 24,18 46,7 72,16 78,40 64,68 40,98 16,126 30,127 60,124 92,126",),
    3: ("20,26 34,11 56,7 74,18 74,38 60,54 40,62 44,63 66,70 80,90 76,114 56,130 34,130 14,118",),
    4: (
        "44,10 36,36 24,62 12,84 30,86 58,85 92,80",
        "70,42 67,74 63,106 60,136",
    ),
    5: (
        "32,14 30,36 24,60 40,54 62,58 78,78 76,104 58,126 34,130 14,120",
        "32,14 54,13 84,9",
    ),
    6: ("68,8 48,24 30,52 20,84 24,114 44,132 66,126 78,106 72,84 54,76 36,84 25,102",),
    7: ("14,18 40,16 64,15 86,12 76,42 62,76 52,106 46,136",),
    8: ("70,22 52,8 32,16 28,36 44,56 66,76 78,102 66,126 42,132 22,118 24,94 44,72 66,50 74,30 66,15",),
    9: ("72,32 58,12 36,14 22,34 26,58 46,66 64,54 76,23 73,54 70,84 64,112 56,136",),
}
KEY_POINTS: dict[int, list[list[Point]]] = {
    number: [[tuple(map(int, point.split(","))) for point in stroke.split()] for stroke in strokes]
    for number, strokes in _POINTS.items()
}
PHOTO_SIZE = 900, 600
PHOTO_NUMBERS = ("3141", "2718")  # the lines of the sample photo


def digit(number: int, middle: Point, height: float) -> list[list[Point]]:
    """Return the strokes of a digit, `height` high around `middle`, as smooth lines."""
    scale = height / 140
    return [
        [(middle[0] + (x - 50) * scale, middle[1] + (y - 70) * scale) for x, y in _smooth(stroke)]
        for stroke in KEY_POINTS[number]
    ]


def _smooth(points: list[Point], pieces: int = 8) -> list[Point]:
    """Return a Catmull-Rom spline through points."""
    padded = [points[0], *points, points[-1]]
    line = [points[0]]
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for piece in range(1, pieces + 1):
            t = piece / pieces
            line.append(tuple(_between(t, *axis) for axis in zip(a, b, c, d, strict=True)))
    return line


def _between(t: float, a: float, b: float, c: float, d: float) -> float:
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def sample_photo() -> Picture:
    """Return a picture like a photo of a sheet with two numbers: turned, and darker towards a corner."""
    width, height = PHOTO_SIZE
    strokes = [
        Stroke(tuple(line), 8.0)
        for row, number in enumerate(PHOTO_NUMBERS)
        for column, character in enumerate(number)
        for line in digit(int(character), (-270 + 180 * column, -120 + 240 * row), 130)
    ]
    region = -width / 2, -height / 2, width / 2, height / 2
    paper = 236, 230, 214
    image = to_image(Page(tuple(strokes)), region, ink=(40, 48, 92), paper=paper)
    image = image.rotate(2, Image.Resampling.BICUBIC, fillcolor=paper)
    slope = Image.linear_gradient("L")
    corner = ImageChops.add(slope, slope.rotate(90), scale=2)  # darkest at the lower right
    shade = corner.resize(PHOTO_SIZE).point(lambda value: 255 - value // 4)
    image = ImageChops.multiply(image, Image.merge("RGB", (shade,) * 3))
    return Picture(width, height, image.tobytes(), paper)
