"""Boxes are grouped into lines and numbers as a person would group them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.line_finding import find_lines, typical_height
from preprocessing.segmentation import find_gaps


def row(x: float, y: float, count: int, height: float = 20, gap: float = 6, rise: float = 0) -> list:
    """Return the boxes of digits side by side; the first one's left top corner is at (x, y)."""
    width = 0.6 * height
    lefts = [x + i * (width + gap) for i in range(count)]
    return [(left, y + rise * (left - x), left + width, y + height + rise * (left - x)) for left in lefts]


def shapes(lines: list) -> list[int]:
    """Return how many pieces each line has."""
    return [len(line) for line in lines]


def order(lines: list) -> list[int]:
    """Return the boxes' indices in reading order."""
    return [index for line in lines for piece in line for index in piece]


@pytest.mark.parametrize("rise", [-0.3, -0.1, 0.1, 0.3])
def test_a_line_may_rise_or_fall(rise):
    boxes = row(0, 100, 8, rise=rise)
    assert order(find_lines(boxes)) == list(range(8))
    assert shapes(find_lines(boxes)) == [8]


def test_level_numbers_that_rise_from_one_to_the_next_form_a_line():
    tops = [(27, 18, 9, 0), (67, 58, 45, 37)]
    boxes = [box for row_ in tops for place, top in enumerate(row_) for box in row(105 * place, top, 3)]
    assert order(find_lines(boxes)) == list(range(24))
    assert shapes(find_lines(boxes)) == [12, 12]


def test_lines_are_read_from_top_to_bottom_whatever_the_order_of_the_boxes():
    boxes = [*row(0, 0, 5), *row(30, 40, 3), *row(0, 80, 4)]
    shuffled = np.random.default_rng(0).permutation(len(boxes))
    lines = find_lines([boxes[i] for i in shuffled])
    assert [int(shuffled[i]) for i in order(lines)] == list(range(12))
    assert shapes(lines) == [5, 3, 4]


def test_numbers_far_apart_and_of_other_sizes_form_one_line():
    boxes = [*row(0, 50, 3), *row(200, 42, 3, height=28), *row(420, 40, 2, height=16)]
    assert shapes(find_lines(boxes)) == [8]


def test_a_column_of_numbers_is_as_many_lines():
    boxes = [box for y in (0, 35, 70, 105) for box in row(0, y, 2)]
    assert shapes(find_lines(boxes)) == [2, 2, 2, 2]


@pytest.mark.parametrize("frame", [(-30, -30, 200, 60), (-9, -12, 120, 34), (0, 60, 400, 300)])
def test_what_is_much_larger_is_left_out(frame):
    assert order(find_lines([frame, *row(0, 0, 6)])) == [1, 2, 3, 4, 5, 6]


def test_a_number_whose_digits_touch_is_wide_but_left_in():
    assert order(find_lines([*row(0, 0, 6), (0, 40, 118, 70)])) == list(range(7))


def test_an_underline_is_left_out_and_a_minus_is_not():
    assert order(find_lines([*row(0, 0, 4), (0, 25, 70, 28)])) == [0, 1, 2, 3]
    assert order(find_lines([(-20, 9, -6, 12), *row(0, 0, 4)])) == [0, 1, 2, 3, 4]


def test_points_belong_to_the_line_that_they_stand_in():
    boxes = [*row(0, 0, 2), (34, 17, 37, 20), *row(42, 0, 2), *row(0, 50, 4)]
    assert order(find_lines(boxes)) == list(range(9))
    assert order(find_lines([*row(0, 0, 4), (300, 300, 303, 303)])) == [0, 1, 2, 3]


def test_the_parts_of_a_digit_form_one_piece():
    body, roof = (0, 8, 12, 20), (2, 0, 14, 3)
    assert [sorted(piece) for piece in find_lines([body, roof, *row(20, 0, 3)])[0]] == [[0, 1], [2], [3], [4]]


@pytest.mark.parametrize(
    ("gaps", "found"),
    [
        ([6, 6, 30, 6], [2]),
        ([25, 25, 25], []),  # evenly spaced
        ([3, 2, 25, 3, 28, 4], [2, 4]),
        ([6], []),
        ([30], []),
        ([45], [0]),
    ],
)
def test_a_wide_gap_separates_numbers(gaps, found):
    lefts = np.cumsum([0, *(gap + 12 for gap in gaps)])
    assert find_gaps([(x, 0, x + 12, 20) for x in lefts]) == found


def test_most_of_the_ink_sets_the_scale():
    specks = [(x, 0, x + 1, 1) for x in range(0, 300, 10)]
    assert typical_height([*row(0, 0, 6), *specks, (0, 0, 300, 90)]) == 20


boxes = st.tuples(st.floats(0, 500), st.floats(0, 500), st.floats(0, 120), st.floats(0, 120)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(boxes, max_size=25), st.floats(1e-3, 1e3))
@settings(max_examples=200, deadline=None)
def test_each_box_stands_in_one_place_at_most_and_the_scale_does_not_matter(found, scale):
    lines = find_lines(found)
    indices = order(lines)
    assert len(set(indices)) == len(indices)
    assert bool(indices) == bool(found)
    assert all(piece for line in lines for piece in line)


def test_a_long_comma_belongs_to_the_number_that_it_stands_in():
    boxes = [*row(0, 0, 3, height=40, gap=20), (35, 34, 42, 58), (15, 90, 22, 114)]
    assert order(find_lines(boxes)) == [0, 3, 1, 2, 4]
    assert shapes(find_lines(boxes)) == [4, 1]


def test_a_comma_below_a_comma_is_not_lost():
    digits, comma, below = row(0, 0, 3, height=40, gap=20), (35, 34, 42, 59.5), (44, 57, 49, 76)
    assert sorted(order(find_lines([*digits, comma, below]))) == list(range(5))


@pytest.mark.parametrize(
    "small",
    [
        [(10, -34, 25, -4)],  # a carry above the digits
        [(40, 80, 58, 116), (62, 80, 72, 84)],  # a small 5 below them, and its bar
        [(40, 96, 60, 100), (66, 80, 80, 116)],  # -3
    ],
)
def test_a_small_number_beside_a_line_keeps_a_line_and_its_signs(small):
    boxes = [*row(0, 0, 4, height=60, gap=20), *small]
    lines = find_lines(boxes)
    assert sorted(len([i for piece in line for i in piece]) for line in lines) == sorted([4, len(small)])
