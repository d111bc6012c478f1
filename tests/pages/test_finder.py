"""Tests of finding the writing in pictures, with the shipped network."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pages.ink_extraction import find_ink
from tests.training.made_pages.hands import SHAPES


def write(picture: Image.Image, text: str, at: tuple[float, float], height: float, tone: object) -> None:
    """Write digits on a picture with a round pen."""
    pen, width = ImageDraw.Draw(picture), max(1, round(0.09 * height))
    for place, char in enumerate(text):
        for stroke in SHAPES[int(char)]:
            points = [
                (at[0] + (x / 100 + 0.85 * place) * height, at[1] + y / 100 * height) for x, y in stroke
            ]
            pen.line(points, fill=tone, width=width, joint="curve")


def ink_box(image: Image.Image) -> tuple[float, float, float, float]:
    """Return the box around all ink, in pixels of the picture."""
    ink = find_ink(image)
    rows, columns = np.flatnonzero(ink.mask.any(1)), np.flatnonzero(ink.mask.any(0))
    return ink.box((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))


def near(box: tuple[float, ...], expected: tuple[float, ...], tolerance: float) -> bool:
    return bool(np.abs(np.subtract(box, expected)).max() <= tolerance)


@pytest.mark.parametrize(("tone", "paper"), [("black", "white"), ("white", "black"), ("#203080", "#f0e080")])
@pytest.mark.parametrize("height", [30, 60, 200])
def test_writing_is_found_in_any_size_and_polarity(height, tone, paper):
    picture = Image.new("RGB", (9 * height, 3 * height), paper)
    write(picture, "2435", (2 * height, height), height, tone)
    expected = (2 * height, height, (2 + 0.85 * 3 + 0.6) * height, 2 * height)
    assert near(ink_box(picture), expected, 0.15 * height + 2)


@pytest.mark.long
@pytest.mark.parametrize(("text", "size"), [("58213", (2480, 3508)), ("3", (5000, 3508))])
def test_small_writing_on_a_large_page_is_looked_at_closely(text, size):
    page = Image.new("L", size, 252)
    write(page, text, (400, 2900), 46, 40)
    ink = find_ink(page)
    assert near(ink_box(page), (400, 2900, 400 + (0.85 * (len(text) - 1) + 0.6) * 46, 2946), 8)
    assert 24 < 46 * ink.scale[1] < 140
    assert ink.origin[1] > 2000


def test_only_the_writing_on_a_sheet_on_a_desk_is_ink():
    desk = Image.new("RGB", (1000, 800), (60, 40, 30))
    ImageDraw.Draw(desk).polygon([(300, 250), (720, 270), (700, 560), (290, 540)], fill=(238, 236, 228))
    write(desk, "9417", (380, 350), 90, (30, 40, 110))
    assert near(ink_box(desk), (380, 350, 380 + (0.85 * 3 + 0.6) * 90, 440), 14)


def test_printed_boxes_are_no_ink():
    form = Image.new("RGB", (700, 160), "white")
    for place, digit in enumerate("25564592"):
        left = 60 + 70 * place
        ImageDraw.Draw(form).rectangle((left, 40, left + 70, 120), outline=(90, 90, 90), width=2)
        write(form, digit, (left + 20, 55), 50, (20, 20, 60))
    left, top, right, bottom = ink_box(form)
    assert left > 70
    assert right < 610
    assert top > 46
    assert bottom < 115


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (28, 28), (1, 3000), (640, 480)])
@pytest.mark.parametrize("tone", [0, 128, 255])
def test_a_blank_picture_has_no_ink(size, tone):
    assert find_ink(Image.new("L", size, tone)) is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_pictures_of_any_mode(mode):
    picture = Image.new("L", (200, 120), 255)
    write(picture, "47", (50, 35), 50, 0)
    if mode == "I;16":
        converted = Image.fromarray(np.asarray(picture, np.uint16) * 200)
    elif mode == "F":
        converted = Image.fromarray(np.asarray(picture, np.float32) / 255)
    else:
        converted = picture.convert(mode)
    assert near(ink_box(converted), (50, 35, 50 + 1.45 * 50, 85), 8)
