"""The page reads as the Python does: the same candidates for digits, the same images, the same text."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from checkpointing import lookup
from common.files import PROJECT
from preprocessing.stroke_candidates import Strokes, segment_strokes
from preprocessing.stroke_files import each_line
from recognition import symbols
from recognition.reading import text_of
from recognition.recognizer import Recognizer
from tests.support.handwriting import ODD, digit, symbol, wobbly
from tests.support.project import missing

WEB = PROJECT / "web"
REAL = 500  # drawings
MAX_DIFFERENCE = 0.02  # of a pixel
MAX_LINES = 900  # of the page's own JavaScript
LINES = ["12+34", "3.14", "30/09/2024", "56-7=49", "(2+3)"]

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
    pages = [segment_strokes(strokes, single) for strokes, single in drawings]
    for page, answer in zip(pages, answers, strict=True):
        assert [len(line) for line in answer["candidates"]] == [len(line) for line in page]
        for line, expected_line in zip(answer["candidates"], page, strict=True):
            for candidate, expected in zip(line, expected_line, strict=True):
                for key in ("start", "stop", "penalty"):
                    assert candidate[key] == getattr(expected, key)
                assert candidate["endsGroup"] == expected.ends_group
                assert candidate["place"] == (
                    expected.place and pytest.approx(asdict(expected.place), abs=1e-6, rel=0)
                )
                assert candidate["box"] == pytest.approx(expected.box)
                assert (candidate["glyph"] is None) == (expected.glyph is None)
                if expected.glyph is not None:
                    difference = np.abs(np.reshape(candidate["glyph"], (28, 28)) - expected.glyph).max()
                    assert difference < MAX_DIFFERENCE
    texts = [answer["text"] for answer in answers]
    assert texts == [text_of(readings) for readings in recognizer.read(pages)]
    return texts


@pytest.fixture(scope="module")
def drawings() -> list[list[list[list[float]]]]:
    """Real drawings of one digit each, by many people."""
    path = Path(os.environ.get("DIGITS_PEN", "nowhere"))
    if not path.exists():
        missing("no stroke file: name one by the environment variable DIGITS_PEN")
    with gzip.open(path) as file:
        lines = islice(each_line(file, path.name), 0, None, 14)
        return [[stroke.tolist() for stroke in sample.strokes] for _, sample in islice(lines, REAL)]


@pytest.mark.parametrize("count", [40, pytest.param(REAL, marks=pytest.mark.long)])
def test_real_drawings_of_a_digit(count, drawings, recognizer):
    assert len(drawings) == REAL
    assert_same([(strokes, place % 2 == 0) for place, strokes in enumerate(drawings[:count])], recognizer)


@pytest.mark.long
def test_real_drawings_side_by_side(drawings, recognizer):
    """Numbers of two to four digits, from far apart to overlapping, some on two lines."""
    numbers: list[Drawing] = []
    for first in range(0, 180, 3):
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
    assert sum(len(text) > 1 for text in texts) > 36


@pytest.mark.long
def test_rows_that_rise(drawings, recognizer):
    """Rows of two numbers, wide and narrow, that rise or fall by up to 17 degrees, some with points."""
    pages: list[Drawing] = []
    for page in range(24):
        slope = (page % 7 - 3) * 0.1
        strokes = []
        for place in range(12 if page % 2 else 18):
            row, column = divmod(place, 6)
            one = drawings[18 * page + place]
            low, high = (edge(np.concatenate(one), axis=0) for edge in (np.min, np.max))
            x = (110 + 50 * (page % 3)) * column + (130 if column > 2 else 0) + 700 * (row % 2)
            y = 150 * row + slope * x
            scale = 100 / max(high - low)
            strokes += [((np.array(stroke) - low) * scale + (x, y)).tolist() for stroke in one]
            if page % 4 == 3:
                strokes += symbol(".", (x + 90, y + 50), 100)
        pages.append((strokes, False))
    texts = assert_same(pages, recognizer)
    assert sum(text.count(" ") >= 3 for text in texts) > 12, "numbers and lines are told apart"


def written(text: str) -> Strokes:
    """Return the strokes of a line of digits and signs."""
    strokes, right = [], 0.0
    for name in text:
        width = 50 if name == "." else 105
        strokes += symbol(name, (right + width / 2, 0), 140)
        right += width
    return strokes


def test_sums_decimals_and_dates(recognizer):
    assert assert_same([(written(line), False) for line in LINES], recognizer) == LINES


@pytest.mark.long
def test_sums_decimals_and_dates_by_a_hand_that_shakes(recognizer):
    drawings = [(written(line), False) for line in LINES]
    again = [(wobbly(strokes, seed), False) for strokes, _ in drawings for seed in range(6)]
    texts = assert_same(again, recognizer)
    assert sum(any(not name.isdigit() for name in text) for text in texts) > 24


def test_what_cannot_be_a_slash_is_a_1(recognizer):
    """The same strokes read as a slash within a date."""
    drawings = [(written(line), False) for line in ("30/12", "82/", "/82", "56/12345")]
    assert assert_same(drawings, recognizer) == ["30/12", "821", "182", "56112345"]
    low = [
        *written("80"),
        *symbol("/", (262, 10), 100),
        *symbol("7", (360, 0), 140),
        *symbol("5", (465, 0), 140),
    ]
    assert assert_same([(low, False)], recognizer) == ["80175"]


def test_what_is_crossed_out_is_left_out(recognizer):
    lines = [[(110, -33 + 33 * i), (210, -33 + 33 * i)] for i in range(3)]
    eight = symbol("8", (160, 0), 140)
    four, six = symbol("4", (0, 0), 140), symbol("6", (320, 0), 140)
    assert assert_same([([*four, *eight, *lines, *six], False)], recognizer) == ["46"]


# Nothing symmetric: a centre of mass halfway between two pixels is rounded by the errors of the sums.
SCRIBBLE = np.random.default_rng(0).normal(0, 100, (400, 2)).tolist()


UNUSUAL = {
    "dot": [[(5.0, 5.0)]],
    "dots": [[(5.0, 5.0), (5.0, 5.0), (5.0, 5.0)]],
    "dash": [[(0.0, 0.0), (70.0, 5.0), (90.0, 2.0)]],
    "bar, dot": [[(0.0, 0.0), (3.0, 80.0), (2.0, 90.0)], [(300.0, 300.0)]],
    "no digit": wobbly(ODD, seed=0),
    "scribble": [SCRIBBLE],
    "400 dots": [[point] for point in SCRIBBLE],
    "160 dashes": [SCRIBBLE[at : at + 2] for at in range(0, 320, 2)],
    "12 digits": [stroke for place in range(12) for stroke in digit(place % 10, (120 * place, 0), 140)],
}


@pytest.mark.long
def test_unusual_drawings(recognizer):
    """All of them in one process of Node.js, which takes a second to start."""
    assert_same([(strokes, single) for strokes in UNUSUAL.values() for single in (False, True)], recognizer)


@pytest.mark.parametrize(
    ("name", "weights", "again"),
    [
        ("model.onnx", lookup.find("ink"), "python export.py --output web/page/model.onnx"),
        ("symbols.onnx", symbols.WEIGHTS, "python export.py --symbols --output web/page/symbols.onnx"),
    ],
)
def test_the_page_has_the_newest_weights(name: str, weights: Path, again: str):
    about = {entry.key: entry.value for entry in onnx.load(WEB / "page" / name).metadata_props}
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert about["checkpoint_sha256"] == sha256, f"the weights have changed: {again}"
    assert (WEB / "page" / name).stat().st_size < 3_000_000


def test_the_page_has_little_code_of_its_own():
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (WEB / "page").glob("*.js"))
    assert lines < MAX_LINES


def test_the_node_that_the_packages_need_is_documented():
    packages = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    needed = packages[""]["engines"]["node"]
    assert needed == packages["node_modules/eslint"]["engines"]["node"], "the strictest"
    *versions, last = re.sub(r"[\^>=]|\.0", "", needed).split(" || ")
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert f"Node.js {'+, '.join(versions)}+ or {last}+" in readme
