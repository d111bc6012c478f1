"""Pages with known text, by people and of a kind that nothing has learned from: for measurements.

A page with a digit that hardly differs from the paper around it is replaced by another: nobody could read it.
Crossed-out numbers are not part of the text.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from training.made_pages import surfaces
from training.made_pages.handwriting import Hands
from training.made_pages.layouts import Sheet
from training.made_pages.page_maker import Frame, MadePage, photograph, points_of

SIDE = 512  # pixels of a page before it is cut
KINDS = {  # of a page, and the kind of sheet whose print and marks it has
    "a number": "number",
    "rows of numbers": "rows",
    "numbers that touch": "number",
    "sums, amounts, dates": "amount",
    "boxes": "comb",
}
MARGINS = (0.3, 2.5)  # of paper around the writing, in heights of a digit
LEAST_CONTRAST = 12  # of a digit or sign with the paper around it, 0 to 255, in one of the colours
AROUND = 0.25  # what is around a digit, in its height


def made_pages(hands: Hands, count: int, seed: int) -> Iterator[tuple[str, Image.Image, list[str]]]:
    """Yield pages: the kind, the picture, and the text of each line.

    Args:
        hands: who writes.
        count: pages of each kind.
        seed: of all random choices.
    """
    for number, kind in enumerate(KINDS):
        for index in range(count):
            picture, lines = _page(hands, kind, np.random.default_rng((seed, number, index)))
            yield kind, picture, lines


def _page(hands: Hands, kind: str, rng: np.random.Generator) -> tuple[Image.Image, list[str]]:
    """Make pages until one is legible; return the picture and the text of each line."""
    while True:
        sheet, lines = _written(hands, kind, rng)
        left, top, right, bottom = frame = _around(sheet, rng)
        page = photograph(sheet, frame, covered=False)
        numbers = iter(sheet.numbers)  # one for each word
        texts = ["".join(word for word in line if not next(numbers).struck) for line in lines]
        if any(texts) and _is_legible(sheet, page):
            return Image.fromarray(page.picture[top:bottom, left:right]), [text for text in texts if text]


def _is_legible(sheet: Sheet, page: MadePage) -> bool:
    """Return whether each digit and sign that is not crossed out differs from the paper around it."""
    for number in sheet.numbers:
        for symbol, x, y, height in number.symbols if not number.struck else ():
            box = (x, y, x + symbol.width * height, y + height)
            own, around = _area(sheet, box, 0.0), _area(sheet, box, AROUND * height)
            ink, paper = page.target[own] > 127, page.target[around] == 0
            if not ink.any() or not paper.any():
                return False
            tones = np.median(page.picture[own][ink], axis=0), np.median(page.picture[around][paper], axis=0)
            if np.abs(tones[0] - tones[1]).max() < LEAST_CONTRAST:
                return False
    return True


def _area(sheet: Sheet, box: tuple[float, float, float, float], margin: float) -> tuple[slice, slice]:
    """Return rows and columns of the picture around a box of the page, with a margin in pixels."""
    left, top, right, bottom = box
    corners = sheet.warp(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]))
    low = np.floor(corners.min(0) - margin).astype(int).clip(0)
    high = np.ceil(corners.max(0) + margin).astype(int).clip(0) + 1
    return slice(low[1], high[1]), slice(low[0], high[0])


def _written(hands: Hands, kind: str, rng: np.random.Generator) -> tuple[Sheet, list[list[str]]]:
    """Write lines until all of them lie on the page; return their words."""
    while True:
        sheet = Sheet(hands, KINDS[kind], SIDE, rng)
        sheet.height = float(rng.uniform(26, 70))
        lines = _lines(sheet, kind, rng)
        corners = points_of(sheet)
        wanted = sum(len(word) for line in lines for word in line)
        if sum(len(number.symbols) for number in sheet.numbers) < wanted:
            continue  # a faulty sample was left out
        if len(corners) > 1 and corners.min() > 8 and corners.max() < SIDE - 8:
            return sheet, lines


def _lines(sheet: Sheet, kind: str, rng: np.random.Generator) -> list[list[str]]:
    """Write the lines of a page and return the words of each."""
    gap = rng.uniform(-0.12, -0.02) if kind == "numbers that touch" else rng.uniform(0.12, 0.3)
    x, y, h = SIDE * rng.uniform(0.05, 0.3), SIDE * rng.uniform(0.05, 0.5), sheet.height
    if kind == "boxes":
        text, wide, high = _digits(rng, 3, 8), 1.15 * h, 1.35 * h
        for place, char in enumerate(text):
            left = x + place * wide
            surfaces.box(sheet.printed, sheet.warp, (left, y, left + wide, y + high), sheet.line_width)
            sheet.number(char, left + rng.uniform(0.2, 0.35) * h, y + 0.17 * h)
        return [list(text)]
    lines = []
    for _ in range(rng.integers(2, 5) if kind == "rows of numbers" else 1):
        if kind == "rows of numbers":
            words = [_digits(rng, 1, 3) for _ in range(rng.integers(1, 4))]
        elif kind == "sums, amounts, dates":
            words = [_with_signs(rng)]
        else:
            words = [_digits(rng, *((2, 5) if kind == "numbers that touch" else (3, 8)))]
        at = x
        for word in words:
            at = sheet.number(word, at, y, gap=gap) + 1.2 * h
        lines.append(words)
        y += 1.7 * h
    return lines


def _digits(rng: np.random.Generator, fewest: int, most: int) -> str:
    return "".join(map(str, rng.integers(0, 10, rng.integers(fewest, most + 1))))


def _with_signs(rng: np.random.Generator) -> str:
    def some(count: int) -> str:
        return _digits(rng, count, count)

    texts = [
        f"{some(2)}+{some(2)}",
        f"{some(2)}-{some(1)}={some(2)}",
        f"({some(1)}+{some(1)})x{some(1)}",
        f"{some(2)}.{some(2)}",
        f"{some(1)}.{some(3)},{some(2)}",
        f"{some(2)}/{some(2)}/{some(4)}",
        f"{some(2)}:{some(2)}",
        f"{some(2)}%",
    ]
    return texts[rng.integers(len(texts))]


def _around(sheet: Sheet, rng: np.random.Generator) -> Frame:
    """Return a frame around the writing with random margins."""
    corners, margins = points_of(sheet), sheet.height * rng.uniform(*MARGINS, 4)
    low = (corners.min(0) - margins[:2]).clip(0, SIDE).astype(int)
    high = (corners.max(0) + margins[2:]).clip(0, SIDE).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
