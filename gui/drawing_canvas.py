"""The canvas: people draw and erase on it, and see boxes around the digits that were read."""

import math
import tkinter as tk
from collections.abc import Callable, Sequence

from common.geometry import Box, Point, around, grown, holds
from gui.digit_boxes import DigitBoxes
from gui.drawing import Drawing, Page
from gui.eraser_ring import EraserRing
from gui.icons import tk_image
from gui.live_stroke import LiveStroke
from gui.page_image import PageImage
from gui.painting import to_image
from gui.protocol import DigitReading
from gui.sample_digits import digit
from gui.stroke import Stroke
from gui.theme import Theme, rgb
from gui.view import View

MARGIN = 0.03  # around a page that is made to fit, relative to the side
CLICK_TOLERANCE = 2.0  # points that the pointer may move in a click
EXAMPLES = (3, 7, 2)  # digits of one stroke each, shown at the first start
RESIZE_DELAY = 60  # milliseconds without a further change of size after which the page is painted again


class DrawingCanvas(tk.Canvas):
    """Shows a drawing and takes input from the pen and the eraser.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        drawing: what is shown and changed.
        side: width and height at first, in pixels. A unit of the page is 1/`side` of the shorter side.
        eraser: variable, whether the left button erases.
        ink_follows_speed: variable, whether fast strokes are thinner; what is read does not depend on it.
        on_change: called after each change that the pen or the eraser makes.
        on_choose: called with the index of a digit whose box was clicked.

    Attributes:
        brush: the pen's width in units of the page.
        page_image: the page as pixels.
        view: which part of the page is shown.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        drawing: Drawing,
        side: int,
        eraser: tk.BooleanVar,
        ink_follows_speed: tk.BooleanVar,
        on_change: Callable[[], None],
        on_choose: Callable[[int], None],
    ) -> None:
        self._edge = theme.px(1.5)
        super().__init__(
            parent,
            width=side,
            height=side,
            background=theme.colours.paper,
            borderwidth=0,
            highlightthickness=self._edge,
            highlightbackground=theme.colours.line,
            highlightcolor=theme.colours.line,
            cursor="crosshair",
            takefocus=True,
        )
        self.theme, self.drawing, self.side = theme, drawing, side
        self._erases, self._ink_follows_speed = eraser, ink_follows_speed
        self._on_change, self._on_choose = on_change, on_choose
        self.brush = 20.0
        self.page_image = PageImage(self, theme)
        self.view = View(self, lambda: self.drawing.page.picture is not None, self._show_view)
        self._live = LiveStroke(self, self.page_image, self.coordinates)
        self._boxes = DigitBoxes(self, theme, self.coordinates)
        self._eraser: Point | None = None  # its position on the page while it is down
        self._pressed: tk.Event | None = None  # press in a box: the pen draws if it moves, else it is a click
        self._has_examples = False
        self._resize_due = ""
        self.create_text(0, 0, fill=theme.colours.muted, font=theme.body, justify="center", tags="hint")
        self._ring = EraserRing(self, theme, self._reach)
        eraser.trace_add("write", lambda *_: self._ring.draw())
        self._fit((side, side))
        # The focus is shown only if it comes by the keyboard.
        self.bind("<<TraverseIn>>", lambda event: self.configure(highlightcolor=theme.colours.accent))
        self.bind("<FocusOut>", lambda event: self.configure(highlightcolor=theme.colours.line))
        self.bind("<ButtonPress-1>", self._press)
        self.bind("<Shift-ButtonPress-1>", self._press_eraser)
        for button in (2, 3):  # the right button is 3 on X11 and Windows, 2 on macOS
            self.bind(f"<ButtonPress-{button}>", self._press_eraser)
        for button in (1, 2, 3):
            self.bind(f"<B{button}-Motion>", self._move)
            self.bind(f"<B{button}-Motion>", self._ring.follow, add=True)
            self.bind(f"<ButtonRelease-{button}>", self._release)
        self.bind("<Configure>", self._resized)

    # showing

    def set_hint(self, text: str) -> None:
        """Show a text in the middle, "" for none."""
        self.itemconfigure("hint", text=text)

    def show_examples(self, shown: bool) -> None:
        """Show faintly what to draw, or hide it."""
        self._has_examples = shown
        self._draw_hint()

    def _draw_hint(self) -> None:
        self.delete("example")
        width, height = self.winfo_width(), self.winfo_height()
        self.coords("hint", width / 2, height * (0.8 if self._has_examples else 0.5))
        self.itemconfigure("hint", width=width * 0.9)
        if not self._has_examples:
            return
        strokes = tuple(
            Stroke(tuple(line), self.theme.px(6))
            for place, number in enumerate(EXAMPLES)
            for line in digit(number, ((0.2 + 0.3 * place) * width, 0.45 * height), 0.34 * min(width, height))
        )
        colours = rgb(self.theme.colours.line), rgb(self.theme.colours.paper)
        image = to_image(Page(strokes), (0, 0, width, height), 1.0, *colours)
        self._examples = tk_image(self, image)  # keeps it alive: Tk does not
        self.create_image(0, 0, image=self._examples, anchor="nw", tags="example")
        self.tag_lower("example", "hint")

    def show(self, refit: bool = False) -> None:
        """Show the drawing's page after a change that was not made here.

        Args:
            refit: whether to scale the page so that all of it is visible.
        """
        page, before = self.drawing.page, self.page_image.page
        self.pen_up()  # paints the strokes of the page, but no other picture
        if refit or page.blank or page.picture is not before.picture:
            self.view.reset()
            self._fit(self.page_image.size)

    def show_boxes(self, digits: Sequence[DigitReading], labels: Sequence[str], chosen: int) -> None:
        """Draw a box with a label around each digit, and highlight the one with index `chosen`."""
        widest = max((stroke.width for stroke in self.drawing.page.strokes), default=0.0)
        self._boxes.show(digits, labels, chosen, widest)

    def repaint_ink(self) -> None:
        """Paint all strokes again after `ink_follows_speed` was switched."""
        self.pen_up()
        self.page_image.ink_follows_speed = self._ink_follows_speed.get()
        self.page_image.repaint(self.page_image.region)

    # the pen and the eraser

    def pen_up(self) -> None:
        """Finish the stroke or the erasing; called before the drawing is changed in any other way."""
        live = self.drawing.live
        was_down = bool(self._eraser or live)
        self._eraser = self._pressed = None
        self._ring.draw()
        self._live.hide()
        if live and self._live.painted:
            self._live.end(live[-1])
            self.drawing.finish()
            self.page_image.page = self.drawing.page
        else:
            self.drawing.finish()
            self.page_image.show(self.drawing.page)
        if was_down:
            self._on_change()

    def position(self, event: tk.Event) -> Point:
        """Return the pointer's position on the page."""
        scale, (left, top, *_) = self.page_image.scale, self.page_image.region
        return (event.x - self._edge) / scale + left, (event.y - self._edge) / scale + top

    def coordinates(self, *points: Point) -> list[float]:
        """Convert points of the page to canvas coordinates x, y, x, y, ..."""
        return [value + self._edge for point in self.page_image.pixels(points) for value in point]

    def _press(self, event: tk.Event) -> None:
        self.focus_set()
        self.pen_up()
        if self.view.is_moving:
            self.view.grab(event)
        elif self._boxes.at((event.x, event.y)) is not None:
            self._pressed = event
        elif self._erases.get():
            self._press_eraser(event)
        else:
            self._pen_down(event)

    def _pen_down(self, event: tk.Event) -> None:
        self.drawing.begin(self.position(event), self.brush)
        self._live.begin(self.drawing.live[0], self.brush)
        self._on_change()

    def _press_eraser(self, event: tk.Event) -> None:
        self.focus_set()
        self.pen_up()
        self._eraser = self.position(event)
        self._move(event)
        self._ring.follow(event)

    def _move(self, event: tk.Event) -> None:
        if self.view.drag(event):
            return
        if self._pressed:
            start = self._pressed
            if math.dist((start.x, start.y), (event.x, event.y)) <= self.theme.px(CLICK_TOLERANCE):
                return
            self._pressed = None
            if self._erases.get():
                self._press_eraser(start)
            else:
                self._pen_down(start)
        if self._eraser:
            start, self._eraser = self._eraser, self.position(event)
            self._erase(start, self._eraser)
        elif self.drawing.extend(self.position(event)):
            self._live.extend(self.drawing.live[-1])
            self._on_change()

    def _release(self, event: tk.Event) -> None:
        self._move(event)
        if self.view.release():
            return
        clicked = self._pressed
        self.pen_up()
        if clicked:
            self._on_choose(self._boxes.at((clicked.x, clicked.y)))
        self._bring_back()

    def _bring_back(self) -> None:
        """Show the whole page if a stroke has left the sheet: what counts can be seen."""
        bounds, region = self.drawing.page.bounds(), self.page_image.region
        if bounds and self.view.zoom == 1 and not (holds(region, bounds[:2]) and holds(region, bounds[2:])):
            self._fit(self.page_image.size)

    def _erase(self, start: Point, end: Point) -> None:
        radius = self._eraser_radius()
        if self.drawing.erase(start, end, radius):
            self.page_image.page = self.drawing.page
            widest = max((stroke.width for stroke in self.drawing.page.strokes), default=0)
            self.page_image.repaint(grown(around([(*start, *start), (*end, *end)]), radius + widest))
            self._on_change()

    def set_brush(self, width: float) -> None:
        """Set the pen's width in units of the page; the eraser has the same radius."""
        self.brush = width
        self._ring.draw()

    def _eraser_radius(self) -> float:
        return max(self.brush, 6 / self.page_image.scale)

    def _reach(self) -> float | None:
        """Return the eraser's radius in pixels while it is down or the tool; None otherwise."""
        erases = self._eraser or (self._erases.get() and not self.drawing.live and not self.view.is_moving)
        return self._eraser_radius() * self.page_image.scale if erases else None

    # size

    def _resized(self, event: tk.Event) -> None:
        size = max(1, event.width - 2 * self._edge), max(1, event.height - 2 * self._edge)
        self._draw_hint()
        if self._resize_due:
            self.after_cancel(self._resize_due)
            self._resize_due = ""
        if size == self.page_image.size:
            self.page_image.move_to(self._edge, self._edge)
            return
        # While the size keeps changing, the old image is shown in the new middle.
        left, top = (size[0] - self.page_image.size[0]) / 2, (size[1] - self.page_image.size[1]) / 2
        self.page_image.move_to(self._edge + left, self._edge + top)
        self._resize_due = self.after(RESIZE_DELAY, self._fit, size)

    def _fit(self, size: tuple[int, int]) -> None:
        """Show the page in this size (pixels, without the edge)."""
        self._resize_due = ""
        self._live.painted = None  # a live stroke is painted when it ends
        self.page_image.move_to(self._edge, self._edge)
        scale = self.view.fit(size, self._scale_for(size))
        self.page_image.fit(self.drawing.page, size, scale, self.view.middle)
        self._boxes.draw()

    def _show_view(self) -> None:
        self.pen_up()
        self._fit(self.page_image.size)

    def whole_view(self, page: Page) -> tuple[Box, float]:
        """Return the region and the scale at which all of a page is visible in the canvas."""
        scale = self._scale_for(self.page_image.size, page)
        half_width, half_height = (side / 2 / scale for side in self.page_image.size)
        return (-half_width, -half_height, half_width, half_height), scale

    def _scale_for(self, size: tuple[int, int], page: Page | None = None) -> float:
        """Return the pixels per unit of the page with which all of it is visible in this size."""
        scale = min(size) / self.side
        bounds = (page or self.drawing.page).bounds()
        if bounds:
            left, top, right, bottom = grown(bounds, MARGIN * self.side)
            half_width, half_height = max(-left, right), max(-top, bottom)
            scale = min(scale, size[0] / 2 / half_width, size[1] / 2 / half_height)
        return scale
