"""The drawing itself: strokes on a page, with undo, redo and an eraser. No window: tested without a screen.

A page has coordinates of its own: (0, 0) in the middle of the sheet, y downwards, one unit a pixel of the
sheet as it first opened. So a drawing is the same on a sheet of any size.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from common.geometry import Box, Point, around, box_of, dense, distance, grown, holds, middle, overlap
from gui.spline import STEP, curve, knots, spacing

UNDO_LIMIT = 500  # actions; each keeps a tuple of strokes
UNDO_PICTURES = 30  # different ones among them: each may have 4 MB


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

    def fitted(self, region: Box) -> Picture:
        """The same picture in the middle of a region, as large as it can be there."""
        (x, y), (left, top, right, bottom) = middle(region), region
        scale = min((right - left) / self.width, (bottom - top) / self.height) / 2
        wide, high = self.width * scale, self.height * scale
        return replace(self, box=(x - wide, y - high, x + wide, y + high))


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
        return tuple(stroke for stroke in self.strokes if holds(box, middle(stroke.box)))


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
        self._undo = _newest([*self._undo, self.page])
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


def _newest(pages: list[Page]) -> list[Page]:
    """The last of `pages`, as many as both limits allow."""
    pictures = set()
    for count, page in enumerate(reversed(pages)):
        pictures.add(page.picture)
        if count == UNDO_LIMIT or len(pictures - {None}) > UNDO_PICTURES:
            return pages[-count:]
    return pages


def _same(first: Stroke, second: Stroke) -> bool:
    return first is second


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
