"""Tests of a session: readings of drawings, the history."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from preprocessing.stroke_files import drawings
from tests.support.handwriting import digit
from tests.support.project import missing
from tests.support.window import NAME, SIDE, Window, draw


def test_readings_that_arrive_too_late_are_dropped(window):
    """A page that is cleared before its reading arrives: the reading must not be shown."""
    draw(window, 1)
    window.wait_for_reading("1")
    window.fresh()
    reading = [int(process.name) for process in window.children()]
    for process in reading:
        os.kill(process, signal.SIGSTOP)
    draw(window, 7)
    time.sleep(0.2)  # until the request is sent
    window.press("Escape")
    window.wait_for_ink(lambda ink: not ink.any())
    for process in reading:
        os.kill(process, signal.SIGCONT)
    time.sleep(0.5)  # until the answer would arrive
    assert window.title() == NAME
    draw(window, 3)
    window.wait_for_reading("3")


@pytest.mark.long
def test_pen_data_is_read_as_by_the_recognizer(window, recognizer):
    """Fifty digits of many writers, drawn by the mouse."""
    path = os.environ.get("DIGITS_PEN")
    if not path or not Path(path).exists():
        missing("no stylus digits: DIGITS_PEN names a file of strokes")
    chosen = random.Random(7).sample(list(drawings(Path(path))), 50)
    window.click(window.middle)
    window.wait_for_reading()  # the network is loaded
    right = same = 0
    for drawing in chosen:
        points = np.concatenate(drawing.strokes)
        low, high = points.min(0), points.max(0)
        scale = 0.7 * SIDE / max((high - low).max(), 1)
        middle = np.array(window.middle)
        strokes = [np.round((s - (low + high) / 2) * scale + middle) for s in drawing.strokes]
        window.press("Escape")
        window.wait_for_blank()
        window.draw([[tuple(point) for point in stroke] for stroke in strokes], pause=0.003)
        (direct,) = recognizer.read_strokes(strokes, single=True)
        expected = str(direct.digit) if direct.is_digit else "?"
        settled = settled_reading(window, expected)
        right += settled == str(drawing.label)
        same += settled == expected
    assert right >= 46, right
    assert same >= 48, same


def settled_reading(window: Window, expected: str) -> str:
    """Return the title's reading once it is as expected, or after 3 seconds."""
    until = time.monotonic() + 3
    while (reading := window.reading()) != expected and time.monotonic() < until:
        time.sleep(0.01)
    return reading


def history(window: Window) -> np.ndarray:
    """Return the pixels of the thumbnails."""
    return window.pixels()[window.bottom + 5 :, : window.right]


def test_cleared_pages_come_back_from_the_history(window):
    for number in (5, 8):
        window.settle()  # or the thumbnail before may be painted only now
        before = history(window)
        draw(window, number)
        window.wait_for_reading(str(number))
        window.press("Escape")
        window.wait(lambda before=before: (history(window) != before).any())
    window.settle()
    y = window.bottom - window.top + 35
    window.click((75, y))  # the second thumbnail
    window.wait_for_reading("5")
    window.click((20, y))
    window.wait_for_reading("8")
    window.press("Prior")
    window.wait_for_reading("5")
    window.press("Next")
    window.wait_for_reading("8")
    window.press("ctrl+z")
    window.wait_for_reading("5")


def test_a_page_cleared_before_its_reading_arrives_is_in_the_history(window):
    window.settle()
    before = history(window)
    window.draw(digit(6, window.middle, 200), pause=0.001)
    window.press("Escape")
    window.wait(lambda: (history(window) != before).any())
    window.wait_for_blank()
    window.press("Prior")
    window.wait_for_reading("6")
