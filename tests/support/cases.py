"""The pictures and drawings of tests/cases, with what they should read: for tests and for measurements."""

import json

from common.files import PROJECT
from preprocessing.stroke_files import StrokeSample
from recognition.inputs import find_sources, items
from recognition.reading import Reading, rows_of
from recognition.recognizer import Recognizer

CASES = PROJECT / "tests" / "cases"


def all_cases() -> list[dict[str, str]]:
    """Return the cases, each with `file`, `want` (its text) and `kind` (what makes it hard)."""
    return json.loads((CASES / "cases.json").read_text(encoding="utf-8"))


def read_case(case: dict[str, str], recognizer: Recognizer) -> list[list[Reading]]:
    """Return the readings of each page of a case."""
    contents = [item.load() for item in items(find_sources([str(CASES / case["file"])]))]
    return [
        recognizer.read_strokes(content.strokes)
        if isinstance(content, StrokeSample)
        else recognizer.read_image(content)
        for content in contents
    ]


def text_of_case(case: dict[str, str], pages: list[list[Reading]]) -> str:
    """Return what was read in the form of `case["want"]`.

    Gaps between numbers are part of what is wanted only in cases about them.
    """
    between = " " if case["file"].startswith("groups") else ""
    return " ".join(between.join(row) for page in pages for row in rows_of(page))
