"""Tests of the canvas: pen, eraser, undo, boxes around digits."""

import numpy as np
import pytest

from tests.support.corrections import framed
from tests.support.handwriting import digit
from tests.support.window import NAME, SIDE, Window, draw


def cross(window: Window) -> list[list[tuple[float, float]]]:
    """Return a horizontal and a vertical stroke through the middle of the canvas."""
    (x, y), reach = window.middle, 0.3 * SIDE
    return [[(x - reach, y), (x, y), (x + reach, y)], [(x, y - reach), (x, y), (x, y + reach)]]


@pytest.mark.parametrize("number", range(10))
def test_a_digit_is_read_while_it_is_drawn(window, number):
    draw(window, number)
    window.wait_for_reading(str(number))
    window.wait_for_title(rf"{number} · \d+ % - {NAME}")


def test_a_digit_is_read_before_the_pen_is_lifted(window):
    window.draw(digit(3, window.middle, 240), lift=False)
    window.wait_for_reading("3")
    window.xdotool("mouseup", "1")
    assert window.reading() == "3"


def test_a_click_makes_a_round_dot(window):
    window.click(window.middle)
    ink = window.wait_for_ink(lambda ink: ink.any())
    rows, columns = np.nonzero(ink)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert abs(height - width) <= 1
    assert height == pytest.approx(0.04 * SIDE, abs=3)
    assert len(rows) == pytest.approx(np.pi * height * width / 4, rel=0.12)
    window.wait_for_reading()


def test_a_fast_stroke_has_no_gaps(window):
    """Three moves across the whole canvas: every point between them is ink."""
    corners = [(40.0, 60.0), (350.0, 90.0), (60.0, 300.0), (340.0, 350.0)]
    window.draw([corners], pause=0.03)
    ink = window.wait_for_ink(lambda ink: ink[345:355, 335:345].all())
    for (x0, y0), (x1, y1) in ((corners[0], (133, 69)), ((256, 335), corners[-1])):  # the straight ends
        for share in np.linspace(0, 1, 300):
            assert ink[round(y0 + share * (y1 - y0)), round(x0 + share * (x1 - x0))]
    reached, queue = np.zeros_like(ink), [(60, 40)]
    while queue:  # flood fill: all ink is connected
        y, x = queue.pop()
        if 0 <= y < ink.shape[0] and 0 <= x < ink.shape[1] and ink[y, x] and not reached[y, x]:
            reached[y, x] = True
            queue += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    assert (reached == ink).all()


def test_the_brush_has_keys(window):
    widths = []
    for keys in ((), ("bracketright",) * 5, ("bracketleft",) * 8, ("plus",) * 3):
        window.fresh()
        window.press(*keys)
        window.click(window.middle)
        ink = window.wait_for_ink(lambda ink: ink.any())
        widths.append(int(ink.any(0).sum()))
    assert widths[2] < widths[0] < widths[1]
    assert widths[3] == pytest.approx(widths[0], abs=1)


@pytest.mark.parametrize("with_shift", [False, True], ids=["right button", "shift"])
def test_the_eraser_removes_what_it_touches(window, with_shift):
    across, down = cross(window)
    window.draw([across])
    before = window.wait_for_ink(lambda ink: ink[:, 300].any())
    if with_shift:
        window.xdotool("keydown", "shift")
        window.draw([down])
        window.xdotool("keyup", "shift")
    else:
        window.draw([down], button=3)
    x, y = (round(value) for value in window.middle)
    after = window.wait_for_ink(lambda ink: not ink[y, x])
    assert after[y, x - 100]
    assert after[y, x + 100]
    assert not (after & ~before).any(), "nothing was added"
    assert 16 <= (~after[y, x - 60 : x + 60]).sum() <= 60
    window.press("ctrl+z")
    window.wait_for_ink(lambda ink: (ink == before).all())


def test_undo_and_redo_go_by_stroke(window):
    """A 4 has two strokes, and is read as a 4 only with both."""
    draw(window, 4)
    window.wait_for_reading("4")
    window.press("ctrl+z")
    window.wait_for_reading("[^4]")
    assert window.ink().any()
    window.press("ctrl+z")
    window.wait_for_blank()
    window.wait_for_ink(lambda ink: not ink.any())
    window.press("ctrl+shift+z")
    window.wait_for_reading("[^4]")
    window.press("ctrl+y")
    window.wait_for_reading("4")


@pytest.mark.parametrize("key", ["Delete", "Escape"])
def test_clear(window, key):
    draw(window, 3)
    window.wait_for_reading("3")
    window.press(key)
    window.wait_for_blank()
    window.wait_for_ink(lambda ink: not ink.any())
    window.press("ctrl+z")
    window.wait_for_reading("3")


def test_a_number_has_boxes_and_its_digits_are_chosen_by_keys(number_mode):
    window = number_mode
    for place, number in enumerate((7, 2, 4)):
        draw(window, number, at=0.18 + 0.32 * place, height=0.4)
    window.wait_for_title(rf"724 · \d+ % - {NAME}")
    assert min(framed(window)) > 0.6 * SIDE
    window.press("Left", "Left")
    window.wait(lambda: framed(window) and max(framed(window)) < 0.4 * SIDE)
    window.press("Right")
    window.wait(
        lambda: framed(window) and 0.3 * SIDE < min(framed(window)) < max(framed(window)) < 0.7 * SIDE
    )
    window.press("n")
    window.wait_for_title(rf"(?!724).* - {NAME}")
    assert not framed(window)
    window.press("n")
    window.wait_for_reading("724")


def test_a_pen_that_moves_in_a_box_draws(number_mode):
    """A click beside the boxes draws too."""
    window = number_mode
    draw(window, 1, at=0.3, height=0.5)
    window.wait_for_reading("1")
    window.settle()
    x, y = (round(side) for side in (0.31 * SIDE, 0.5 * SIDE))
    window.draw([[(x - 8, y), (x + 60, y)]])
    window.wait_for_ink(lambda ink: ink[y, x - 5] and ink[y, x + 50])
    window.click((0.85 * SIDE, 0.9 * SIDE))
    window.wait_for_ink(lambda ink: ink[round(0.9 * SIDE), round(0.85 * SIDE)])
