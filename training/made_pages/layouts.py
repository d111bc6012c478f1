"""Where numbers stand on made pages: one digit, rows, tables, boxes, sums, amounts, dates."""

from dataclasses import dataclass, field

import numpy as np

from training.made_pages import surfaces
from training.made_pages.drawing import Layer, Points, Rng
from training.made_pages.handwriting import SIGNS, Hands, Symbol
from training.made_pages.surfaces import Warp

_SHARES = {  # of pages, and of small pictures that are cut close to a digit or a number
    "single": (0.2, 0.4),
    "number": (0.12, 0.16),
    "rows": (0.12, 0.07),
    "table": (0.12, 0.07),
    "comb": (0.1, 0.07),
    "sum": (0.06, 0.03),
    "expression": (0.07, 0.05),
    "amount": (0.1, 0.09),
    "scatter": (0.05, 0.03),
    "printed": (0.02, 0.01),
    "empty": (0.04, 0.02),
}
KINDS = {kind: share for kind, (share, _) in _SHARES.items()}
CROPS = {kind: share for kind, (_, share) in _SHARES.items()}
# A 1 and a 7 are easily taken for lines of the paper: they are more frequent than the other digits.
DIGIT_SHARES = (0.08, 0.2, 0.09, 0.09, 0.09, 0.09, 0.08, 0.12, 0.08, 0.08)


@dataclass
class Number:
    """Symbols that were written beside one another.

    Attributes:
        symbols: each with its left top corner, (x, y), and its height, on the page.
        struck: whether it is crossed out.
    """

    symbols: list[tuple[Symbol, float, float, float]] = field(default_factory=list)
    struck: bool = False

    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom."""
        return (
            min(x for _, x, _, _ in self.symbols),
            min(y for _, _, y, _ in self.symbols),
            max(x + s.width * h for s, x, _, h in self.symbols),
            max(y + h for _, _, y, h in self.symbols),
        )


class Sheet:
    """What is on one page before it is photographed: numbers, and printed things as layers.

    Args:
        hands: one of which writes the page.
        kind: one of KINDS.
        size: of the page's sides, in pixels.
        rng: source of all random choices.
        crop: whether the page is cut close to the writing.
    """

    def __init__(self, hands: Hands, kind: str, size: int, rng: Rng, crop: bool = False) -> None:
        self.rng, self.kind, self.size, self.crop = rng, kind, size, crop
        self.hand = hands.hand(rng)
        low, high = (30, 0.95 * size) if kind == "single" else (18 if crop else 9, min(130, 0.68 * size))
        middle = rng.beta(1.7, 1.8) if kind != "single" else rng.random()
        self.height = float(np.exp(np.log(low) + middle * np.log(high / low)))
        self.gap = rng.choice([rng.normal(0.25, 0.12), rng.normal(0.02, 0.08)], p=[0.75, 0.25])
        self.numbers: list[Number] = []
        self.warp = _warp(rng, size)
        self.printed = Layer((size, size))
        self.marks = Layer((size, size))
        self.line_width = float(np.exp(rng.uniform(np.log(0.5), np.log(2.2)))) * max(1, self.height / 60)
        self.visible: np.ndarray | float = 1.0  # where the sheet lies: (S, S)
        self.font = int(rng.integers(10_000))

    def number(
        self, text: str, x: float, y: float, height: float | None = None, gap: float | None = None
    ) -> float:
        """Write a number with its left top corner at (x, y); return its right end."""
        rng, height, gap = self.rng, height or self.height, self.gap if gap is None else gap
        written = Number()
        slope = rng.normal(0, 0.03)
        for char in text:
            symbol = self.hand.write(char)
            if char in SIGNS:
                size, top = height, 0.0
                space = rng.uniform(0.05, 0.35)
            else:
                size = height * rng.normal(1, 0.07)
                top, space = (height - size) * rng.random() + height * rng.normal(0, 0.04), gap
            if symbol.width > 2.5:  # a 1 that lies, a faulty sample
                continue
            if char in ".,:":
                x -= 0.08 * height
            written.symbols.append((symbol, x, y + top + slope * (x - self.size / 2), size))
            x += symbol.width * size + height * (space + rng.normal(0, 0.05))
        if written.symbols:
            self.numbers.append(written)
        return x

    def digits(self, low: int, high: int) -> str:
        """Return `low` to `high` random digits."""
        count = int(self.rng.integers(low, high + 1))
        if self.rng.random() < 0.12:  # amounts are often round
            return str(self.rng.integers(1, 10)) + "0" * (count - 1)
        return "".join(map(str, self.rng.choice(10, count, p=DIGIT_SHARES)))


def _warp(rng: Rng, size: int) -> Warp:
    """Return how the page's plane is turned, tilted and bent in the picture."""
    angle = rng.normal(0, np.radians(4)) if rng.random() < 0.85 else rng.uniform(-0.5, 0.5)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilt = rng.normal(0, 0.12, 2) / size if rng.random() < 0.4 else np.zeros(2)
    shear = np.array([[1, rng.normal(0, 0.04)], [rng.normal(0, 0.02), 1]])
    bend = rng.uniform(0, 0.03) * size if rng.random() < 0.3 else 0.0
    waves, phase = rng.uniform(2, 7) / size, rng.uniform(0, 6.28)

    def warp(points: Points) -> Points:
        at = (points - size / 2) @ (turn @ shear).T
        at = at / (1 + at @ tilt).clip(0.4)[..., None]
        if bend:
            at = at + np.stack([0 * at[..., 0], bend * np.sin(waves * at[..., 0] + phase)], -1)
        return at + size / 2

    return warp


def _start(sheet: Sheet) -> tuple[float, float]:
    """Return where the writing begins: somewhere that leaves some of it in the picture."""
    rng, size, h = sheet.rng, sheet.size, sheet.height
    return rng.uniform(-0.5 * h, 0.35 * size), rng.uniform(-0.2 * h, max(0.1, 0.8 * size - 1.3 * h))


def _single(sheet: Sheet) -> None:
    size, h, rng = sheet.size, sheet.height, sheet.rng
    free = max(0.0, size - h)
    sheet.number(sheet.digits(1, 1), rng.uniform(0, max(1, size - 0.7 * h)), rng.uniform(0, free))


def _number(sheet: Sheet) -> None:
    x, y = _start(sheet)
    sheet.number(sheet.digits(2, 14), x, y)


def _rows(sheet: Sheet) -> None:
    rng, h, size = sheet.rng, sheet.height, sheet.size
    step = h * rng.uniform(1.25, 3)
    x0, y = rng.uniform(-h, 0.4 * size), rng.uniform(-h, 0.4 * size)
    apart = rng.uniform(0.6, 3)
    low, high = sorted(rng.integers(1, 7, 2))
    varied = rng.random() < 0.25
    count = 0
    while y < size and count < 60:
        x, height = x0 + rng.normal(0, 0.3) * h, h * (rng.uniform(0.6, 1.5) if varied else 1)
        for _ in range(rng.integers(1, 6)):
            x = sheet.number(sheet.digits(low, high), x, y, height) + apart * h
            count += high
            if x > size:
                break
        y += step * (height / h if varied else 1)


def _table(sheet: Sheet) -> None:
    rng, h, size = sheet.rng, sheet.height, sheet.size
    longest = int(rng.integers(1, 5))
    wide, high = h * (0.75 * longest + rng.uniform(0.3, 1.5)), h * rng.uniform(1.15, 2.2)
    columns = rng.uniform(-wide, 0.3 * size) + wide * np.arange(rng.integers(2, 9))
    rows = rng.uniform(-high, 0.3 * size) + high * np.arange(rng.integers(2, 9))
    filled = rng.uniform(0.4, 1)
    for left in columns[:-1]:
        for top in rows[:-1]:
            if rng.random() < filled and left < size and top < size and len(sheet.numbers) < 45:
                x = left + rng.uniform(-0.05, 0.35) * h
                sheet.number(sheet.digits(1, longest), x, top + rng.normal(0.5, 0.2) * (high - h), gap=0.1)
    if rng.random() < 0.85:
        layer = sheet.marks if rng.random() < 0.2 else sheet.printed  # drawn by hand, or printed
        surfaces.grid(layer, sheet.warp, columns, rows, sheet.line_width, rng)


def _comb(sheet: Sheet) -> None:
    rng, h = sheet.rng, sheet.height
    wide, high = h * rng.uniform(0.75, 1.5), h * rng.uniform(1.05, 1.7)
    apart = rng.choice([0.0, rng.uniform(0.05, 0.4) * h])
    x0, y0 = _start(sheet)
    style = rng.choice(["box", "comb", "dashes", "dots"], p=[0.6, 0.2, 0.12, 0.08])
    for row in range(rng.integers(1, 4)):
        y = y0 + row * high * rng.uniform(1.3, 2.2)
        count = int(rng.integers(2, 13))
        for k in range(count):
            x = x0 + k * (wide + apart)
            if x > sheet.size:
                break
            if style == "box":
                surfaces.box(sheet.printed, sheet.warp, (x, y, x + wide, y + high), sheet.line_width)
            elif style == "comb":
                edge = surfaces.segment((x, y + 0.6 * high), (x, y + high), sheet.warp)
                sheet.printed.line(edge, sheet.line_width)
                sheet.printed.line(
                    surfaces.segment((x, y + high), (x + wide, y + high), sheet.warp), sheet.line_width
                )
            elif style == "dashes":
                edge = surfaces.segment((x + 0.1 * wide, y + high), (x + 0.9 * wide, y + high), sheet.warp)
                sheet.printed.line(edge, sheet.line_width)
            else:
                for px, py in surfaces.segment((x, y + high), (x + wide, y + high), sheet.warp, 8):
                    sheet.printed.ellipse(px, py, sheet.line_width)
            if rng.random() < 0.93:
                at = x + wide * rng.normal(0.25, 0.1), y + (high - h) * rng.normal(0.5, 0.25)
                sheet.number(sheet.digits(1, 1), *at)


def _sum(sheet: Sheet) -> None:
    rng, h = sheet.rng, sheet.height
    x0, y = _start(sheet)
    y -= rng.uniform(0, 2) * h
    longest = int(rng.integers(1, 6))
    count = int(rng.integers(2, 5))
    step = h * rng.uniform(1.15, 1.8)
    for k in range(count + 1):
        digits = sheet.digits(1, longest)
        x = x0 + (longest - len(digits)) * 0.8 * h
        if k == count - 1:
            sheet.number(str(rng.choice(list("+-x"))), x0 - h, y)
        if k == count:
            line = surfaces.segment((x0 - h, y - 0.1 * h), (x0 + 0.9 * longest * h, y - 0.1 * h), sheet.warp)
            sheet.marks.line(line + rng.normal(0, 0.01 * h, line.shape), 0.06 * h)
            y += 0.1 * h
        sheet.number(digits, x, y)
        y += step


def _expression(sheet: Sheet) -> None:
    rng, h = sheet.rng, sheet.height
    x, y = _start(sheet)
    for _ in range(rng.integers(1, 5)):
        parts = [sheet.digits(1, 3)]
        for _ in range(rng.integers(1, 4)):
            parts += [str(rng.choice(list("+-x/=÷"))), sheet.digits(1, 3)]
        text = "".join(parts)
        if rng.random() < 0.3:
            text = f"({text})"
        sheet.number(text, x + rng.normal(0, 0.3) * h, y, gap=rng.uniform(0.08, 0.3))
        y += h * rng.uniform(1.3, 2.5)


def _amount(sheet: Sheet) -> None:
    """Write an amount, a date or a time, often cut close."""
    rng = sheet.rng
    x, y = _start(sheet)
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(6)
        text = [
            f"{sheet.digits(1, 3)}.{sheet.digits(3, 3)}",
            f"{sheet.digits(1, 4)},{sheet.digits(2, 2)}",
            f"{sheet.digits(1, 2)}.{sheet.digits(3, 3)},{sheet.digits(2, 2)}",
            f"{sheet.digits(2, 2)}/{sheet.digits(2, 2)}/{sheet.digits(2, 4)}",
            f"{sheet.digits(1, 2)}:{sheet.digits(2, 2)}",
            f"{sheet.digits(1, 3)}%" if rng.random() < 0.3 else f"-{sheet.digits(1, 4)}.{sheet.digits(1, 2)}",
        ][kind]
        sheet.number(text, x, y, gap=rng.uniform(-0.08, 0.25))
        y += sheet.height * rng.uniform(1.2, 3)


def _scatter(sheet: Sheet) -> None:
    rng, size = sheet.rng, sheet.size
    taken: list[tuple[float, float]] = []
    for _ in range(rng.integers(2, 14)):
        x, y = rng.uniform(0, size - 0.5 * sheet.height), rng.uniform(0, size - sheet.height)
        if any(abs(x - a) < 2.6 * sheet.height and abs(y - b) < 1.1 * sheet.height for a, b in taken):
            continue
        taken.append((x, y))
        sheet.number(sheet.digits(1, 3), x, y)


def _empty(sheet: Sheet) -> None:
    """Write nothing."""


_LAYOUTS = {
    "single": _single,
    "number": _number,
    "rows": _rows,
    "table": _table,
    "comb": _comb,
    "sum": _sum,
    "expression": _expression,
    "amount": _amount,
    "scatter": _scatter,
    "printed": _empty,
    "empty": _empty,
}


def lay_out(sheet: Sheet) -> None:
    """Write numbers on a sheet as its kind says."""
    _LAYOUTS[sheet.kind](sheet)
