"""A stroke of the pen, and what an eraser leaves of it. Independent of Tk."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from common.geometry import Box, Point, box_of, dense, distance, grown, overlap
from gui.spline import STEP, curve, factors, knot_places, knots, mirrored, spacing, span

SAME_WIDTH = 0.015  # difference of widths that are painted as one, relative to the pen's


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
