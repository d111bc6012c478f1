"""Read handwritten digits in pictures and stroke files.

python predict.py photo.png                        one line: the file, the reading, its confidence
python predict.py scans/ 'more/*.jpg' --json       folders and patterns; a JSON object for each file
python predict.py scan.pdf --csv > numbers.csv     a table: a row for each line of text
python predict.py strokes.jsonl --single           a drawing on each line, each of one digit
python predict.py photo.png --annotate out/        also write a copy with the readings
python predict.py notes.png --profile Anna         with what Anna corrected in app.py
"""

import common.startup  # noqa: F401 - first: for the time in which the rest is imported

import argparse
import math
import os
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from tqdm import tqdm

from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import keep_freed_memory, pick_device
from common.geometry import Box
from common.messages import UserError, complain, printable, short
from preprocessing.image_files import has_pages
from preprocessing.stroke_files import has_lines
from recognition.annotation import AnnotatedCopies
from recognition.batches import BATCH, Options, read_all
from recognition.inputs import STANDARD_INPUT, Source, describe, find_sources, items
from recognition.output import show_json, show_line, show_rows, width_of_names
from recognition.profiles import existing_profile
from recognition.recognizer import Recognizer

MIN_INPUTS_FOR_BAR = 10


def main() -> int:
    """Run the script and return its exit status: 1 if an input could not be read."""
    args = parse_arguments()
    keep_freed_memory()
    left_out: Counter[str] = Counter()
    sources = find_sources(args.inputs, left_out)
    # On the small work that each of many inputs is, threads rather wait for one another.
    device = pick_device(args.device, args.threads or (1 if len(sources) > 1 else None))
    copies = AnnotatedCopies(args.annotate, sources) if args.annotate else None
    profile = None if args.profile is None else existing_profile(args.profile)
    recognizer = Recognizer(args.checkpoint, device, profile)
    if profile:
        for path in recognizer.memory.set_aside:
            complain(f"broken, set aside: {short(path)}")
        if not len(recognizer.memory):
            raise UserError(f"nothing in {short(profile)} can be read")

    if left_out:
        print(f"left out: {printable(describe(left_out))}", file=sys.stderr, flush=True)
    sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal can show all file names
    show = partial(show_line, width=width_of_names(sources))
    if args.json or args.csv:
        show = show_json if args.json else show_rows
    threads = args.threads or os.cpu_count()
    files = all(source.fault or Path(source.path).is_file() for source in sources)
    options = Options(args.single, args.digits_only, args.region, args.batch_size, threads, not files)
    # Processes take inputs ahead, for which a pipe may wait.
    workers = (args.workers or os.cpu_count()) if files and device.type == "cpu" else 1
    failed = 0
    with progress(sources) as bar:
        for item, outcome in read_all(items(sources), recognizer, options, workers, total=bar.total):
            if copies:
                copies.write(item, outcome)
            with tqdm.external_write_mode():  # hides the bar meanwhile
                show(item, outcome)
            failed += isinstance(outcome, UserError)
            if item.page == 1 and bar.total:
                bar.total += item.pages - 1
            bar.update()
    return 1 if failed else 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Read handwritten digits in pictures and stroke files.")
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        default=argparse.SUPPRESS,
        help="pictures, PDF files, stroke files (.json, .jsonl, .jsonl.gz), folders, patterns, - for stdin",
    )
    add("--single", action="store_true", help="each input holds one digit, so don't look for more")
    form = parser.add_mutually_exclusive_group().add_argument
    add("--digits-only", action="store_true", help="leave out signs such as + and the decimal point")
    form("--json", action="store_true", help="print a JSON object for each input")
    form(
        "--csv",
        action="store_true",
        help="print a table: a row for each line of text, with the input's name and a column for each number",
    )
    add(
        "--region",
        type=region,
        metavar="LEFT,TOP,RIGHT,BOTTOM",
        help="read only this part of each input, in pixels of the picture or page, or in the unit of the "
        "strokes (--region=LEFT,... if LEFT is negative)",
    )
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
    many = "processes that read if there is much to read on the CPU (default: as many as there are cores)"
    add("--workers", type=number(int, at_least=1), metavar="N", help=many)
    add(
        "--batch-size",
        type=number(int, at_least=1),
        default=BATCH,
        help="inputs, and digits in them, at a time: through a pipe exactly as many, else at most",
    )
    return parser.parse_args()


def region(text: str) -> Box:
    """Parse the argument of --region."""
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not LEFT,TOP,RIGHT,BOTTOM: four numbers") from None
    if not all(map(math.isfinite, (left, top, right, bottom))):
        raise argparse.ArgumentTypeError(f"must be finite, not {text}")
    if left >= right or top >= bottom:
        raise argparse.ArgumentTypeError(f"{text} is empty: LEFT must be below RIGHT, and TOP below BOTTOM")
    return left, top, right, bottom


def progress(sources: list[Source]) -> tqdm:
    """Return a progress bar on stderr, shown on a terminal if inputs are many or of unknown number."""
    unknown = any(source.path == STANDARD_INPUT or has_lines(source.path) for source in sources)
    total = None if unknown else len(sources)
    shown = unknown or len(sources) >= MIN_INPUTS_FOR_BAR or any(has_pages(s.path) for s in sources)
    return tqdm(total=total, unit=" inputs", disable=None if shown else True, leave=False)


if __name__ == "__main__":
    run_script(main)
