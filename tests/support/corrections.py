"""Corrects readings in the window, and looks at the samples, in the window and on the disk."""

import json
from pathlib import Path

import numpy as np

from tests.support.window import NAME, Window, draw

MEMORY_WINDOW = "Learned from you - Handwritten digits"


def draw_and_read(window: Window, number: int, expected: int) -> None:
    """Draw a digit on a blank page and wait for the expected reading."""
    window.fresh()
    draw(window, number)
    window.wait_for_reading(str(expected))


def draw_and_correct(window: Window, copy: Path, number: int, label: int) -> None:
    """Draw a digit on a blank page, correct its reading, and wait until the sample is kept."""
    before = samples(copy)
    window.fresh()
    draw(window, number)
    window.wait_for_reading()
    window.press(str(label))
    window.wait_for_title(rf"{label} · corrected - {NAME}")
    window.wait(lambda: len(samples(copy)) > len(before))


def sample_files(copy: Path, profile: str = "default") -> list[Path]:
    """Return the files of the samples in a copy of the project, the oldest first."""
    return sorted((copy / "corrections" / profile).glob("*.jsonl"))


def samples(copy: Path, profile: str = "default") -> list[dict]:
    """Return the content of the samples in a copy of the project, the oldest first."""
    return [json.loads(path.read_text()) for path in sample_files(copy, profile)]


def labels(copy: Path, profile: str = "default") -> list[int]:
    """Return the labels of the samples in a copy of the project, the oldest first."""
    return [sample["label"] for sample in samples(copy, profile)]


def open_memory_window(window: Window) -> str:
    """Open the window that lists the samples, wait until it shows thumbnails, and return its id."""
    window.press("r")
    opened = window.wait(lambda: window.xdotool("search", "--onlyvisible", "--name", MEMORY_WINDOW))
    window.wait(lambda: first_thumbnail(window, opened) is not None)
    return opened


def first_thumbnail(window: Window, memory_window: str) -> tuple[int, int] | None:
    """Return the upper left corner of the first thumbnail, found by the colour of paper, or None."""
    pixels = np.asarray(window.picture(memory_window))
    is_paper = (pixels[: len(pixels) * 4 // 5, : pixels.shape[1] // 2] == window.colour("paper")).all(2)
    rows = np.flatnonzero(is_paper.sum(1) > 25)
    return (int(np.flatnonzero(is_paper[rows[0]])[0]), int(rows[0])) if len(rows) else None


def forget_all(window: Window) -> None:
    """Delete all samples by the button of the window that lists them."""
    open_memory_window(window)
    window.press("Tab", "Tab", "space", "space", "Escape")


def is_accent(window: Window, pixels: np.ndarray) -> np.ndarray:
    """Return where an image has the accent colour: bool, (height, width)."""
    return np.abs(pixels.astype(int) - window.colour("accent")).sum(2) < 30


def framed(window: Window) -> list[int]:
    """Return the columns of the canvas with long vertical lines in the accent colour: the chosen box."""
    pixels = window.pixels()[window.top : window.bottom, window.left : window.right]
    return np.flatnonzero(is_accent(window, pixels).sum(0) > 80).tolist()
