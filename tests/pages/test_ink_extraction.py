"""Tests of what the ink network's answers are made into."""

import numpy as np

from pages.ink_extraction import likely_ink, without_crumbs

HEIGHT = 40.0  # of the digits
SURE, UNSURE = 4.0, -1.7  # logits: 0.98 and 0.15
DIGIT, LINE = (slice(40, 80), slice(100, 106)), (slice(59, 61), slice(0, 300))


def test_beside_sure_ink_a_line_is_no_ink():
    logits = np.full((120, 300), -6.0, np.float32)
    logits[LINE] = UNSURE
    logits[DIGIT] = SURE
    ink = likely_ink(logits, HEIGHT)
    assert ink[DIGIT].all()
    assert not ink[LINE][:, 82:100].any()
    assert ink[LINE][:, 130:].all(), "far from it, a faint stroke may be ink"


def test_faint_ink_alone_is_ink():
    logits = np.full((120, 300), -6.0, np.float32)
    logits[DIGIT] = UNSURE
    assert (likely_ink(logits, HEIGHT) == (logits == UNSURE)).all()


def test_ink_of_another_colour_leaves_no_crumbs():
    mask, shape = np.zeros((2, 120, 300), bool)
    mask[DIGIT] = shape[DIGIT] = True
    mask[40:80, 200:206] = shape[50:52, 200:206] = True  # a few pixels of a second pen
    shape[10:12, 10:12] = True  # beside all ink
    wanted = shape.copy()
    wanted[:, 200:206] = False
    assert (without_crumbs(shape, mask) == wanted).all()
