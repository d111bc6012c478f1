"""The measurement of handwriting, on strokes and scans of our own design."""

import re

import numpy as np
import pytest

from benchmarks import reading
from tests.support.handwriting import digit, write_strokes


@pytest.fixture
def run(run_main):
    """Run the script in this process; return the cells of the rows that it prints, and all its lines."""

    def run(*arguments: object) -> tuple[dict[str, list[str]], list[str]]:
        given = ("--papers", 0, "--limit", 3, "--workers", 1, "--dataset", "digits")
        result = run_main(reading.main, *arguments, *given)
        assert (result.returncode, result.stderr) == (0, "")
        lines = result.stdout.splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
        return {name: cells for name, *cells in rows}, lines

    return run


def test_strokes_pictures_scans_and_what_is_no_digit(run, tmp_path):
    drawn = [(number, digit(number, (250, 250), 300)) for number in range(10)]
    lines = ({"label": number, "strokes": strokes} for number, strokes in drawn)
    pen = write_strokes(tmp_path / "pen.jsonl", *lines)
    pictures = [255 - np.asarray(reading.draw([np.array(s) for s in strokes], 20)) for _, strokes in drawn]
    np.savez(tmp_path / "scans.npz", images=np.stack(pictures), labels=np.arange(10) // 5 * 9)
    signs = np.zeros((3, 100, 100), np.uint8)
    signs[:, 20:80, 20:80] = np.eye(60, dtype=np.uint8) * 255
    signs[:, 20:80, 48:52] = signs[:, 48:52, 20:80] = 255
    np.savez(tmp_path / "signs.npz", images=signs)
    files = ("--pen", pen, "--scans", tmp_path / "scans.npz", "--nondigits", tmp_path / "signs.npz")
    rows, said = run(*files)
    assert list(rows)[1:] == [
        "stylus strokes",
        "the same as 280-px pictures, thin pen",
        "the same as 280-px pictures, thick pen",
        "scans",
    ]
    assert rows["stylus strokes"][:3] == ["3", "100.00%", "100.00%"]
    assert rows["the same as 280-px pictures, thin pen"][:3] == ["3", "100.00%", "100.00%"]
    assert rows["scans"][:3] == ["3", "0.00%", "0.00%"], "their labels are wrong"
    assert any(re.fullmatch(r"scans: (\d as \d 1x(, |$)){3}", line) for line in said)
    assert any(re.fullmatch(r"MNIST validation digits as pictures: \d of 3 wrong; .*", line) for line in said)
    assert any(re.fullmatch(r"not a digit: AUROC .* of 3 other characters and .* of 3 .*", s) for s in said)
