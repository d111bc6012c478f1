"""The ring around the pointer that shows how far the eraser reaches."""

import tkinter as tk
from collections.abc import Callable

from gui.theme import Theme


class EraserRing:
    """Follows the pointer while it is over the canvas and `radius` is not None.

    Args:
        canvas: to draw on.
        theme: the window's theme.
        radius: returns how far the eraser reaches, in pixels; None if no eraser is in use.
    """

    def __init__(self, canvas: tk.Canvas, theme: Theme, radius: Callable[[], float | None]) -> None:
        self._canvas, self._radius = canvas, radius
        self._at: tuple[int, int] | None = None  # where the pointer is, if it is over the canvas
        canvas.create_oval(0, 0, 0, 0, outline=theme.colours.accent, state="hidden", tags="eraser")
        for event in ("<Enter>", "<Motion>"):
            canvas.bind(event, self.follow)
        canvas.bind("<Leave>", self._leave)

    def follow(self, event: tk.Event) -> None:
        """Move to the pointer."""
        self._at = event.x, event.y
        self.draw()

    def _leave(self, event: tk.Event) -> None:
        self._at = None
        self.draw()

    def draw(self) -> None:
        """Show or hide the ring, after its radius has changed."""
        radius = self._radius()
        if self._at is None or radius is None:
            self._canvas.itemconfigure("eraser", state="hidden")
            return
        x, y = self._at
        self._canvas.coords("eraser", x - radius, y - radius, x + radius, y + radius)
        self._canvas.itemconfigure("eraser", state="normal")
        self._canvas.tag_raise("eraser")
