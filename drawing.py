"""The drawing itself: strokes on a page, with undo, redo and an eraser. No window: tested without a screen.

A page has coordinates of its own: (0, 0) in the middle of the sheet, y downwards, one unit a pixel of the
sheet as it first opened. So a drawing is the same on a sheet of any size.
"""

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom

SPACING = 0.75, 4.0  # between the points that a curve is drawn through: of the pen's width, at least
STEP = 4.0  # between points on a curve
UNDO_LIMIT = 500  # actions; each keeps a tuple of strokes


@dataclass(frozen=True, eq=False)
class Stroke:
    """What the pen drew from down to up: at least one point, and the pen's width. Never changes."""

    points: tuple[Point, ...]
    width: float

    @cached_property
    def box(self) -> Box:
        """What the ink covers."""
        return grown(box_of(self.points), self.width / 2)

    def line(self, step: float = STEP) -> list[Point]:
        """The middle of the ink: a smooth line in points about `step` apart."""
        return curve(knots(self.points, spacing(self.width)), step)

    @cached_property
    def _packed(self) -> bytes:
        return array("d", chain.from_iterable(self.points)).tobytes()

    def __reduce__(self) -> tuple:
        """Pickle fast: a sheet full of strokes goes to the reading process after each move of the pen."""
        return _unpacked, (self._packed, self.width)


def _unpacked(packed: bytes, width: float) -> Stroke:
    values = iter(array("d", packed))
    return Stroke(tuple(zip(values, values, strict=True)), width)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that lies under the strokes. Never changes.

    Attributes:
        width, height: in pixels.
        pixels: RGB, 3 bytes each, row by row.
        paper: its most typical colour, which ink on it must stand out from.
        box: where it lies on the page.
    """

    width: int
    height: int
    pixels: bytes
    paper: tuple[int, int, int]
    box: Box = (0.0, 0.0, 0.0, 0.0)

    @property
    def dark(self) -> bool:
        return sum(self.paper) < 3 * 128


@dataclass(frozen=True, eq=False)
class Page:
    """What is on the sheet at one moment. Never changes: undo goes back to an earlier one."""

    strokes: tuple[Stroke, ...] = ()
    picture: Picture | None = None

    @property
    def blank(self) -> bool:
        return not self.strokes and self.picture is None

    def bounds(self) -> Box | None:
        """The box around all ink and the picture; None for a blank page."""
        boxes = [stroke.box for stroke in self.strokes]
        if self.picture:
            boxes.append(self.picture.box)
        return around(boxes)

    def points(self) -> list[tuple[Point, ...]]:
        """The strokes as lists of points, as reading takes them."""
        return [stroke.points for stroke in self.strokes]

    def strokes_in(self, box: Box) -> tuple[Stroke, ...]:
        """The strokes whose middle lies in `box`: those of one digit of a number."""
        return tuple(stroke for stroke in self.strokes if _holds(box, _middle(stroke.box)))


class Drawing:
    """The page that is being drawn on, and the way back.

    Attributes:
        page: the page as it is.
        live: the points of the stroke that is being drawn, if one is.
        version: changes with every action, so that an answer about an older drawing is known as such.
    """

    def __init__(self) -> None:
        self.page = Page()
        self.live: list[Point] = []
        self.version = 0
        self._live_width = 1.0
        self._undo: list[Page] = []
        self._redo: list[Page] = []
        self._erasing = False

    def snapshot(self) -> Page:
        """The page with the stroke that is being drawn on it."""
        if not self.live:
            return self.page
        return Page((*self.page.strokes, self._live_stroke()), self.page.picture)

    @property
    def blank(self) -> bool:
        return self.page.blank and not self.live

    # the pen

    def begin(self, point: Point, width: float) -> None:
        """Put the pen down. A pen that is lifted at once leaves a dot."""
        self.finish()
        self.live, self._live_width = [point], width
        self.version += 1

    def extend(self, point: Point) -> bool:
        """Move the pen to `point`; False if it is up or already there."""
        if not self.live or point == self.live[-1]:
            return False
        self.live.append(point)
        return True

    def finish(self) -> None:
        """Lift the pen or the eraser: what it did becomes one action."""
        self._erasing = False
        if self.live:
            stroke, self.live = self._live_stroke(), []
            self.replace(Page((*self.page.strokes, stroke), self.page.picture))

    def _live_stroke(self) -> Stroke:
        return Stroke(tuple(self.live), self._live_width)

    # the eraser

    def erase(self, start: Point, end: Point, radius: float) -> bool:
        """Move a round eraser from `start` to `end`; whether it touched ink.

        Strokes lose what it touches and fall apart there. All of it until `finish` is one action.
        """
        strokes: list[Stroke] = []
        for stroke in self.page.strokes:
            strokes += erased(stroke, start, end, radius)
        if len(strokes) == len(self.page.strokes) and all(map(_same, strokes, self.page.strokes)):
            return False
        page = Page(tuple(strokes), self.page.picture)
        if self._erasing:
            self.page = page
            self.version += 1
        else:
            self.replace(page)
        self._erasing = True
        return True

    # whole pages

    def touch(self) -> None:
        """Make answers about the drawing stale, though it stays as it is."""
        self.version += 1

    def replace(self, page: Page) -> None:
        """Put `page` in the place of the one that is there, as one action."""
        self._undo = [*self._undo, self.page][-UNDO_LIMIT:]
        self._redo.clear()
        self.page = page
        self.version += 1

    def clear(self) -> bool:
        """Take a blank page; False if it is blank already."""
        self.finish()
        if self.page.blank:
            return False
        self.replace(Page())
        return True

    def undo(self) -> bool:
        """Take back the last action; False if there is none."""
        self.finish()
        return self._go(self._undo, self._redo)

    def redo(self) -> bool:
        """Do again what was taken back last; False if there is nothing."""
        self.finish()
        return self._go(self._redo, self._undo)

    @property
    def can_undo(self) -> bool:
        return bool(self._undo or self.live)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def _go(self, source: list[Page], target: list[Page]) -> bool:
        if not source:
            return False
        target.append(self.page)
        self.page = source.pop()
        self.version += 1
        return True


def _same(first: Stroke, second: Stroke) -> bool:
    return first is second


# geometry


def spacing(width: float) -> float:
    """How far apart the points are that a pen's curve is drawn through."""
    return max(SPACING[0] * width, SPACING[1])


def knots(points: Sequence[Point], apart: float) -> list[Point]:
    """The first and the last of `points`, and of those between as many as are `apart`.

    A mouse counts whole pixels: a curve through points that are close together would tremble.
    """
    kept = [points[0]]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= apart:
            kept.append(point)
    return [*kept, *points[1:][-1:]]


def curve(points: Sequence[Point], step: float = STEP) -> list[Point]:
    """A smooth line from the first of `points` to the last, near those between (a cubic B-spline)."""
    line = [points[0]]
    if len(points) > 1:
        ends = mirrored(points[1], points[0]), mirrored(points[-2], points[-1])
        controls = [ends[0], *points, ends[1]]
        for four in zip(controls, controls[1:], controls[2:], controls[3:], strict=False):
            line += span(*four, step)
    return line


def span(a: Point, b: Point, c: Point, d: Point, step: float = STEP) -> list[Point]:
    """The part of a curve that leads from near `b` to near `c`, between points `a` and `d`.

    Points at most `step` apart, the first left out.
    """
    pieces = max(1, math.ceil(max(math.dist(a, b), math.dist(b, c), math.dist(c, d)) / step))
    line = []
    for piece in range(1, pieces + 1):
        t = piece / pieces
        e, f = (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6
        g, h = (3 * (t + t**2 - t**3) + 1) / 6, t**3 / 6
        x = e * a[0] + f * b[0] + g * c[0] + h * d[0]
        y = e * a[1] + f * b[1] + g * c[1] + h * d[1]
        line.append((x, y))
    return line


def mirrored(point: Point, at: Point) -> Point:
    """As far on the other side of `at`: with it beyond an end, a curve starts at that end."""
    return 2 * at[0] - point[0], 2 * at[1] - point[1]


def erased(stroke: Stroke, start: Point, end: Point, radius: float) -> list[Stroke]:
    """What a round eraser that moves from `start` to `end` leaves of a stroke.

    `[stroke]` itself where it touches nothing, else the pieces, of which there may be none.
    """
    if not overlap(stroke.box, grown(box_of([start, end]), radius)):
        return [stroke]
    reach = radius + stroke.width / 2  # the ink ends half a width beyond its last point
    runs: list[list[Point]] = [[]]
    for point in dense(stroke.line(), max(reach / 4, 0.5)):
        if distance(point, start, end) < reach:
            runs.append([])
        else:
            runs[-1].append(point)
    if len(runs) == 1:
        return [stroke]
    return [Stroke(tuple(run), stroke.width) for run in runs if run]


def dense(points: Sequence[Point], step: float) -> Iterator[Point]:
    """The points with others on the straight lines between them, so that none is further than `step`."""
    yield points[0]
    for (x0, y0), (x1, y1) in pairwise(points):
        pieces = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / step))
        for piece in range(1, pieces):
            share = piece / pieces
            yield x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
        yield x1, y1


def distance(point: Point, start: Point, end: Point) -> float:
    """From `point` to the straight line between `start` and `end`, which may be the same."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x**2 + along_y**2
    share = 0.0
    if length > 0:
        share = ((point[0] - start[0]) * along_x + (point[1] - start[1]) * along_y) / length
        share = min(1.0, max(0.0, share))
    return math.hypot(point[0] - start[0] - share * along_x, point[1] - start[1] - share * along_y)


def box_of(points: Sequence[Point]) -> Box:
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def around(boxes: Sequence[Box]) -> Box | None:
    """The smallest box that holds all of `boxes`; None for no boxes."""
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _middle(box: Box) -> Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _holds(box: Box, point: Point) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def grown(box: Box, by: float) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def overlap(first: Box, second: Box) -> bool:
    return first[0] <= second[2] and second[0] <= first[2] and first[1] <= second[3] and second[1] <= first[3]
