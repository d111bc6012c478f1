"""The stroke that is being drawn: painted as far as its curve is final, the rest shown as a canvas line."""

import math
import tkinter as tk
from collections.abc import Callable

from common.geometry import Point
from gui.page_image import PageImage
from gui.spline import STEP, mirrored, narrowed, spacing, span


class LiveStroke:
    """Paints a stroke while the pen moves.

    Args:
        canvas: to draw on.
        page_image: to paint on.
        coordinates: converts points of the page to canvas coordinates x, y, x, y, ...

    Attributes:
        painted: end of the painted part; None if nothing of it is painted.
    """

    def __init__(
        self, canvas: tk.Canvas, page_image: PageImage, coordinates: Callable[..., list[float]]
    ) -> None:
        self._canvas, self._page_image, self._coordinates = canvas, page_image, coordinates
        self.painted: Point | None = None
        self._knots: list[Point] = []  # control points of the curve
        self._factors: list[float] = []  # of the width at each of them
        self._since = 0  # points since the last of them
        self._width = 1.0
        canvas.create_line(0, 0, 0, 0, capstyle="round", joinstyle="round", state="hidden", tags="tail")

    def begin(self, point: Point, width: float) -> None:
        """Put the pen down."""
        self._width, self._knots, self._factors, self._since = width, [point], [1.0], 0
        self._paint([point], 1.0)

    def extend(self, pen: Point) -> None:
        """Move the pen."""
        if self.painted is None:
            return
        self._since += 1
        if math.dist(pen, self._knots[-1]) >= spacing(self._width):
            self._add_knot(pen)
        self._canvas.coords("tail", *self._coordinates(self.painted, *self._knots[-2:], pen))
        colour = "#{:02x}{:02x}{:02x}".format(*self._page_image.ink_colour())
        width = self._width * self._page_image.scale * self._factor(-1)
        self._canvas.itemconfigure("tail", state="normal", width=width, fill=colour)

    def end(self, pen: Point) -> None:
        """Paint the curve to its end at the pen."""
        if pen != self._knots[-1]:
            self._since = max(1, self._since)
            self._add_knot(pen)
        if len(self._knots) > 1:
            self._paint_span([*self._knots[-3:], mirrored(self._knots[-2], pen)], -1)
        self.painted = None

    def hide(self) -> None:
        """Hide the part that is not painted."""
        self._canvas.itemconfigure("tail", state="hidden")

    def _factor(self, place: int) -> float:
        return self._factors[place] if self._page_image.ink_follows_speed else 1.0

    def _add_knot(self, knot: Point) -> None:
        """Add a control point, and paint the part of the curve that is final with it."""
        pace = math.dist(knot, self._knots[-1]) / max(1, self._since)
        self._factors.append(narrowed(self._factors[-1], pace, self._width))
        self._since = 0
        self._knots.append(knot)
        if len(self._knots) > 2:
            self._paint_span(self._knots[-4:], -2)

    def _paint_span(self, controls: list[Point], place: int) -> None:
        if len(controls) < 4:  # the first part of the curve
            controls = [mirrored(controls[1], controls[0]), *controls]
        line = span(*controls, STEP / self._page_image.scale)
        self._paint([self.painted, *line], self._factor(place))

    def _paint(self, line: list[Point], factor: float) -> None:
        self._page_image.add(line, self._width * factor)
        self.painted = line[-1]
