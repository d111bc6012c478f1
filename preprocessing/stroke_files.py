"""Read stroke files: drawings as the points of a pen.

    .json               one drawing: a list of strokes, each a list of [x, y]
    .jsonl, .jsonl.gz   a drawing on each line: an object with "strokes" as above and optionally
                        "label" (0 to 9) and "writer" (a number or a name); blank lines are skipped

x runs to the right and y downwards, in any unit. Coordinates are numbers up to 1e300; NaN, Infinity, true,
null and "1" are errors. No strokes, or strokes without points, are a blank drawing and not an error.

Drawings are read and checked one by one, so a file may have any size.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from common.messages import UserError, short

# Limits of one drawing, so that no file exhausts memory or takes seconds. The largest drawings in the window
# have about 100,000 points.
MAX_STROKES = 5_000
MAX_POINTS = 200_000
MAX_BYTES = 8 * 2**20
# Limits of what is skipped before the rest of a file is ignored: a .gz file may decompress to any size.
MAX_SKIPPED = 256 * 2**20  # bytes of one line
MAX_BLANK = 100_000  # lines without a drawing

# Larger coordinates are refused and smaller ones set to 0, so that sizes and scales of drawings are finite.
MAX_COORDINATE, MIN_COORDINATE = 1e300, 1e-300

LINE_SUFFIXES = (".jsonl", ".jsonl.gz")
SUFFIXES = (".json", *LINE_SUFFIXES)


class StrokeFileError(UserError):
    """An error that names the file, the line, and why it is not a drawing."""


class CutShort(StrokeFileError):
    """An error after which the rest of a file is not read, so that its number of drawings is unknown."""


@dataclass(frozen=True)
class StrokeSample:
    """The strokes of one drawing, with its label and its writer if they are known.

    Attributes:
        strokes: each float64, (points, 2): x and y, within +-1e300, y downwards.
        label: the ground truth, 0 to 9, if known.
        writer: who drew it, if known.
    """

    strokes: list[np.ndarray]
    label: int | None = None
    writer: int | str | None = None


def is_stroke_file(path: str | Path) -> bool:
    """Return whether the name is that of a stroke file."""
    return str(path).lower().endswith(SUFFIXES)


def has_lines(path: str | Path) -> bool:
    """Return whether a stroke file of this name has a drawing on each line, rather than a single one."""
    return str(path).lower().endswith(LINE_SUFFIXES)


def drawings(path: Path) -> Iterator[StrokeSample]:
    """Yield all drawings of a stroke file, in order.

    Raises:
        StrokeFileError: at the first line that is not a drawing, or if the file cannot be read.
    """
    if not has_lines(path):
        yield read_drawing(path)
        return
    for _, drawing in each_line(path):
        if isinstance(drawing, StrokeFileError):
            raise drawing
        yield drawing


def read_drawing(source: Path | BinaryIO, name: str | None = None) -> StrokeSample:
    """Read the drawing of a `.json` file.

    Args:
        source: a path, or an open binary file.
        name: the file's name in error messages; required for an open file.

    Raises:
        StrokeFileError: if the file cannot be read or is not a list of strokes.
    """
    if isinstance(source, Path):
        name = name or short(source)
        try:
            with open(source, "rb") as file:
                return read_drawing(file, name)
        except OSError as error:
            raise StrokeFileError(f"{name} cannot be read: {error.strerror or error}") from error
    strokes = _parse(source.read(MAX_BYTES + 1), name)
    if isinstance(strokes, dict):
        _refuse(name, "an object, not a list of strokes; files with an object on each line are .jsonl")
    return StrokeSample(_checked_strokes(strokes, name))


def each_line(
    source: Path | BinaryIO, name: str | None = None
) -> Iterator[tuple[int, StrokeSample | StrokeFileError]]:
    """Yield the drawings of a `.jsonl` file, each with its line number from 1.

    In place of a line that is not a drawing, its error is yielded, and reading continues with the next line;
    after an error of the file itself it ends. One line at a time is held in memory.

    Args:
        source: a path (decompressed if its name ends in .gz), or an open binary file, which may be a pipe.
        name: the file's name in error messages; required for an open file.
    """
    if isinstance(source, Path):
        name = name or short(source)
        opened = gzip.open if source.suffix.lower() == ".gz" else open
        try:
            with opened(source, "rb") as file:
                yield from each_line(file, name)
        except OSError as error:
            yield 1, StrokeFileError(f"{name} cannot be read: {error.strerror or error}")
        return
    number, empty, last = 0, True, 0
    try:
        while raw := source.readline(MAX_BYTES + 1):
            number += 1
            line_ends = len(raw) <= MAX_BYTES or raw.endswith(b"\n") or _skip_line(source)
            if raw.strip() or len(raw) > MAX_BYTES:
                empty, last = False, number
                yield number, _read_line(raw, f"{name}, line {number}")
            if not line_ends or number - last > MAX_BLANK:
                yield (
                    number + 1,
                    CutShort(f"{name} is too long without a drawing: its rest is not read"),
                )
                return
    except (OSError, EOFError, zlib.error) as error:  # as for a .gz that is truncated or corrupt
        fault = "is truncated or corrupt" if isinstance(source, gzip.GzipFile) else f"cannot be read: {error}"
        yield number + 1, CutShort(f"{name} {fault} after line {number}")
    else:
        if empty:
            yield 1, StrokeFileError(f"{name} is empty")


def _skip_line(file: BinaryIO) -> bool:
    """Skip the rest of a line; return False if it is longer than MAX_SKIPPED."""
    for _ in range(MAX_SKIPPED // 2**16):
        if not (part := file.readline(2**16)) or part.endswith(b"\n"):
            return True
    return False


def _read_line(raw: bytes, where: str) -> StrokeSample | StrokeFileError:
    """Parse a line; `where` names it in error messages."""
    try:
        content = _parse(raw, where)
        if not isinstance(content, dict) or "strokes" not in content:
            _refuse(where, f'{_kind(content)}, not an object with "strokes"')
        label, writer = content.get("label"), content.get("writer")
        if label is not None and not (type(label) is int and 0 <= label <= 9):
            _refuse(where, f"a label that is no digit from 0 to 9: {_shown(label)}")
        if writer is not None and type(writer) not in (int, str):
            _refuse(where, f"a writer that is neither a number nor a name: {_shown(writer)}")
        return StrokeSample(_checked_strokes(content["strokes"], where), label, writer)
    except StrokeFileError as error:
        return error


def _parse(raw: bytes, where: str) -> Any:
    """Parse JSON.

    Raises:
        StrokeFileError: if `raw` is too long, empty or not JSON.
    """
    if len(raw) > MAX_BYTES:
        raise StrokeFileError(f"{where} is too long for one drawing: more than {MAX_BYTES >> 20} MiB")
    if not raw.strip():
        raise StrokeFileError(f"{where} is empty")
    try:
        return json.loads(raw)
    except RecursionError:
        raise StrokeFileError(f"{where} is no drawing: lists within lists without end") from None
    except ValueError as error:  # also for text that is not UTF-8, and for numbers of 5,000 digits
        raise StrokeFileError(f"{where} is not JSON: {error}") from None


def _checked_strokes(strokes: Any, where: str) -> list[np.ndarray]:
    """Convert parsed strokes to arrays, float64 (points, 2).

    Raises:
        StrokeFileError: about the first stroke or point that is invalid.
    """
    if type(strokes) is not list:
        _refuse(where, f"{_kind(strokes)}, not a list of strokes")
    if len(strokes) > MAX_STROKES:
        raise StrokeFileError(f"{where} has more than {MAX_STROKES:,} strokes: too many for one drawing")
    points = 0
    arrays = []
    for place, stroke in enumerate(strokes, 1):
        if type(stroke) is not list:
            _refuse(where, f"stroke {place} is {_kind(stroke)}, not a list of [x, y]")
        points += len(stroke)
        if points > MAX_POINTS:
            raise StrokeFileError(f"{where} has more than {MAX_POINTS:,} points: too many for one drawing")
        for at, point in enumerate(stroke, 1):
            if type(point) is not list or len(point) != 2:
                _refuse(where, f"point {at} of stroke {place} is not [x, y]: {_shown(point)}")
            if not (type(point[0]) in (int, float) and type(point[1]) in (int, float)):
                _refuse(where, f"point {at} of stroke {place} is not two numbers: {_shown(point)}")
        try:
            array = np.array(stroke, dtype=np.float64).reshape(-1, 2)
        except OverflowError:  # an integer beyond the range of a float
            array = np.array([[np.inf, np.inf]])
        if not (np.abs(array) <= MAX_COORDINATE).all():  # also catches NaN
            _refuse(where, f"stroke {place} has a coordinate that is not finite or beyond {MAX_COORDINATE:g}")
        array[np.abs(array) < MIN_COORDINATE] = 0
        arrays.append(array)
    return arrays


def _refuse(where: str, fault: str) -> NoReturn:
    """Raise the error that `where` is not a drawing."""
    raise StrokeFileError(f"{where} is no drawing: {fault}")


def _kind(value: Any) -> str:
    """Name the type of a parsed JSON value."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    """Format an invalid value as in the file, shortened to fit a message."""
    if type(value) is list:
        return f"a list of {len(value)}"
    text = "an object" if type(value) is dict else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
