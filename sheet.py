"""The sheet: where people draw. A canvas whose ink is painted here, anti-aliased, as pixels.

Canvas lines would be simpler, but Tk paints all that overlap anew at each move of the pen: after some
hundred strokes that takes longer than the moves do, and on X11 their edges are jagged. Here a move costs
the same however much has been drawn. Painting much at once, as after undo or in a new size, is cut into
pieces between which the window stays alive.
"""

import math
import time
import tkinter as tk
from collections.abc import Callable, Iterator, Sequence

from PIL import Image

from answers import Digit
from drawing import STEP, Box, Drawing, Point, around, grown, mirrored, overlap, spacing, span
from painting import Pixels, chunks, ink_colour, moved, paint, pixels_of, place_picture
from theme import Theme, rgb

PAINTING_TIME = 0.012  # seconds at a time
MARGIN = 0.03  # of the side, around what is made to fit
BAND = 150_000  # pixels shown at a time
RESIZED_AFTER = 60  # milliseconds without a further change of size


class Sheet(tk.Canvas):
    """Shows a drawing and lets people draw on it.

    Args:
        parent: the widget it lies in.
        theme: of the window.
        drawing: what is drawn.
        side: a unit of the page is a pixel where the sheet's shorter side has this many.
        on_change: called after each change that the pen or the eraser makes.

    Attributes:
        brush: the pen's width in units of the page.
    """

    def __init__(
        self, parent: tk.Misc, theme: Theme, drawing: Drawing, side: int, on_change: Callable[[], None]
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
        self.theme, self.drawing, self.side, self._on_change = theme, drawing, side, on_change
        self.brush = 20.0
        self._page = drawing.page  # what is painted
        self._knots: list[Point] = []  # what the live stroke's curve is drawn through
        self._painted: Point | None = None  # where its painted part ends; None if none of it is painted
        self._width = self.brush  # of the live stroke
        self._eraser: Point | None = None  # where it is, on the page
        self._boxed: tuple[Sequence[Digit], Sequence[str], int] = (), (), 0
        self._dirty: Pixels | None = None
        self._work: Iterator[None] = iter(())
        self._work_due = self._resize_due = ""
        self._photo = tk.PhotoImage(master=self)
        self.create_image(0, 0, image=self._photo, anchor="nw", tags="photo")
        self.create_text(0, 0, fill=theme.colours.muted, font=theme.body, justify="center", tags="hint")
        self.create_line(
            0,
            0,
            0,
            0,
            capstyle="round",
            joinstyle="round",
            fill=theme.colours.ink,
            state="hidden",
            tags="tail",
        )
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
        before, self._page = self._page, self.drawing.page
        refit = refit or self._page.blank
        if self._page.picture is not before.picture or (refit and self._scale != self._scale_for(self._size)):
            self._fit(self._size)
        else:
            changed = set(before.strokes) ^ set(self._page.strokes)
            self._repaint(around([stroke.box for stroke in changed]))

    def show_boxes(self, digits: Sequence[Digit], labels: Sequence[str], chosen: int) -> None:
        """Frame what was read as digits, each with its label; number `chosen` stands out."""
        self._boxed = digits, labels, chosen
        self.delete("box")
        px, colours = self.theme.px, self.theme.colours
        for place, (digit, label) in enumerate(zip(digits, labels, strict=True)):
            colour = colours.accent if place == chosen else colours.soft
            left, top, right, bottom = grown(digit.box, self.brush / 2 + 4)
            (left, top), (right, bottom) = (
                (x + self._edge, y + self._edge) for x, y in self._pixels([(left, top), (right, bottom)])
            )
            self.create_rectangle(
                left,
                top,
                right,
                bottom,
                outline=colour,
                width=px(1.5 if place == chosen else 1),
                dash=(4, 4) if label == "?" else (),
                tags="box",
            )
            self.create_text(
                left,
                max(top - px(1), px(12)),
                text=label,
                fill=colour,
                font=self.theme.bold,
                anchor="sw",
                tags="box",
            )

    @property
    def region(self) -> Box:
        """The part of the page that is visible."""
        return self._region

    @property
    def scale_now(self) -> float:
        """Pixels for a unit of the page."""
        return self._scale

    # the pen and the eraser

    def pen_up(self) -> None:
        """End what the pen or the eraser does: before anything else is done to the drawing."""
        self._eraser = None
        self.itemconfigure("eraser", state="hidden")
        self.itemconfigure("tail", state="hidden")
        live = self.drawing.live
        painted = self._painted and self._page is self.drawing.page
        if live and painted:
            self._paint_end()
        self.drawing.finish()
        if live and painted:
            self._page = self.drawing.page
        elif live:
            self.show()
        self._painted = None

    def _at(self, event: tk.Event) -> Point:
        return (
            (event.x - self._edge) / self._scale + self._region[0],
            (event.y - self._edge) / self._scale + self._region[1],
        )

    def _press(self, event: tk.Event) -> None:
        self.focus_set()
        self.pen_up()
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
        if self._eraser:
            start, self._eraser = self._eraser, self._at(event)
            self._erase(start, self._eraser)
        elif self.drawing.extend(self._at(event)):
            self._paint_newest()
            self._on_change()

    def _release(self, event: tk.Event) -> None:
        was_down = self._eraser or self.drawing.live
        self._move(event)
        self.pen_up()
        if was_down:
            self._on_change()

    def _erase(self, start: Point, end: Point) -> None:
        radius = max(self.brush, 6 / self._scale)
        ring = grown(self._pixels([end])[0] * 2, radius * self._scale)
        self.coords("eraser", *(edge + self._edge for edge in ring))
        self.itemconfigure("eraser", state="normal")
        if self.drawing.erase(start, end, radius):
            self._page = self.drawing.page
            widest = max((stroke.width for stroke in self._page.strokes), default=0)
            swept = around([(*start, *start), (*end, *end)])
            self._repaint(grown(swept, radius + widest))
            self._on_change()

    # painting

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return moved(points, self._region, self._scale)

    def _paint_newest(self) -> None:
        """Paint the live stroke as far as its curve is known, and show the rest as a line to the pen."""
        if self._painted is None:
            return
        pen = self.drawing.live[-1]
        if math.dist(pen, self._knots[-1]) >= spacing(self._width):
            self._add_knot(pen)
        tail = self._pixels([self._painted, *self._knots[-2:], pen])
        self.coords("tail", *(value + self._edge for point in tail for value in point))
        width = self._width * self._scale
        self.itemconfigure("tail", state="normal", width=width, fill=self._colour_name())

    def _add_knot(self, knot: Point) -> None:
        """Continue the curve, and paint its part between the two knots before: it is known now."""
        self._knots.append(knot)
        if len(self._knots) > 2:
            self._paint_span([*self._knots[-4:]])

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
        self._paint_live([self._painted, *span(*controls, STEP / self._scale)])

    def _paint_live(self, line: list[Point]) -> None:
        changed = paint(self._ink, self._pixels(line), self._width * self._scale)
        if changed:
            self._put(changed)
        self._painted = line[-1]

    def _colour_name(self) -> str:
        return "#{:02x}{:02x}{:02x}".format(*ink_colour(self._page, rgb(self.theme.colours.ink)))

    def _put(self, box: Pixels) -> None:
        """Bring a part of paper and ink to the screen."""
        part = self._base.crop(box)
        part.paste(ink_colour(self._page, rgb(self.theme.colours.ink)), mask=self._ink.crop(box))
        content = b"P6 %d %d 255\n" % part.size + part.tobytes()
        self.tk.call(self._photo, "put", content, "-format", "ppm", "-to", *box[:2])

    def _repaint(self, box: Box | None) -> None:
        """Paint the ink in `box` of the page anew, as soon as there is time."""
        if box is None:
            return
        box = grown(box, 2 / self._scale)  # the soft edge of the ink
        dirty = pixels_of(box, self._region, self._scale, self._size)
        self._dirty = around([dirty, *([self._dirty] if self._dirty else [])])
        self._work = self._painting(self._dirty)
        self._go_on()

    def _painting(self, dirty: Pixels) -> Iterator[None]:
        if dirty[0] < dirty[2] and dirty[1] < dirty[3]:
            self._ink.paste(0, dirty)
            for stroke in self._page.strokes:
                box = pixels_of(stroke.box, self._region, self._scale, self._size)
                if not overlap(box, dirty):
                    continue
                for line in chunks(stroke.line(STEP / self._scale)):
                    paint(self._ink, self._pixels(line), stroke.width * self._scale, within=dirty)
                    yield
            rows = max(1, BAND // (dirty[2] - dirty[0]))
            for top in range(dirty[1], dirty[3], rows):
                self._put((dirty[0], top, dirty[2], min(dirty[3], top + rows)))
                yield
        self._dirty = None

    def _go_on(self) -> None:
        """Paint for a moment; then let the window live, and come back."""
        if self._work_due:
            self.after_cancel(self._work_due)
            self._work_due = ""
        until = time.perf_counter() + PAINTING_TIME
        for _ in self._work:
            if time.perf_counter() > until:
                self._work_due = self.after(1, self._go_on)
                return

    # its size

    def _resized(self, event: tk.Event) -> None:
        size = max(1, event.width - 2 * self._edge), max(1, event.height - 2 * self._edge)
        self.coords("hint", event.width / 2, event.height / 2)
        self.itemconfigure("hint", width=size[0] * 0.9)
        if size == self._size:
            return
        # Until the window keeps its size: the old pixels in the new middle.
        left, top = (size[0] - self._size[0]) / 2, (size[1] - self._size[1]) / 2
        self.coords("photo", self._edge + left, self._edge + top)
        if self._resize_due:
            self.after_cancel(self._resize_due)
        self._resize_due = self.after(RESIZED_AFTER, self._fit, size)

    def _fit(self, size: tuple[int, int]) -> None:
        """Take the size (in pixels, without the edge) and show the whole page in it."""
        self._resize_due = ""
        self._size, self._scale = size, self._scale_for(size)
        scale = self._scale
        half_width, half_height = size[0] / 2 / scale, size[1] / 2 / scale
        self._region = -half_width, -half_height, half_width, half_height
        self._base = Image.new("RGB", size, rgb(self.theme.colours.paper))
        place_picture(self._base, self._page, self._region, scale)
        self._ink = Image.new("L", size)
        self._dirty = None
        self._painted = None  # a stroke that is being drawn is painted when it ends
        self._photo.configure(width=size[0], height=size[1])
        self.coords("photo", self._edge, self._edge)
        self.show_boxes(*self._boxed)
        self._repaint(self._region)

    def _scale_for(self, size: tuple[int, int]) -> float:
        """Pixels for a unit of the page, so that what was drawn in a wide window is visible in a high one."""
        scale = min(size) / self.side
        bounds = self._page.bounds()
        if bounds:
            left, top, right, bottom = grown(bounds, MARGIN * self.side)
            wide, high = max(-left, right), max(-top, bottom)
            scale = min(scale, size[0] / 2 / wide, size[1] / 2 / high)
        return scale
