"""The page as pixels: paper or a picture, with anti-aliased ink on it.

Canvas lines would be simpler, but Tk repaints all that overlap with each move of the pen: with some hundred
strokes that takes longer than the pen does to move again, and on X11 their edges are jagged. Here the cost of
a move does not depend on what is drawn. Longer painting, as after undo or in a new size, is done in steps
between which the window handles events.
"""

import time
import tkinter as tk
from collections.abc import Iterator, Sequence

from PIL import Image

from common.geometry import Box, Point, around, grown, overlap
from gui.drawing import Page
from gui.painting import Pixels, chunks, ink_colour, moved, paint, pieces_of, pixels_of, place_picture
from gui.spline import STEP
from gui.theme import RGB, Theme, rgb

PAINTING_TIME = 0.012  # seconds of a step
BAND = 150_000  # pixels that are put on the screen at a time


class PageImage:
    """An image on a canvas that shows a page.

    Args:
        canvas: the canvas to show it on.
        theme: the window's theme.

    Attributes:
        page: what is painted, or will be.
        size: in pixels.
        scale: pixels per unit of the page.
        region: the visible part of the page.
        ink_follows_speed: whether fast strokes are thinner.
    """

    def __init__(self, canvas: tk.Canvas, theme: Theme) -> None:
        self._canvas = canvas
        self._ink_colour, self._paper = rgb(theme.colours.ink), rgb(theme.colours.paper)
        self._photo = tk.PhotoImage(master=canvas)
        self._item = canvas.create_image(0, 0, image=self._photo, anchor="nw")
        self._dirty: Pixels | None = None  # box that is being repainted
        self._work: Iterator[None] = iter(())
        self._work_due = ""
        self.page = Page()
        self.ink_follows_speed = True

    def fit(self, page: Page, size: tuple[int, int], scale: float, middle: Point) -> None:
        """Show a page in this size and scale, around a point of it."""
        self.page, self.size, self.scale = page, size, scale
        half_width, half_height = size[0] / 2 / scale, size[1] / 2 / scale
        x, y = middle
        self.region = x - half_width, y - half_height, x + half_width, y + half_height
        self._base = Image.new("RGB", size, self._paper)
        place_picture(self._base, page, self.region, scale)
        self._ink = Image.new("L", size)
        self._photo.configure(width=size[0], height=size[1])
        self._dirty = None
        self.repaint(self.region)

    def move_to(self, x: float, y: float) -> None:
        """Move the upper left corner to this position on the canvas."""
        self._canvas.coords(self._item, x, y)

    def pixels(self, points: Sequence[Point]) -> list[Point]:
        """Convert points of the page to pixels of the image."""
        return moved(points, self.region, self.scale)

    def ink_colour(self) -> RGB:
        """Return the colour of ink, which stands out from the picture if there is one."""
        return ink_colour(self.page, self._ink_colour)

    def add(self, line: Sequence[Point], width: float) -> None:
        """Paint ink along a line of the page immediately."""
        changed = paint(self._ink, self.pixels(line), width * self.scale)
        if changed:
            self._put(changed)

    def show(self, page: Page) -> None:
        """Show a page with the same picture; strokes that differ are painted in steps."""
        changed = set(self.page.strokes) ^ set(page.strokes)
        self.page = page
        if changed:
            self.repaint(around([stroke.box for stroke in changed]))

    def repaint(self, box: Box) -> None:
        """Paint the ink in a box of the page again, in steps."""
        box = grown(box, 2 / self.scale)  # for the anti-aliased edge of the ink
        dirty = pixels_of(box, self.region, self.scale, self.size)
        self._dirty = around([dirty, self._dirty or dirty])
        self._work = self._painting(self._dirty)
        self._continue()

    def _painting(self, dirty: Pixels) -> Iterator[None]:
        """Paint a box of the image, a short piece in each iteration."""
        if dirty[0] < dirty[2] and dirty[1] < dirty[3]:
            self._ink.paste(0, dirty)
            for stroke in self.page.strokes:
                if not overlap(pixels_of(stroke.box, self.region, self.scale, self.size), dirty):
                    continue
                for whole, width in pieces_of(stroke, STEP / self.scale, self.ink_follows_speed):
                    for line in chunks(whole):
                        paint(self._ink, self.pixels(line), width * self.scale, within=dirty)
                        yield
            rows = max(1, BAND // (dirty[2] - dirty[0]))
            for top in range(dirty[1], dirty[3], rows):
                self._put((dirty[0], top, dirty[2], min(dirty[3], top + rows)))
                yield
        self._dirty = None

    def _continue(self) -> None:
        """Paint for `PAINTING_TIME`, and continue after pending events."""
        if self._work_due:
            self._canvas.after_cancel(self._work_due)
            self._work_due = ""
        until = time.perf_counter() + PAINTING_TIME
        for _ in self._work:
            if time.perf_counter() > until:
                self._work_due = self._canvas.after(1, self._continue)
                return

    def _put(self, box: Pixels) -> None:
        """Put a box of the image on the screen."""
        part = self._base.crop(box)
        part.paste(self.ink_colour(), mask=self._ink.crop(box))
        content = b"P6 %d %d 255\n" % part.size + part.tobytes()
        self._canvas.tk.call(self._photo, "put", content, "-format", "ppm", "-to", *box[:2])
