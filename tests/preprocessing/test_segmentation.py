"""Strokes and pictures of all kinds become glyphs in MNIST's form and are read correctly."""

import io

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pages.segmentation import segment_picture
from preprocessing.image_files import InkError, open_picture
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import MIN_COORDINATE
from recognition.reading import text_of
from tests.support.papers import KINDS, photograph

SEVEN = [[(10, 10), (60, 10), (30, 90)]]
FOUR = [[(40, 5), (10, 60), (70, 60)], [(50, 30), (50, 95)]]  # in two strokes
FIVE = [[(20, 10), (15, 45), (45, 45), (60, 65), (45, 90), (12, 88)], [(20, 10), (58, 8)]]
ONE = [[(10, 10), (12, 90)]]

coordinate = st.floats(-1e6, 1e6, allow_nan=False)
drawings = st.lists(
    st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=12), min_size=1, max_size=4
)


def only_glyph(strokes):
    return segment_strokes(strokes, single=True)[0][0].glyph


def moved(strokes, x, y=0.0, scale=1.0):
    return [[(scale * a + x, scale * b + y) for a, b in stroke] for stroke in strokes]


@given(drawings)
@example([[(0.0, 0.0), (0.0, 2e-311)]])
@settings(max_examples=150, deadline=None)
def test_every_drawing_becomes_a_glyph_in_mnists_form(strokes):
    glyph = only_glyph(strokes)
    assert glyph.shape == (28, 28)
    assert glyph.dtype == np.float32
    assert glyph.min() >= 0
    assert 0 < glyph.max() <= 1
    points = np.concatenate([np.array(stroke) for stroke in strokes])
    rows, columns = (np.flatnonzero(glyph.max(axis) >= 0.5) for axis in (1, 0))
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    assert longest <= 21
    centre = [(glyph.sum(axis) @ np.arange(28)) / glyph.sum() for axis in (1, 0)]
    # Centring may move ink that is 20 pixels long and heavy at one end partly out of the image.
    if glyph[[0, -1]].max() == 0 and glyph[:, [0, -1]].max() == 0:
        if np.ptp(points, axis=0).max() > 2 * MIN_COORDINATE:  # smaller coordinates are all set to 0
            assert longest >= 18
        assert all(13.5 - 1e-4 <= c < 14.5 + 1e-4 for c in centre)


@given(st.floats(1e-3, 1e3), st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
@settings(max_examples=50, deadline=None)
def test_size_and_position_do_not_matter(scale, x, y):
    np.testing.assert_allclose(only_glyph(moved(FIVE, x, y, scale)), only_glyph(FIVE), atol=0.01)


def test_a_dot_a_flat_line_and_extreme_sizes_are_drawn():
    dot = only_glyph([[(5, 5)]])
    assert 3 < dot.sum() < 12  # as wide as the pen
    line = only_glyph([[(0, 0), (100, 0)]])
    assert (line.max(0) > 0.5).sum() == 20
    assert (line.max(1) > 0.5).sum() <= 4
    for size in (1e-290, 1e290):
        assert only_glyph(moved(FIVE, 0, 0, size)).sum() > 20


@pytest.mark.parametrize("strokes", [[], [[]], [[], []]])
def test_blank_strokes_give_nothing(strokes, recognizer):
    assert recognizer.read_strokes(strokes) == []


@pytest.mark.parametrize(
    "stroke", [[(0, float("nan"))], [(1, 2), (float("inf"), 0)], [1, 2], [(1, 2, 3)], ["a"]]
)
def test_invalid_strokes_are_refused(stroke):
    with pytest.raises(InkError, match="stroke"):
        segment_strokes([stroke])


@pytest.mark.parametrize(
    ("strokes", "text"),
    [
        (SEVEN, "7"),
        (FOUR, "4"),
        (FIVE, "5"),
        ([*moved(SEVEN, 0), *moved(FOUR, 90), *moved(ONE, 190), *moved(FIVE, 240)], "7415"),
        ([*moved(FIVE, 0), *moved(SEVEN, 100), *moved(FOUR, 0, 150), *moved(SEVEN, 100, 150)], "57 47"),
        ([*moved(FOUR, 90), *moved(SEVEN, 0)], "74"),  # drawn from right to left
    ],
)
def test_strokes_are_read_as_digits_numbers_and_lines(strokes, text, recognizer):
    readings = recognizer.read_strokes(strokes)
    assert text_of(readings) == text
    for reading in readings:
        left, top, right, bottom = reading.box
        assert left < right
        assert top < bottom


def picture_of(digit, size, x=0, y=0, canvas=None, background=0):
    """An MNIST image enlarged to `size` pixels on a canvas, white on black."""
    canvas = canvas or (size, size)
    image = Image.new("L", canvas, background)
    image.paste(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC), (x, y))
    return image


@pytest.mark.long
def test_pictures_of_mnist_are_read_as_mnist_is(validation, recognizer):
    images = validation[0][:50]
    direct = [recognizer.model(_tensor(image)).argmax().item() for image in images]
    for size, place, canvas in ((28, (0, 0), None), (56, (100, 20), (200, 90)), (280, (10, 60), (300, 400))):
        pages = [segment_picture(picture_of(image, size, *place, canvas), single=True) for image in images]
        readings = [r[0].digit for r in recognizer.read(pages)]
        assert sum(a != b for a, b in zip(readings, direct, strict=True)) <= 1, size


def _tensor(image):
    return torch.from_numpy(image / np.float32(255))[None, None]


def as_mode(image, mode):
    """Dark ink on light paper in a mode that Pillow knows."""
    if mode == "I;16":
        return Image.fromarray((np.asarray(image).astype(np.uint16) + 40) * 200)
    if mode == "transparent":
        clear = Image.new("LA", image.size)
        clear.putdata([(0, 255 - value) for value in image.get_flattened_data()])
        return clear.convert("RGBA")
    if mode == "white on transparent":
        clear = Image.new("LA", image.size)
        clear.putdata([(255, 255 - value) for value in image.get_flattened_data()])
        return clear
    return image.convert(mode)


@pytest.mark.parametrize(
    "mode",
    [
        "1",
        "L",
        "P",
        "RGB",
        "RGBA",
        "CMYK",
        "YCbCr",
        "HSV",
        "I",
        "F",
        "I;16",
        "transparent",
        "white on transparent",
    ],
)
def test_every_mode_is_read(mode, validation, recognizer):
    images, labels = validation
    dark = Image.eval(picture_of(images[3], 140), lambda value: 255 - value)
    (reading,) = recognizer.read_image(as_mode(dark, mode))
    assert reading.digit == labels[3]
    assert reading.is_digit


def test_exif_orientation_is_followed(tmp_path, validation, recognizer):
    images, labels = validation
    at = labels.index(4)
    exif = Image.Exif()
    exif[274] = 6  # orientation: viewers turn the picture by 90 degrees
    picture_of(images[at], 140).rotate(90).save(tmp_path / "turned.jpg", exif=exif)
    (reading,) = recognizer.read_image(open_picture(tmp_path / "turned.jpg"))
    assert reading.digit == 4


@pytest.mark.parametrize(
    "kind",
    [kind if kind in ("plain", "ruled") else pytest.param(kind, marks=pytest.mark.long) for kind in KINDS],
)
@pytest.mark.parametrize(("photos", "misread"), [(4, 0), pytest.param(8, 1, marks=pytest.mark.long)])
def test_photographed_paper_is_read(kind, photos, misread, validation, recognizer):
    images, labels = validation
    pages = [
        segment_picture(photograph(images[i] / 255, kind, np.random.default_rng(i)), single=True)
        for i in range(photos)
    ]
    right = sum(
        bool(r) and r[0].digit == label for r, label in zip(recognizer.read(pages), labels, strict=False)
    )
    assert right >= photos - misread


def test_a_number_on_two_lines_and_touching_digits(validation, recognizer):
    images, labels = validation
    page = Image.new("L", (420, 260))
    text = ["", ""]
    for place in range(8):
        line, column = divmod(place, 4)
        page.paste(picture_of(images[place + 10], 100), (column * 100 + 10, line * 120 + 10))
        text[line] += str(labels[place + 10])
    assert text_of(recognizer.read_image(page)) == " ".join(text)

    right = 0
    pairs = [(20, 21), (22, 23), (24, 25), (26, 27), (28, 29), (30, 31), (32, 33), (34, 35)]
    for first, second in pairs:
        digits = [_cropped(images[i]) for i in (first, second)]
        wide = Image.new("L", (sum(d.width for d in digits) + 40, 120))
        wide.paste(digits[0], (20, 20))
        wide.paste(digits[1], (20 + digits[0].width, 20))
        right += text_of(recognizer.read_image(wide)) == f"{labels[first]}{labels[second]}"
    assert right >= 6


def _cropped(digit):
    image = picture_of(digit, 112)
    return image.crop(image.point(lambda value: 255 * (value > 100)).getbbox())


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 2), (300, 300)])
@pytest.mark.parametrize("colour", [0, 128, 255])
def test_even_pictures_are_blank(size, colour, recognizer):
    assert recognizer.read_image(Image.new("L", size, colour)) == []
    assert recognizer.read_image(Image.new("RGBA", size, (0, 0, 0, 0))) == []


def test_paper_without_ink_is_blank(recognizer):
    noise = np.random.default_rng(0).normal(200, 3, (300, 400, 3)).clip(0, 255).astype(np.uint8)
    assert recognizer.read_image(Image.fromarray(noise)) == []


def test_ruled_paper_without_ink_is_blank(recognizer):
    page = np.full((400, 300), 250, np.uint8)
    page[30::40] = page[31::40] = 150
    assert recognizer.read_image(Image.fromarray(page)) == []


def test_a_very_wide_picture_is_read(validation, recognizer):
    images, labels = validation
    wide = picture_of(images[0], 180, 9_000, 0, (20_000, 180))
    assert [r.digit for r in recognizer.read_image(wide, single=True)] == [labels[0]]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not a picture"), (b"no picture at all", "not a picture"), (b"\x89PNG\r\n\x1a\n", "picture")],
)
def test_files_that_are_not_pictures_are_refused_in_one_line(content, words, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content)):
        with pytest.raises(InkError, match=words) as error:
            open_picture(source)
        assert "\n" not in str(error.value)


def test_truncated_and_huge_pictures_are_refused(tmp_path, validation):
    path = tmp_path / "a.jpg"
    picture_of(validation[0][0], 280).save(path)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InkError):
        open_picture(path)
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    with pytest.raises(InkError, match="scale it down"):
        open_picture(tmp_path / "huge.png")


@given(
    st.lists(
        st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), max_size=4), max_size=3
    )
)
@example([[(0, 0), (1e-310, -1e-310)]])
@example([[(-1.7e308, 1.7e308), (1.7e308, -1.7e308)]])
@settings(max_examples=100, deadline=None)
def test_every_finite_number_is_a_coordinate(recognizer, strokes):
    for single in (False, True):
        assert len(recognizer.read_strokes(strokes, single)) <= max(1, len(strokes))


def test_boxes_are_where_the_digits_are(validation, recognizer):
    images, labels = validation
    for size, canvas in (
        (60, (200, 150)),
        (900, (3000, 2250)),
    ):  # one is enlarged before it is read, one reduced
        page = Image.new("L", canvas)
        places = [(size // 6, size // 3), (3 * size // 2, size)]
        for digit, place in zip((40, 41), places, strict=True):
            page.paste(picture_of(images[digit], size), place)
        readings = recognizer.read_image(page)
        assert text_of(readings) in (f"{labels[40]}{labels[41]}", f"{labels[40]} {labels[41]}")
        for reading, place, digit in zip(readings, places, (40, 41), strict=True):
            ink = picture_of(images[digit], size).point(lambda value: 255 * (value > 127)).getbbox()
            expected = [edge + place[axis % 2] for axis, edge in enumerate(ink)]
            np.testing.assert_allclose(reading.box, expected, atol=size / 25)


def test_many_strokes_cost_few_candidates():
    rng = np.random.default_rng(0)
    strokes = [rng.uniform(0, 1000, 2) + rng.uniform(0, 5, (5, 2)) for _ in range(2000)]
    assert sum(map(len, segment_strokes(strokes))) < 1000
    with pytest.raises(InkError, match="too many"):
        segment_strokes([[(0, 0)]] * 5001)


def test_libraries_do_not_write_on_stderr(tmp_path, capfd):
    """libtiff prints errors about an invalid stream."""
    path = tmp_path / "odd.tiff"
    noise = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    Image.fromarray(noise).save(path, compression="tiff_adobe_deflate")
    content = bytearray(path.read_bytes())
    content[1000:1100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(InkError):
        open_picture(path)
    assert capfd.readouterr().err == ""
