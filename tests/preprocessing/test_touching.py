"""Ink is cut into digits that touch: the right cuts are among those that are offered."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from preprocessing.candidates import Candidate, Place
from preprocessing.ink_mask import InkMask
from preprocessing.touching import TouchingInk

WIDE = Place(width=1.6, height=1.0, offset=0.0, alone=True)


def cut(mask: np.ndarray, place: Place = WIDE) -> list[Candidate]:
    """Cut ink that stands at (5, 7) of a page whose pixels are half as large as the picture's."""
    return TouchingInk(mask, InkMask(mask, (2.0, 2.0), (100.0, 0.0)), (5, 7)).cut(place)


def ring(left: float, right: float, height: int = 60, width: int = 100) -> Image.Image:
    page = Image.new("L", (width, height))
    ImageDraw.Draw(page).ellipse((left, 0, right, height - 1), outline=255, width=6)
    return page


def rings(*spans: tuple[float, float]) -> np.ndarray:
    return np.logical_or.reduce([np.asarray(ring(*span)) > 0 for span in spans])


def test_parts_have_the_probability_of_their_own_ink():
    mask = rings((0, 50), (49, 99))
    page = np.zeros((80, 120), np.uint8)
    page[7:67, 5:105] = 2 * np.arange(100, dtype=np.uint8)
    ink = InkMask(np.pad(mask, ((7, 13), (5, 15))), (1.0, 1.0), probabilities=page)
    for part in TouchingInk(mask, ink, (5, 7)).cut(WIDE):
        middle = (part.box[0] + part.box[2]) / 2 - 5
        assert 255 * part.probability == pytest.approx(2 * middle, abs=20)


@pytest.mark.parametrize("overlap", [-1, 5])
def test_two_rings_are_offered_whole(overlap):
    """Whether they only touch or share a stroke: two neighbours in the chain are both whole rings."""
    first, second = (0, 50), (50 - overlap, 99)
    parts = cut(rings(first, second))
    found = {}
    for part in parts:
        left, _, right, _ = part.box
        found[part.start, part.stop] = (left - 102.5) * 2, (right - 102.5) * 2
    last = max(stop for _, stop in found)
    near = [
        middle
        for (start, middle), span in found.items()
        if start == 0
        and np.allclose(span, first, atol=5)
        and np.allclose(found.get((middle, last), (0, 0)), second, atol=5)
    ]
    assert near


def test_ink_that_tapers_is_cut_where_it_is_thinnest():
    """Two wedges meet with their edges: a cut through either has a better one beside it."""
    rows, columns = np.mgrid[:60, :100] + 0.5
    mask = np.abs(rows - 30) < 2 + 0.56 * np.abs(columns - 50)
    lines = TouchingInk(mask, InkMask(mask, (1.0, 1.0)), (0, 0))._lines(np.linspace(5, 95, 19), pen=4.0)
    places = {line.place for line in lines if not line.shared}
    assert 50 in places
    assert not places & {*range(15, 45, 5), *range(60, 90, 5)}


def test_candidates_form_chains_from_the_first_to_the_last_and_none_is_the_whole():
    parts = cut(rings((0, 50), (48, 99)))
    last = max(part.stop for part in parts)
    assert {0} <= {part.start for part in parts}
    assert (0, last) not in {(part.start, part.stop) for part in parts}
    assert all(part.start < part.stop for part in parts)
    assert all(part.glyph.shape == (28, 28) and part.place and part.ink is None for part in parts)


def test_places_and_boxes_are_those_of_the_parts():
    for part in cut(rings((0, 50), (48, 99))):
        left, top, right, bottom = part.box
        assert part.place.width == pytest.approx((right - left) * 2 / 60, abs=0.01)
        assert part.place.height == pytest.approx((bottom - top) * 2 / 60, abs=0.01)
        assert not part.place.alone


def test_a_cut_through_two_strokes_costs_more_than_one_through_a_bridge():
    mask = rings((0, 40), (60, 99))
    mask[28:32, 38:62] = True  # a bridge between them
    ends = {part.stop: part.penalty for part in cut(mask) if part.start == 0}
    widths = {part.stop: part.place.width * 60 for part in cut(mask) if part.start == 0}
    bridge = min(penalty for stop, penalty in ends.items() if 42 < widths[stop] < 58)
    through = min(penalty for stop, penalty in ends.items() if 12 < widths[stop] < 28)
    assert bridge < through


@pytest.mark.parametrize("shape", [(60, 20), (6, 60)])
def test_narrow_and_tiny_ink_is_not_cut(shape):
    assert cut(np.ones(shape, bool), Place(shape[1] / shape[0], 1.0, 0.0, True)) == []
