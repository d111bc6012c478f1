"""Tests of readings and the text that they form."""

import numpy as np

from recognition.reading import Reading, rows_of, text_of, without_signs


def readings(*lines: str) -> list[Reading]:
    """Return readings of numbers and signs, with the numbers of a line separated by spaces."""
    found = []
    for line, text in enumerate(lines):
        for group, word in enumerate(text.split()):
            for char in word:
                kind, digit = ("digit", int(char)) if char.isdigit() else (char, 0)
                shared = (np.full(10, 0.1, np.float32), 0.0, (0, 0, 1, 1), np.zeros((28, 28)))
                found.append(Reading(digit, *shared, line, group, kind))
    return found


def test_without_signs_the_numbers_stay_apart():
    found = without_signs(readings("12+34=46 7", "30/09/2024 3.14", "(5+6)x7"))
    assert rows_of(found) == [["12", "34", "46", "7"], ["30", "09", "2024", "314"], ["5", "6", "7"]]
    assert text_of(without_signs(readings("+-"))) == ""
