"""The drawing: strokes on a page, an eraser, undo and redo. Independent of Tk.

Page coordinates do not depend on the size of the window: (0, 0) is in the middle of the canvas, y grows
downwards, and a unit is a pixel of the canvas as it first opened.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace

from common.geometry import Box, Point, around, holds, middle
from gui.stroke import Stroke, erased

UNDO_LIMIT = 500  # actions that undo goes back over
UNDO_PICTURES = 15  # different pictures among them; each may take 8 MB


WHOLE = (0.0, 0.0, 1.0, 1.0)  # of the file's picture: all of it


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture under the strokes. Immutable.

    Attributes:
        width, height: in pixels.
        pixels: RGB, 3 bytes each, row by row.
        paper: its median colour.
        box: its place on the page.
        pages: how many pages its file has; it is the first.
        file: path of that file; "" if it is not known.
        part: left, top, right and bottom of what is shown of the file's picture, as shares of its sides.
    """

    width: int
    height: int
    pixels: bytes
    paper: tuple[int, int, int]
    box: Box = (0.0, 0.0, 0.0, 0.0)
    pages: int = 1
    file: str = ""
    part: Box = WHOLE

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


@dataclass(frozen=True)
class Action:
    """What undo or redo goes back over.

    Attributes:
        page: that it returns to.
        undo, redo: do the same with what else was done, beside the page.
    """

    page: Page
    undo: Callable[[], None] = lambda: None
    redo: Callable[[], None] = lambda: None


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
        self._undo: list[Action] = []
        self._redo: list[Action] = []
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
        self._add(Action(self.page))
        self.page = page
        self.version += 1

    def note(self, undo: Callable[[], None], redo: Callable[[], None]) -> None:
        """Count as one action what was done beside the page: `undo` undoes it, and `redo` does it again."""
        self._add(Action(self.page, undo, redo))

    def _add(self, action: Action) -> None:
        self._undo = _newest([*self._undo, action])
        self._redo.clear()

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
        action = self._go(self._undo, self._redo)
        if action:
            action.undo()
        return action is not None

    def redo(self) -> bool:
        """Redo the action that was undone last; return False if there is none."""
        self.finish()
        action = self._go(self._redo, self._undo)
        if action:
            action.redo()
        return action is not None

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to undo."""
        return bool(self._undo or self.live)

    @property
    def can_redo(self) -> bool:
        """Whether there is an action to redo."""
        return bool(self._redo)

    def _go(self, source: list[Action], target: list[Action]) -> Action | None:
        """Return to the page of the last action of `source`; return that action, None if there is none."""
        if not source:
            return None
        action = source.pop()
        target.append(replace(action, page=self.page))
        self.page = action.page
        self.version += 1
        return action


def _newest(actions: list[Action]) -> list[Action]:
    """Return the last of `actions`, as many as both limits allow."""
    pictures = set()
    for count, action in enumerate(reversed(actions)):
        pictures.add(action.page.picture)
        if count == UNDO_LIMIT or len(pictures - {None}) > UNDO_PICTURES:
            return actions[-count:]
    return actions
