"""The page reads as the Python does: the same candidates for digits, the same images, the same text."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from checkpointing import checkpoint, lookup
from common.files import PROJECT
from preprocessing.stroke_candidates import Strokes, segment_strokes
from preprocessing.stroke_files import each_line
from recognition.recognizer import Recognizer, text_of
from tests.support.handwriting import ODD, digit, wobbly
from tests.support.project import missing

WEB = PROJECT / "web"
REAL = 500  # drawings
MAX_DIFFERENCE = 0.02  # of a pixel
MAX_LINES = 600  # of the page's own JavaScript

Drawing = tuple[Strokes, bool]  # and whether it is a single digit


def read_in_javascript(drawings: Iterable[Drawing]) -> list[dict[str, Any]]:
    """Return what `web/tests/read.js` answers for each drawing."""
    if not shutil.which("node") or not (WEB / "node_modules").exists():
        missing("no Node.js, or no packages of the page (npm ci --prefix web)")
    lines = "".join(json.dumps({"strokes": strokes, "single": single}) + "\n" for strokes, single in drawings)
    command = ["node", str(WEB / "tests" / "read.js")]
    result = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def assert_same(drawings: list[Drawing], recognizer: Recognizer) -> list[str]:
    """Assert that both find the same candidates and read the same; return the texts."""
    answers = read_in_javascript(drawings)
    assert len(answers) == len(drawings)
    for (strokes, single), answer in zip(drawings, answers, strict=True):
        (segmentation,) = segment_strokes(strokes, single)
        assert [len(line) for line in answer["candidates"]] == [len(line) for line in segmentation.lines]
        for line, expected_line in zip(answer["candidates"], segmentation.lines, strict=True):
            for candidate, expected in zip(line, expected_line, strict=True):
                for key in ("start", "stop", "penalty"):
                    assert candidate[key] == getattr(expected, key)
                assert candidate["box"] == pytest.approx(expected.box)
                assert (candidate["glyph"] is None) == (expected.glyph is None)
                if expected.glyph is not None:
                    difference = np.abs(np.reshape(candidate["glyph"], (28, 28)) - expected.glyph).max()
                    assert difference < MAX_DIFFERENCE
    expected = recognizer.read([segment_strokes(strokes, single) for strokes, single in drawings])
    assert [answer["text"] for answer in answers] == [text_of(readings) for readings in expected]
    return [answer["text"] for answer in answers]


@pytest.fixture(scope="module")
def drawings() -> list[list[list[list[float]]]]:
    """Real drawings of one digit each, by many people."""
    path = Path(os.environ.get("DIGITS_PEN", "nowhere"))
    if not path.exists():
        missing("no stroke file: name one by the environment variable DIGITS_PEN")
    with gzip.open(path) as file:
        lines = islice(each_line(file, path.name), 0, None, 14)
        return [[stroke.tolist() for stroke in sample.strokes] for _, sample in islice(lines, REAL)]


def test_real_drawings_of_a_digit(drawings, recognizer):
    assert len(drawings) == REAL
    assert_same([(strokes, place % 2 == 0) for place, strokes in enumerate(drawings)], recognizer)


def test_real_drawings_side_by_side(drawings, recognizer):
    """Numbers of two to four digits, from far apart to overlapping, some on two lines."""
    numbers: list[Drawing] = []
    for first in range(0, 300, 3):
        strokes, right = [], 0.0
        for place, one in enumerate(drawings[first : first + 2 + first % 3]):
            points = np.concatenate([np.array(stroke) for stroke in one])
            (left, top), size = points.min(0), np.ptp(points, 0)
            gap = (first % 7 - 2) * 0.06 * size[1]
            move = np.array([right + gap - left, -top + (300.0 if first % 5 == 0 and place > 1 else 0)])
            strokes += [(np.array(stroke) + move).tolist() for stroke in one]
            right += gap + size[0]
        numbers.append((strokes, False))
    texts = assert_same(numbers, recognizer)
    assert sum(len(text) > 1 for text in texts) > 60


# Nothing symmetric: a centre of mass halfway between two pixels is rounded by the errors of the sums.
SCRIBBLE = np.random.default_rng(0).normal(0, 100, (400, 2)).tolist()


@pytest.mark.parametrize(
    "strokes",
    [
        [[(5.0, 5.0)]],
        [[(5.0, 5.0), (5.0, 5.0), (5.0, 5.0)]],
        [[(0.0, 0.0), (70.0, 5.0), (90.0, 2.0)]],
        [[(0.0, 0.0), (3.0, 80.0), (2.0, 90.0)], [(300.0, 300.0)]],
        wobbly(ODD, seed=0),
        [SCRIBBLE],
        [[point] for point in SCRIBBLE],
        [SCRIBBLE[at : at + 2] for at in range(0, 320, 2)],
        [stroke for place in range(12) for stroke in digit(place % 10, (120 * place, 0), 140)],
    ],
    ids=["dot", "dots", "dash", "bar, dot", "no digit", "scribble", "400 dots", "160 dashes", "12 digits"],
)
def test_unusual_drawings(strokes: Strokes, recognizer):
    assert_same([(strokes, False), (strokes, True)], recognizer)


def test_the_page_has_the_ink_weights():
    about = {entry.key: entry.value for entry in onnx.load(WEB / "page" / "model.onnx").metadata_props}
    weights = checkpoint.load(lookup.find("ink"))
    again = "python export.py --output web/page/model.onnx"
    assert about["checkpoint_sha256"] == weights.sha256, f"the weights have changed: {again}"
    assert (WEB / "page" / "model.onnx").stat().st_size < 3_000_000


def test_the_page_has_little_code_of_its_own():
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (WEB / "page").glob("*.js"))
    assert lines < MAX_LINES
