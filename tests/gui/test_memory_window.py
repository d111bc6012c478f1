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


def test_a_sample_is_removed_in_the_panel(window, copy):
    """By its cross, and by keys; what is on the sheet is read anew."""
    draw_and_correct(window, copy, 1, 7)
    draw_and_correct(window, copy, 4, 9)
    panel = open_memory_window(window)
    x, y = first_thumbnail(window, panel)
    before = is_accent(window, np.asarray(window.picture(panel)))
    window.xdotool("mousemove", "--window", panel, x + 15, y + 15)

    def cross() -> tuple[int, int] | None:
        """The middle of the badge: where the accent colour came to be thickest."""
        new = is_accent(window, np.asarray(window.picture(panel))) & ~before
        rows = np.flatnonzero(new.any(1))
        if not len(rows):
            return None
        columns = np.flatnonzero(new[rows[0] + 5])
        return int(columns[-8]), int(rows[0]) + 5

    across, down = window.wait(cross)
    twice = ("click", "--repeat", 2, "--delay", 150, 1)  # as people do; the second takes no other_copy sample
    window.xdotool("mousemove", "--window", panel, across, down, *twice)
    window.wait(lambda: labels(copy) == [9])
    window.wait(lambda: first_thumbnail(window, panel) is not None)
    window.settle()
    assert labels(copy) == [9]
    assert window.reading() == "9"
    window.press("Right", "Delete")
    window.wait(lambda: not samples(copy))
    window.wait(lambda: first_thumbnail(window, panel) is None)
    window.wait_for_reading("4")
    window.press("Escape")
    window.wait(lambda: not window.xdotool("search", "--onlyvisible", "--name", MEMORY_WINDOW))
    draw_and_read(window, 1, 1)


def test_all_are_forgotten_only_if_asked_twice(window, copy):
    draw_and_correct(window, copy, 1, 7)
    draw_and_correct(window, copy, 4, 9)
    open_memory_window(window)
    window.press("Tab", "space")
    time.sleep(0.3)
    assert len(samples(copy)) == 2
    window.press("space")
    window.wait(lambda: not samples(copy))
    window.press("r")
    draw_and_read(window, 4, 4)
