"""Boxes with labels around the digits of a number, on the canvas."""

import tkinter as tk
from collections.abc import Callable, Sequence

from common.geometry import Point, grown, holds
from gui.protocol import DigitReading
from gui.theme import Theme

MARGIN = 4  # units of the page between the ink and its box


class DigitBoxes:
    """Draws boxes.

    Args:
        canvas: to draw on.
        theme: the window's theme.
        coordinates: converts points of the page to canvas coordinates x, y, x, y, ...
    """

    def __init__(self, canvas: tk.Canvas, theme: Theme, coordinates: Callable[..., list[float]]) -> None:
        self._canvas, self._theme, self._coordinates = canvas, theme, coordinates
        self._shown: tuple[Sequence[DigitReading], Sequence[str], int, float] = (), (), 0, 0.0

    def show(self, digits: Sequence[DigitReading], labels: Sequence[str], chosen: int, pen: float) -> None:
        """Draw a box with a label around each digit, and highlight the one with index `chosen`.

        Args:
            pen: its width: boxes are given without that of the ink.
        """
        self._shown = digits, labels, chosen, pen
        self.draw()

    def draw(self) -> None:
        """Draw the boxes again, after the scale has changed."""
        digits, labels, chosen, pen = self._shown
        self._canvas.delete("box")
        px, colours = self._theme.px, self._theme.colours
        for place, (digit, label) in enumerate(zip(digits, labels, strict=True)):
            colour = colours.accent if place == chosen else colours.soft
            box = grown(digit.box, pen / 2 + MARGIN)
            left, top, right, bottom = self._coordinates(box[:2], box[2:])
            self._canvas.create_rectangle(
                left,
                top,
                right,
                bottom,
                outline=colour,
                width=px(1.5 if place == chosen else 1),
                dash=(4, 4) if label == "?" else (),
                tags=("box", f"box{place}"),
            )
            name = self._canvas.create_text(
                left,
                max(top - px(1), px(12)),
                text=label,
                fill=colours.accent if place == chosen else colours.muted,
                font=self._theme.bold,
                anchor="sw",
                tags=("box", f"box{place}"),
            )
            # Paper behind it, since a picture may have any colour.
            plate = self._canvas.create_rectangle(
                *self._canvas.bbox(name), fill=colours.paper, width=0, tags=("box", f"box{place}")
            )
            self._canvas.tag_lower(plate, name)

    def at(self, point: Point) -> int | None:
        """Return the index of the digit whose box or label is there, the smallest of several, or None."""
        found = []
        for place in range(len(self._shown[0])):
            left, top, right, bottom = self._canvas.bbox(f"box{place}")
            if holds((left, top, right, bottom), point):
                found.append(((right - left) * (bottom - top), place))
        return min(found)[1] if found else None
