"""A reading as the window shows it."""

from dataclasses import dataclass, field

from common.messages import percent
from gui.protocol import DigitReading, PageReading
from gui.texts import say

LONG = 5  # digits of a number, above which words would be as long as the number
DIGITS = "0123456789?"
SURE = 0.9  # confidence below which words say what else it may be


@dataclass
class ShownReading:
    """A reading, the digit of it that is shown in detail, and the user's corrections.

    Attributes:
        reading: as the worker process answered.
        version: of the drawing that was read.
        chosen: index of the digit that is shown in detail; at first the least sure one or, where all are
            sure, the last; a sign only where there is no digit.
        corrected: label and sample name of each corrected digit by its index, the last correction last.
    """

    reading: PageReading = field(default_factory=PageReading)
    version: int = -1
    chosen: int = 0
    corrected: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        digits = self.reading.digits
        # Of signs, no other choice is offered.
        places = [at for at, is_sign in enumerate(self.are_signs()) if not is_sign]
        unsure = [at for at in places if digits[at].confidence < SURE]
        last = places[-1] if places else max(0, len(digits) - 1)
        self.chosen = min(unsure, key=lambda at: digits[at].confidence, default=last)

    @property
    def digit(self) -> DigitReading | None:
        """The digit that is shown in detail; None if there are no digits."""
        return self.reading.digits[self.chosen] if self.reading.digits else None

    def are_signs(self) -> list[bool]:
        """Return for each digit of the reading whether it is a sign, and not a digit or `?`."""
        return [label not in DIGITS for label in self.labels()]

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
        return self._with_spaces(self.labels())

    def _with_spaces(self, labels: list[str]) -> str:
        left = iter(labels)
        return "".join(" " if character == " " else next(left) for character in self.reading.text)

    def note(self) -> str:
        """Return how sure the reading is, in words if it is not; "" if there are no digits."""
        if self.corrected:
            read = self.reading.text.replace(" ", "")
            confirmed = all(read[place] == str(label) for place, (label, _) in self.corrected.items())
            return say("confirmed" if confirmed else "corrected")
        if "?" in self.reading.text:
            return say("no_digit" if self.reading.text == "?" else "not_sure")
        digits = [digit for digit in self.reading.digits if digit.is_digit]
        if not digits:
            return ""
        least = min(digits, key=lambda digit: digit.confidence)
        if least.confidence >= SURE:
            return percent(least.confidence)
        other = least.ranked()[1]
        if least.no_digit > least.probabilities[other]:
            return say("or_none")
        if len(self.reading.digits) == 1:
            return say("or", other=other)
        labels = self.labels()
        if len(labels) > LONG:
            return percent(least.confidence)
        labels[self.reading.digits.index(least)] = str(other)
        return say("or", other=self._with_spaces(labels))

    def title(self) -> str:
        """Return the reading and how sure it is, in one line."""
        text, note = self.text(), self.note()
        if not note or note in (say("not_sure"), say("no_digit")):
            return text
        return say("title_or", text=text, note=note) if note.endswith(("?", "\uff1f")) else f"{text} · {note}"

    def contenders(self) -> list[tuple[str, float]]:
        """Return what the digit that is shown in detail may be, with probabilities, the most probable first.

        These are two runners-up; where the reading is not sure it stands before them, and `?` among them. A
        sign has none.
        """
        digit = self.digit
        if digit is None or self.are_signs()[self.chosen]:
            return []
        shown, sure = self.labels()[self.chosen], digit.confidence >= SURE or bool(self.corrected)
        shares = [(str(label), digit.probabilities[label]) for label in digit.ranked()]
        if sure:
            return [(label, share) for label, share in shares if label != shown][:2]
        shares.append(("?", digit.no_digit))
        return sorted(shares, key=lambda contender: (contender[0] != shown, -contender[1]))[:3]
