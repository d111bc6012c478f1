"""Tests of what the ink network's answers are made into."""

import numpy as np

from pages.ink_extraction import without_crumbs

DIGIT = (slice(40, 80), slice(100, 106))


def test_ink_of_another_colour_leaves_no_crumbs():
    mask, shape = np.zeros((2, 120, 300), bool)
    mask[DIGIT] = shape[DIGIT] = True
    mask[40:80, 200:206] = shape[50:52, 200:206] = True  # a few pixels of a second pen
    shape[10:12, 10:12] = True  # beside all ink
    wanted = shape.copy()
    wanted[:, 200:206] = False
    assert (without_crumbs(shape, mask) == wanted).all()
