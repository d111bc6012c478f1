"""What reading gives back, in plain values: the window does without NumPy, whose import takes a while."""

from dataclasses import dataclass, field

from common.messages import percent
from gui.protocol import Answer, DigitReading


@dataclass
class ShownReading:
    """An answer as the window shows it: one digit of it in full, and with what a person has corrected.

    Attributes:
        answer: that is shown.
        version: of the drawing that it is about.
        chosen: the place of the digit that is shown in full; the last one at first.
        corrected: label and name of the sample of each place that was corrected, in the order in which.
    """

    answer: Answer = field(default_factory=Answer)
    version: int = -1
    chosen: int = 0
    corrected: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chosen = max(0, len(self.answer.digits) - 1)

    @property
    def digit(self) -> DigitReading | None:
        """The one that is shown in full; None for no digits."""
        return self.answer.digits[self.chosen] if self.answer.digits else None

    def correct(self, label: int, name: str) -> tuple[int, str] | None:
        """Take the digit that is shown in full for a `label`, with a sample of that name.

        Returns:
            label and name from a correction before, if there was one.
        """
        before = self.corrected.pop(self.chosen, None)
        self.corrected[self.chosen] = label, name
        return before

    def labels(self) -> list[str]:
        """What each digit is taken for, as corrected: "0" to "9", or "?"."""
        labels = list(self.answer.text.replace(" ", ""))
        for place, (label, _) in self.corrected.items():
            labels[place] = str(label)
        return labels

    def text(self) -> str:
        """The reading, as corrected; spaces between lines."""
        labels = iter(self.labels())
        return "".join(" " if character == " " else next(labels) for character in self.answer.text)

    def note(self) -> str:
        """How sure it is, which is how sure the least sure digit is; nothing for no digits."""
        if not self.answer.digits:
            return ""
        if self.corrected:
            return "corrected"
        if not all(digit.is_digit for digit in self.answer.digits):
            return "not sure"
        return percent(min(digit.confidence for digit in self.answer.digits))
