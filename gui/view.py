"""Which part of the page the canvas shows: the wheel zooms a picture, space and drag moves it."""

import tkinter as tk
from collections.abc import Callable

from common.geometry import Point
from gui.keys import MAC

ZOOM_STEP, MOST_ZOOM = 1.25, 8.0
NOTCH = 12 if MAC else 120  # an event's delta for one step; a touchpad's is smaller
DELAY = 15  # milliseconds within which turns of the wheel are shown together
RELEASE = 40  # milliseconds after which a released space bar was not only repeated by the keyboard


class View:
    """Follows the wheel and the space bar.

    Args:
        canvas: that shows the page.
        may_zoom: whether the page can be zoomed.
        on_change: called, shortly after a change, to show it.

    Attributes:
        zoom: 1 for the whole page.
        middle: of the shown part, on the page.
        is_moving: whether the space bar is held, so that the left button moves the page.
    """

    def __init__(
        self, canvas: tk.Canvas, may_zoom: Callable[[], bool], on_change: Callable[[], None]
    ) -> None:
        self._canvas, self._may_zoom, self._on_change = canvas, may_zoom, on_change
        self.zoom, self.middle = 1.0, (0.0, 0.0)
        self.is_moving = False
        self._change_due = self._release_due = ""
        self._size, self._whole_scale = (1, 1), 1.0
        self._grabbed: Point | None = None  # pointer position at the last move
        canvas.bind("<MouseWheel>", lambda event: self.zoom_by(event.delta / NOTCH, (event.x, event.y)))
        canvas.bind("<Shift-MouseWheel>", lambda event: None)  # turns sideways
        canvas.bind("<Button-4>", lambda event: self.zoom_by(1, (event.x, event.y)))  # on X11
        canvas.bind("<Button-5>", lambda event: self.zoom_by(-1, (event.x, event.y)))
        canvas.bind("<KeyPress-space>", self._hold)
        canvas.bind("<KeyRelease-space>", self._let_go)
        canvas.bind("<FocusOut>", lambda event: self._stop(), add=True)

    def reset(self) -> None:
        """Show the whole page."""
        self.zoom, self.middle = 1.0, (0.0, 0.0)

    def fit(self, size: tuple[int, int], whole_scale: float) -> float:
        """Take note of the size of the canvas in pixels and of the scale that shows the whole page.

        Returns:
            the pixels per unit of the page with the zoom.
        """
        self._size, self._whole_scale = size, whole_scale
        self.middle = self._limited(self.middle)
        return whole_scale * self.zoom

    def zoom_by(self, steps: float, at: Point | None = None) -> None:
        """Zoom in, or out if `steps` is negative, with the point `at` (canvas pixels) in its place."""
        if not self._may_zoom():
            return
        x, y = at or (self._size[0] / 2, self._size[1] / 2)
        away = x - self._size[0] / 2, y - self._size[1] / 2
        before = self._whole_scale * self.zoom
        self.zoom = min(MOST_ZOOM, max(1.0, self.zoom * ZOOM_STEP**steps))
        change = 1 / before - 1 / (self._whole_scale * self.zoom)
        self._move_to((self.middle[0] + away[0] * change, self.middle[1] + away[1] * change))

    def grab(self, event: tk.Event) -> None:
        """Take hold of the page."""
        self._grabbed = event.x, event.y

    def drag(self, event: tk.Event) -> bool:
        """Move the page with the pointer; return False if it is not held."""
        if self._grabbed is None:
            return False
        scale = self._whole_scale * self.zoom
        (x, y), self._grabbed = self._grabbed, (event.x, event.y)
        self._move_to((self.middle[0] - (event.x - x) / scale, self.middle[1] - (event.y - y) / scale))
        return True

    def release(self) -> bool:
        """Let go of the page; return False if it was not held."""
        was_held, self._grabbed = self._grabbed is not None, None
        return was_held

    def _limited(self, middle: Point) -> Point:
        """Return the nearest middle at which nothing beside the whole page is shown."""
        beyond = [side / 2 / self._whole_scale * (1 - 1 / self.zoom) for side in self._size]
        return tuple(min(most, max(-most, value)) for value, most in zip(middle, beyond, strict=True))

    def _move_to(self, middle: Point) -> None:
        self.middle = self._limited(middle)
        if not self._change_due:
            self._change_due = self._canvas.after(DELAY, self._show)

    def _show(self) -> None:
        self._change_due = ""
        self._on_change()

    def _hold(self, event: tk.Event) -> None:
        if self._release_due:
            self._canvas.after_cancel(self._release_due)
            self._release_due = ""
        if self._may_zoom():
            self.is_moving = True
            self._canvas.configure(cursor="fleur")

    def _let_go(self, event: tk.Event) -> None:
        self._release_due = self._canvas.after(RELEASE, self._stop)

    def _stop(self) -> None:
        self._release_due = ""
        self.is_moving = False
        self._canvas.configure(cursor="crosshair")
