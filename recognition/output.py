"""Print readings: a line of text, an object of JSON, or rows of CSV for each input."""

import csv
import io
import json
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

from common.messages import UserError, complain, percent, printable
from preprocessing.image_files import has_pages
from preprocessing.stroke_files import has_lines
from recognition.inputs import Item, Source
from recognition.reading import Reading, count_crossed_out, rows_of, text_of

MAX_NAME_WIDTH = 60  # columns; readings of files with longer names are not aligned


def show_json(item: Item, outcome: list[Reading] | UserError) -> None:
    """Print one line of JSON: `path`, `line` or `page` in a file of many, `text` and `digits`, or `error`."""
    report: dict[str, Any] = {"path": item.path}
    report |= {key: at for key, at in (("line", item.line), ("page", item.page)) if at is not None}
    if isinstance(outcome, UserError):
        report["error"] = str(outcome)
    else:
        report["text"] = text_of(outcome)
        if outcome and outcome[0].turned:
            report["turned"] = outcome[0].turned
        report["digits"] = [
            {
                "symbol": reading.symbol,
                "digit": reading.digit,
                "confidence": round(reading.confidence, 6),
                "probabilities": [round(float(value), 6) for value in reading.probabilities],
                "box": [float(f"{side:.6g}") for side in reading.box],  # of strokes in any unit
                "is_digit": reading.is_digit,
                "kind": reading.kind,
                "line": reading.line,
                "group": reading.group,
            }
            for reading in outcome
        ]
    write_line(json.dumps(report, allow_nan=False))


def show_rows(item: Item, outcome: list[Reading] | UserError) -> None:
    """Print a row of a CSV table for each line of text: the name and each number.

    An error goes to stderr, and so does what `remarks` returns.
    """
    if isinstance(outcome, UserError):
        complain(str(outcome))
        return
    table = io.StringIO()
    # Quoted, a number is taken for text by the programs that can tell: zeros before it stay.
    writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([item.name, *groups] for groups in rows_of(outcome) or [[]])
    write_line(table.getvalue().removesuffix("\n"))
    if remark := remarks(outcome):
        print(f"{printable(item.name)}: {remark}", file=sys.stderr)


def show_line(item: Item, outcome: list[Reading] | UserError, width: int) -> None:
    """Print one line of text: name, reading and confidences; an error goes to stderr.

    Args:
        item: the input.
        outcome: its readings, or the error that occurred.
        width: columns for the name.
    """
    if isinstance(outcome, UserError):
        complain(str(outcome))
        return
    name = printable(item.name)
    text, confidences = text_of(outcome), ""
    shown = [reading for reading in outcome if reading.kind == "digit"]  # a sign has no confidence
    if any(reading.is_digit for reading in shown):
        confidences = "".join(
            f"{percent(reading.confidence) if reading.is_digit else '?':>7}" for reading in shown
        )
    elif shown:
        confidences = "not sure"
    elif not outcome:
        text = "(blank)"
    remark = f"   ({remark})" if (remark := remarks(outcome)) else ""
    write_line(f"{padded(name, width)}   {text:<4}{confidences}{remark}".rstrip())


def remarks(readings: list[Reading]) -> str:
    """Return what a person should know beside the text, "" for nothing."""
    parts = []
    if readings and readings[0].turned:
        parts.append(f"turned by {readings[0].turned} degrees")
    if left_out := count_crossed_out(readings):
        parts.append(f"{left_out} crossed out")
    return ", ".join(parts)


def write_line(line: str) -> None:
    """Write a line and flush it, in one call so that Ctrl-C leaves no partial line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def width_of_names(sources: Iterable[Source]) -> int:
    """Return the columns for the names of sources and their line or page numbers."""

    def width(path: str) -> int:
        number = 6 if has_lines(path) else 4 if has_pages(path) else 0
        return columns(printable(path)) + number

    return min(max(width(source.path) for source in sources if not source.fault), MAX_NAME_WIDTH)


def padded(name: str, width: int) -> str:
    """Return `name` with spaces up to `width` columns."""
    return name + " " * (width - columns(name))


def columns(text: str) -> int:
    """Return the columns that `text` occupies in a terminal; a Chinese character occupies two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
