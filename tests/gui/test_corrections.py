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
    labels,
    open_memory_window,
    sample_files,
    samples,
)
from tests.support.handwriting import digit
from tests.support.run_code import run_in_process, run_with_hand
from tests.support.window import NAME, PATIENCE, SIDE, Window, draw, screen


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
    window.wait_for_title(rf"7 · \d+ % - {NAME}")  # read as a 7, not shown as corrected
    draw_and_read(window, 3, 3)


@pytest.mark.long
def test_corrections_right_before_the_window_closes_are_kept(other_copy):
    """The last keys are pressed while the worker process is stopped, so that requests wait."""
    with screen() as display:
        window = Window(display, "--size", SIDE, folder=other_copy)
        draw(window, 1)
        window.wait_for_reading("1")
        children = [int(process.name) for process in window.children()]  # one is the worker process
        for child in children:
            os.kill(child, signal.SIGSTOP)
        window.press("w", "7", "4", "ctrl+q")  # the request for the heat map is sent first
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
    window.press("4")  # in place of the 7
    window.wait(lambda: labels(copy) == [4])
    window.wait_for_title(f"4 · corrected - {NAME}")
    window.press("ctrl+z")
    window.wait_for_reading("7")
    window.wait(lambda: labels(copy) == [7])
    window.press("ctrl+z")
    window.wait_for_reading("1")
    window.wait(lambda: not samples(copy))
    assert window.ink().any(), "the drawing stays"
    draw_and_read(window, 1, 1)


def test_a_correction_is_undone_and_redone_in_its_turn(window, copy):
    draw_and_correct(window, copy, 1, 7)
    window.press("Escape")
    window.wait_for_blank()
    window.press("ctrl+z")
    window.wait_for_reading("7")
    assert labels(copy) == [7], "to clear the page came last"
    window.press("ctrl+z")
    window.wait_for_reading("1")
    window.wait(lambda: not samples(copy))
    window.press("ctrl+z")
    window.wait_for_blank()
    window.press("ctrl+y", "ctrl+y")
    window.wait_for_reading("7")
    window.wait(lambda: labels(copy) == [7])
    window.press("ctrl+y")
    window.wait_for_blank()
    assert labels(copy) == [7]


def test_the_last_of_two_corrections_of_one_reading_counts(window, copy):
    draw(window, 1)
    window.wait_for_reading("1")
    window.press("7")
    window.wait(lambda: labels(copy) == [7])
    (first,) = (copy / "corrections/default").glob("*.jsonl")
    window.press("4")
    window.wait(lambda: labels(copy) == [4])
    (second,) = (copy / "corrections/default").glob("*.jsonl")
    assert second > first, "names sort by time"
    draw_and_read(window, 1, 4)


def test_a_drawing_from_the_history_can_be_corrected_again(window, copy):
    """Of two samples of the same ink the later one counts."""
    draw_and_correct(window, copy, 1, 4)
    window.fresh()
    window.press("Prior")
    window.wait_for_reading("4")
    window.press("1")
    window.wait(lambda: labels(copy) == [4, 1])
    draw_and_read(window, 1, 1)


def test_a_correction_waits_for_the_reading_of_its_drawing(window, copy):
    window.draw(digit(0, window.middle, 200), pause=0)
    window.press("6")
    window.wait_for_title(f"6 · corrected - {NAME}")
    window.wait(lambda: labels(copy) == [6])


def test_a_correction_is_dropped_if_the_drawing_changes_before_it_is_read(window, copy):
    children = [int(process.name) for process in window.children()]  # one is the worker process
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


def test_a_blank_page_is_not_corrected(window, copy):
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
    assert len(sample["strokes"]) == 2, "only the strokes of the 4"
    window.fresh()
    draw(window, 4, at=0.7, height=0.4)
    draw(window, 6, at=0.25, height=0.4)
    window.wait_for_reading("69")


def test_a_key_and_a_switch_turn_samples_off_and_on(window, copy):
    draw_and_correct(window, copy, 1, 7)
    draw_and_read(window, 1, 7)
    window.press("m")
    window.wait_for_reading("1")
    window.press("m")
    window.wait_for_reading("7")
    open_memory_window(window)
    window.press("Tab", "space")
    window.wait_for_reading("1")
    window.press("space")
    window.wait_for_reading("7")
    window.press("Escape")


TWO_PROFILES = """
from gui.drawing import Page, Stroke
from tests.support.hand import Hand
from tests.support.handwriting import digit
def read(number):
    hand.session.clear()
    strokes = digit(number, (0, 0), 240)
    hand.session.replace(Page(tuple(Stroke(tuple(line), 16.0) for line in strokes)))
    hand.wait_for_reading()
    return hand.session.shown.text()
for profile in ("Anna", "default"):
    hand = Hand(profile, watching=False)
    two, one = read(2), read(1)
    print(profile, one, two)
    if profile == "Anna":
        hand.corrections.correct(7)
    hand.wait(lambda: not hand.session.busy)
    hand.session.worker_process.close()
    hand.root.destroy()
"""


@pytest.mark.long
def test_profiles_are_separate_and_old_samples_belong_to_the_default_one(other_copy):
    """The old sample lies outside of any profile: a 2 corrected to 5. Anna corrects a 1 to 7."""
    old = {"label": 5, "strokes": digit(2, (0, 0), 240), "image": Image.new("L", (28, 28), 255)}
    sample_store.write_sample(other_copy / "corrections", profiles.new_sample_name(), **old)
    with screen() as display:
        result = run_in_process(TWO_PROFILES, display, other_copy)
        assert (result.stdout, result.stderr) == ("Anna 1 2\ndefault 1 5\n", "")
        window = Window(display, "--size", SIDE, "--profile", "Anna", folder=other_copy)
        draw_and_read(window, 1, 7)
        draw_and_read(window, 2, 2)
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
say_after(session.undo)
say_after(hand.commands.toggle_memory)
say_after(lambda: hand.corrections.correct(3))
say_after(hand.corrections.forget_all)
say_after(session.undo)
say_after(session.redo)
session.worker_process.close()
"""


def test_the_status_line_reports_corrections_and_broken_samples(display, other_copy):
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
        "Learned: your 1, 1 sample; Ctrl+Z takes it back",
        "Learned: your 1, 2 samples; Ctrl+Z takes this one back",
        "Learned: your 2, 1 sample; Ctrl+Z takes it back",
        "Taken back: a sample of 2.",
        "Reading without what you corrected.",
        "Learned: your 3, 1 sample; Ctrl+Z takes it back (not in use: M)",
        "Forgotten: all 3 samples; Ctrl+Z brings them back.",
        "Back again: 3 samples.",
        "Forgotten: all 3 samples; Ctrl+Z brings them back.",
    ]


@pytest.mark.long
def test_a_kill_loses_at_most_the_last_sample(other_copy, often):
    """The window and the worker process are terminated right after a digit key."""
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
        window.wait_for_reading("[47]")  # one of the corrections of this 2
        window.close()
    assert not list((other_copy / "corrections" / "default").glob("*.broken"))
    assert len(samples(other_copy)) == known, "each can be parsed"
