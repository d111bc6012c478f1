"""The candidates for digits that the network chooses from, and their penalties."""

import numpy as np
import pytest

from preprocessing.candidates import Candidate
from preprocessing.ink_mask import InkMask
from preprocessing.picture_candidates import segment_ink
from preprocessing.stroke_candidates import segment_strokes
from tests.preprocessing.test_segmentation import FIVE, SEVEN, moved

ZIGZAG = [[(0, 0), (30, 100), (60, 0)], [(60, 0), (90, 100), (120, 0)], [(120, 0), (150, 100), (180, 0)]]
TAIL = [(95, 100), (100, 130)]  # touches the one in the middle of ZIGZAG, not at its ends
RING = [(50 + 40 * np.cos(angle), 50 + 50 * np.sin(angle)) for angle in np.linspace(0, 2 * np.pi, 40)]
FACE = [RING, [(40, 40), (45, 45)], [(60, 40), (62, 45)]]
HAT = [(30, -20), (70, -20)]
Box = tuple[int, int, int, int]


def offered(lines: list[list[Candidate]]) -> list[tuple[int, int, bool, int]]:
    """Return start, stop, whether it is a digit, and penalty of each candidate of the only line."""
    (line,) = lines
    return [(c.start, c.stop, c.glyph is not None, c.penalty) for c in line]


def of_strokes(strokes, **options) -> list[tuple[int, int, bool, int]]:
    return offered(segment_strokes(strokes, **options))


def ink(*boxes: Box, height: int = 200, width: int = 200) -> InkMask:
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return InkMask(mask, (1.0, 1.0))


# strokes


def test_each_cut_joint_and_each_skipped_part_adds_to_the_penalty():
    assert of_strokes([*ZIGZAG, TAIL]) == [
        *((0, 1, True, 1), (0, 2, True, 1), (0, 3, True, 0)),
        *((1, 2, True, 2), (1, 3, True, 1), (2, 3, True, 1)),
        (1, 2, True, 3),  # without its tail
    ]


@pytest.mark.parametrize(("x", "y", "scale"), [(0, 10_000, 1), (10_000, 0, 1), (0, 0, 1e-3), (-7, -9, 1e3)])
def test_candidates_depend_on_neither_position_nor_size(x, y, scale):
    for strokes in ([*ZIGZAG, TAIL], [*FIVE, *moved(FIVE, 80), *moved(FIVE, 150)], FACE, [RING, HAT]):
        assert of_strokes(moved(strokes, x, y, scale)) == of_strokes(strokes)


def test_strokes_are_read_as_a_number_unless_single_is_set():
    apart = [*SEVEN, *moved(SEVEN, 200)]
    assert of_strokes(apart) == [(0, 1, True, 0), (1, 2, True, 0)]
    assert of_strokes(apart, single=True) == [(0, 1, True, 0)]


def test_dirt_may_be_skipped_for_a_penalty():
    dash = [(40, 50), (60, 50)]
    dirty = [[(0, 0), (0, 100)], dash, [(100, 0), (100, 100)]]
    assert of_strokes(dirty) == [(1, 2, False, 1), (0, 1, True, 0), (1, 2, True, 0), (2, 3, True, 0)]


@pytest.mark.parametrize("x", [0, 1000])
def test_a_part_above_a_ring_may_be_skipped_but_not_a_part_inside(x):
    assert of_strokes(moved([RING, HAT], x)) == [(0, 1, True, 0), (0, 1, True, 1)]
    assert of_strokes(moved(FACE, x)) == [(0, 1, True, 0)]


@pytest.mark.parametrize(("length", "may_be_dirt"), [(49, True), (51, False)])
def test_a_part_up_to_half_as_long_as_the_largest_may_be_dirt(length, may_be_dirt):
    """Longer ones are not left out: otherwise an H would be read as a 1, by one of its three lines."""
    below = [(50 - length / 2, 120), (50 + length / 2, 120)]
    offered = of_strokes([[(50, 0), (50, 100)], below], single=True)
    assert offered == [(0, 1, True, 0), *[(0, 1, True, 1)] * may_be_dirt]


# pictures

AROUND = [(-1, 0), (1, 0), (0, -1), (0, 1)]


def _single(mask: InkMask) -> list[list[Candidate]]:
    return segment_ink(mask, single=True)


def _lines(mask: InkMask) -> list[list[Candidate]]:
    return segment_ink(mask)


def main_part(*boxes: Box) -> Box:
    """Return the box of the first candidate of a picture of one digit."""
    return _single(ink(*boxes))[0][0].box


def test_a_picture_is_read_as_a_number_unless_single_is_set():
    ones = ink((80, 50, 88, 150), (140, 50, 148, 150))
    for single, last in ((False, 2), (True, 1)):
        (line,) = segment_ink(ones, single)
        assert max(candidate.stop for candidate in line) == last


def test_a_colon_is_no_part_of_the_digits_beside_it():
    colon = (70, 70, 80, 80), (70, 120, 80, 130)
    penalties = {
        (start, stop): penalty
        for start, stop, _, penalty in offered(_lines(ink((20, 50, 60, 150), *colon, (90, 50, 130, 150))))
    }
    assert penalties[0, 2] == penalties[1, 3] == 1
    assert penalties[0, 1] == penalties[2, 3] == 0


@pytest.mark.parametrize(("right", "down"), AROUND)
def test_the_part_in_the_middle_is_the_digit(right, down):
    middle = (90, 90, 110, 110)
    x, y = 90 + 70 * right, 90 + 70 * down
    assert main_part(middle, (x, y, x + 20, y + 20)) == middle


@pytest.mark.parametrize(("right", "down"), AROUND)
def test_a_part_at_the_border_is_the_digit_only_if_it_is_far_larger(right, down):
    middle = (90, 90, 110, 110)
    x, y = 85 + 85 * right, 85 + 85 * down
    assert main_part(middle, (x, y, x + 30, y + 30)) == middle
    x, y = 50 + 50 * right, 50 + 50 * down
    assert main_part((90, 90, 91, 91), (x, y, x + 100, y + 100)) == (x, y, x + 100, y + 100)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (45, 0), (0, 60)])
def test_neighbours_join_the_digit_one_after_another(right, down):
    def at(left: int, top: int, other: int, bottom: int) -> Box:
        return left + right, top + down, other + right, bottom + down

    first, second, third = at(60, 60, 100, 100), at(108, 60, 128, 80), at(135, 60, 150, 80)
    assert main_part(first, second) == at(60, 60, 128, 100)
    assert main_part(first, second, third) == at(60, 60, 150, 100)  # near the second only
    assert main_part(first, at(60, 20, 80, 40)) == first


def test_a_neighbour_may_be_larger_than_the_digit_unless_it_is_a_line():
    digit = (90, 90, 120, 120)
    corner = ((124, 80, 127, 125), (124, 122, 145, 125))  # half as large again
    assert main_part(digit, *corner) == (90, 80, 145, 125)
    assert main_part(digit, corner[0]) == digit


@pytest.mark.parametrize("turns", range(4))
def test_ink_along_the_border_is_penalized(turns):
    along = ink((0, 60, 1, 140), (1, 98, 60, 102))  # only its outermost row of pixels is long
    touching = ink((0, 98, 60, 102), (56, 60, 60, 140))
    for picture, penalty in ((along, 3), (touching, 1)):
        turned = InkMask(np.rot90(picture.mask, turns), picture.scale)
        assert offered(_single(turned)) == [(0, 1, True, penalty)]


def test_a_blob_is_penalized_and_may_be_skipped_beside_others():
    blob, one = (20, 60, 60, 140), (150, 60, 156, 140)
    assert offered(_lines(ink(blob))) == [(0, 1, True, 2)]
    assert offered(_lines(ink(blob, one))) == [(0, 1, False, 2), (0, 1, True, 2), (1, 2, True, 0)]


def test_a_page_full_of_digits_keeps_all_of_them():
    mask = np.zeros((600, 800), bool)
    for top in range(20, 580, 40):
        for left in range(20, 780, 40):
            mask[top : top + 24, left : left + 4 + left // 100] = True  # the thinner ones have less ink
    page = segment_ink(InkMask(mask, (1.0, 1.0)))
    assert [line[-1].stop for line in page] == [19] * 14
