"""Tests of removing what is left of rules, boxes and rings from a mask of ink."""

import numpy as np
import pytest

from pages.printed_lines import (
    pen_width,
    without_faint,
    without_line_parts,
    without_ruled_lines,
    without_thin,
)

HEIGHT = 40.0  # of the digits


def drawn(*parts: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((120, 300), bool)
    for part in parts:
        mask[part] = True
    return mask


LINE = (slice(60, 63), slice(20, 280))
PIECE = (slice(60, 63), slice(100, 160))
DIGIT = (slice(40, 80), slice(200, 206))


def contrast_of(ink: np.ndarray) -> np.ndarray:
    return np.where(ink[..., None], np.float32(-150), np.float32(0)) * np.ones(3, np.float32)


def test_a_piece_of_a_longer_line_is_no_ink():
    mask, line = drawn(PIECE, DIGIT), drawn(LINE, DIGIT)
    assert (without_line_parts(mask, contrast_of(line), HEIGHT) == drawn(DIGIT)).all()


def test_a_stroke_that_ends_where_its_colour_does_is_ink():
    mask = drawn(PIECE, DIGIT)
    assert (without_line_parts(mask, contrast_of(mask), HEIGHT) == mask).all()


def test_a_stroke_on_a_line_of_another_colour_is_ink():
    mask = drawn(PIECE)
    contrast = contrast_of(mask)
    contrast[drawn(LINE) & ~mask] = (0, 0, -60)
    assert (without_line_parts(mask, contrast, HEIGHT) == mask).all()


def test_a_bent_stroke_that_a_thin_line_passes_is_ink():
    """Two zeros that touch are longer than a digit is high, as is a piece of a ring."""
    zeros = drawn((slice(40, 80), slice(100, 170)))
    zeros[43:77, 103:134] = zeros[43:77, 136:167] = False
    line = drawn((slice(79, 80), slice(0, 300)))
    assert (without_line_parts(zeros, contrast_of(zeros | line), 40.0) == zeros).all()
    thick = drawn((slice(76, 80), slice(0, 300)))
    assert not without_line_parts(zeros, contrast_of(zeros | thick), 40.0).any()


def test_what_is_thinner_than_half_the_pen_is_no_stroke():
    bars = drawn((slice(40, 48), slice(50, 250)), (slice(80, 83), slice(50, 250)))
    assert 7 < pen_width(bars[:60]) < 9
    assert (without_thin(bars, 8.0)[:60] == bars[:60]).all()
    assert not without_thin(bars, 8.0)[60:].any()


def test_what_is_far_fainter_than_most_ink_is_the_papers_texture():
    pixels = np.full((120, 300, 3), 180, np.float32)
    pixels[:, 150:] = 90  # a shadow
    digit, shaded = (slice(40, 80), slice(40, 52)), (slice(40, 80), slice(250, 256))
    texture = (slice(90, 93), slice(60, 110))
    pixels[digit], pixels[shaded], pixels[texture] = 20, 30, 160
    kept = without_faint(drawn(digit, shaded, texture), pixels)
    assert (kept == drawn(digit, shaded)).all()


def logits_of(ink: np.ndarray, value: float) -> np.ndarray:
    return np.where(ink, np.float32(value), np.float32(-5))


@pytest.mark.parametrize("side", [1, -1])
def test_a_line_from_the_border_is_erased_up_to_a_digit(side):
    line = drawn((slice(60, 63), slice(0, 200)), DIGIT)
    kept = without_ruled_lines(line[:, ::side], logits_of(line[:, ::side], 0.5))[:, ::side]
    assert not kept[:, :195].any()
    assert kept[DIGIT].mean() > 0.9


def test_a_stroke_from_the_border_that_the_network_is_sure_of_stays():
    foot = drawn((slice(76, 80), slice(0, 60)), (slice(40, 76), slice(56, 60)))
    assert (without_ruled_lines(foot, logits_of(foot, 5)) == foot).all()


@pytest.mark.filterwarnings("error")
def test_a_thin_stroke_that_begins_in_thick_ink_at_the_border_stays():
    stroke = drawn((slice(20, 100), slice(0, 2)), (slice(60, 63), slice(2, 40)))
    assert (without_ruled_lines(stroke, logits_of(stroke, 0.5)) == stroke).all()


def test_a_digit_that_fills_its_picture_keeps_its_bar():
    seven = drawn((slice(0, 4), slice(0, 300)), (slice(0, 120), slice(150, 160)))
    assert (without_ruled_lines(seven, logits_of(seven, 0.5)) == seven).all()
