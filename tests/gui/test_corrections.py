"""Tests of corrections: samples are kept, count in later readings, and are taken back."""

import os
import signal
import time

import numpy as np
import pytest
from PIL import Image

from recognition import profiles, sample_store
from tests.support.corrections import (
    draw_and_correct,
    draw_and_read,
    framed,
    is_accent,
    labels,
    sample_files,
    samples,
)
from tests.support.handwriting import digit
from tests.support.window import NAME, PATIENCE, SIDE, Window, draw, run_with_hand, screen


def test_a_correction_is_kept_and_counts_from_the_next_stroke_on(window, copy):
    draw(window, 1)
    window.wait_for_reading("1")
    window.press("7")
    window.wait_for_title(f"7 · corrected - {NAME}")
    window.wait(lambda: len(samples(copy)) == 1)
    (sample,) = samples(copy)
    assert (sample["label"], sample["read"]) == (7, 1)
    assert len(sample["strokes"]) == 1
    assert len(sample["strokes"][0]) > 10
    (png,) = (copy / "corrections" / "default").glob("*.png")
    assert (np.asarray(Image.open(png).convert("L")) < 100).sum() > 500
    window.fresh()
    draw(window, 1, height=0.5)
    assert window.wait_for_reading("7").startswith("7 · "), "as a digit, and not corrected: read so"
    draw_and_read(window, 3, 3)


def test_corrections_right_before_the_window_closes_are_kept(other_copy):
    """The last keys come while the reading process is stopped: they wait, and are shown as corrected."""
    with screen() as display:
        window = Window(display, "--size", SIDE, folder=other_copy)
        draw(window, 1)
        window.wait_for_reading("1")
        children = [int(process.name) for process in window.children()]  # one of them reads
        for child in children:
            os.kill(child, signal.SIGSTOP)
        window.press("w", "7", "4", "ctrl+q")  # the heat map is what runs
        for child in children:
            os.kill(child, signal.SIGCONT)
        assert window.process.wait(PATIENCE) == 0
        assert window.process.stderr.read() == ""
    assert labels(other_copy) == [4]


def test_ctrl_z_right_after_a_correction_takes_it_back(window, copy):
    draw(window, 1)
    window.wait_for_reading("1")
    window.press("7")
    window.wait(lambda: labels(copy) == [7])
    window.press("4")  # the key before was the wrong one
    window.wait(lambda: labels(copy) == [4])
    window.wait_for_title(f"4 · corrected - {NAME}")
    window.press("ctrl+z")
    window.wait_for_reading("1")
    window.wait(lambda: not samples(copy))
    assert window.ink().any(), "the drawing stays"
    draw_and_read(window, 1, 1)


def test_the_last_of_two_corrections_of_one_reading_counts(window, copy):
    draw(window, 1)
    window.wait_for_reading("1")
    window.press("7")
    window.wait(lambda: labels(copy) == [7])
    (first,) = (copy / "corrections/default").glob("*.jsonl")
    window.press("4")
    window.wait(lambda: labels(copy) == [4])
    (second,) = (copy / "corrections/default").glob("*.jsonl")
    assert second > first, "the order of the names is that of the words"
    draw_and_read(window, 1, 4)


def test_a_drawing_that_comes_back_is_corrected_once_more(window, copy):
    """Cleared before the slip was seen: the later word on the same ink counts."""
    draw_and_correct(window, copy, 1, 4)
    window.fresh()
    window.press("Prior")
    window.wait_for_reading("4")
    window.press("1")
    window.wait(lambda: labels(copy) == [4, 1])
    draw_and_read(window, 1, 1)


def test_a_correction_in_the_same_breath_waits_for_its_reading(window, copy):
    window.draw(digit(0, window.middle, 200), pause=0)
    window.press("6")
    window.wait_for_title(f"6 · corrected - {NAME}")
    window.wait(lambda: labels(copy) == [6])


def test_a_correction_of_a_drawing_that_has_changed_before_it_was_read_is_none_of_the_next(window, copy):
    children = [int(process.name) for process in window.children()]  # one of them reads
    for child in children:
        os.kill(child, signal.SIGSTOP)
    window.draw(digit(0, window.middle, 200))
    window.press("6")
    draw(window, 1)  # beside or over it
    for child in children:
        os.kill(child, signal.SIGCONT)
    assert "corrected" not in window.wait_for_reading()
    window.settle()
    assert not samples(copy)


def test_there_is_nothing_to_correct_on_a_blank_sheet(window, copy):
    window.press("5")
    draw(window, 3)
    window.wait_for_reading("3")
    assert samples(copy) == []


def test_a_digit_of_a_number_is_chosen_by_a_click_and_corrected(number_mode, copy):
    window = number_mode
    draw(window, 4, at=0.25, height=0.4)
    draw(window, 6, at=0.75, height=0.4)
    window.wait_for_reading("46")
    window.wait(lambda: framed(window) and min(framed(window)) > 0.5 * SIDE)
    ink = window.ink().sum()
    window.click((0.25 * SIDE, 0.5 * SIDE))
    window.wait(lambda: framed(window) and max(framed(window)) < 0.5 * SIDE)
    assert window.ink().sum() == pytest.approx(ink, rel=0.02), "a click on a box leaves no dot"
    window.press("9")
    window.wait_for_title(f"96 · corrected - {NAME}")
    window.wait(lambda: samples(copy))
    (sample,) = samples(copy)
    assert (sample["label"], sample["read"]) == (9, 4)
    assert len(sample["strokes"]) == 2, "those of the 4"
    window.fresh()
    draw(window, 4, at=0.7, height=0.4)
    draw(window, 6, at=0.25, height=0.4)
    window.wait_for_reading("69")


def test_a_key_and_a_button_compare_with_and_without(window, copy):
    draw_and_correct(window, copy, 1, 7)
    draw_and_read(window, 1, 7)
    window.press("m")
    window.wait_for_reading("1")
    window.press("m")
    window.wait_for_reading("7")
    pixels = window.pixels()[window.top + SIDE // 2 : window.bottom, window.right + 6 :]
    rows, columns = np.nonzero(is_accent(window, pixels))  # the bars are above: it is the button that is on
    button = columns.mean() + window.right - window.left + 6, np.median(rows) + SIDE // 2
    window.click(button)
    window.wait_for_reading("1")
    window.click(button)
    window.wait_for_reading("7")


def test_profiles_are_apart_and_old_samples_are_in_the_default_one(other_copy):
    """A 2 was corrected to 5 before there were profiles; Anna's 1 is a 7."""
    old = {"label": 5, "strokes": digit(2, (0, 0), 240), "image": Image.new("L", (28, 28), 255)}
    sample_store.write_sample(other_copy / "corrections", profiles.new_sample_name(), **old)
    with screen() as display:
        for profile, one, two in (("Anna", 1, 2), ("default", 1, 5), ("Anna", 7, 2)):
            window = Window(display, "--size", SIDE, "--profile", profile, folder=other_copy)
            draw_and_read(window, 1, one)
            draw_and_read(window, 2, two)
            if one == 1 and profile == "Anna":
                draw_and_read(window, 1, 1)
                window.press("7")
                window.wait(lambda: labels(other_copy, "Anna") == [7])
            assert window.close() == ""
    assert labels(other_copy) == [5]
    assert labels(other_copy, "Anna") == [7]


STATUS = """
from gui.drawing import Page, Stroke
from tests.support.handwriting import digit
def say_after(act):
    before = hand.status()
    act()
    hand.wait(lambda: hand.status() != before)
    print(hand.status())
hand.wait(lambda: "Broken" in hand.status())
print(hand.status())
for label in (1, 1, 2):
    session.clear()
    session.replace(Page(tuple(Stroke(tuple(line), 12.0) for line in digit(1, (0, 0), 200))))
    say_after(lambda: hand.corrections.correct(label))
say_after(hand.commands.undo)
say_after(hand.commands.toggle_memory)
say_after(lambda: hand.corrections.correct(3))
say_after(hand.corrections.forget_all)
session.worker_process.close()
"""


def test_the_status_line_says_what_is_remembered_and_what_is_broken(display, other_copy):
    broken = [f"20200101-00000{number}-000000.jsonl" for number in range(4)]
    for name in broken:
        (other_copy / "corrections" / "Anna").mkdir(parents=True, exist_ok=True)
        (other_copy / "corrections" / "Anna" / name).write_text("no sample")
    result = run_with_hand(STATUS, display, other_copy, "Anna")
    named = result.stderr.splitlines()
    assert len(named) == len(broken)
    for line, name in zip(named, broken, strict=True):
        assert line.endswith(f"error: broken, set aside: corrections/Anna/{name}.broken")
    assert result.stdout.splitlines() == [
        f"Broken, set aside in corrections/Anna: {broken[0]}.broken and 3 more",
        "Remembered: your 1, 1 sample",
        "Remembered: your 1, 2 samples",
        "Remembered: your 2, 1 sample",
        "Taken back: the sample of a 2.",
        "Reading without what you corrected.",
        "Remembered: your 3, 1 sample (not in use: M)",
        "Forgotten: all 3 samples.",
    ]


@pytest.mark.long
def test_a_kill_while_samples_are_kept_loses_at_most_the_last(other_copy, often):
    """The window and its reading process are killed right after a key: all that was kept before is there."""
    known = 0
    with screen() as display:
        for turn in range(often(20)):
            window = Window(display, "--size", 300, folder=other_copy)
            for label in (7, 4):
                window.fresh()
                draw(window, 1 + label % 3, height=0.4 + 0.01 * turn)
                window.wait_for_reading()
                window.press(str(label))
                if label == 7:
                    window.wait(lambda known=known: len(sample_files(other_copy)) > known)
            time.sleep(0.004 * turn)
            window.close()
            assert len(sample_files(other_copy)) in (known + 1, known + 2)
            known = len(sample_files(other_copy))
        window = Window(display, "--size", 300, folder=other_copy)
        window.fresh()
        draw(window, 2)
        window.wait_for_reading("[47]")  # the last word on this 2, if it was kept in time
        window.close()
    assert not list((other_copy / "corrections" / "default").glob("*.broken"))
    assert len(samples(other_copy)) == known, "each of them whole"
