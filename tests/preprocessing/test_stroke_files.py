"""Stroke files: drawings are read, each error names its line, and no file exhausts memory."""

import contextlib
import gzip
import io
import json
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from preprocessing import stroke_files
from preprocessing.stroke_files import (
    StrokeFileError,
    StrokeSample,
    drawings,
    each_line,
    has_lines,
    is_stroke_file,
    read_drawing,
)

SEVEN = [[[0, 0], [10, 0], [4, 20.5]], [[2, 10], [8, 10]]]


def write(path: Path, text: str) -> Path:
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def fault_of(path: Path) -> str:
    """Return the error message of reading `path`, checked to be one line that names the file."""
    with pytest.raises(StrokeFileError) as caught:
        list(drawings(path))
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def assert_seven(drawing: StrokeSample) -> None:
    assert [stroke.tolist() for stroke in drawing.strokes] == SEVEN
    assert all(stroke.dtype == np.float64 for stroke in drawing.strokes)


def test_a_json_file_is_one_drawing(tmp_path):
    (drawing,) = drawings(write(tmp_path / "seven.json", json.dumps(SEVEN)))
    assert_seven(drawing)
    assert (drawing.label, drawing.writer) == (None, None)


@pytest.mark.parametrize("name", ["sevens.jsonl", "sevens.jsonl.gz", "SEVENS.JSONL"])
def test_a_jsonl_file_is_a_drawing_on_each_line(tmp_path, name):
    lines = [
        {"strokes": SEVEN, "label": 7, "writer": 12},
        {"strokes": SEVEN, "writer": "Ada", "time": 3},
        {"strokes": [], "label": None},
    ]
    path = write(tmp_path / name, "\n\n".join(map(json.dumps, lines)) + "\n")
    first, second, third = drawings(path)
    assert_seven(first)
    assert_seven(second)
    assert [(d.label, d.writer) for d in (first, second, third)] == [(7, 12), (None, "Ada"), (None, None)]
    assert third.strokes == []
    assert [number for number, _ in each_line(path)] == [1, 3, 5], "blank lines are skipped but counted"


def test_names_of_stroke_files():
    assert all(map(is_stroke_file, ["a.json", "a.jsonl", "b/a.jsonl.gz", Path("A.JSON")]))
    assert not any(map(is_stroke_file, ["a.png", "a.json.png", "a.gz", "json", "a.json.gz"]))
    assert has_lines("a.jsonl.gz")
    assert has_lines("a.jsonl")
    assert not has_lines("a.json")


@pytest.mark.parametrize("text", ["[]", "[[]]", "[[], [[1, 2]], []]", " [\n]\n", "\ufeff[]"])
def test_blank_ink_is_a_drawing(tmp_path, text):
    (drawing,) = drawings(write(tmp_path / "blank.json", text))
    assert [stroke.shape for stroke in drawing.strokes] == [
        (len(s), 2) for s in json.loads(text.strip("\ufeff"))
    ]


def test_numbers_may_be_huge(tmp_path):
    """But not so huge or so small that the size or the scale of the drawing would be infinite."""
    path = write(tmp_path / "huge.json", f"[[[1e300, -1e300], [{10**300}, 5e-324]]]")
    (drawing,) = drawings(path)
    assert drawing.strokes[0].tolist() == [[1e300, -1e300], [1e300, 0]]
    assert "beyond 1e+300" in fault_of(write(tmp_path / "more.json", "[[[-1.1e300, 0]]]"))


FAULTS = {
    "": "is empty",
    " \n": "is empty",
    "hello": "is not JSON: Expecting value",
    "[[[1, 2]": "is not JSON",
    '{"strokes": []}': "an object, not a list of strokes; files with an object on each line are .jsonl",
    "null": "null, not a list of strokes",
    "7": "a number, not a list of strokes",
    "[7]": "stroke 1 is a number, not a list of [x, y]",
    '[[[1, 2]], "x"]': "stroke 2 is a text, not a list",
    "[[1, 2]]": "point 1 of stroke 1 is not [x, y]: 1",
    "[[[1, 2], [3]]]": "point 2 of stroke 1 is not [x, y]: a list of 1",
    "[[[1, 2, 3]]]": "point 1 of stroke 1 is not [x, y]: a list of 3",
    '[[{"x": 1}]]': "point 1 of stroke 1 is not [x, y]: an object",
    '[[[1, "2"]]]': "point 1 of stroke 1 is not two numbers",
    "[[[true, 1]]]": "not two numbers",
    "[[[null, 1]]]": "not two numbers",
    "[[[[1], 1]]]": "not two numbers",
    "[[[1, NaN]]]": "stroke 1 has a coordinate that is not finite or beyond 1e+300",
    "[[[1, 2]], [[-Infinity, 1]]]": "stroke 2 has a coordinate that is not finite",
    "[[[1, 1e309]]]": "not finite",
    f"[[[1, {10**400}]]]": "not finite",
    f"[[[1, {'9' * 5000}]]]": "is not JSON",
    "[" * 100_000: "lists within lists",
    "[" * 900 + "]" * 900: "is no drawing",
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.items(), ids=lambda text: repr(text[:30]))
def test_each_fault_of_a_json_file_has_its_message(tmp_path, text, fault):
    assert fault in fault_of(write(tmp_path / "bad.json", text))


LINE_FAULTS = {
    "[]": 'a list, not an object with "strokes"',
    "{}": 'an object, not an object with "strokes"',
    '{"strokes": null}': "null, not a list of strokes",
    '{"strokes": [[[NaN, 1]]]}': "not finite",
    '{"strokes": [], "label": 10}': "a label that is no digit from 0 to 9: 10",
    '{"strokes": [], "label": -1}': "a label that is no digit from 0 to 9: -1",
    '{"strokes": [], "label": "7"}': 'a label that is no digit from 0 to 9: "7"',
    '{"strokes": [], "label": true}': "a label that is no digit from 0 to 9: true",
    '{"strokes": [], "label": 7.0}': "a label that is no digit from 0 to 9: 7.0",
    '{"strokes": [], "writer": [1]}': "a writer that is neither a number nor a name: a list of 1",
    '{"strokes": [], "writer": "' + "x" * 99 + '", "label": {}}': "no digit from 0 to 9: an object",
    '{"strokes": [': "is not JSON",
}


@pytest.mark.parametrize(("text", "fault"), LINE_FAULTS.items(), ids=LINE_FAULTS)
def test_an_invalid_line_is_named_and_the_next_is_read(tmp_path, text, fault):
    good = json.dumps({"strokes": SEVEN})
    path = write(tmp_path / "mixed.jsonl", f"{good}\n{text}\n{good}")
    assert f"mixed.jsonl, line 2 is {'not JSON' if fault == 'is not JSON' else 'no drawing'}" in fault_of(
        path
    )
    assert fault in fault_of(path)
    (one, first), (two, bad), (three, last) = each_line(path)
    assert (one, two, three) == (1, 2, 3)
    assert_seven(first)
    assert isinstance(bad, StrokeFileError)
    assert_seven(last)


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'{"strokes": [], "writer": "Ren\xe9"}\n')
    assert "line 1 is not JSON" in fault_of(path)


def test_files_that_cannot_be_read(tmp_path):
    assert "No such file" in fault_of(tmp_path / "none.json")
    assert "No such file" in fault_of(tmp_path / "none.jsonl")
    assert "No such file" in fault_of(tmp_path / "none.jsonl.gz")
    (tmp_path / "folder.jsonl").mkdir()
    assert "cannot be read: Is a directory" in fault_of(tmp_path / "folder.jsonl")
    assert fault_of(write(tmp_path / "empty.jsonl", "\n\n")).endswith("is empty")
    (tmp_path / "plain.jsonl.gz").write_text("{}")
    assert "is truncated or corrupt after line 0" in fault_of(tmp_path / "plain.jsonl.gz")


def test_a_truncated_gz_file_is_read_up_to_there(tmp_path):
    rng = np.random.default_rng(0)
    lines = [json.dumps({"strokes": rng.random((2, 30, 2)).tolist()}) for _ in range(100)]
    path = write(tmp_path / "cut.jsonl.gz", "\n".join(lines))
    path.write_bytes(path.read_bytes()[:50_000])
    *before, (_, error) = each_line(path)
    assert len(before) > 20
    assert all(isinstance(drawing, StrokeSample) for _, drawing in before)
    assert f"is truncated or corrupt after line {len(before)}" in str(error)


def test_too_many_points(tmp_path, monkeypatch):
    monkeypatch.setattr(stroke_files, "MAX_POINTS", 5)
    assert len(next(drawings(write(tmp_path / "five.json", json.dumps(SEVEN)))).strokes) == 2
    message = fault_of(write(tmp_path / "six.json", json.dumps([*SEVEN, [[0, 0]]])))
    assert "has more than 5 points: too many for one drawing" in message


def test_a_long_line_is_skipped_in_little_memory(tmp_path):
    good = json.dumps({"strokes": SEVEN}).encode() + b"\n"
    path = tmp_path / "long.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(good)
        for _ in range(160):
            file.write(b" " * 2**20)
        file.write(b"\n" + good)
    tracemalloc.start()
    (_, first), (two, error), (three, last) = each_line(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_seven(first)
    assert_seven(last)
    assert (two, three) == (2, 3)
    assert "long.jsonl.gz, line 2 is too long for one drawing: more than 8 MiB" in str(error)
    assert peak < 40 * 2**20, "the line has 160 MiB"


def test_memory_does_not_grow_with_the_number_of_lines(tmp_path):
    line = json.dumps({"strokes": SEVEN * 10, "label": 7}) + "\n"
    path = write(tmp_path / "many.jsonl", line * 1000)
    tracemalloc.start()
    count = sum(isinstance(drawing, StrokeSample) for _, drawing in each_line(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1000
    assert peak < path.stat().st_size / 4


numbers = st.integers() | st.floats() | st.integers(min_value=10**300, max_value=10**310)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["strokes", "label", "writer"]) | st.text(max_size=3), inner)
    ),
    max_leaves=20,
)
stroke_lists = st.lists(st.lists(st.lists(numbers, min_size=2, max_size=2), max_size=4), max_size=4)
texts = (
    st.binary(max_size=60)
    | st.text('[]{}:,"\\ \n0123456789.-+eENaInftrul', max_size=60).map(str.encode)
    | (values | stroke_lists | st.fixed_dictionaries({"strokes": values | stroke_lists})).map(
        lambda value: json.dumps(value).encode()
    )
)


def check(drawing: StrokeSample) -> None:
    for stroke in drawing.strokes:
        assert stroke.dtype == np.float64
        assert stroke.ndim == 2
        assert stroke.shape[1] == 2
        assert np.isfinite(stroke).all()
    assert drawing.label in (None, *range(10))


@settings(deadline=None)
@given(texts)
@example(b"\x00")
@example(b"\xff\xfe[\x00]\x00")
@example(b'"\\ud800"')
@example(b'[["\\ud800"]]')
def test_any_bytes_are_a_drawing_or_an_error(content):
    with contextlib.suppress(StrokeFileError):
        check(read_drawing(io.BytesIO(content), "fuzz"))
    for number, drawing in each_line(io.BytesIO(content), "fuzz"):
        assert 1 <= number <= content.count(b"\n") + 1
        if isinstance(drawing, StrokeFileError):
            assert re.fullmatch(r"fuzz.+", str(drawing))
        else:
            check(drawing)


@settings(deadline=None)
@given(stroke_lists)
def test_finite_coordinates_are_read_exactly(strokes):
    coordinates = [value for stroke in strokes for point in stroke for value in point]
    try:
        drawing = read_drawing(io.BytesIO(json.dumps(strokes).encode()), "fuzz")
    except StrokeFileError:
        assert not all(abs(value) <= 1e300 for value in coordinates)
    else:
        assert [stroke.tolist() for stroke in drawing.strokes] == [
            [[float(v) if abs(v) > 1e-300 else 0 for v in point] for point in stroke] for stroke in strokes
        ]


@settings(deadline=None)
@given(st.data())
def test_a_damaged_gz_file_gives_lines_and_an_error(data):
    lines = "\n".join(json.dumps({"strokes": SEVEN, "label": n % 10}) for n in range(20))
    packed = bytearray(gzip.compress(lines.encode(), mtime=0))
    for _ in range(data.draw(st.integers(0, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    content = bytes(packed[: data.draw(st.integers(0, len(packed)))])
    with gzip.open(io.BytesIO(content)) as file:
        for _, drawing in each_line(file, "fuzz"):
            if isinstance(drawing, StrokeSample):
                check(drawing)


def test_real_drawings(tmp_path):
    """A digit from a tablet, with a label and the number of its writer."""
    line = '{"label":1,"writer":3,"strokes":[[[268,71],[268,73],[267,80],[265,101],[262,128],[257,170]]]}\n'
    (drawing,) = drawings(write(tmp_path / "pen.jsonl.gz", line))
    assert (drawing.label, drawing.writer) == (1, 3)
    assert drawing.strokes[0][-1].tolist() == [257, 170]
