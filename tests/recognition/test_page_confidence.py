"""Tests of how likely what was read on a page is right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from recognition.page_confidence import evidence_of, with_chances
from recognition.reading import Reading
from recognition.recognizer import Recognizer
from tests.support import handwriting


def digit(
    value: int = 3,
    line: int = 0,
    ink: float = 0.95,
    cut: bool = False,
    surprise: float = 0.0,
    novelty: float = 0.3,
) -> Reading:
    probabilities = np.full(10, 0.001, np.float32)
    probabilities[value] = 0.991
    reading = Reading(value, probabilities, novelty, (0, 0, 9, 9), np.zeros((28, 28), np.float32), line)
    return replace(reading, evidence=evidence_of(reading, surprise, min(surprise, 0.5), 0.0, ink, cut))


def chances(*readings: Reading) -> list[float]:
    return [reading.chance for reading in with_chances(readings)]


def test_clear_ink_that_both_networks_take_for_the_digit_is_sure():
    assert chances(digit())[0] > 0.97
    assert with_chances([digit()])[0].confidence == pytest.approx(0.991 * chances(digit())[0], abs=1e-4)


@pytest.mark.parametrize(
    "doubt", [{"ink": 0.4}, {"cut": True}, {"surprise": 3.0}, {"value": 1}, {"novelty": 0.9}], ids=str
)
def test_doubt_lowers_the_chance(doubt):
    assert chances(digit(**doubt))[0] < chances(digit())[0]


def test_signs_have_no_chance_of_their_own():
    minus = replace(digit(surprise=4.0, ink=0.3), kind="-")
    assert [reading.chance for reading in with_chances([minus, digit(), minus])[::2]] == [1.0, 1.0]


def test_beside_doubtful_ink_what_looks_like_a_digit_is_less_sure():
    faint = digit(ink=0.3, surprise=2.0)
    assert chances(digit(), faint, faint)[0] < chances(digit())[0]


def test_a_line_that_is_rather_print_is_left_out_unless_it_is_all_there_is():
    faint = [digit(line=1, ink=0.1, surprise=3.0) for _ in range(3)]
    last = digit(5, line=2)
    kept = with_chances([digit(), *faint, last])
    assert [(reading.digit, reading.line) for reading in kept] == [(3, 0), (5, 1)]
    assert len(with_chances(faint)) == 3
    assert len(with_chances([digit(), faint[0], last])) == 3  # a faint digit of its own


def test_a_corrected_sample_is_a_digit_whatever_the_symbol_network_says():
    reading = digit()
    known, unknown = (
        replace(reading, evidence=evidence_of(reading, 6.0, 4.0, familiarity, 0.9, False))
        for familiarity in (1.0, 0.0)
    )
    assert chances(known)[0] > chances(unknown)[0] + 0.05


def test_the_digit_and_any_digit_are_told_apart():
    assert evidence_of(digit(), 3.0, 0.5, 0.0, 0.9, False)[:2] == pytest.approx((3.0, 0.5))


def test_the_ink_of_drawings_and_small_plain_pictures_is_sure(recognizer: Recognizer):
    drawn = recognizer.read_strokes(handwriting.digit(3, (100, 100), 80))
    small = recognizer.read_image(Image.fromarray(drawn[0].glyph * 255).convert("L"))
    for readings in (drawn, small):
        assert [(reading.digit, reading.chance) for reading in readings] == [(3, 1.0)]


def test_the_digits_of_a_plain_page_are_sure(recognizer: Recognizer):
    page = Image.new("L", (700, 300), 235)
    draw = ImageDraw.Draw(page)
    for place, value in enumerate((3, 6, 9)):
        for stroke in handwriting.digit(value, (150 + 200 * place, 150), 120):
            draw.line([tuple(point) for point in stroke], 40, 9, joint="curve")
    readings = recognizer.read_image(page)
    assert [reading.digit for reading in readings] == [3, 6, 9]
    assert min(reading.chance for reading in readings) > 0.9


def test_a_page_that_is_read_turned_has_chances(recognizer: Recognizer):
    picture = Image.open(Path(__file__).parents[1] / "cases" / "turned_90.jpg")
    readings = recognizer.read_image(picture)
    assert readings[0].turned
    assert all(0 < reading.chance < 1 for reading in readings if reading.is_digit)
