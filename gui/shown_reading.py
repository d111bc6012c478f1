"""A reading as the window shows it."""

from dataclasses import dataclass, field

from common.messages import percent
from gui.protocol import DigitReading, PageReading


@dataclass
class ShownReading:
    """A reading, the digit of it that is shown in detail, and the user's corrections.

    Attributes:
        reading: as the worker process answered.
        version: of the drawing that was read.
        chosen: index of the digit that is shown in detail; at first the last one.
        corrected: label and sample name of each corrected digit by its index, the last correction last.
    """

    reading: PageReading = field(default_factory=PageReading)
    version: int = -1
    chosen: int = 0
    corrected: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chosen = max(0, len(self.reading.digits) - 1)

    @property
    def digit(self) -> DigitReading | None:
        """The digit that is shown in detail; None if there are no digits."""
        return self.reading.digits[self.chosen] if self.reading.digits else None

    def correct(self, label: int, name: str) -> tuple[int, str] | None:
        """Correct the digit that is shown in detail to `label`, with a sample called `name`.

        Returns:
            label and sample name of its previous correction; None if there was none.
        """
        before = self.corrected.pop(self.chosen, None)
        self.corrected[self.chosen] = label, name
        return before

    def labels(self) -> list[str]:
        """Return "0" to "9", a sign such as "+", or "?" where unsure, for each digit, as corrected."""
        labels = list(self.reading.text.replace(" ", ""))
        for place, (label, _) in self.corrected.items():
            labels[place] = str(label)
        return labels

    def text(self) -> str:
        """Return the text of the reading, as corrected, with spaces between lines."""
        labels = iter(self.labels())
        return "".join(" " if character == " " else next(labels) for character in self.reading.text)

    def note(self) -> str:
        """Return "corrected", "not sure" or the lowest confidence as "97 %"; "" if there are no digits."""
        if self.corrected:
            return "corrected"
        if "?" in self.reading.text:
            return "not sure"
        confidences = [digit.confidence for digit in self.reading.digits if digit.is_digit]
        return percent(min(confidences)) if confidences else ""
