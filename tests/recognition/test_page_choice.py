"""Tests of the choice of what stands on a page."""

from dataclasses import replace

import numpy as np
import pytest

from common.geometry import Box
from preprocessing.candidates import Candidate
from recognition.page_choice import read_page
from recognition.reading import Reading, text_of

GLYPH = np.zeros((28, 28), np.float32)


def text_read(text: str, of_picture: bool = False, boxes: list[Box] | None = None) -> str:
    """Return the text of a line whose candidates were read as given; a slash may also be a 1."""
    line: list[Candidate] = []
    for char in text:
        if char == " ":
            line[-1] = replace(line[-1], ends_group=True)
        else:
            start = len(line)
            box = boxes[start] if boxes else (20 * start, 0, 20 * start + 15, 30)
            ink = object() if of_picture else None  # is never cut here
            line.append(Candidate(start, start + 1, GLYPH, box, ink=ink))
    readings = {}
    for candidate, char in zip(line, text.replace(" ", ""), strict=True):
        kind, digit = ("digit", int(char)) if char.isdigit() else (char, 1)
        probabilities = np.eye(10, dtype=np.float32)[digit]
        readings[id(candidate)] = [Reading(digit, probabilities, 0.5, candidate.box, GLYPH, kind=kind)]
    return text_of(read_page([line], dict.fromkeys(readings, 1.0), readings))


@pytest.mark.parametrize("text", ["30/09/2024", "3/4", "1+1/2=1", "2/3 4/5", "(1/2)"])
def test_a_slash_between_short_numbers_stays(text):
    assert text_read(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("82/", "821"),
        ("/82", "182"),
        ("56/12262", "56112262"),
        ("82/ 34", "821 34"),
        ("82 /34", "82 134"),
        ("85:/5", "85:15"),
        ("5/+3", "51+3"),
    ],
)
def test_what_cannot_be_a_slash_is_a_1(text, wanted):
    assert text_read(text) == wanted


def test_a_slash_that_is_lower_than_its_digits_is_a_1():
    low = [(20 * place, 10 * (char == "/"), 20 * place + 15, 30) for place, char in enumerate("30/12/08")]
    assert text_read("80/75", boxes=low) == "80175"
    assert text_read("30/12/08", boxes=low) == "30/12/08"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2-", "2"), ("12--", "12"), ("2-1", "2-1"), ("-2", "-2"), ("12 -", "12"), ("12-.", "12")],
)
def test_a_line_of_a_picture_does_not_end_with_a_minus(text, wanted):
    assert text_read(text, of_picture=True) == wanted
    assert text_read(text) == text
