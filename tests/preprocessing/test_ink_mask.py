"""Tests of the mask of a picture's ink."""

import numpy as np

from preprocessing.ink_mask import InkMask


def test_the_probability_of_a_part_is_the_mean_over_its_ink_and_turns_with_the_mask():
    mask, probabilities = np.zeros((4, 6), bool), np.zeros((4, 6), np.uint8)
    mask[1, 2:4], probabilities[1, 2:4] = True, (51, 255)
    ink = InkMask(mask, (1.0, 1.0), probabilities=probabilities)
    assert ink.probability_of(mask[1:3, 2:5], (2, 1)) == 0.6
    turned = ink.turned(90)
    assert (turned.probabilities[turned.mask] == (51, 255)).all()


def test_where_no_network_found_the_ink_it_has_no_probability():
    ink = InkMask(np.ones((4, 6), bool), (1.0, 1.0))
    assert ink.probability_of(ink.mask, (0, 0)) is None
    assert ink.turned(90).probabilities is None
    assert ink.sure_part() is None


def test_the_sure_part_is_what_is_more_likely_ink_than_not():
    mask = np.array([[True, True, True, False]])
    ink = InkMask(mask, (2.0, 2.0), (5.0, 6.0), np.array([[30, 127, 128, 200]], np.uint8))
    assert ink.sure_part().mask.tolist() == [[False, False, True, True]]
    assert (ink.sure_part().scale, ink.sure_part().origin) == (ink.scale, ink.origin)
    assert InkMask(ink.mask, (1.0, 1.0), probabilities=ink.probabilities // 2).sure_part() is None
