"""The drawing and its pixels, without a screen."""

import math
import pickle
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.geometry import distance
from gui import drawing
from gui.drawing import Drawing, Page, Picture, Stroke, erased
from gui.painting import chunks, composed, ink_layer, paint, thumbnail, to_image
from gui.protocol import Answer, DigitReading
from gui.shown_reading import ShownReading
from gui.spline import curve, knots
from tests.support.handwriting import digit
from tests.support.project import missing

unhurried = settings(deadline=None, max_examples=50)
numbers = st.floats(-300, 300).map(lambda value: round(value, 3))
points = st.tuples(numbers, numbers)
strokes = st.builds(
    Stroke,
    st.lists(points, min_size=1, max_size=12).map(tuple),
    st.floats(1, 60).map(lambda value: round(value, 2)),
)
LINE = Stroke(((-100.0, 0.0), (0.0, 0.0), (100.0, 0.0)), 10.0)


def draw(sheet: Drawing, *line: tuple[float, float]) -> None:
    sheet.begin(line[0], 20)
    for point in line[1:]:
        sheet.extend(point)
    sheet.finish()


def lines(sheet: Drawing) -> list[list[tuple[float, float]]]:
    return [list(line) for line in sheet.page.points()]


# strokes, undo and redo


def test_a_click_is_a_dot():
    sheet = Drawing()
    sheet.begin((3, 4), 20)
    assert sheet.snapshot().points() == [((3, 4),)]
    sheet.finish()
    assert lines(sheet) == [[(3, 4)]]
    assert sheet.page.bounds() == (-7, -6, 13, 14)


def test_moves_with_the_pen_up_and_moves_to_the_same_place_are_none():
    sheet = Drawing()
    assert not sheet.extend((1, 1))
    sheet.begin((0, 0), 20)
    assert not sheet.extend((0, 0))
    assert sheet.extend((1, 1))
    assert sheet.live == [(0, 0), (1, 1)]


def test_every_action_changes_the_version():
    sheet = Drawing()
    seen = {sheet.version}
    for action in (
        lambda: sheet.begin((0, 0), 20),
        sheet.finish,
        lambda: sheet.erase((0, 0), (1, 1), 5),
        sheet.finish,
        sheet.undo,
        sheet.clear,
        sheet.undo,
        sheet.touch,
    ):
        before = sheet.version
        action()
        if action != sheet.finish:
            assert sheet.version != before
            assert sheet.version not in seen
        seen.add(sheet.version)


def test_undo_while_drawing_takes_back_what_is_being_drawn():
    sheet = Drawing()
    draw(sheet, (0, 0), (5, 5))
    sheet.begin((9, 9), 20)
    assert sheet.can_undo
    assert sheet.undo()
    assert lines(sheet) == [[(0, 0), (5, 5)]]
    assert sheet.redo()
    assert lines(sheet) == [[(0, 0), (5, 5)], [(9, 9)]]


def test_clear_can_be_taken_back_and_is_nothing_on_a_blank_page():
    sheet = Drawing()
    assert not sheet.clear()
    assert not sheet.can_undo
    draw(sheet, (0, 0), (5, 5))
    assert sheet.clear()
    assert sheet.blank
    assert sheet.undo()
    assert lines(sheet) == [[(0, 0), (5, 5)]]


def test_a_new_stroke_ends_redo():
    sheet = Drawing()
    draw(sheet, (0, 0))
    sheet.undo()
    draw(sheet, (1, 1))
    assert not sheet.can_redo
    assert not sheet.redo()


actions = st.lists(
    st.one_of(
        st.tuples(st.just("draw"), st.lists(points, min_size=1, max_size=5)),
        st.tuples(st.just("erase"), st.lists(points, min_size=1, max_size=4)),
        st.tuples(st.just("clear"), st.just([])),
        st.tuples(st.just("undo"), st.just([])),
        st.tuples(st.just("redo"), st.just([])),
    ),
    max_size=25,
)


@unhurried
@given(actions)
def test_undo_and_redo_go_through_the_pages_that_there_were(script):
    """Against a plain list of pages with a place in it."""
    sheet, pages, at = Drawing(), [()], 0
    for action, path in script:
        if action == "undo":
            assert sheet.undo() == (at > 0)
            at = max(0, at - 1)
        elif action == "redo":
            assert sheet.redo() == (at < len(pages) - 1)
            at = min(len(pages) - 1, at + 1)
        else:
            before = sheet.page
            if action == "draw":
                draw(sheet, *path)
            elif action == "clear":
                sheet.clear()
            else:
                for start, end in zip(path, path[1:] or path, strict=False):
                    sheet.erase(start, end, 40)
                sheet.finish()
            if sheet.page is not before:
                pages[at + 1 :] = [sheet.page.strokes]
                at += 1
        assert sheet.page.strokes == pages[at]
        assert (sheet.can_undo, sheet.can_redo) == (at > 0, at < len(pages) - 1)


def test_undo_has_a_limit(monkeypatch):
    monkeypatch.setattr(drawing, "UNDO_LIMIT", 3)
    sheet = Drawing()
    for x in range(10):
        draw(sheet, (x, 0))
    assert [sheet.undo() for _ in range(5)] == [True, True, True, False, False]
    assert len(sheet.page.strokes) == 7


def test_few_pictures_are_kept_to_go_back_to(monkeypatch):
    monkeypatch.setattr(drawing, "UNDO_PICTURES", 2)
    sheet = Drawing()
    for count in range(5):
        sheet.replace(Page(picture=Picture(1, 1, bytes(3), (count,) * 3)))
        draw(sheet, (count, 0))  # which keeps the picture once more
    back = []
    while sheet.undo():
        back.append(sheet.page.picture.paper[0])
    assert back == [4, 3, 3]


# the eraser


def test_the_eraser_cuts_a_stroke_in_two():
    left, right = erased(LINE, (0, -30), (0, 30), 10)
    assert left.points[0] == (-100, 0)
    assert right.points[-1] == pytest.approx((100, 0))
    # The gap between the round ends of the ink is as wide as the eraser, to within a step.
    gap = (right.points[0][0] - 5) - (left.points[-1][0] + 5)
    assert 20 <= gap <= 20 + 2 * 4
    assert left.width == right.width == LINE.width


def test_the_eraser_removes_dots_and_ends():
    dot = Stroke(((0.0, 0.0),), 10.0)
    assert erased(dot, (0, 14), (0, 14), 10) == []
    assert erased(dot, (0, 16), (0, 16), 10) == [dot]
    (rest,) = erased(LINE, (100, 0), (100, 0), 10)
    assert rest.points[0] == (-100, 0)
    assert 100 - 15 - 4 <= rest.points[-1][0] <= 100 - 15


def test_the_eraser_finds_a_stroke_between_distant_points():
    """Of a fast pen there are few points, of a fast eraser too: neither comes near the other's."""
    fast = Stroke(((-300.0, 0.0), (300.0, 0.0)), 10.0)
    assert len(erased(fast, (50, -400), (50, 400), 8)) == 2


@unhurried
@given(strokes, points, points, st.floats(1, 80))
def test_what_the_eraser_leaves(stroke, start, end, radius):
    """Nothing within its reach, everything else; nothing is invented."""
    rest = erased(stroke, start, end, radius)
    if rest == [stroke]:
        reach = radius + stroke.width / 2
        assert all(distance(point, start, end) >= reach - 1e-6 for point in stroke.line())
        return
    before = Drawing()
    before.replace(Page((stroke,)))
    assert before.erase(start, end, radius)
    for piece in rest:
        assert piece.width == stroke.width
        for point in piece.points:
            assert distance(point, start, end) >= radius + stroke.width / 2
        left, top, right, bottom = piece.box
        assert left >= stroke.box[0] - 1e-6
        assert top >= stroke.box[1] - 1e-6
        assert right <= stroke.box[2] + 1e-6
        assert bottom <= stroke.box[3] + 1e-6


def test_one_movement_of_the_eraser_is_one_action():
    sheet = Drawing()
    draw(sheet, (-100, 0), (100, 0))
    draw(sheet, (-100, 50), (100, 50))
    assert sheet.erase((0, 0), (0, 20), 5)
    assert sheet.erase((0, 20), (0, 50), 5)
    assert not sheet.erase((0, 200), (0, 300), 5)
    sheet.finish()
    assert len(sheet.page.strokes) == 4
    sheet.undo()
    assert lines(sheet) == [[(-100, 0), (100, 0)], [(-100, 50), (100, 50)]]


def test_erasing_nothing_is_no_action():
    sheet = Drawing()
    draw(sheet, (0, 0))
    sheet.undo()
    assert not sheet.erase((500, 0), (600, 0), 5)
    assert sheet.can_redo


# curves


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


def test_whole_pixels_make_no_wavy_line():
    """A slanted line by a mouse, which counts whole pixels, is painted straight."""
    mouse = [(float(x), float(round(0.3 * x))) for x in range(0, 400, 3)]
    line = Stroke(tuple(mouse), 20.0).line()
    turns = [math.atan2(y1 - y0, x1 - x0) for (x0, y0), (x1, y1) in pairwise(line)]
    assert np.std(turns) < 0.03
    assert np.std([math.atan2(y1 - y0, x1 - x0) for (x0, y0), (x1, y1) in pairwise(mouse)]) > 0.09


def test_chunks_meet():
    line = [(float(x), 0.0) for x in range(200)]
    parts = chunks(line)
    assert len(parts) > 2
    assert all(first[-1] == second[0] for first, second in pairwise(parts))
    assert parts[0][0] == line[0]
    assert parts[-1][-1] == line[-1]
    assert chunks([(1.0, 2.0)]) == [[(1.0, 2.0)]]


@unhurried
@given(strokes)
def test_strokes_survive_the_way_to_another_process(stroke):
    copy = pickle.loads(pickle.dumps(stroke))
    assert (copy.points, copy.width) == (stroke.points, stroke.width)


# pixels


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
    """A stroke that is painted as it grows, and a part that is painted anew, show no seam."""
    line = Stroke(tuple(digit(3, (100, 100), 150)[0]), 14.0).line()
    whole, pieces = Image.new("L", (200, 200)), Image.new("L", (200, 200))
    paint(whole, line, 14)
    for part in chunks(line):
        paint(pieces, part, 14)
    difference = np.abs(np.asarray(whole, int) - np.asarray(pieces, int))
    assert difference.max() <= 48  # of a soft edge that two pieces share
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


@unhurried
@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(50, 2000), st.floats(50, 2000))
def test_a_picture_is_laid_as_large_as_fits(width, height, wide, high):
    picture = Picture(width, height, b"", (0, 0, 0)).fitted((-wide, -high, wide, high))
    left, top, right, bottom = picture.box
    assert right - left <= 2 * wide * (1 + 1e-9)
    assert bottom - top <= 2 * high * (1 + 1e-9)
    assert right - left == pytest.approx(2 * wide) or bottom - top == pytest.approx(2 * high)
    assert (right - left) * height == pytest.approx((bottom - top) * width)
    assert (left + right, top + bottom) == pytest.approx((0, 0), abs=1e-6)


def test_composed_keeps_the_pictures_own_pixels():
    noise = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    picture = Picture(50, 30, noise.tobytes(), (128, 128, 128), box=(-250.0, -150.0, 250.0, 150.0))
    image, region, scale = composed(Page(picture=picture))
    assert (np.asarray(image) == noise).all()
    assert (region, scale) == (picture.box, 0.1)
    image, region, scale = composed(Page((LINE,), picture))
    assert scale > 1, "strokes on a tiny picture are not drawn in its few pixels"
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


def test_the_strokes_of_one_digit_of_a_number():
    page = Page(tuple(Stroke(tuple(line), 8.0) for at in (-100, 0, 100) for line in digit(4, (at, 0), 80)))
    assert page.strokes_in((-40, -60, 40, 60)) == page.strokes[2:4]


# answers and keys


def one(number: int, confidence: float = 0.9, is_digit: bool = True) -> DigitReading:
    rest = (1 - confidence) / 9
    return DigitReading(
        number, tuple(confidence if n == number else rest for n in range(10)), is_digit, (0, 0, 1, 1), b""
    )


def test_what_is_said_of_an_answer():
    assert (ShownReading().text(), ShownReading().note(), ShownReading().digit) == ("", "", None)
    sure = ShownReading(Answer((one(7, 0.9999),), "7"))
    assert (sure.text(), sure.note()) == ("7", "99 %")
    unsure = ShownReading(Answer((one(7, 0.99), one(1, 0.5, False)), "7?"))
    assert (unsure.text(), unsure.note(), unsure.chosen) == ("7?", "not sure", 1)
    number = ShownReading(Answer((one(7, 0.99), one(2, 0.81), one(5, 0.95)), "72 5"))
    assert (number.text(), number.note()) == ("72 5", "81 %")
    assert number.correct(9, "one") is None
    assert number.correct(6, "two") == (9, "one"), "one digit, one sample"
    assert (number.text(), number.note(), number.labels()) == ("72 6", "corrected", ["7", "2", "6"])
    number.chosen = 0
    number.correct(1, "three")
    assert number.corrected.popitem() == (0, (1, "three")), "the last correction is taken back first"


@pytest.fixture
def keys() -> ModuleType:
    try:
        from gui import keys
    except ImportError:
        missing("no tkinter")
    return keys


@pytest.mark.parametrize(
    ("keysym", "state", "name"),
    [
        ("z", 0x4, "Ctrl+Z"),
        ("Z", 0x5, "Ctrl+Shift+Z"),
        ("Z", 0x6, "Ctrl+Z"),  # Caps Lock
        ("n", 0x0, "N"),
        ("N", 0x1, "N"),
        ("7", 0x1, "7"),  # as on French keyboards
        ("KP_7", 0x10, "7"),  # Num Lock
        ("question", 0x1, "?"),
        ("Escape", 0x0, "Esc"),
        ("Prior", 0x0, "PageUp"),
    ],
)
def test_names_of_keys(keys, monkeypatch, keysym, state, name):
    monkeypatch.setattr(keys, "MAC", False)
    assert keys.name_of(keysym, state) == name


def test_command_is_the_macs_control(keys, monkeypatch):
    monkeypatch.setattr(keys, "MAC", True)
    assert keys.name_of("z", 0x8) == "Ctrl+Z"
    assert keys.name_of("z", 0x4) == "Z"


def test_no_key_does_two_things_and_every_action_exists(keys):
    from gui.session import Session

    names = [name for key in keys.KEYS for name in key.names]
    assert len(names) == len(set(names))
    known = {*dir(Session), *Session.__init__.__code__.co_names}  # some are taken over from its parts
    assert {key.action for key in keys.KEYS} <= known
