"""Tests of the drawing: strokes, undo and redo, the eraser."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.geometry import distance
from gui.drawing import Drawing, Page, Picture
from gui.stroke import Stroke, erased
from tests.gui.strategies import points, strokes, unhurried
from tests.support.handwriting import digit

LINE = Stroke(((-100.0, 0.0), (0.0, 0.0), (100.0, 0.0)), 10.0)


def draw(drawing: Drawing, *line: tuple[float, float]) -> None:
    drawing.begin(line[0], 20)
    for point in line[1:]:
        drawing.extend(point)
    drawing.finish()


def lines(drawing: Drawing) -> list[list[tuple[float, float]]]:
    return [list(line) for line in drawing.page.points()]


# strokes, undo and redo


def test_a_click_is_a_dot():
    drawing = Drawing()
    drawing.begin((3, 4), 20)
    assert drawing.snapshot().points() == [((3, 4),)]
    drawing.finish()
    assert lines(drawing) == [[(3, 4)]]
    assert drawing.page.bounds() == (-7, -6, 13, 14)


def test_moves_with_the_pen_up_or_to_the_same_point_are_ignored():
    drawing = Drawing()
    assert not drawing.extend((1, 1))
    drawing.begin((0, 0), 20)
    assert not drawing.extend((0, 0))
    assert drawing.extend((1, 1))
    assert drawing.live == [(0, 0), (1, 1)]


def test_every_action_changes_the_version():
    drawing = Drawing()
    seen = {drawing.version}
    for action in (
        lambda: drawing.begin((0, 0), 20),
        drawing.finish,
        lambda: drawing.erase((0, 0), (1, 1), 5),
        drawing.finish,
        drawing.undo,
        drawing.clear,
        drawing.undo,
        drawing.touch,
    ):
        before = drawing.version
        action()
        if action != drawing.finish:
            assert drawing.version != before
            assert drawing.version not in seen
        seen.add(drawing.version)


def test_undo_while_drawing_removes_the_live_stroke():
    drawing = Drawing()
    draw(drawing, (0, 0), (5, 5))
    drawing.begin((9, 9), 20)
    assert drawing.can_undo
    assert drawing.undo()
    assert lines(drawing) == [[(0, 0), (5, 5)]]
    assert drawing.redo()
    assert lines(drawing) == [[(0, 0), (5, 5)], [(9, 9)]]


def test_clear_can_be_undone_and_does_nothing_on_a_blank_page():
    drawing = Drawing()
    assert not drawing.clear()
    assert not drawing.can_undo
    draw(drawing, (0, 0), (5, 5))
    assert drawing.clear()
    assert drawing.blank
    assert drawing.undo()
    assert lines(drawing) == [[(0, 0), (5, 5)]]


def test_a_new_stroke_ends_redo():
    drawing = Drawing()
    draw(drawing, (0, 0))
    drawing.undo()
    draw(drawing, (1, 1))
    assert not drawing.can_redo
    assert not drawing.redo()


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
def test_undo_and_redo_visit_all_pages(script):
    """Compared with a list of pages and an index in it."""
    drawing, pages, at = Drawing(), [()], 0
    for action, path in script:
        if action == "undo":
            assert drawing.undo() == (at > 0)
            at = max(0, at - 1)
        elif action == "redo":
            assert drawing.redo() == (at < len(pages) - 1)
            at = min(len(pages) - 1, at + 1)
        else:
            before = drawing.page
            if action == "draw":
                draw(drawing, *path)
            elif action == "clear":
                drawing.clear()
            else:
                for start, end in zip(path, path[1:] or path, strict=False):
                    drawing.erase(start, end, 40)
                drawing.finish()
            if drawing.page is not before:
                pages[at + 1 :] = [drawing.page.strokes]
                at += 1
        assert drawing.page.strokes == pages[at]
        assert (drawing.can_undo, drawing.can_redo) == (at > 0, at < len(pages) - 1)


def test_what_is_done_beside_the_page_is_an_action_in_its_turn():
    drawing, done = Drawing(), []
    draw(drawing, (0, 0))
    drawing.note(lambda: done.append("undo"), lambda: done.append("redo"))
    draw(drawing, (1, 1))
    version = drawing.version
    assert drawing.undo()
    assert done == []
    assert drawing.undo()
    assert (done, lines(drawing)) == (["undo"], [[(0, 0)]])
    assert drawing.version > version + 1, "the page is read again"
    assert drawing.redo()
    assert (done, lines(drawing)) == (["undo", "redo"], [[(0, 0)]])
    drawing.note(lambda: None, lambda: None)
    assert not drawing.can_redo


def test_undo_has_a_limit(monkeypatch):
    monkeypatch.setattr("gui.drawing.UNDO_LIMIT", 3)
    drawing = Drawing()
    for x in range(10):
        draw(drawing, (x, 0))
    assert [drawing.undo() for _ in range(5)] == [True, True, True, False, False]
    assert len(drawing.page.strokes) == 7


def test_undo_keeps_few_pictures(monkeypatch):
    monkeypatch.setattr("gui.drawing.UNDO_PICTURES", 2)
    drawing = Drawing()
    for count in range(5):
        drawing.replace(Page(picture=Picture(1, 1, bytes(3), (count,) * 3)))
        draw(drawing, (count, 0))  # another page with the same picture
    back = []
    while drawing.undo():
        back.append(drawing.page.picture.paper[0])
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
    """A fast pen and a fast eraser have few points, which are far from each other."""
    fast = Stroke(((-300.0, 0.0), (300.0, 0.0)), 10.0)
    assert len(erased(fast, (50, -400), (50, 400), 8)) == 2


@unhurried
@given(strokes, points, points, st.floats(1, 80))
def test_what_the_eraser_leaves(stroke, start, end, radius):
    """Nothing within its reach is left, and nothing is added."""
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
    drawing = Drawing()
    draw(drawing, (-100, 0), (100, 0))
    draw(drawing, (-100, 50), (100, 50))
    assert drawing.erase((0, 0), (0, 20), 5)
    assert drawing.erase((0, 20), (0, 50), 5)
    assert not drawing.erase((0, 200), (0, 300), 5)
    drawing.finish()
    assert len(drawing.page.strokes) == 4
    drawing.undo()
    assert lines(drawing) == [[(-100, 0), (100, 0)], [(-100, 50), (100, 50)]]


def test_erasing_nothing_is_no_action():
    drawing = Drawing()
    draw(drawing, (0, 0))
    drawing.undo()
    assert not drawing.erase((500, 0), (600, 0), 5)
    assert drawing.can_redo


# pages


@unhurried
@given(strokes)
def test_strokes_survive_pickling(stroke):
    copy = pickle.loads(pickle.dumps(stroke))
    assert (copy.points, copy.width) == (stroke.points, stroke.width)


@unhurried
@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(50, 2000), st.floats(50, 2000))
def test_a_picture_is_as_large_as_fits(width, height, wide, high):
    picture = Picture(width, height, b"", (0, 0, 0)).fitted((-wide, -high, wide, high))
    left, top, right, bottom = picture.box
    assert right - left <= 2 * wide * (1 + 1e-9)
    assert bottom - top <= 2 * high * (1 + 1e-9)
    assert right - left == pytest.approx(2 * wide) or bottom - top == pytest.approx(2 * high)
    assert (right - left) * height == pytest.approx((bottom - top) * width)
    assert (left + right, top + bottom) == pytest.approx((0, 0), abs=1e-6)


def test_the_strokes_of_one_digit_of_a_number():
    page = Page(tuple(Stroke(tuple(line), 8.0) for at in (-100, 0, 100) for line in digit(4, (at, 0), 80)))
    assert page.strokes_in((-40, -60, 40, 60)) == page.strokes[2:4]
