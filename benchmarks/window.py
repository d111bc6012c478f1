"""How fast the window is: from start to strokes, from the last stroke to the reading, and if it ever stalls.

python -m benchmarks.window                          our own ten digits
python -m benchmarks.window strokes.jsonl.gz         drawings from a file, one on each line

Needs Xvfb and xdotool; other work on the machine shows in every figure.
"""

import argparse
import os
import random
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import median_high
from tempfile import TemporaryDirectory

from common.cli import ArgumentParser, number, run_script
from common.messages import UserError
from preprocessing.stroke_files import drawings
from tests.support.hand import SIDE, Hand, Strokes, resident
from tests.support.handwriting import digit
from tests.support.window import Window, missing_tools, screen

SETTLE = 0.3  # seconds without input, in which all work ends


def main() -> int:
    """Measure and print; return the exit status."""
    args = parse_arguments()
    if lacking := missing_tools():
        raise UserError(f"this measurement needs {', '.join(lacking)}")
    with screen() as display:
        started = [time_to_strokes(display) for _ in range(args.starts)]
        report(
            "from start to a window that takes strokes",
            f"median {median_high(started):.2f} s of {args.starts}",
        )
        os.environ["DISPLAY"] = display
        measure(list(samples(args.strokes, args.drawings)), args)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure the window's speed, in the real window on a virtual screen.")
    add = parser.add_argument
    count = number(int, at_least=1)
    add(
        "strokes",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="drawings: .jsonl or .jsonl.gz (default: our own digits)",
    )
    add("--starts", type=count, default=5, help="times to start the window")
    add("--drawings", type=count, default=200, help="drawings to time the reading of")
    add("--strokes-at-once", type=count, default=1000, help="strokes to draw without clearing the sheet")
    add("--readings", type=count, default=10_000, help="readings over which the memory is watched")
    return parser.parse_args()


def report(what: str, figures: str) -> None:
    """Print a row of the table."""
    print(f"{what:44}{figures}", flush=True)


def time_to_strokes(display: str) -> float:
    """Return the seconds from the start of the process to ink on the screen under the mouse."""
    start = time.perf_counter()
    window = Window(display, "--size", SIDE)
    window.click(window.middle)
    window.wait_for_ink(lambda ink: ink.any())
    seconds = time.perf_counter() - start
    window.close()
    return seconds


def samples(path: Path | None, count: int) -> Iterator[Strokes]:
    """Yield drawings, scaled to the canvas; of a file, a random choice with a fixed seed."""
    if path is None:
        yield from (digit(place % 10, (0, 0), 0.6 * SIDE) for place in range(count))
        return
    chosen = list(drawings(path))
    random.Random(0).shuffle(chosen)
    for drawing in chosen[:count]:
        points = [point for stroke in drawing.strokes for point in stroke.tolist()]
        across, down = zip(*points, strict=True)
        scale = 0.6 * SIDE / max(max(across) - min(across), max(down) - min(down), 1)
        middle = (max(across) + min(across)) / 2, (max(down) + min(down)) / 2
        yield [
            [((x - middle[0]) * scale, (y - middle[1]) * scale) for x, y in stroke.tolist()]
            for stroke in drawing.strokes
        ]


def measure(inputs: list[Strokes], args: argparse.Namespace) -> None:
    """Draw in a window of this process, whose files are in a temporary folder, and print what is measured."""
    with TemporaryDirectory() as folder:
        _measure(inputs, args, Hand(folder=Path(folder)))


def _measure(inputs: list[Strokes], args: argparse.Namespace, hand: Hand) -> None:
    moving = cycle(inputs)
    while not hand.session.ready:  # draws from the first moment on
        hand.draw(next(moving), pause=0.005)
    hand.wait_for_reading()
    report("longest gap between ticks while loading", f"{hand.gap():.0f} ms, drawing all the time")

    latencies = []
    for strokes in inputs:
        hand.session.clear()
        hand.draw(strokes, pause=0.002)
        start = time.perf_counter()
        hand.wait_for_reading()
        latencies.append(1000 * (time.perf_counter() - start))
    latencies.sort()
    late = latencies[min(len(latencies) - 1, round(0.95 * len(latencies)))]
    report(
        "from the last stroke to the reading",
        f"median {median_high(latencies):.0f} ms, 95th percentile {late:.0f} ms, of {len(latencies)}",
    )

    hand.session.clear()
    hand.run(SETTLE)
    hand.gap()
    drawn = 0
    while drawn < args.strokes_at_once:
        strokes = next(moving)
        hand.draw(strokes)
        drawn += len(strokes)
    report("longest gap between ticks", f"{hand.gap():.0f} ms, over {drawn:,} strokes on one sheet")
    hand.run(SETTLE)
    for what, action in (
        ("undo", hand.session.undo),
        ("clear", hand.session.clear),
        ("undo", hand.session.undo),
    ):
        hand.gap()
        action()
        hand.run(3)
        report("longest gap between ticks", f"{hand.gap():.0f} ms, in {what} with {drawn:,} strokes")
    hand.session.clear()
    hand.run(SETTLE)

    watch_memory(hand, moving, args.readings)
    hand.session.on_close()
    hand.session.worker_process.close()
    hand.root.destroy()


def watch_memory(hand: Hand, inputs: Iterator[Strokes], readings: int) -> None:
    """Print the memory of both processes at the start, in the middle and at the end."""
    for place in range(readings + 1):
        if place % max(1, readings // 10) == 0:
            sizes = [resident(os.getpid()), resident(hand.session.worker_process.process.pid)]
            report(
                f"memory after {place:,} readings",
                f"window {sizes[0]:.0f} MB, reading {sizes[1]:.0f} MB",
            )
        hand.session.clear()
        hand.draw(next(inputs))
        hand.wait_for_reading()


if __name__ == "__main__":
    run_script(main)
