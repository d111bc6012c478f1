"""Tests of the window that lists the samples."""

import time

import numpy as np

from tests.support.corrections import (
    MEMORY_WINDOW,
    draw_and_correct,
    draw_and_read,
    first_thumbnail,
    is_accent,
    labels,
    open_memory_window,
    samples,
)


def test_samples_are_deleted_by_mouse_and_by_keys(window, copy):
    """The drawing is read again each time."""
    draw_and_correct(window, copy, 1, 7)
    draw_and_correct(window, copy, 4, 9)
    memory_window = open_memory_window(window)
    x, y = first_thumbnail(window, memory_window)
    before = is_accent(window, np.asarray(window.picture(memory_window)))
    window.xdotool("mousemove", "--window", memory_window, x + 15, y + 15)

    def cross() -> tuple[int, int] | None:
        """Return the middle of the cross's badge, found by the accent colour."""
        new = is_accent(window, np.asarray(window.picture(memory_window))) & ~before
        rows = np.flatnonzero(new.any(1))
        if not len(rows):
            return None
        columns = np.flatnonzero(new[rows[0] + 5])
        return int(columns[-8]), int(rows[0]) + 5

    across, down = window.wait(cross)
    twice = ("click", "--repeat", 2, "--delay", 150, 1)  # the second click must not delete another sample
    window.xdotool("mousemove", "--window", memory_window, across, down, *twice)
    window.wait(lambda: labels(copy) == [9])
    window.wait(lambda: first_thumbnail(window, memory_window) is not None)
    window.settle()
    assert labels(copy) == [9]
    assert window.reading() == "9"
    window.press("Right", "Delete")
    window.wait(lambda: not samples(copy))
    window.wait(lambda: first_thumbnail(window, memory_window) is None)
    window.wait_for_reading("4")
    window.press("ctrl+z")
    window.wait(lambda: labels(copy) == [9])
    window.wait_for_reading("9")
    window.wait(lambda: first_thumbnail(window, memory_window) is not None)
    window.press("ctrl+shift+z")
    window.wait(lambda: not samples(copy))
    window.wait_for_reading("4")
    window.press("Escape")
    window.wait(lambda: not window.xdotool("search", "--onlyvisible", "--name", MEMORY_WINDOW))
    draw_and_read(window, 1, 1)


def test_all_samples_are_deleted_at_the_second_press(window, copy):
    draw_and_correct(window, copy, 1, 7)
    draw_and_correct(window, copy, 4, 9)
    open_memory_window(window)
    window.press("Tab", "Tab", "space")
    time.sleep(0.3)
    assert len(samples(copy)) == 2
    window.press("space")
    window.wait(lambda: not samples(copy))
    window.press("r")
    window.wait(lambda: not window.xdotool("search", "--onlyvisible", "--name", MEMORY_WINDOW))
    draw_and_read(window, 4, 4)
