"""Requests from the window to the worker process, and what they are answered with.

Both ends of the pipe share these classes. Their values are plain, since the window does not import NumPy.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from common.geometry import Box
from gui.drawing import WHOLE, Page

# what is answered


@dataclass(frozen=True)
class DigitReading:
    """One digit of a reading.

    Attributes:
        digit: 0 to 9.
        probabilities: the ten digits' probabilities.
        no_digit: the probability that it is none of them, above 0.5 where `is_digit` is false; with
            `probabilities` the sum is 1.
        is_digit: False where the network is not sure, and for a sign such as a minus.
        box: in page coordinates.
        glyph: the network's input: 28 rows of 28 bytes, 255 for full ink.
    """

    digit: int
    probabilities: tuple[float, ...]
    no_digit: float
    is_digit: bool
    box: Box
    glyph: bytes

    @property
    def confidence(self) -> float:
        """The probability of `digit`."""
        return self.probabilities[self.digit]

    def ranked(self) -> list[int]:
        """Return the ten digits, the most probable first."""
        return sorted(range(10), key=lambda digit: -self.probabilities[digit])


@dataclass(frozen=True)
class PageReading:
    """The digits and signs of a page in reading order, and their text, spaces between numbers and lines.

    Attributes:
        number: what a page that was read as one digit would be read as otherwise, if it looks like several.
        turned: degrees by which the page was turned clockwise to be read.
        crossed_out: how many digits are left out, since they are crossed out.
    """

    digits: tuple[DigitReading, ...] = ()
    text: str = ""
    number: str = ""
    turned: int = 0
    crossed_out: int = 0


@dataclass(frozen=True)
class Sample:
    """A corrected digit: the name of its files, its label, and its glyph as in `DigitReading`."""

    name: str
    label: int
    glyph: bytes


@dataclass(frozen=True)
class SampleList:
    """The samples of a profile.

    Attributes:
        folder: of the profile, relative to the current folder.
        samples: the newest first.
        set_aside: file names of broken samples, which were renamed.
    """

    folder: str
    samples: tuple[Sample, ...]
    set_aside: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """What became of a sample that was to be kept.

    Attributes:
        count: number of samples of its label, with it.
        replaced: the files of the sample that it replaced, names and contents; empty if there was none.
    """

    count: int
    replaced: dict[str, bytes]


# requests


class Request:
    """What the window asks the worker process to do.

    Attributes:
        name: how messages call it.
        lasting: whether it is carried out even if the window closes before.
    """

    name: ClassVar[str]
    lasting: ClassVar[bool] = False


@dataclass(frozen=True)
class Read(Request):
    """Read a page; answered with a `PageReading`.

    Args:
        page: not blank.
        single: whether all of its ink is one digit.
        use_memory: whether corrected samples count.
    """

    name = "read"
    page: Page
    single: bool
    use_memory: bool


@dataclass(frozen=True)
class Explain(Request):
    """Compute what in a glyph speaks for each of `digits`; answered with a tuple of bytes, 255 for most."""

    name = "explain"
    glyph: bytes
    digits: tuple[int, ...]


@dataclass(frozen=True)
class Open(Request):
    """Decode an image file, a stroke file or the content of one; of several pages the first.

    Answered with a `Picture`, which has no place on a page yet, or with a `Page` of strokes, which have no
    size yet.

    Attributes:
        source: the file or the content.
        part: what to show of a picture, as in `Picture`.
    """

    name = "open"
    source: Path | bytes
    part: Box = WHOLE


@dataclass(frozen=True)
class Save(Request):
    """Write a page as a PNG file, dark on white; answered with the path.

    Args:
        region: the part of a page without a picture that is written; one with a picture is written whole.
        scale: pixels per unit of the page.
        ink_follows_speed: whether fast strokes are thinner.
    """

    name = "save"
    lasting = True
    path: Path
    page: Page
    region: Box
    scale: float
    ink_follows_speed: bool


@dataclass(frozen=True)
class CopyPicture(Request):
    """Put a page into the clipboard as a picture; answered with whether that was possible.

    Args:
        page, region, scale, ink_follows_speed: as for `Save`.
    """

    name = "copy"
    page: Page
    region: Box
    scale: float
    ink_follows_speed: bool


@dataclass(frozen=True)
class Keep(Request):
    """Keep a corrected sample; answered with `Kept`.

    Args:
        sample: name of the new sample.
        label: the digit that it is.
        digit: as it was read.
        page: on which it was read.
        box: the part of the page that is the digit; None for the whole page.
        replaces: name of a sample to delete; None for none.
    """

    name = "keep"
    lasting = True
    sample: str
    label: int
    digit: DigitReading
    page: Page
    box: Box | None
    replaces: str | None = None


@dataclass(frozen=True)
class Forget(Request):
    """Delete the sample with this name; answered with the content of its files by their names."""

    name = "forget"
    lasting = True
    sample: str


@dataclass(frozen=True)
class ForgetAll(Request):
    """Delete all samples; answered like `Forget`."""

    name = "forget_all"
    lasting = True


@dataclass(frozen=True)
class Restore(Request):
    """Write files of samples that were deleted, given as they were answered; answered with None."""

    name = "restore"
    lasting = True
    files: dict[str, bytes]


@dataclass(frozen=True)
class ListSamples(Request):
    """List all samples; answered with a `SampleList`."""

    name = "list_samples"
