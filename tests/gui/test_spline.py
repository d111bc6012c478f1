"""Tests of the smooth curve of a pen."""

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gui.drawing import Stroke
from gui.spline import curve, knots
from tests.gui.strategies import points, unhurried


@unhurried
@given(st.lists(points, min_size=1, max_size=12))
def test_a_curve_starts_and_ends_where_the_stroke_does_and_has_no_gaps(line):
    smooth = curve(line, step=4)
    assert smooth[0] == line[0]
    assert math.dist(smooth[-1], line[-1]) < 1e-9
    assert all(math.dist(before, after) <= 4 + 1e-9 for before, after in pairwise(smooth))


@unhurried
@given(st.lists(points, min_size=1, max_size=30), st.floats(0, 500))
def test_knots_keep_the_ends_and_their_distance(line, apart):
    kept = knots(line, apart)
    assert kept[0] == line[0]
    assert kept[-1] == line[-1]
    assert all(math.dist(before, after) >= apart for before, after in pairwise(kept[:-1]))
    places = iter(line)
    assert all(point in places for point in kept), "in their order"


def test_whole_pixels_make_a_straight_line():
    """The points of a slanted line are rounded to pixels, as a mouse reports them."""
    mouse = [(float(x), float(round(0.3 * x))) for x in range(0, 400, 3)]
    line = Stroke(tuple(mouse), 20.0).line()
    turns = [math.atan2(y1 - y0, x1 - x0) for (x0, y0), (x1, y1) in pairwise(line)]
    assert np.std(turns) < 0.03
    assert np.std([math.atan2(y1 - y0, x1 - x0) for (x0, y0), (x1, y1) in pairwise(mouse)]) > 0.09
