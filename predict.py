"""Read handwritten digits in pictures and stroke files.

python predict.py photo.png                        one line: the file, the reading, how sure it is
python predict.py scans/ 'more/*.jpg' --json       folders and patterns; a JSON object for each file
python predict.py strokes.jsonl --single           a drawing on each line, each of one digit
python predict.py photo.png --annotate out/        also a copy with the readings drawn on it
python predict.py notes.png --profile Anna         as one whose handwriting was corrected in app.py
"""

import common.interrupt  # noqa: F401 - first: Ctrl-C is silent while the rest is imported

import argparse
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import pick_device, return_freed_memory
from common.messages import UserError, complain, percent, printable, short
from preprocessing.candidates import Segmentation
from preprocessing.picture_candidates import segment_picture
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import StrokeSample, has_lines
from recognition.annotation import Copies
from recognition.inputs import STANDARD_INPUT, Item, Source, find_sources, items
from recognition.profiles import existing_profile
from recognition.recognizer import Reading, Recognizer, text_of

BATCH = 64
LONG_LIST = 10
WIDEST_NAME = 60  # a longer one pushes its reading to the right


def main() -> int:
    args = parse_arguments()
    device = pick_device(args.device, args.threads)
    sources = find_sources(args.inputs)
    copies = Copies(args.annotate, sources) if args.annotate else None
    profile = None if args.profile is None else existing_profile(args.profile)
    recognizer = Recognizer(args.checkpoint, device, profile)
    if profile:
        for path in recognizer.memory.set_aside:
            complain(f"broken, set aside: {short(path)}")
        if not len(recognizer.memory):
            raise UserError(f"nothing in {short(profile)} can be read")

    sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal can show every file name
    show = show_json if args.json else partial(show_line, width=width_of_names(sources))
    failed = 0
    with progress(sources) as bar:
        for item, outcome in read_all(items(sources), recognizer, copies, args):
            with tqdm.external_write_mode():  # the bar makes room
                show(item, outcome)
            failed += isinstance(outcome, UserError)
            bar.update()
    return 1 if failed else 0


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser("Read handwritten digits in pictures and stroke files.")
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        default=argparse.SUPPRESS,
        help="pictures, stroke files (.json, .jsonl, .jsonl.gz), folders, patterns, - for standard input",
    )
    add("--single", action="store_true", help="each input holds one digit, so don't look for more")
    add("--json", action="store_true", help="print a JSON object for each input")
    add(
        "--annotate",
        type=Path,
        metavar="DIR",
        help="also write copies with boxes and readings to this folder",
    )
    where = "weights to read with: a file, newest, shipped or ink (default: ink)"
    add("--checkpoint", metavar="FILE", help=where)
    whose = "lean towards what was corrected in this profile of app.py (default: read as anyone's)"
    add("--profile", metavar="NAME", help=whose)
    add_device_arguments(add)
    add(
        "--batch-size",
        type=number(int, at_least=1),
        default=BATCH,
        help="inputs, and digits in them, at a time",
    )
    return parser.parse_args()


def progress(sources: list[Source]) -> tqdm:
    """A bar on stderr, if that is a terminal, for a list that is long or of unknown length."""
    unknown = any(source.path == STANDARD_INPUT or has_lines(source.path) for source in sources)
    total = None if unknown else len(sources)
    shown = unknown or len(sources) >= LONG_LIST
    return tqdm(total=total, unit=" inputs", disable=None if shown else True, leave=False)


def read_all(
    inputs: Iterator[Item], recognizer: Recognizer, copies: Copies | None, args: argparse.Namespace
) -> Iterator[tuple[Item, list[Reading] | UserError]]:
    """Each input with its readings or with why there are none, in order; a batch of them in memory.

    Threads open the pictures of a batch and find their ink; the network reads what they found at once.
    """
    with ThreadPoolExecutor(args.threads or os.cpu_count()) as pool:
        while batch := list(islice(inputs, args.batch_size)):
            pages = list(pool.map(partial(segment, single=args.single), batch))
            found = [page for page in pages if not isinstance(page, UserError)]
            readings = iter(recognizer.read(found, args.batch_size))
            outcomes = [page if isinstance(page, UserError) else next(readings) for page in pages]
            if copies:
                list(pool.map(copies.write, batch, outcomes))
            yield from zip(batch, outcomes, strict=True)
            return_freed_memory()  # or the gaps in it would grow with every batch


def segment(item: Item, single: bool) -> list[Segmentation] | UserError:
    try:
        content = item.load()
        if isinstance(content, StrokeSample):
            return segment_strokes(content.strokes, single)
        return segment_picture(content, single)
    except UserError as error:
        return error


def show_json(item: Item, outcome: list[Reading] | UserError) -> None:
    """Print one line of JSON: `path`, `line` in a file of many, and `text` and `digits`, or `error`."""
    report: dict[str, Any] = {"path": item.path}
    if item.line:
        report["line"] = item.line
    if isinstance(outcome, UserError):
        report["error"] = str(outcome)
    else:
        report["text"] = text_of(outcome)
        report["digits"] = [
            {
                "digit": reading.digit,
                "confidence": round(reading.confidence, 6),
                "probabilities": [round(float(value), 6) for value in reading.probabilities],
                "box": [float(f"{side:.6g}") for side in reading.box],  # of strokes in any unit
                "is_digit": reading.is_digit,
            }
            for reading in outcome
        ]
    write_line(json.dumps(report, allow_nan=False))


def show_line(item: Item, outcome: list[Reading] | UserError, width: int) -> None:
    """Print one line for a person: name, reading, how sure; what could not be read goes to stderr."""
    if isinstance(outcome, UserError):
        complain(str(outcome))
        return
    name = printable(item.path if item.line is None else f"{item.path}:{item.line}")
    text, sure = text_of(outcome), "not sure"
    if any(reading.is_digit for reading in outcome):
        sure = "".join(
            f"{percent(reading.confidence) if reading.is_digit else '?':>7}" for reading in outcome
        )
    elif not outcome:
        text, sure = "(blank)", ""
    write_line(f"{in_columns(name, width)}   {text:<4}{sure}".rstrip())


def write_line(line: str) -> None:
    """One write, so that Ctrl-C leaves no half of a line, and at once, for whoever reads along."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def width_of_names(sources: Iterable[Source]) -> int:
    room_for_line = 6
    widths = (columns(printable(s.path)) + room_for_line * has_lines(s.path) for s in sources if not s.fault)
    return min(max(widths), WIDEST_NAME)


def in_columns(name: str, width: int) -> str:
    return name + " " * (width - columns(name))


def columns(text: str) -> int:
    """The columns that `text` takes in a terminal, where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


if __name__ == "__main__":
    run_script(main)
