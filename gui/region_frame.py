"""A frame that people draw with the mouse around a part of a picture."""

import tkinter as tk
from collections.abc import Callable

from common.geometry import Box, Point, box_of
from gui.drawing_canvas import DrawingCanvas

SMALLEST = 8  # pixels; a smaller frame was a click


class RegionFrame:
    """Draws a frame with Ctrl and the left button, if the page has a picture.

    Args:
        canvas: where it is drawn.
        on_region: called with the frame, in page coordinates, when the button is released.
    """

    def __init__(self, canvas: DrawingCanvas, on_region: Callable[[Box], None]) -> None:
        self._canvas, self._on_region = canvas, on_region
        self._corner: Point | None = None  # where the frame began, on the page
        colour = canvas.theme.colours.accent
        canvas.create_rectangle(0, 0, 0, 0, outline=colour, dash=(4, 4), state="hidden", tags="frame")
        canvas.bind("<Control-ButtonPress-1>", self._press)
        canvas.bind("<B1-Motion>", self._move, add=True)
        canvas.bind("<ButtonRelease-1>", self._release, add=True)

    def _press(self, event: tk.Event) -> None:
        self._canvas.focus_set()
        self._canvas.pen_up()
        if self._canvas.drawing.page.picture:
            self._corner = self._canvas.position(event)

    def _move(self, event: tk.Event) -> None:
        if self._corner:
            left, top, right, bottom = self._box(event)
            self._canvas.coords("frame", *self._canvas.coordinates((left, top), (right, bottom)))
            self._canvas.itemconfigure("frame", state="normal")
            self._canvas.tag_raise("frame")

    def _release(self, event: tk.Event) -> None:
        if not self._corner:
            return
        box = self._box(event)
        self._corner = None
        self._canvas.itemconfigure("frame", state="hidden")
        smallest = SMALLEST / self._canvas.page_image.scale
        if min(box[2] - box[0], box[3] - box[1]) >= smallest:
            self._on_region(box)

    def _box(self, event: tk.Event) -> Box:
        return box_of([self._corner, self._canvas.position(event)])
