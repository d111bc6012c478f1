"""Make pages with digits in numbers, rows, tables, boxes and sums, and exact targets of what the pen wrote.

A page is drawn from strokes and lines that are bent and turned as points, so nothing is blurred by warping
and the target is exact. Each page depends on its seed alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pages.ink_network import HEIGHT_STEP, border_colour
from training.made_pages import camera, surfaces
from training.made_pages.drawing import Layer, Pen, Points, noise, worn
from training.made_pages.handwriting import Hands, Symbol, scribble
from training.made_pages.layouts import CROPS, KINDS, Sheet, lay_out
from training.made_pages.marks import hits, mark, print_around

THINNEST = 1.6  # pixels that a line of the target is wide at least
CUT_CLOSE = {"single": 0.45, "number": 0.25, "amount": 0.4}  # shares of pictures cut close to the writing
CROPS_CUT_CLOSE = 0.75


NO_HEIGHT = -99.0  # in `MadePage.heights` where nothing is written


@dataclass(frozen=True)
class MadePage:
    """A made page.

    Attributes:
        picture: uint8, (S, S, 3).
        target: uint8, (S, S), coverage by digits and signs, 0 to 255.
        counted: bool, (S, S), False where the target is left open (words of handwriting).
        heights: float32, (S / HEIGHT_STEP, S / HEIGHT_STEP), log2 of the digits' height in pixels where
            something is written, else NO_HEIGHT.
        kind: one of KINDS.
    """

    picture: np.ndarray
    target: np.ndarray
    counted: np.ndarray
    heights: np.ndarray
    kind: str


def make_page(
    hands: Hands,
    seed: tuple[int, ...] | int,
    size: int = 256,
    kind: str | None = None,
    crop: bool = False,
) -> MadePage:
    """Make a page.

    Args:
        hands: who writes.
        seed: of all random choices.
        size: side of the picture in pixels, a multiple of 32.
        kind: one of KINDS; None for a random one.
        crop: whether to make a page that is mostly cut close to a digit or a number.
    """
    rng = np.random.default_rng(seed)
    kinds = CROPS if crop else KINDS
    kind = kind or str(rng.choice(list(kinds), p=list(kinds.values())))
    sheet = Sheet(hands, kind, size, rng, crop)
    lay_out(sheet)
    return photograph(sheet)


Frame = tuple[int, int, int, int]


def photograph(sheet: Sheet, frame: Frame | None = None, covered: bool = True) -> MadePage:
    """Return a page as a camera, a scanner or a drawing program gives it.

    Args:
        sheet: what is written on it.
        frame: the picture's left, top, right and bottom in the view; None for random ones.
        covered: whether fingers, other things or a binding may overlap the writing.
    """
    rng, size = sheet.rng, sheet.size
    clean = rng.random() < 0.1
    frame = frame or _frame(sheet)
    dark = rng.random() < 0.18
    picture = _background(sheet, frame, dark, clean, covered)
    print_around(sheet, picture, dark, clean)
    mark(sheet, picture, dark)
    target, open_target = _write(sheet, picture, dark, clean)
    left, top, right, bottom = frame
    if not clean:
        picture *= camera.light((size, size), rng)[..., None]
        if rng.random() < 0.06:
            camera.glare(picture, rng)
        for cover, tone in camera.things((size, size), frame, rng) if covered else ():
            surfaces.blend(picture, cover, tone)
            target = target * (1 - cover)
            open_target = open_target * (1 - cover)
    inner = np.ascontiguousarray(picture[top:bottom, left:right])
    shot = camera.shoot(inner, sheet.height, rng, clean, 0.6 if sheet.crop else 0.3)
    if rng.random() < 0.05:
        shot = 255 - shot
    final = np.empty((size, size, 3), np.uint8)
    final[:] = border_colour(shot)
    final[top:bottom, left:right] = shot
    inside = np.zeros((size, size), bool)
    inside[top:bottom, left:right] = True
    target = np.where(inside, target, 0)
    counted = ~((open_target > 0.02) & (target < 0.5)) | ~inside
    return MadePage(
        final, (target * 255).round().astype(np.uint8), counted, _heights(sheet, target), sheet.kind
    )


def points_of(sheet: Sheet) -> Points:
    """Return the corners of all numbers in the picture, (N, 2); the picture's middle for none."""
    boxes = [number.box() for number in sheet.numbers]
    corners = [(x, y) for left, top, right, bottom in boxes for x in (left, right) for y in (top, bottom)]
    return sheet.warp(np.array(corners or [(sheet.size / 2, sheet.size / 2)], float))


def _frame(sheet: Sheet) -> Frame:
    """Return the picture's borders in the view: left, top, right, bottom; beyond them the view is padded."""
    rng, size, h = sheet.rng, sheet.size, sheet.height
    close = CROPS_CUT_CLOSE if sheet.crop else CUT_CLOSE.get(sheet.kind, 0.18)
    if rng.random() < close and sheet.numbers:
        seen = points_of(sheet).clip(0, size)
        margins = h * np.where(rng.random(4) < 0.7, rng.uniform(-0.04, 0.45, 4), rng.uniform(0, 2, 4))
        low, high = seen.min(0) - margins[:2], seen.max(0) + margins[2:]
    else:
        cut = np.where(rng.random(4) < 0.25, rng.uniform(0, 0.15, 4) * size, 0)
        low, high = cut[:2], size - cut[2:]
    low, high = low.clip(0, size).astype(int), high.clip(0, size).round().astype(int)
    if (high - low < 14).any():
        return 0, 0, size, size
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _background(sheet: Sheet, frame: Frame, dark: bool, clean: bool, covered: bool) -> np.ndarray:
    """Return paper, perhaps on a desk, float32 (S, S, 3); set `sheet.visible`."""
    rng, size = sheet.rng, (sheet.size, sheet.size)
    if clean:
        tone = surfaces.colour(rng, 0, 50, 0.5) if dark else surfaces.colour(rng, 215, 255, 0.15)
        tone = np.full(3, 255.0 * (not dark)) if rng.random() < 0.5 else tone
        return np.broadcast_to(tone.astype(np.float32), (*size, 3)).copy()
    picture = surfaces.paper(size, dark, rng)
    if rng.random() < 0.3:
        layer = Layer(size)
        layer.polygon(surfaces.quadrilateral(rng, size, points_of(sheet)))
        sheet_cover = layer.coverage()
        under = surfaces.desk(size, rng)
        if rng.random() < 0.4:  # the sheet throws a shadow
            soft = rng.uniform(1, 6)
            moved = ndimage.shift(ndimage.gaussian_filter(sheet_cover, soft), rng.uniform(-4, 4, 2), order=1)
            under *= (1 - rng.uniform(0.2, 0.6) * moved)[..., None]
        surfaces.blend(under, sheet_cover, picture)
        picture = under
        sheet.visible = sheet_cover
    if rng.random() < 0.1:
        cover, tone = surfaces.binding(size, frame, rng)
        corners = points_of(sheet).clip(0).round().astype(int)
        (left, top), (right, bottom) = corners.min(0), corners.max(0)
        if covered or not cover[top:bottom, left:right].any():
            surfaces.blend(picture, cover, tone)
    return picture


def _pen(sheet: Sheet, dark: bool, clean: bool) -> Pen:
    """Return a pen, pencil, marker or chalk."""
    rng = sheet.rng
    width = float(np.exp(rng.normal(np.log(0.085), 0.4)).clip(0.035, 0.3))
    if dark:
        tone = surfaces.colour(rng, 150, 255, 0.5)
        grain = 0.0 if clean or rng.random() < 0.4 else rng.uniform(0.1, 0.7)
        return Pen(width * 1.2, tone, 1.0 if clean else rng.uniform(0.5, 1), grain, 0.0, 0.1)
    if clean:
        return Pen(width, surfaces.colour(rng, 0, 90, 1.5))
    kind = rng.choice(["pen", "pencil", "marker", "faint"], p=[0.55, 0.2, 0.15, 0.1])
    if kind == "pencil":
        tone = surfaces.colour(rng, 40, 120, 0.1)
        return Pen(width, tone, rng.uniform(0.3, 0.9), rng.uniform(0, 0.6), 0.0, 0.12)
    if kind == "marker":
        return Pen(max(width, rng.uniform(0.1, 0.25)), surfaces.colour(rng, 0, 130, 1.8), rng.uniform(0.7, 1))
    if kind == "faint":
        return Pen(min(width, 0.08), surfaces.colour(rng, 40, 150, 1), rng.uniform(0.2, 0.45), 0.0, 0.0, 0.1)
    gaps = rng.uniform(0.05, 0.35) if rng.random() < 0.2 else 0.0
    return Pen(width, surfaces.colour(rng, 0, 110, 1.8), rng.uniform(0.65, 1), 0.0, gaps, 0.08)


def _write(sheet: Sheet, picture: np.ndarray, dark: bool, clean: bool) -> tuple[np.ndarray, np.ndarray]:
    """Write the numbers, marks and scribbles on the picture.

    Returns:
        The coverage by digits and signs, (S, S), and that by ink whose target stays open, (S, S).
    """
    rng, size = sheet.rng, (sheet.size, sheet.size)
    pen = _pen(sheet, dark, clean)
    mark_pen = pen if rng.random() < 0.5 else _pen(sheet, dark, clean)
    cover = sheet.visible * sheet.marks.coverage()
    if not sheet.marks.empty:
        surfaces.blend(picture, worn(cover, mark_pen, sheet.height, rng), mark_pen.colour)
    struck, ink, other = Layer(size), Layer(size), Layer(size)
    thin = pen.width * sheet.height < THINNEST
    thick = Layer(size) if thin else ink
    for number in sheet.numbers:
        for placed in number.symbols:
            _draw(struck if number.struck else ink, placed, sheet, pen.width * sheet.height, pen.modulation)
            if thin and not number.struck:
                _draw(thick, placed, sheet, THINNEST, 0.0)
    if rng.random() < 0.1 or (sheet.kind == "empty" and rng.random() < 0.2):
        for _ in range(rng.integers(1, 4)):
            _scribble(sheet, other, pen.width * sheet.height)
    if sheet.kind == "printed":  # large printed digits alone count as written
        height = rng.uniform(20, 150)
        surfaces.text(
            ink, sheet.warp, sheet.digits(1, 5), (rng.uniform(0, 60), rng.uniform(0, 120)), height, sheet.font
        )
    for layer in (struck, other, ink):
        if not layer.empty:
            surfaces.blend(
                picture, worn(sheet.visible * layer.coverage(), pen, sheet.height, rng), pen.colour
            )
    if rng.random() < 0.1:  # dirt
        specks = (noise(size, 1.0, rng) > 3.4).astype(np.float32)
        surfaces.blend(picture, specks * rng.uniform(0.3, 1), pen.colour)
    if rng.random() < 0.12:  # a rough surface
        surfaces.blend(picture, _specks(sheet) * rng.uniform(0.2, 0.9), surfaces.colour(rng, 0, 255, 0.5))
    return sheet.visible * np.maximum(thick.coverage(), ink.coverage()), sheet.visible * other.coverage()


def _draw(
    layer: Layer, placed: tuple[Symbol, float, float, float], sheet: Sheet, width: float, modulation: float
) -> None:
    """Draw a symbol."""
    symbol, x, y, height = placed
    if symbol.image is not None:
        corners = [(x, y), (x + symbol.width * height, y), (x, y + height)]
        layer.paste(np.pad(symbol.image, 1), sheet.warp(np.array(corners, float)))
        return
    for stroke in symbol.strokes:
        layer.line(sheet.warp(stroke * height + (x, y)), width, modulation, sheet.rng)


def _scribble(sheet: Sheet, layer: Layer, width: float) -> None:
    """Write a word where no number stands."""
    rng, h = sheet.rng, sheet.height
    wide = rng.uniform(1, 5)
    x, y = rng.uniform(-h, sheet.size, 2)
    corners = sheet.warp(np.array([(x, y), (x + wide * h, y), (x + wide * h, y + 1.4 * h), (x, y + 1.4 * h)]))
    if not hits(sheet, corners):
        for stroke in scribble(rng, wide):
            layer.line(sheet.warp(stroke * h + (x, y)), width)


def _specks(sheet: Sheet) -> np.ndarray:
    """Return the coverage by round specks of many sizes, (S, S)."""
    rng = sheet.rng
    layer = Layer((sheet.size, sheet.size))
    for _ in range(rng.integers(8, 160)):
        radius = np.exp(rng.uniform(np.log(0.4), np.log(max(0.8, 0.05 * sheet.height))))
        x, y = rng.uniform(0, sheet.size, 2)
        layer.line(np.array([(x, y), (x, y) + rng.normal(0, 0.6 * radius, 2)]), 2 * radius)
    return layer.coverage()


def _heights(sheet: Sheet, target: np.ndarray) -> np.ndarray:
    """Return `MadePage.heights`."""
    cells = sheet.size // HEIGHT_STEP
    heights = np.full((cells, cells), NO_HEIGHT, np.float32)
    for number in sheet.numbers:
        if number.struck:
            continue
        for symbol, x, y, h in number.symbols:
            corners = np.array([(x, y), (x + symbol.width * h, y), (x + symbol.width * h, y + h), (x, y + h)])
            at = sheet.warp(corners) / HEIGHT_STEP
            low, high = np.floor(at.min(0)).astype(int), np.ceil(at.max(0)).astype(int)
            low, high = low.clip(0), high.clip(0)
            written = _placed_height(sheet, corners)
            heights[low[1] : high[1], low[0] : high[0]] = np.log2(written)
    cover = target.reshape(cells, HEIGHT_STEP, cells, HEIGHT_STEP).max((1, 3))
    heights[cover < 0.5] = NO_HEIGHT
    return heights


def _placed_height(sheet: Sheet, corners: Points) -> float:
    """Return the height in the picture of a box, given by its corners clockwise from the left top."""
    at = sheet.warp(corners)
    return float(max(np.hypot(*(at[3] - at[0])), 1.0))
