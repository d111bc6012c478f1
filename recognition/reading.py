"""What was read: digits and signs with their places, and the text that they form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.geometry import Box
from recognition.symbols import CROSSED_OUT, SIGNS

# A page of at least MIN_TURNED readings whose mean certainty is below DOUBTFUL may be turned.
MIN_TURNED, DOUBTFUL = 3, 0.65
POINTS = (".", ",")
SIGN_CERTAINTY = 0.5  # of a sign, where that of a usual digit is 0.7


@dataclass(frozen=True)
class Reading:
    """One digit that was read.

    Attributes:
        digit: the most probable class, 0 to 9.
        probabilities: float32, (10,), calibrated, with sum 1.
        novelty: distance of the ink from digits, at least 0; above 1, it is taken for none.
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        glyph: float32, (28, 28), ink 1 on 0: the input of the network.
        line: number of the line of text that the digit is on, from 0.
        group: number of the number within its line, from 0.
        turned: degrees by which the picture was turned clockwise to be read, 0 for most.
        kind: what the ink is: "digit" (or unknown), one of `symbols.SIGNS`, or "crossed out".
        evidence: for and against it, from `page_confidence.evidence_of`, float64; None for drawings, small
            plain pictures, and where all ink is one digit.
        chance: probability that the ink is a digit of its own, and not print, an edge or a part of one; 1
            where there is no evidence.
    """

    digit: int
    probabilities: np.ndarray
    novelty: float
    box: Box
    glyph: np.ndarray
    line: int = 0
    group: int = 0
    kind: str = "digit"
    turned: int = 0
    evidence: np.ndarray | None = None
    chance: float = 1.0

    @property
    def is_digit(self) -> bool:
        """Whether the ink looks like a digit; if not, `digit` is a guess."""
        return self.novelty <= 1 and self.kind == "digit"

    @property
    def symbol(self) -> str:
        """The digit or sign, `?` for what is neither, "" for what is crossed out."""
        if self.kind == "digit":
            return str(self.digit) if self.is_digit else "?"
        return "" if self.kind == CROSSED_OUT else self.kind

    @property
    def confidence(self) -> float:
        """The probability that `digit` is right, 0 to 1."""
        return self.chance * float(self.probabilities[self.digit])


def rows_of(readings: Sequence[Reading]) -> list[list[str]]:
    """Return the numbers of each line: digits, signs, and `?` for what is neither.

    What is crossed out is left out.
    """
    rows: dict[int, dict[int, str]] = {}
    for reading in readings:
        if reading.symbol:
            row = rows.setdefault(reading.line, {})
            row[reading.group] = row.get(reading.group, "") + reading.symbol
    return [list(row.values()) for row in rows.values()]


def text_of(readings: Sequence[Reading]) -> str:
    """Return what was read, numbers and lines separated by a space."""
    return " ".join(" ".join(row) for row in rows_of(readings))


def without_signs(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out signs. What they stand between are different numbers, except for points and commas."""
    kept: list[Reading] = []
    line = parted = 0
    for reading in readings:
        parted = parted if reading.line == line else 0
        line = reading.line
        if reading.kind in SIGNS:
            parted += reading.kind not in POINTS
        else:
            kept.append(replace(reading, group=reading.group + parted))
    return kept


def count_digits(readings: Sequence[Reading]) -> int:
    """Return how many readings look like digits."""
    return sum(reading.is_digit for reading in readings)


def count_crossed_out(readings: Sequence[Reading]) -> int:
    """Return how many readings are left out, since they are crossed out."""
    return sum(reading.kind == CROSSED_OUT for reading in readings)


def is_doubtful(readings: Sequence[Reading]) -> bool:
    """Return whether the readings, if they are several, are so unusual that the page may be turned."""
    return len(readings) >= MIN_TURNED and certainty(readings) < DOUBTFUL


def certainty(readings: Sequence[Reading]) -> float:
    """Return how much readings look like MNIST's digits, 0 to 1 on average; 0 for no readings.

    Digits on their head or side are often read with confidence, but they are unusual ones. Points look alike
    from all sides, and do not count.
    """
    values = [
        r.confidence * max(0.0, 1 - r.novelty / 1.5) if r.is_digit else SIGN_CERTAINTY * (r.kind != "digit")
        for r in readings
        if r.kind not in POINTS
    ]
    return float(np.mean(values)) if values else 0.0


def mean_confidence(readings: Sequence[Reading]) -> float | None:
    """Return the mean confidence of digits, 0 for others; None if there are neither. Signs do not count.

    What crosses out a digit may be a line that is no ink: it is no surer than a `?`.
    """
    values = [r.confidence if r.is_digit else 0.0 for r in readings if r.kind in ("digit", CROSSED_OUT)]
    return float(np.mean(values)) if values else None


def turned_back(box: Box, degrees: int, size: tuple[int, int]) -> Box:
    """Return a box of a picture that was turned clockwise by `degrees`, in the picture of `size` itself."""
    (width, height), (left, top, right, bottom) = size, box
    if degrees == 90:
        return top, height - right, bottom, height - left
    if degrees == 180:
        return width - right, height - bottom, width - left, height - top
    return width - bottom, left, width - top, right
