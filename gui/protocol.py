"""What reading gives back, in plain values: the window does without NumPy, whose import takes a while."""

from dataclasses import dataclass

from common.geometry import Box


@dataclass(frozen=True)
class DigitReading:
    """One digit that was read, in plain values: the window does without NumPy.

    Attributes:
        digit: 0 to 9.
        probabilities: of the ten digits.
        is_digit: False where the network is not sure.
        box: on the page.
        glyph: what the network saw: 28 rows of 28 bytes, 255 for full ink.
    """

    digit: int
    probabilities: tuple[float, ...]
    is_digit: bool
    box: Box
    glyph: bytes

    @property
    def confidence(self) -> float:
        return self.probabilities[self.digit]


@dataclass(frozen=True)
class Answer:
    """All that was read on a page: the digits in reading order, and the text that they make."""

    digits: tuple[DigitReading, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Sample:
    """A corrected digit: the name of its files, its label, and its glyph as in `DigitReading`."""

    name: str
    label: int
    glyph: bytes


@dataclass(frozen=True)
class Remembered:
    """What is kept of a person's corrections.

    Attributes:
        folder: of the profile, as one would type it.
        samples: the newest first.
        set_aside: names of broken files, as they are called now.
    """

    folder: str
    samples: tuple[Sample, ...]
    set_aside: tuple[str, ...]
