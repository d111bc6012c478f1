"""Tests of the figures about confidence, and about 1s with a flag."""

import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks import calibration, flagged
from checkpointing import lookup
from tests.support.handwriting import line_of, write_strokes


def test_the_error_of_confidence_that_is_right_is_small_and_of_overconfidence_its_excess():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000)
    right = rng.random(20_000) < confidence
    assert calibration.calibration_error(confidence, right) < 0.01
    assert calibration.calibration_error(confidence, rng.random(20_000) < confidence - 0.2) == pytest.approx(
        0.2, abs=0.01
    )


def test_confidence_on_held_out_digits(tmp_path, monkeypatch, capfd):
    write_strokes(tmp_path / "held-out-0.jsonl.gz", *(line_of(i, writer=1) for i in range(10)))
    figure = tmp_path / "figure.png"
    flags = ["--workers", "1", "--figure", str(figure), "--checkpoint", str(lookup.SHIPPED["ink"])]
    monkeypatch.setattr(sys, "argv", ["calibration.py", str(tmp_path), *flags])
    assert calibration.main() == 0
    rows = [line.split(" | ") for line in capfd.readouterr().out.splitlines()[2:]]
    assert len(rows) == 3
    assert rows[0][0] == "| strokes"
    assert int(rows[0][1]) >= 9
    assert rows[0][2] == "100.00%"
    assert float(rows[0][3]) < 0.05
    assert Image.open(figure).size[0] > 400


def test_flagged_ones_are_drawn_as_described_and_read(monkeypatch, capfd):
    rng = np.random.default_rng(0)
    for length in flagged.FLAGS:
        stroke = flagged.one(length, rng)[0]
        assert np.ptp(stroke[12:, 1]) == pytest.approx(flagged.HEIGHT)  # the stem
        assert stroke[0, 1] > stroke[11, 1]  # the flag rises
    assert len(flagged.seven(True, rng)) == len(flagged.seven(False, rng)) + 1
    monkeypatch.setattr(sys, "argv", ["flagged.py", "--count", "4"])
    assert flagged.main() == 0
    rows = [line.split(" | ") for line in capfd.readouterr().out.splitlines()[4:]]
    assert len(rows) == 8
    assert all(row[1] == "4" for row in rows)
    assert rows[-1][2] == "100.0%"  # 7s with a bar
