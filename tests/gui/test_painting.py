"""Tests of the pixels of a page."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gui.drawing import Page, Picture, Stroke
from gui.painting import chunks, composed, ink_layer, paint, thumbnail, to_image
from tests.gui.strategies import strokes, unhurried
from tests.support.handwriting import digit

LINE = Stroke(((-100.0, 0.0), (0.0, 0.0), (100.0, 0.0)), 10.0)


def test_chunks_meet():
    line = [(float(x), 0.0) for x in range(200)]
    parts = chunks(line)
    assert len(parts) > 2
    assert all(first[-1] == second[0] for first, second in pairwise(parts))
    assert parts[0][0] == line[0]
    assert parts[-1][-1] == line[-1]
    assert chunks([(1.0, 2.0)]) == [[(1.0, 2.0)]]


def ink_of(page: Page, side: float = 200, scale: float = 1.0) -> np.ndarray:
    region = -side / 2, -side / 2, side / 2, side / 2
    return np.asarray(ink_layer(page.strokes, region, scale))


def test_a_dot_is_a_disc():
    ink = ink_of(Page((Stroke(((0.0, 0.0),), 40.0),)))
    assert ink[100, 100] == 255
    assert ink.sum() / 255 == pytest.approx(math.pi * 20**2, rel=0.03)
    rows, columns = np.nonzero(ink)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (80, 120, 80, 120)
    assert ((ink > 0) & (ink < 255)).any(), "the edge is soft"


@pytest.mark.parametrize("end", [(80.0, 0.0), (0.0, 80.0), (50.0, 60.0), (-70.0, 20.0)])
def test_a_fast_stroke_has_no_gaps_and_round_ends(end):
    width, length = 16, math.hypot(*end)
    ink = ink_of(Page((Stroke(((0.0, 0.0), end), float(width)),)))
    for share in np.linspace(0, 1, 200):
        assert ink[int(100 + share * end[1] - 0.01), int(100 + share * end[0] - 0.01)] == 255
    assert ink.sum() / 255 == pytest.approx(length * width + math.pi * (width / 2) ** 2, rel=0.04)


def test_ink_in_pieces_is_the_ink_of_the_whole():
    """A stroke painted in pieces and a repainted box show no seam."""
    line = Stroke(tuple(digit(3, (100, 100), 150)[0]), 14.0).line()
    whole, pieces = Image.new("L", (200, 200)), Image.new("L", (200, 200))
    paint(whole, line, 14)
    for part in chunks(line):
        paint(pieces, part, 14)
    difference = np.abs(np.asarray(whole, int) - np.asarray(pieces, int))
    assert difference.max() <= 48  # where the anti-aliased edges of two pieces meet
    again = whole.copy()
    box = 60, 40, 130, 170
    again.paste(0, box)
    paint(again, line, 14, within=box)
    assert np.abs(np.asarray(again, int) - np.asarray(whole, int)).max() == 0


@unhurried
@given(strokes, st.floats(0.02, 4))
def test_ink_anywhere_of_any_size_is_painted(stroke, scale):
    layer = ink_layer([stroke], (-100, -100, 100, 100), min(scale, 2))
    inside = any(-100 <= x <= 100 and -100 <= y <= 100 for x, y in stroke.line())
    if inside and stroke.width * min(scale, 2) > 3:
        assert np.asarray(layer).max() > 60


def test_to_image_is_dark_on_white_and_shows_the_region():
    image = to_image(Page((LINE,)), (-120, -40, 120, 40), scale=2)
    assert image.size == (480, 160)
    pixels = np.asarray(image)
    assert (pixels[0, 0] == 255).all()
    assert (pixels[80, 240] < 40).all()
    assert abs((pixels.mean(2) < 128)[:, 240].sum() - 20) <= 1


def test_a_picture_lies_where_it_was_put_and_ink_on_it_stands_out():
    for shade, dark in ((230, False), (20, True)):
        content = Image.new("RGB", (40, 20), (shade,) * 3)
        picture = Picture(40, 20, content.tobytes(), (shade,) * 3, box=(-80.0, -40.0, 80.0, 40.0))
        assert picture.dark == dark
        pixels = np.asarray(to_image(Page((LINE,), picture), (-100, -100, 100, 100)))
        assert (pixels[70, 30] == shade).all()
        assert (pixels[40, 100] == 255).all()
        assert abs(int(pixels[100, 100].mean()) - shade) > 150


def test_composed_keeps_the_pictures_own_pixels():
    noise = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    picture = Picture(50, 30, noise.tobytes(), (128, 128, 128), box=(-250.0, -150.0, 250.0, 150.0))
    image, region, scale = composed(Page(picture=picture))
    assert (np.asarray(image) == noise).all()
    assert (region, scale) == (picture.box, 0.1)
    image, region, scale = composed(Page((LINE,), picture))
    assert scale > 1, "strokes on a tiny picture get more pixels"
    assert image.width == pytest.approx((region[2] - region[0]) * scale, abs=1)


def test_composed_holds_what_was_drawn_beside_the_picture():
    white = Picture(100, 100, b"\xff" * 30_000, (255, 255, 255), box=(-100.0, -100.0, 100.0, 100.0))
    stroke = Stroke(((200.0, 0.0), (300.0, 50.0)), 10.0)
    image, region, scale = composed(Page((stroke,), white))
    assert region[0] <= -100
    assert region[2] >= 305
    x, y = (200 - region[0]) * scale, (0 - region[1]) * scale
    assert image.getpixel((round(x), round(y)))[0] < 60


@pytest.mark.parametrize("size", [3, 300, 30_000])
def test_a_thumbnail_shows_a_drawing_of_any_size(size):
    page = Page(tuple(Stroke(tuple(line), 0.04 * size) for line in digit(8, (5 * size, 0), size)))
    pixels = np.asarray(thumbnail(page, 40, (0, 0, 0), (255, 255, 255)))
    assert pixels.shape == (40, 40, 3)
    rows, columns = np.nonzero(pixels[..., 0] < 128)
    assert rows.max() - rows.min() > 25
    assert abs(rows.mean() - 20) < 4
    assert abs(columns.mean() - 20) < 4
