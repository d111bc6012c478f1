"""The window learns from corrections: a real window on a virtual screen, a real mouse, real keys."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recognition import profiles, sample_store
from tests.support.handwriting import digit
from tests.support.project import Project, assert_one_line_error
from tests.support.window import NAME, PATIENCE, SIDE, Window, draw, run_with_hand, screen

PANEL = "Remembered - Handwritten digits"


@pytest.fixture
def window(running, copy) -> Iterator[Window]:
    """The window with a blank sheet and an empty memory."""
    running.fresh()
    yield running
    running.fresh()
    if samples(copy):
        forget_all(running)
        running.wait(lambda: not samples(copy))


def read_as(window: Window, number: int, expected: int) -> None:
    """On a blank sheet, a digit is drawn and read as expected."""
    window.fresh()
    draw(window, number)
    window.wait_for_reading(str(expected))


def teach(window: Window, copy: Path, number: int, label: int) -> None:
    """Draw a digit and say that it is another; back once the sample is kept."""
    before = samples(copy)
    window.fresh()
    draw(window, number)
    window.wait_for_reading()
    window.press(str(label))
    window.wait_for_title(rf"{label} · corrected - {NAME}")
    window.wait(lambda: len(samples(copy)) > len(before))


def samples(copy: Path, profile: str = "default") -> list[dict]:
    files = sorted((copy / "corrections" / profile).glob("*.jsonl"))
    return [json.loads(path.read_text()) for path in files]


def labels(copy: Path, profile: str = "default") -> list[int]:
    return [sample["label"] for sample in samples(copy, profile)]


def open_panel(window: Window) -> str:
    """Open the panel of what is remembered, and wait until it shows thumbnails; its window."""
    window.press("r")
    panel = window.wait(lambda: window.xdotool("search", "--onlyvisible", "--name", PANEL))
    window.wait(lambda: thumbnails(window, panel) is not None)
    return panel


def thumbnails(window: Window, panel: str) -> tuple[int, int] | None:
    """The first one's upper left corner in the panel, by the colour of its paper; None for no thumbnail."""
    pixels = np.asarray(window.picture(panel))
    is_paper = (pixels[: len(pixels) * 4 // 5, : pixels.shape[1] // 2] == window.colour("paper")).all(2)
    rows = np.flatnonzero(is_paper.sum(1) > 10)
    return (int(np.flatnonzero(is_paper[rows[0]])[0]), int(rows[0])) if len(rows) else None


def forget_all(window: Window) -> None:
    open_panel(window)
    window.press("Tab", "space", "space", "Escape")


def accent(window: Window, pixels: np.ndarray) -> np.ndarray:
    """Where a picture has the accent colour: bool, (height, width)."""
    return np.abs(pixels.astype(int) - window.colour("accent")).sum(2) < 30


# corrections


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
    read_as(window, 3, 3)


def test_corrections_right_before_the_window_closes_are_kept(other):
    """The last keys come while the reading process is stopped: they wait, and are shown as corrected."""
    with screen() as display:
        window = Window(display, "--size", SIDE, folder=other)
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
    assert labels(other) == [4]


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
    read_as(window, 1, 1)


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
    read_as(window, 1, 4)


def test_a_drawing_that_comes_back_is_corrected_once_more(window, copy):
    """Cleared before the slip was seen: the later word on the same ink counts."""
    teach(window, copy, 1, 4)
    window.fresh()
    window.press("Prior")
    window.wait_for_reading("4")
    window.press("1")
    window.wait(lambda: labels(copy) == [4, 1])
    read_as(window, 1, 1)


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


# a digit of a number


def framed(window: Window) -> list[int]:
    """Columns with a long upright line in the accent colour: the sides of the chosen digit's box."""
    pixels = window.pixels()[window.top : window.bottom, window.left : window.right]
    return np.flatnonzero(accent(window, pixels).sum(0) > 80).tolist()


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


def test_a_pen_that_moves_in_a_box_draws(number_mode):
    """And so does a click beside the boxes."""
    window = number_mode
    draw(window, 1, at=0.3, height=0.5)
    window.wait_for_reading("1")
    window.settle()
    x, y = (round(side) for side in (0.31 * SIDE, 0.5 * SIDE))
    window.draw([[(x - 8, y), (x + 60, y)]])
    window.wait_for_ink(lambda ink: ink[y, x - 5] and ink[y, x + 50])
    window.click((0.85 * SIDE, 0.9 * SIDE))
    window.wait_for_ink(lambda ink: ink[round(0.9 * SIDE), round(0.85 * SIDE)])


# with and without


def test_a_key_and_a_button_compare_with_and_without(window, copy):
    teach(window, copy, 1, 7)
    read_as(window, 1, 7)
    window.press("m")
    window.wait_for_reading("1")
    window.press("m")
    window.wait_for_reading("7")
    pixels = window.pixels()[window.top + SIDE // 2 : window.bottom, window.right + 6 :]
    rows, columns = np.nonzero(accent(window, pixels))  # the bars are above: it is the button that is on
    button = columns.mean() + window.right - window.left + 6, np.median(rows) + SIDE // 2
    window.click(button)
    window.wait_for_reading("1")
    window.click(button)
    window.wait_for_reading("7")


# the panel


def test_a_sample_is_removed_in_the_panel(window, copy):
    """By its cross, and by keys; what is on the sheet is read anew."""
    teach(window, copy, 1, 7)
    teach(window, copy, 4, 9)
    panel = open_panel(window)
    x, y = thumbnails(window, panel)
    before = accent(window, np.asarray(window.picture(panel)))
    window.xdotool("mousemove", "--window", panel, x + 15, y + 15)

    def cross() -> tuple[int, int] | None:
        """The middle of the badge: where the accent colour came to be thickest."""
        new = accent(window, np.asarray(window.picture(panel))) & ~before
        rows = np.flatnonzero(new.any(1))
        if not len(rows):
            return None
        columns = np.flatnonzero(new[rows[0] + 5])
        return int(columns[-8]), int(rows[0]) + 5

    across, down = window.wait(cross)
    twice = ("click", "--repeat", 2, "--delay", 150, 1)  # as people do; the second takes no other sample
    window.xdotool("mousemove", "--window", panel, across, down, *twice)
    window.wait(lambda: labels(copy) == [9])
    window.wait(lambda: thumbnails(window, panel) is not None)
    window.settle()
    assert labels(copy) == [9]
    assert window.reading() == "9"
    window.press("Right", "Delete")
    window.wait(lambda: not samples(copy))
    window.wait(lambda: thumbnails(window, panel) is None)
    window.wait_for_reading("4")
    window.press("Escape")
    window.wait(lambda: not window.xdotool("search", "--onlyvisible", "--name", PANEL))
    read_as(window, 1, 1)


def test_all_are_forgotten_only_if_asked_twice(window, copy):
    teach(window, copy, 1, 7)
    teach(window, copy, 4, 9)
    open_panel(window)
    window.press("Tab", "space")
    time.sleep(0.3)
    assert len(samples(copy)) == 2
    window.press("space")
    window.wait(lambda: not samples(copy))
    window.press("r")
    read_as(window, 4, 4)


# profiles, what was there before, and what breaks


@pytest.fixture
def other(tmp_path) -> Path:
    """A copy of the project of a test's own."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder).folder


def test_profiles_are_apart_and_old_samples_are_in_the_default_one(other):
    """A 2 was corrected to 5 before there were profiles; Anna's 1 is a 7."""
    old = {"label": 5, "strokes": digit(2, (0, 0), 240), "image": Image.new("L", (28, 28), 255)}
    sample_store.write_sample(other / "corrections", profiles.new_sample_name(), **old)
    with screen() as display:
        for profile, one, two in (("Anna", 1, 2), ("default", 1, 5), ("Anna", 7, 2)):
            window = Window(display, "--size", SIDE, "--profile", profile, folder=other)
            read_as(window, 1, one)
            read_as(window, 2, two)
            if one == 1 and profile == "Anna":
                read_as(window, 1, 1)
                window.press("7")
                window.wait(lambda: labels(other, "Anna") == [7])
            assert window.close() == ""
    assert labels(other) == [5]
    assert labels(other, "Anna") == [7]


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


def test_the_status_line_says_what_is_remembered_and_what_is_broken(display, other):
    broken = [f"20200101-00000{number}-000000.jsonl" for number in range(4)]
    for name in broken:
        (other / "corrections" / "Anna").mkdir(parents=True, exist_ok=True)
        (other / "corrections" / "Anna" / name).write_text("no sample")
    result = run_with_hand(STATUS, display, other, "Anna")
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
def test_a_kill_while_samples_are_kept_loses_at_most_the_last(other, often):
    """The window and its reading process are killed right after a key: all that was kept before is there."""
    known = 0
    with screen() as display:
        for turn in range(often(20)):
            window = Window(display, "--size", 300, folder=other)
            for label in (7, 4):
                window.fresh()
                draw(window, 1 + label % 3, height=0.4 + 0.01 * turn)
                window.wait_for_reading()
                window.press(str(label))
                if label == 7:
                    window.wait(lambda known=known: len(samples_by_name(other)) > known)
            time.sleep(0.004 * turn)
            window.close()
            assert len(samples_by_name(other)) in (known + 1, known + 2)
            known = len(samples_by_name(other))
        window = Window(display, "--size", 300, folder=other)
        window.fresh()
        draw(window, 2)
        window.wait_for_reading("[47]")  # the last word on this 2, if it was kept in time
        window.close()
    assert not list((other / "corrections" / "default").glob("*.broken"))
    assert len(samples(other)) == known, "each of them whole"


def samples_by_name(copy: Path) -> list[Path]:
    return list((copy / "corrections" / "default").glob("*.jsonl"))


def test_a_reading_process_that_dies_remembers(window, copy):
    teach(window, copy, 1, 7)
    (reading,) = [process for process in window.children() if "libtorch" in (process / "maps").read_text()]
    os.kill(int(reading.name), signal.SIGKILL)
    read_as(window, 1, 7)


@pytest.mark.parametrize("name", ["a/b", "", ".hidden"])
def test_a_name_that_is_no_profiles_is_one_line(copy, name):
    command = [sys.executable, "app.py", "--profile", name]
    result = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=PATIENCE)
    assert_one_line_error(result, "cannot be the name of a profile")
