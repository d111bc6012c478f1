"""The canvas: people draw and erase on it, and see boxes around the digits that were read."""

import math
import tkinter as tk
from collections.abc import Callable, Sequence

from common.geometry import Point, around, grown, holds
from gui.drawing import Drawing
from gui.page_image import PageImage
from gui.protocol import DigitReading
from gui.spline import STEP, mirrored, spacing, span
from gui.theme import Theme

MARGIN = 0.03  # around a page that is made to fit, relative to the side
CLICK_TOLERANCE = 2.0  # points that the pointer may move in a click
RESIZE_DELAY = 60  # milliseconds without a further change of size after which the page is painted again


class DrawingCanvas(tk.Canvas):
    """Shows a drawing and takes input from the pen and the eraser.

    Args:
        parent: the widget it lies in.
        theme: the window's theme.
        drawing: what is shown and changed.
        side: width and height at first, in pixels. A unit of the page is 1/`side` of the shorter side.
        on_change: called after each change that the pen or the eraser makes.
        on_choose: called with the index of a digit whose box was clicked.

    Attributes:
        brush: the pen's width in units of the page.
        page_image: the page as pixels.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        drawing: Drawing,
        side: int,
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
        self._on_change, self._on_choose = on_change, on_choose
        self.brush = 20.0
        self.page_image = PageImage(self, theme)
        self._knots: list[Point] = []  # control points of the live stroke's curve
        self._painted: Point | None = None  # end of its painted part; None if nothing of it is painted
        self._live_width = self.brush
        self._eraser: Point | None = None  # its position on the page while it is down
        self._pressed: tk.Event | None = None  # press in a box: the pen draws if it moves, else it is a click
        self._boxed: tuple[Sequence[DigitReading], Sequence[str], int] = (), (), 0
        self._resize_due = ""
        self.create_text(0, 0, fill=theme.colours.muted, font=theme.body, justify="center", tags="hint")
        tail = {"capstyle": "round", "joinstyle": "round", "state": "hidden", "tags": "tail"}
        self.create_line(0, 0, 0, 0, **tail)
        self.create_oval(0, 0, 0, 0, outline=theme.colours.accent, state="hidden", tags="eraser")
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
            self.bind(f"<ButtonRelease-{button}>", self._release)
        self.bind("<Configure>", self._resized)

    # showing

    def set_hint(self, text: str) -> None:
        """Show a text in the middle, "" for none."""
        self.itemconfigure("hint", text=text)

    def show(self, refit: bool = False) -> None:
        """Show the drawing's page after a change that was not made here.

        Args:
            refit: whether to scale the page so that all of it is visible.
        """
        self.pen_up()
        page, image = self.drawing.page, self.page_image
        wanted = self._scale_for(image.size) if refit or page.blank else image.scale
        if page.picture is not image.page.picture or wanted != image.scale:
            self._fit(image.size)
        else:
            image.show(page)

    def show_boxes(self, digits: Sequence[DigitReading], labels: Sequence[str], chosen: int) -> None:
        """Draw a box with a label around each digit, and highlight the one with index `chosen`."""
        self._boxed = digits, labels, chosen
        self.delete("box")
        px, colours = self.theme.px, self.theme.colours
        for place, (digit, label) in enumerate(zip(digits, labels, strict=True)):
            colour = colours.accent if place == chosen else colours.soft
            box = grown(digit.box, self.brush / 2 + 4)
            left, top, right, bottom = self.coordinates(box[:2], box[2:])
            self.create_rectangle(
                left,
                top,
                right,
                bottom,
                outline=colour,
                width=px(1.5 if place == chosen else 1),
                dash=(4, 4) if label == "?" else (),
                tags=("box", f"box{place}"),
            )
            self.create_text(
                left,
                max(top - px(1), px(12)),
                text=label,
                fill=colour,
                font=self.theme.bold,
                anchor="sw",
                tags=("box", f"box{place}"),
            )

    def _box_at(self, x: int, y: int) -> int | None:
        """Return the index of the digit whose box or label is there, the smallest of several, or None."""
        found = []
        for place in range(len(self._boxed[0])):
            left, top, right, bottom = self.bbox(f"box{place}")
            if holds((left, top, right, bottom), (x, y)):
                found.append(((right - left) * (bottom - top), place))
        return min(found)[1] if found else None

    # the pen and the eraser

    def pen_up(self) -> None:
        """Finish the stroke or the erasing; called before the drawing is changed in any other way."""
        self._eraser = self._pressed = None
        self.itemconfigure("eraser", state="hidden")
        self.itemconfigure("tail", state="hidden")
        live = self.drawing.live
        if live and self._painted:
            self._paint_end()
            self._painted = None
            self.drawing.finish()
            self.page_image.page = self.drawing.page
        else:
            self.drawing.finish()
            self.page_image.show(self.drawing.page)

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
        if self._box_at(event.x, event.y) is None:
            self._pen_down(event)
        else:
            self._pressed = event

    def _pen_down(self, event: tk.Event) -> None:
        self.drawing.begin(self.position(event), self.brush)
        self._live_width = self.brush
        self._knots = self.drawing.live.copy()
        self._paint_live(self._knots)
        self._on_change()

    def _press_eraser(self, event: tk.Event) -> None:
        self.focus_set()
        self.pen_up()
        self._eraser = self.position(event)
        self._move(event)

    def _move(self, event: tk.Event) -> None:
        if self._pressed:
            start = self._pressed
            if math.dist((start.x, start.y), (event.x, event.y)) <= self.theme.px(CLICK_TOLERANCE):
                return
            self._pressed = None
            self._pen_down(start)
        if self._eraser:
            start, self._eraser = self._eraser, self.position(event)
            self._erase(start, self._eraser)
        elif self.drawing.extend(self.position(event)):
            self._paint_newest()
            self._on_change()

    def _release(self, event: tk.Event) -> None:
        self._move(event)
        clicked, was_down = self._pressed, self._eraser or self.drawing.live
        self.pen_up()
        if clicked:
            self._on_choose(self._box_at(clicked.x, clicked.y))
        if was_down:
            self._on_change()

    def _erase(self, start: Point, end: Point) -> None:
        radius = max(self.brush, 6 / self.page_image.scale)
        ring = grown((*end, *end), radius)
        self.coords("eraser", *self.coordinates(ring[:2], ring[2:]))
        self.itemconfigure("eraser", state="normal")
        if self.drawing.erase(start, end, radius):
            self.page_image.page = self.drawing.page
            widest = max((stroke.width for stroke in self.drawing.page.strokes), default=0)
            self.page_image.repaint(grown(around([(*start, *start), (*end, *end)]), radius + widest))
            self._on_change()

    # the live stroke

    def _paint_newest(self) -> None:
        """Paint the live stroke as far as its curve is final, and show the rest as a canvas line."""
        if self._painted is None:
            return
        pen = self.drawing.live[-1]
        if math.dist(pen, self._knots[-1]) >= spacing(self._live_width):
            self._add_knot(pen)
        self.coords("tail", *self.coordinates(self._painted, *self._knots[-2:], pen))
        colour = "#{:02x}{:02x}{:02x}".format(*self.page_image.ink_colour())
        self.itemconfigure(
            "tail", state="normal", width=self._live_width * self.page_image.scale, fill=colour
        )

    def _add_knot(self, knot: Point) -> None:
        """Add a control point, and paint the part of the curve that is final with it."""
        self._knots.append(knot)
        if len(self._knots) > 2:
            self._paint_span(self._knots[-4:])

    def _paint_end(self) -> None:
        """Paint the curve to its end at the pen."""
        pen = self.drawing.live[-1]
        if pen != self._knots[-1]:
            self._add_knot(pen)
        if len(self._knots) > 1:
            self._paint_span([*self._knots[-3:], mirrored(self._knots[-2], pen)])

    def _paint_span(self, controls: list[Point]) -> None:
        if len(controls) < 4:  # the first part of the curve
            controls = [mirrored(controls[1], controls[0]), *controls]
        self._paint_live([self._painted, *span(*controls, STEP / self.page_image.scale)])

    def _paint_live(self, line: list[Point]) -> None:
        self.page_image.add(line, self._live_width)
        self._painted = line[-1]

    # size

    def _resized(self, event: tk.Event) -> None:
        size = max(1, event.width - 2 * self._edge), max(1, event.height - 2 * self._edge)
        self.coords("hint", event.width / 2, event.height / 2)
        self.itemconfigure("hint", width=size[0] * 0.9)
        if size == self.page_image.size:
            return
        # While the size keeps changing, the old image is shown in the new middle.
        left, top = (size[0] - self.page_image.size[0]) / 2, (size[1] - self.page_image.size[1]) / 2
        self.page_image.move_to(self._edge + left, self._edge + top)
        if self._resize_due:
            self.after_cancel(self._resize_due)
        self._resize_due = self.after(RESIZE_DELAY, self._fit, size)

    def _fit(self, size: tuple[int, int]) -> None:
        """Show the whole page in this size (pixels, without the edge)."""
        self._resize_due = ""
        self._painted = None  # a live stroke is painted when it ends
        self.page_image.move_to(self._edge, self._edge)
        self.page_image.fit(self.drawing.page, size, self._scale_for(size))
        self.show_boxes(*self._boxed)

    def _scale_for(self, size: tuple[int, int]) -> float:
        """Return the pixels per unit of the page with which all of it is visible in this size."""
        scale = min(size) / self.side
        bounds = self.drawing.page.bounds()
        if bounds:
            left, top, right, bottom = grown(bounds, MARGIN * self.side)
            half_width, half_height = max(-left, right), max(-top, bottom)
            scale = min(scale, size[0] / 2 / half_width, size[1] / 2 / half_height)
        return scale
