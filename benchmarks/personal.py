"""What learning a person's handwriting from corrections gains: a replay of many people's digits.

    python -m benchmarks.personal strokes.jsonl.gz
    python -m benchmarks.personal strokes.jsonl.gz --harm --data-dir mnist/

Each writer's digits come in a random order and are read as one digit each, by the recogniser as it is shipped
and by the same with a memory that starts empty. What the latter misreads is corrected once, right after it
was read. A reading counts as right if its digit is, sure or not.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from calibration import describe
from data import LabelledImages, add_data_arguments, load_training
from ink import Page, page_from_strokes
from metrics import BATCH
from personal import Memory
from recognizer import Recognizer
from runtime import ArgumentParser, UserError, number, run_script
from stroke_files import Drawing, StrokeFileError, drawings

AFTER = (0, 10, 50, 100)  # digits of a writer that go before those that count
NAMES = ("stream", "after_10", "after_50", "after_100")


@dataclass
class Replay:
    """How one way of reading did.

    Attributes:
        right: of each writer, whether each digit was read right, in the order of the replay.
        seconds: that each reading took.
    """

    right: list[list[bool]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float | None]:
        """Shares of 1; None of a stream that no writer's digits are enough for."""
        shares = {}
        for name, first in zip(NAMES, AFTER, strict=True):
            counted = [right for writer in self.right for right in writer[first:]]
            shares[name] = float(np.mean(counted)) if counted else None
        wrong = sum(not right for writer in self.right for right in writer)
        return {
            **shares,
            "corrections_per_writer": wrong / len(self.right),
            "ms_per_reading": 1000 * float(np.mean(self.seconds)),
        }


@dataclass(frozen=True)
class Known:
    """What harm is measured on: all writers' digits, and MNIST's validation images as the network gets them.

    Attributes:
        pages: of each writer's digits.
        labels: theirs.
        right: how many of them are read right without a memory.
        features, logits: of the validation images, as `describe` gives them.
        answers: the labels of those.
    """

    pages: dict[str, list[Page]]
    labels: dict[str, list[int]]
    right: dict[str, int]
    features: torch.Tensor
    logits: torch.Tensor
    answers: torch.Tensor


def main() -> int:
    args = parse_arguments()
    torch.set_num_threads(1)
    writers = by_writer(args.strokes, args.limit_writers)
    if args.harm and len(writers) < 2:
        raise UserError("--harm needs the digits of at least two writers")
    validation = load_training(args.dataset, args.data_dir)[1] if args.harm else None
    plain = Recognizer(args.checkpoint)
    known = look_at(writers, validation, plain) if args.harm else None
    without, with_memory, losses = Replay(), Replay(), []
    total = sum(map(len, writers.values()))
    with tqdm(total=total, unit=" digits", leave=False, disable=None) as bar:
        for place, (writer, digits) in enumerate(writers.items()):
            rng = np.random.default_rng((args.seed, place))
            with tempfile.TemporaryDirectory() as folder:
                personal = copy(plain)
                personal.memory = Memory(Path(folder), plain.checkpoint)
                order = [digits[i] for i in rng.permutation(len(digits))]
                replay(order, plain, without, personal, with_memory, args.wrong, rng, bar)
                if known:
                    losses.append((writer, *harm(writer, personal, known)))
    show(args, plain, without.figures(), with_memory.figures(), losses)
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser("Measure what learning a person's handwriting from corrections gains.")
    add = parser.add_argument
    add(
        "strokes",
        type=Path,
        metavar="FILE",
        help="digits with label and writer, .jsonl or .jsonl.gz",
        default=argparse.SUPPRESS,
    )
    add(
        "--checkpoint",
        metavar="FILE",
        help="weights: a file, newest, shipped or ink (default: ink)",
    )
    add("--seed", type=number(int, at_least=0), default=0, help="of the order of each writer's digits")
    add("--limit-writers", type=number(int, at_least=1), help="only the first so many")
    wrong = "share of the corrections that get a random other label"
    add("--wrong", type=number(float, at_least=0, at_most=1), default=0.0, metavar="SHARE", help=wrong)
    harm = "also what each writer's memory costs on the others' digits and on MNIST's validation images"
    add("--harm", action="store_true", help=harm)
    add("--json", action="store_true", help="print a JSON object")
    add_data_arguments(add)
    return parser.parse_args()


def by_writer(path: Path, most: int | None) -> dict[str, list[Drawing]]:
    """Each writer's digits, in the order of the file.

    Raises:
        StrokeFileError: if one is no drawing, or lacks what is needed.
    """
    writers = defaultdict(list)
    for place, drawing in enumerate(drawings(path), 1):
        if drawing.label is None or drawing.writer is None:
            lacking = "label" if drawing.label is None else "writer"
            raise StrokeFileError(f'{path}: drawing {place} has no "{lacking}"')
        writers[str(drawing.writer)].append(drawing)
    return dict(list(writers.items())[:most])


def replay(
    digits: list[Drawing],
    plain: Recognizer,
    without: Replay,
    personal: Recognizer,
    with_memory: Replay,
    wrong: float,
    rng: np.random.Generator,
    bar: tqdm,
) -> None:
    """Read one writer's digits both ways, and correct what `personal` misreads."""
    without.right.append([])
    with_memory.right.append([])
    for drawing in digits:
        for recognizer, result in ((plain, without), (personal, with_memory)):
            start = time.perf_counter()
            readings = recognizer.read_strokes(drawing.strokes, single=True)
            result.seconds.append(time.perf_counter() - start)
            result.right[-1].append(bool(readings) and readings[0].digit == drawing.label)
        if readings and not with_memory.right[-1][-1]:
            label = drawing.label
            if rng.random() < wrong:
                label = (label + int(rng.integers(1, 10))) % 10
            (reading,) = readings
            personal.memory.add(
                label,
                reading.glyph,
                strokes=[stroke.tolist() for stroke in drawing.strokes],
                read=reading.digit,
                confidence=reading.confidence,
            )
        bar.update()


def look_at(writers: dict[str, list[Drawing]], validation: LabelledImages, plain: Recognizer) -> Known:
    pages, labels, right = {}, {}, {}
    for writer, digits in tqdm(writers.items(), unit=" writers", leave=False, disable=None):
        pages[writer] = [page_from_strokes(drawing.strokes, single=True) for drawing in digits]
        labels[writer] = [drawing.label for drawing in digits]
        right[writer] = count_right(plain, pages[writer], labels[writer])
    with torch.inference_mode():
        starts = range(0, len(validation), BATCH)
        described = [describe(plain.model, validation[at : at + BATCH].ink()) for at in starts]
    features, logits = map(torch.cat, zip(*described, strict=True))
    return Known(pages, labels, right, features, logits, validation.labels)


def count_right(recognizer: Recognizer, pages: list[Page], labels: list[int]) -> int:
    readings = recognizer.read(pages)
    return sum(bool(r) and r[0].digit == label for r, label in zip(readings, labels, strict=True))


def harm(writer: str, personal: Recognizer, known: Known) -> tuple[float, float]:
    """Points of accuracy that `writer`'s memory costs on the others' digits, and on validation images."""
    others = [other for other in known.pages if other != writer]
    right = sum(count_right(personal, known.pages[other], known.labels[other]) for other in others)
    lost = sum(known.right[other] for other in others) - right
    leaning, _ = personal.memory.lean(known.features, known.logits)
    before, after = ((logits.argmax(1) == known.answers).sum() for logits in (known.logits, leaning))
    digits = sum(len(known.labels[other]) for other in others)
    return 100 * lost / digits, 100 * int(before - after) / len(known.answers)


def show(
    args: argparse.Namespace,
    plain: Recognizer,
    without: dict[str, float | None],
    with_memory: dict[str, float | None],
    losses: list[tuple[str, float, float]],
) -> None:
    if args.json:
        figures = {"without": without, "with": with_memory}
        if args.harm:
            figures["harm"] = [
                {"writer": writer, "others": others, "validation": validation}
                for writer, others, validation in losses
            ]
        print(json.dumps(figures))
        return
    print(f"weights  {plain.checkpoint.describe()}\n")
    print(f"{'read right':24}{'without':>10}{'with':>10}")
    for name, first in zip(NAMES, AFTER, strict=True):
        row = f"after the first {first}" if first else "over the stream"
        shares = (figures[name] for figures in (without, with_memory))
        print(f"{row:24}" + "".join(f"{'-' if share is None else f'{share:.2%}':>10}" for share in shares))
    for name, row in (("corrections_per_writer", "misread, a writer"), ("ms_per_reading", "ms a reading")):
        print(f"{row:24}{without[name]:10.2f}{with_memory[name]:10.2f}")
    if losses:
        print(f"\n{'points lost':24}{'worst':>10}{'mean':>10}   with whose memory it is worst")
        for place, row in ((1, "others' digits"), (2, "validation images")):
            worst = max(losses, key=lambda loss: loss[place])
            mean = np.mean([loss[place] for loss in losses])
            print(f"{row:24}{worst[place]:10.3f}{mean:10.3f}   {worst[0]}")


if __name__ == "__main__":
    run_script(main)
