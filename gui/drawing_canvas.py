"""The sheet: where people draw and erase, and where they see what was read."""

import math
import tkinter as tk
from collections.abc import Callable, Sequence

from common.geometry import Point, around, grown, holds
from gui.drawing import Drawing
from gui.page_image import PageImage
from gui.protocol import DigitReading
from gui.spline import STEP, mirrored, spacing, span
from gui.theme import Theme

MARGIN = 0.03  # of the side, around what is made to fit
STILL = 2.0  # points: a pen that moves no further between down and up has clicked
RESIZED_AFTER = 60  # milliseconds without a further change of size


class DrawingCanvas(tk.Canvas):
    """Shows a drawing and lets people draw on it.

    Args:
        parent: the widget it lies in.
        theme: of the window.
        drawing: what is drawn.
        side: a unit of the page is a pixel where the sheet's shorter side has this many.
        on_change: called after each change that the pen or the eraser makes.
        on_choose: called with the place of a digit whose box was clicked.

    Attributes:
        brush: the pen's width in units of the page.
        surface: the part that shows the page.
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
        self.surface = PageImage(self, theme)
        self._knots: list[Point] = []  # what the live stroke's curve is drawn through
        self._painted: Point | None = None  # where its painted part ends; None if none of it is painted
        self._width = self.brush  # of the live stroke
        self._eraser: Point | None = None  # where it is, on the page
        self._pressed: tk.Event | None = None  # in a box: it draws if it moves, else it chooses
        self._boxed: tuple[Sequence[DigitReading], Sequence[str], int] = (), (), 0
        self._resize_due = ""
        self.create_text(0, 0, fill=theme.colours.muted, font=theme.body, justify="center", tags="hint")
        tail = {"capstyle": "round", "joinstyle": "round", "state": "hidden", "tags": "tail"}
        self.create_line(0, 0, 0, 0, **tail)
        self.create_oval(0, 0, 0, 0, outline=theme.colours.accent, state="hidden", tags="eraser")
        self._fit((side, side))
        # Who comes here by the keyboard must see it; who draws knows.
        self.bind("<<TraverseIn>>", lambda event: self.configure(highlightcolor=theme.colours.accent))
        self.bind("<FocusOut>", lambda event: self.configure(highlightcolor=theme.colours.line))
        self.bind("<ButtonPress-1>", self._press)
        self.bind("<Shift-ButtonPress-1>", self._press_eraser)
        for button in (2, 3):  # the right one is 3 on X11 and Windows, 2 on macOS
            self.bind(f"<ButtonPress-{button}>", self._press_eraser)
        for button in (1, 2, 3):
            self.bind(f"<B{button}-Motion>", self._move)
            self.bind(f"<ButtonRelease-{button}>", self._release)
        self.bind("<Configure>", self._resized)

    # what is shown

    def set_hint(self, text: str) -> None:
        """A line in the middle of the sheet, for when it is blank."""
        self.itemconfigure("hint", text=text)

    def show(self, refit: bool = False) -> None:
        """Show the drawing's page after a change from elsewhere; with `refit`, at a scale that shows all."""
        self.pen_up()
        page, surface = self.drawing.page, self.surface
        wanted = self._scale_for(surface.size) if refit or page.blank else surface.scale
        if page.picture is not surface.page.picture or wanted != surface.scale:
            self._fit(surface.size)
        else:
            surface.show(page)

    def show_boxes(self, digits: Sequence[DigitReading], labels: Sequence[str], chosen: int) -> None:
        """Frame what was read as digits, each with its label; number `chosen` stands out."""
        self._boxed = digits, labels, chosen
        self.delete("box")
        px, colours = self.theme.px, self.theme.colours
        for place, (digit, label) in enumerate(zip(digits, labels, strict=True)):
            colour = colours.accent if place == chosen else colours.soft
            box = grown(digit.box, self.brush / 2 + 4)
            left, top, right, bottom = self._places(box[:2], box[2:])
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
        """The place of the digit whose frame or label is there, the smallest of several."""
        found = []
        for place in range(len(self._boxed[0])):
            left, top, right, bottom = self.bbox(f"box{place}")
            if holds((left, top, right, bottom), (x, y)):
                found.append(((right - left) * (bottom - top), place))
        return min(found)[1] if found else None

    # the pen and the eraser

    def pen_up(self) -> None:
        """End what the pen or the eraser does: before anything else is done to the drawing."""
        self._eraser = self._pressed = None
        self.itemconfigure("eraser", state="hidden")
        self.itemconfigure("tail", state="hidden")
        live = self.drawing.live
        if live and self._painted:
            self._paint_end()
            self._painted = None
            self.drawing.finish()
            self.surface.page = self.drawing.page
        else:
            self.drawing.finish()
            self.surface.show(self.drawing.page)

    def _at(self, event: tk.Event) -> Point:
        """Where the pointer is on the page."""
        scale, (left, top, *_) = self.surface.scale, self.surface.region
        return (event.x - self._edge) / scale + left, (event.y - self._edge) / scale + top

    def _places(self, *points: Point) -> list[float]:
        """Points of the page as coordinates of the canvas: x, y, x, y, ..."""
        return [value + self._edge for point in self.surface.pixels(points) for value in point]

    def _press(self, event: tk.Event) -> None:
        self.focus_set()
        self.pen_up()
        if self._box_at(event.x, event.y) is None:
            self._pen_down(event)
        else:
            self._pressed = event

    def _pen_down(self, event: tk.Event) -> None:
        self.drawing.begin(self._at(event), self.brush)
        self._width = self.brush
        self._knots = self.drawing.live.copy()
        self._paint_live(self._knots)
        self._on_change()

    def _press_eraser(self, event: tk.Event) -> None:
        self.focus_set()
        self.pen_up()
        self._eraser = self._at(event)
        self._move(event)

    def _move(self, event: tk.Event) -> None:
        if self._pressed:
            start = self._pressed
            if math.dist((start.x, start.y), (event.x, event.y)) <= self.theme.px(STILL):
                return
            self._pressed = None
            self._pen_down(start)
        if self._eraser:
            start, self._eraser = self._eraser, self._at(event)
            self._erase(start, self._eraser)
        elif self.drawing.extend(self._at(event)):
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
        radius = max(self.brush, 6 / self.surface.scale)
        ring = grown((*end, *end), radius)
        self.coords("eraser", *self._places(ring[:2], ring[2:]))
        self.itemconfigure("eraser", state="normal")
        if self.drawing.erase(start, end, radius):
            self.surface.page = self.drawing.page
            widest = max((stroke.width for stroke in self.drawing.page.strokes), default=0)
            self.surface.repaint(grown(around([(*start, *start), (*end, *end)]), radius + widest))
            self._on_change()

    # the live stroke

    def _paint_newest(self) -> None:
        """Paint the live stroke as far as its curve is known, and show the rest as a line to the pen."""
        if self._painted is None:
            return
        pen = self.drawing.live[-1]
        if math.dist(pen, self._knots[-1]) >= spacing(self._width):
            self._add_knot(pen)
        self.coords("tail", *self._places(self._painted, *self._knots[-2:], pen))
        colour = "#{:02x}{:02x}{:02x}".format(*self.surface.ink_colour())
        self.itemconfigure("tail", state="normal", width=self._width * self.surface.scale, fill=colour)

    def _add_knot(self, knot: Point) -> None:
        """Continue the curve, and paint its part between the two knots before: it is known now."""
        self._knots.append(knot)
        if len(self._knots) > 2:
            self._paint_span(self._knots[-4:])

    def _paint_end(self) -> None:
        """Paint the curve to its last point, where the pen is."""
        pen = self.drawing.live[-1]
        if pen != self._knots[-1]:
            self._add_knot(pen)
        if len(self._knots) > 1:
            self._paint_span([*self._knots[-3:], mirrored(self._knots[-2], pen)])

    def _paint_span(self, controls: list[Point]) -> None:
        if len(controls) < 4:  # the first part of the curve
            controls = [mirrored(controls[1], controls[0]), *controls]
        self._paint_live([self._painted, *span(*controls, STEP / self.surface.scale)])

    def _paint_live(self, line: list[Point]) -> None:
        self.surface.add(line, self._width)
        self._painted = line[-1]

    # its size

    def _resized(self, event: tk.Event) -> None:
        size = max(1, event.width - 2 * self._edge), max(1, event.height - 2 * self._edge)
        self.coords("hint", event.width / 2, event.height / 2)
        self.itemconfigure("hint", width=size[0] * 0.9)
        if size == self.surface.size:
            return
        # Until the window keeps its size: the old pixels in the new middle.
        left, top = (size[0] - self.surface.size[0]) / 2, (size[1] - self.surface.size[1]) / 2
        self.surface.move_to(self._edge + left, self._edge + top)
        if self._resize_due:
            self.after_cancel(self._resize_due)
        self._resize_due = self.after(RESIZED_AFTER, self._fit, size)

    def _fit(self, size: tuple[int, int]) -> None:
        """Take the size (in pixels, without the edge) and show the whole page in it."""
        self._resize_due = ""
        self._painted = None  # a stroke that is being drawn is painted when it ends
        self.surface.move_to(self._edge, self._edge)
        self.surface.fit(self.drawing.page, size, self._scale_for(size))
        self.show_boxes(*self._boxed)

    def _scale_for(self, size: tuple[int, int]) -> float:
        """Pixels for a unit of the page, so that what was drawn in a wide window is visible in a high one."""
        scale = min(size) / self.side
        bounds = self.drawing.page.bounds()
        if bounds:
            left, top, right, bottom = grown(bounds, MARGIN * self.side)
            wide, high = max(-left, right), max(-top, bottom)
            scale = min(scale, size[0] / 2 / wide, size[1] / 2 / high)
        return scale
