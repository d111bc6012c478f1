"""The drawing: strokes on a page, an eraser, undo and redo. Independent of Tk.

Page coordinates do not depend on the size of the window: (0, 0) is in the middle of the canvas, y grows
downwards, and a unit is a pixel of the canvas as it first opened.
"""

from __future__ import annotations

import operator
from array import array
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from common.geometry import Box, Point, around, box_of, dense, distance, grown, holds, middle, overlap
from gui.spline import STEP, curve, factors, knot_places, knots, mirrored, spacing, span

SAME_WIDTH = 0.015  # difference of widths that are painted as one, relative to the pen's
UNDO_LIMIT = 500  # pages that undo goes back to
UNDO_PICTURES = 15  # different pictures among them; each may take 8 MB


@dataclass(frozen=True, eq=False)
class Stroke:
    """A stroke of the pen. Immutable.

    Attributes:
        points: at least one.
        width: of the pen.
        factors: of the width at each point, where the points no longer tell how fast the pen was; else ().
    """

    points: tuple[Point, ...]
    width: float
    factors: tuple[float, ...] = ()

    @cached_property
    def box(self) -> Box:
        """The bounding box of the ink."""
        return grown(box_of(self.points), self.width / 2)

    def line(self, step: float = STEP) -> list[Point]:
        """Return the smooth centre line of the ink, as points at most about `step` apart."""
        return curve(knots(self.points, spacing(self.width)), step)

    def inked(self, step: float = STEP) -> list[tuple[list[Point], float]]:
        """Return the line in pieces of one width each, which is smaller where the pen was fast."""
        places = knot_places(self.points, spacing(self.width))
        if len(places) == 1:
            return [(self.line(step), self.width)]
        controls = [self.points[place] for place in places]
        if self.factors:
            widths = [self.factors[place] for place in places]
        else:
            widths = factors(self.points, places, self.width)
        ends = mirrored(controls[1], controls[0]), mirrored(controls[-2], controls[-1])
        padded = [ends[0], *controls, ends[1]]
        pieces = [([controls[0]], self.width * widths[0])]
        for *four, factor in zip(padded, padded[1:], padded[2:], padded[3:], widths[1:], strict=False):
            line, width = span(*four, step), self.width * factor
            if abs(width - pieces[-1][1]) < SAME_WIDTH * self.width:
                pieces[-1][0].extend(line)
            else:
                pieces.append(([pieces[-1][0][-1], *line], width))
        return pieces

    @cached_property
    def _packed(self) -> bytes:
        return array("d", chain.from_iterable(self.points)).tobytes()

    def __reduce__(self) -> tuple:
        """Pickle compactly: all strokes are sent to the worker process after each move of the pen."""
        return _unpacked, (self._packed, self.width, self.factors)


def _unpacked(packed: bytes, width: float, factors: tuple[float, ...]) -> Stroke:
    values = iter(array("d", packed))
    return Stroke(tuple(zip(values, values, strict=True)), width, factors)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture under the strokes. Immutable.

    Attributes:
        width, height: in pixels.
        pixels: RGB, 3 bytes each, row by row.
        paper: its median colour.
        box: its place on the page.
        pages: how many pages its file has; it is the first.
    """

    width: int
    height: int
    pixels: bytes
    paper: tuple[int, int, int]
    box: Box = (0.0, 0.0, 0.0, 0.0)
    pages: int = 1

    @property
    def dark(self) -> bool:
        """Whether ink on it should be light."""
        return sum(self.paper) < 3 * 128

    def fitted(self, region: Box) -> Picture:
        """Return the same picture in the middle of a region, as large as fits."""
        (x, y), (left, top, right, bottom) = middle(region), region
        scale = min((right - left) / self.width, (bottom - top) / self.height) / 2
        half_width, half_height = self.width * scale, self.height * scale
        return replace(self, box=(x - half_width, y - half_height, x + half_width, y + half_height))


@dataclass(frozen=True, eq=False)
class Page:
    """The strokes and the picture at one moment. Immutable: undo returns to an earlier page."""

    strokes: tuple[Stroke, ...] = ()
    picture: Picture | None = None

    @property
    def blank(self) -> bool:
        """Whether there is neither a stroke nor a picture."""
        return not self.strokes and self.picture is None

    def bounds(self) -> Box | None:
        """Return the bounding box of all ink and the picture; None for a blank page."""
        boxes = [stroke.box for stroke in self.strokes]
        if self.picture:
            boxes.append(self.picture.box)
        return around(boxes)

    def points(self) -> list[tuple[Point, ...]]:
        """Return the points of each stroke, as `Recognizer.read_strokes` takes them."""
        return [stroke.points for stroke in self.strokes]

    def strokes_in(self, box: Box) -> tuple[Stroke, ...]:
        """Return the strokes whose centre lies in `box`."""
        return tuple(stroke for stroke in self.strokes if holds(box, middle(stroke.box)))


class Drawing:
    """The page that is being drawn on, with undo and redo.

    Attributes:
        page: without the stroke that is being drawn.
        live: the points of that stroke, empty if the pen is up.
        version: changes with every action, to recognise readings that are out of date.
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
        """Return the page with the stroke that is being drawn."""
        if not self.live:
            return self.page
        return Page((*self.page.strokes, self._live_stroke()), self.page.picture)

    @property
    def blank(self) -> bool:
        """Whether nothing is drawn, and there is no picture."""
        return self.page.blank and not self.live

    # the pen

    def begin(self, point: Point, width: float) -> None:
        """Put the pen down. Lifted without a move, it leaves a dot."""
        self.finish()
        self.live, self._live_width = [point], width
        self.version += 1

    def extend(self, point: Point) -> bool:
        """Move the pen to `point`; return False if it is up or already there."""
        if not self.live or point == self.live[-1]:
            return False
        self.live.append(point)
        return True

    def finish(self) -> None:
        """Lift the pen or the eraser: what it did since it was put down is one action."""
        self._erasing = False
        if self.live:
            stroke, self.live = self._live_stroke(), []
            self.replace(Page((*self.page.strokes, stroke), self.page.picture))

    def _live_stroke(self) -> Stroke:
        return Stroke(tuple(self.live), self._live_width)

    # the eraser

    def erase(self, start: Point, end: Point, radius: float) -> bool:
        """Move a round eraser from `start` to `end`, which cuts strokes where it touches them.

        All moves until `finish` are one action.

        Returns:
            whether it touched ink.
        """
        strokes: list[Stroke] = []
        for stroke in self.page.strokes:
            strokes += erased(stroke, start, end, radius)
        if len(strokes) == len(self.page.strokes) and all(map(operator.is_, strokes, self.page.strokes)):
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
        """Make readings of the drawing out of date without a change to it."""
        self.version += 1

    def replace(self, page: Page) -> None:
        """Replace the page, as one action."""
        self._undo = _newest([*self._undo, self.page])
        self._redo.clear()
        self.page = page
        self.version += 1

    def clear(self) -> bool:
        """Take a blank page; return False if it is blank already."""
        self.finish()
        if self.page.blank:
            return False
        self.replace(Page())
        return True

    def undo(self) -> bool:
        """Undo the last action; return False if there is none."""
        self.finish()
        return self._go(self._undo, self._redo)

    def redo(self) -> bool:
        """Redo the action that was undone last; return False if there is none."""
        self.finish()
        return self._go(self._redo, self._undo)

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to undo."""
        return bool(self._undo or self.live)

    @property
    def can_redo(self) -> bool:
        """Whether there is an action to redo."""
        return bool(self._redo)

    def _go(self, source: list[Page], target: list[Page]) -> bool:
        if not source:
            return False
        target.append(self.page)
        self.page = source.pop()
        self.version += 1
        return True


def _newest(pages: list[Page]) -> list[Page]:
    """Return the last of `pages`, as many as both limits allow."""
    pictures = set()
    for count, page in enumerate(reversed(pages)):
        pictures.add(page.picture)
        if count == UNDO_LIMIT or len(pictures - {None}) > UNDO_PICTURES:
            return pages[-count:]
    return pages


def erased(stroke: Stroke, start: Point, end: Point, radius: float) -> list[Stroke]:
    """Return what a round eraser that moves from `start` to `end` leaves of a stroke.

    Returns:
        `[stroke]` with the same object if it is not touched, else the remaining pieces, possibly none.
    """
    if not overlap(stroke.box, grown(box_of([start, end]), radius)):
        return [stroke]
    reach = radius + stroke.width / 2  # the ink ends half a width beyond its last point
    runs: list[list[tuple[Point, float]]] = [[]]
    for line, width in stroke.inked():
        for point in dense(line, max(reach / 4, 0.5)):
            if distance(point, start, end) < reach:
                runs.append([])
            else:
                runs[-1].append((point, width / stroke.width))
    if len(runs) == 1:
        return [stroke]
    parts = (tuple(zip(*run, strict=True)) for run in runs if run)
    return [Stroke(points, stroke.width, factors) for points, factors in parts]
