"""What stands around the numbers of made pages: print, ruled lines, underlines, rings, crossing-outs."""

import numpy as np

from training.made_pages import surfaces
from training.made_pages.drawing import Layer, Points
from training.made_pages.layouts import Number, Sheet


def print_around(sheet: Sheet, picture: np.ndarray, dark: bool, clean: bool) -> None:
    """Print lines, patterns and text on the picture."""
    rng, size = sheet.rng, sheet.size
    shade = (150, 250) if dark else (0, 190)
    plain = sheet.kind in ("number", "rows", "sum", "single", "scatter", "empty")
    if rng.random() < (0.6 if sheet.crop else 0.4 if plain else 0.15):
        _rule(sheet, picture, dark)
    if not clean and rng.random() < (0.3 if sheet.kind == "amount" else 0.05):
        layer = Layer((size, size))
        surfaces.guilloche(layer, rng)
        surfaces.blend(
            picture,
            sheet.visible * layer.coverage() * rng.uniform(0.15, 0.7),
            surfaces.colour(rng, 60, 200, 0.8),
        )
    if sheet.kind == "amount" and rng.random() < 0.4:
        _print_lines_below(sheet)
    if rng.random() < 0.12:
        _print_lines_across(sheet)
    if sheet.kind != "printed" and rng.random() < (0.4 if sheet.kind != "single" else 0.12):
        _print_text(sheet)
    if not sheet.crop and rng.random() < 0.05:  # alone, a bar could be a 1
        _print_bars(sheet)
    surfaces.blend(
        picture,
        sheet.visible * sheet.printed.coverage() * rng.uniform(0.4, 1),
        surfaces.colour(rng, *shade, 0.7),
    )


def _rule(sheet: Sheet, picture: np.ndarray, dark: bool) -> None:
    """Rule the paper, or print squares or dots on it."""
    rng, h = sheet.rng, sheet.height
    layer = Layer((sheet.size, sheet.size))
    kind = str(rng.choice(["ruled", "squared", "dotted"], p=[0.5, 0.38, 0.12]))
    step = max(h * rng.uniform(*((0.9, 3.0) if kind == "ruled" else (0.3, 1.5))), 5)
    through = None
    if sheet.numbers and rng.random() < 0.6:  # people write on the lines
        through = sheet.numbers[0].box()[3] + h * rng.normal(0, 0.08)
    surfaces.ruled(layer, sheet.warp, step, min(sheet.line_width, 0.15 * step), rng, kind, through)
    pale = surfaces.colour(rng, *((60, 200) if dark else (90, 225)), saturation=0.8)
    surfaces.blend(picture, sheet.visible * layer.coverage() * rng.uniform(0.25, 1), pale)


def _print_lines_below(sheet: Sheet) -> None:
    """Print the line that each number is written on."""
    rng, h = sheet.rng, sheet.height
    for number in sheet.numbers:
        left, _, right, bottom = number.box()
        y = bottom + h * rng.uniform(-0.12, 0.3)
        ends = (left - rng.uniform(0, 2) * h, y), (right + rng.uniform(0, 2) * h, y)
        sheet.printed.line(surfaces.segment(*ends, sheet.warp), sheet.line_width)


def _print_lines_across(sheet: Sheet) -> None:
    """Print a margin line, or rules of a form."""
    rng, size = sheet.rng, sheet.size
    for _ in range(rng.integers(1, 4)):
        across = rng.random() < 0.5
        at = rng.uniform(0, size)
        ends = ((at, -size), (at, 2 * size)) if across else ((-size, at), (2 * size, at))
        sheet.printed.line(surfaces.segment(*ends, sheet.warp), sheet.line_width)


def _print_bars(sheet: Sheet) -> None:
    """Print bars, logos, and boxes to tick."""
    rng, size = sheet.rng, sheet.size
    for _ in range(rng.integers(1, 5)):
        x, y = rng.uniform(0, size, 2)
        wide, high = np.exp(rng.uniform(np.log(4), np.log(0.5 * size), 2))
        corners = sheet.warp(np.array([(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]))
        if rng.random() < 0.5 and sheet.kind in ("number", "rows", "empty", "single"):
            surfaces.box(sheet.printed, sheet.warp, (x, y, x + wide, y + high), sheet.line_width)
        elif not hits(sheet, corners):
            sheet.printed.polygon(corners)


def _print_text(sheet: Sheet) -> None:
    """Print labels or paragraphs where no number stands."""
    rng, size = sheet.rng, sheet.size
    height = float(np.clip(sheet.height * np.exp(rng.uniform(-1.2, 0.4)), 6, 60))
    block = rng.random() < 0.4
    x, y = rng.uniform(-0.2 * size, 0.6 * size, 2)
    for _ in range(rng.integers(2, 16) if block else rng.integers(1, 8)):
        content = surfaces.words(rng, int(rng.integers(3, 9)) if block else int(rng.integers(1, 3)))
        if not block:
            x, y = rng.uniform(-0.1 * size, 0.9 * size, 2)
        wide = 0.75 * height * len(content)
        corners = sheet.warp(
            np.array([(x, y), (x + wide, y), (x + wide, y + 1.4 * height), (x, y + 1.4 * height)])
        )
        if not hits(sheet, corners):
            surfaces.text(sheet.printed, sheet.warp, content, (x, y), height, sheet.font)
        y += rng.uniform(1.4, 1.7) * height if block else 0


def mark(sheet: Sheet, picture: np.ndarray, dark: bool) -> None:
    """Draw highlighter bars under numbers; rings, frames and underlines go to `sheet.marks`."""
    rng, h = sheet.rng, sheet.height
    bars = Layer((sheet.size, sheet.size))
    often = rng.choice([0.0, 0.1, 0.5], p=[0.45, 0.33, 0.22])
    for number in sheet.numbers:
        if rng.random() > often:
            continue
        left, top, right, bottom = number.box()
        kind = rng.choice(["underline", "ring", "frame", "bar", "strike"], p=[0.36, 0.2, 0.14, 0.12, 0.18])
        if kind == "underline":
            for k in range(rng.integers(1, 3)):
                y = bottom + h * (rng.uniform(-0.02, 0.35) + 0.12 * k)
                ends = (
                    (left - rng.uniform(-0.2, 0.6) * h, y),
                    (right + rng.uniform(-0.2, 0.8) * h, y + rng.normal(0, 0.04) * h),
                )
                _by_hand(sheet, surfaces.segment(*ends, sheet.warp))
        elif kind == "ring":
            angle = np.linspace(0, 6.28 + rng.uniform(-0.3, 0.8), 40) + rng.uniform(0, 6.28)
            wide = (right - left) * rng.uniform(0.6, 0.85) + 0.25 * h
            high = (bottom - top) * rng.uniform(0.65, 1.2)
            drift = 1 + rng.normal(0, 0.05) * np.linspace(-1, 1, 40)
            x, y = (
                (left + right) / 2 + wide * np.cos(angle) * drift,
                (top + bottom) / 2 + high * np.sin(angle),
            )
            _by_hand(sheet, sheet.warp(np.stack([x, y], 1)))
        elif kind == "frame":
            margin = h * rng.uniform(0.1, 0.6, 4)
            box = (left - margin[0], top - margin[1], right + margin[2], bottom + margin[3])
            surfaces.box(sheet.marks, sheet.warp, box, max(1.0, rng.uniform(0.03, 0.1) * h))
        elif kind == "bar":
            y0, y1 = top - rng.uniform(-0.1, 0.2) * h, bottom + rng.uniform(-0.1, 0.2) * h
            x0, x1 = left - rng.uniform(-0.3, 0.6) * h, right + rng.uniform(-0.3, 0.6) * h
            bars.polygon(
                sheet.warp(np.array([(x0, y0), (x1, y0 + rng.normal(0, 0.05) * h), (x1, y1), (x0, y1)]))
            )
        elif len(number.symbols) > 1 or rng.random() < 0.5:
            _strike(sheet, number)
    if not bars.empty:
        tone = surfaces.colour(rng, 170, 255, 0.2) * np.array(
            [(1, 1, 0.35), (1, 0.75, 0.85), (0.6, 1, 0.6), (0.6, 0.85, 1), (1, 0.75, 0.4)][rng.integers(5)]
        )
        cover = sheet.visible * bars.coverage() * rng.uniform(0.5, 1)
        surfaces.blend(picture, cover, tone if dark else picture * tone / 255)


def _by_hand(sheet: Sheet, points: Points) -> None:
    """Draw a line of a mark, a little uneven."""
    points = points + sheet.rng.normal(0, 0.012 * sheet.height, points.shape)
    sheet.marks.line(points, max(0.8, sheet.rng.uniform(0.04, 0.12) * sheet.height))


def _strike(sheet: Sheet, number: Number) -> None:
    """Cross a number out: its target becomes paper."""
    rng, h = sheet.rng, sheet.height
    left, top, right, bottom = number.box()
    number.struck = True
    if rng.random() < 0.6:
        for _ in range(rng.integers(1, 3)):
            y = (top + bottom) / 2 + rng.normal(0, 0.1) * h
            ends = (
                (left - rng.uniform(0, 0.4) * h, y),
                (right + rng.uniform(0, 0.4) * h, y + rng.normal(0, 0.2) * h),
            )
            _by_hand(sheet, surfaces.segment(*ends, sheet.warp))
    else:
        count = int(rng.integers(5, 14))
        x = np.linspace(left - 0.1 * h, right + 0.1 * h, count) + rng.normal(0, 0.08 * h, count)
        y = np.where(np.arange(count) % 2, top, bottom) + rng.normal(0, 0.12 * h, count)
        _by_hand(sheet, sheet.warp(np.stack([x, y], 1)))


def hits(sheet: Sheet, corners: Points) -> bool:
    """Return whether an area of the picture overlaps a number."""
    low, high = corners.min(0), corners.max(0)
    for number in sheet.numbers:
        left, top, right, bottom = number.box()
        at = sheet.warp(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]))
        if (at.min(0) < high).all() and (at.max(0) > low).all():
            return True
    return False
