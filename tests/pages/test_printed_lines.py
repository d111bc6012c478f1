"""Tests of removing what is left of rules, boxes and rings from a mask of ink."""

import numpy as np
import pytest

from pages.printed_lines import without_line_parts, without_ruled_lines

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


@pytest.mark.parametrize("side", [1, -1])
def test_a_line_from_the_border_is_erased_up_to_a_digit(side):
    line = drawn((slice(60, 63), slice(0, 200)), DIGIT)
    kept = without_ruled_lines(line[:, ::side])[:, ::side]
    assert not kept[:, :195].any()
    assert kept[DIGIT].mean() > 0.9


def test_a_digit_that_fills_its_picture_keeps_its_bar():
    seven = drawn((slice(0, 4), slice(0, 300)), (slice(0, 120), slice(150, 160)))
    assert (without_ruled_lines(seven) == seven).all()
