"""Measure what learning a person's handwriting from corrections gains, on a replay of many people's digits.

    python -m benchmarks.personal strokes.jsonl.gz
    python -m benchmarks.personal strokes.jsonl.gz --harm --poison 3 --data-dir mnist/
    python -m benchmarks.personal folds/held-out-?.jsonl.gz --checkpoint runs/fold-?/best.pt

Each writer's digits are read in random order, as one digit each, by the shipped recognizer and by the same
recognizer with a memory that is empty at first. Each digit that the latter misreads is corrected immediately.
A reading is right if its digit is, even if it is flagged as "not sure". Several files may each have their own
weights; all digits have the same weight in the results.
"""

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from common.cli import ArgumentParser, number, run_script
from common.messages import UserError, short
from data import LabelledImages, add_data_arguments, load_training
from evaluation.calibration import features_and_logits
from evaluation.metrics import BATCH
from preprocessing.candidates import Segmentation
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import StrokeFileError, StrokeSample, drawings
from recognition.memory import Memory
from recognition.profiles import profile_folder
from recognition.reading import Reading
from recognition.recognizer import Recognizer

SKIPPED = (0, 10, 50, 100)  # first digits of each writer that a figure leaves out
NAMES = ("stream", "after_10", "after_50", "after_100")
POISONED = ("same_class", "taken_for", "others")  # digits that wrong corrections of a class may affect


@dataclass
class Replay:
    """Results of reading with or without a memory.

    Attributes:
        right: for each writer, whether each digit was read right, in the order of the replay.
        seconds: duration of each reading.
        corrections: number of misread digits that were corrected, or would have been.
    """

    right: list[list[bool]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    corrections: int = 0

    def figures(self) -> dict[str, float | None]:
        """Return shares in [0, 1]; None where no writer has enough digits."""
        shares = {}
        for name, first in zip(NAMES, SKIPPED, strict=True):
            counted = [right for writer in self.right for right in writer[first:]]
            shares[name] = float(np.mean(counted)) if counted else None
        return {
            **shares,
            "corrections_per_writer": self.corrections / len(self.right),
            "ms_per_reading": 1000 * float(np.mean(self.seconds)),
        }


@dataclass(frozen=True)
class Known:
    """The digits on which a memory's cost is measured: all writers', and MNIST's validation images.

    Attributes:
        pages: the segmented digits of each writer.
        labels: the ground truth for each writer.
        right: number of each writer's digits that are read right without a memory.
        features, logits: of the validation images, from `features_and_logits`.
        answers: the labels of the validation images.
    """

    pages: dict[str, list[Segmentation]]
    labels: dict[str, list[int]]
    right: dict[str, int]
    features: torch.Tensor
    logits: torch.Tensor
    answers: torch.Tensor


@dataclass
class Results:
    """Results on all files together.

    Attributes:
        without, with_memory: of reading without and with a memory.
        losses: each writer, with what its memory costs, from `harm`.
        poison: counts by kind and by "digits" (how many there are), "before" and "after" (how many are read
            right before and after wrong corrections of one class). The kinds are the rest of that class, the
            class that it was corrected to, and all others.
    """

    without: Replay = field(default_factory=Replay)
    with_memory: Replay = field(default_factory=Replay)
    losses: list[tuple[str, float, float]] = field(default_factory=list)
    poison: Counter = field(default_factory=Counter)


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(1)
    files = [by_writer(path, args.limit_writers) for path in args.strokes]
    if args.harm and min(map(len, files)) < 2:
        raise UserError("--harm needs the digits of at least two writers in each file")
    validation = load_training(args.dataset, args.data_dir)[1] if args.harm else None
    results, recognizers = Results(), [Recognizer(choice) for choice in args.checkpoint]
    total = sum(len(digits) for writers in files for digits in writers.values())
    with tqdm(total=total, unit=" digits", leave=False, disable=None) as bar:
        for writers, plain in zip(files, recognizers, strict=True):
            measure(args, writers, plain, validation, results, bar)
    show(args, recognizers, results)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure what learning a person's handwriting from corrections gains.")
    add = parser.add_argument
    add(
        "strokes",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="digits with label and writer, .jsonl or .jsonl.gz",
        default=argparse.SUPPRESS,
    )
    add(
        "--checkpoint",
        nargs="+",
        metavar="FILE",
        help="weights, one for all files or one for each: a file, newest, shipped or ink (default: ink)",
    )
    add("--seed", type=number(int, at_least=0), default=0, help="of the order of each writer's digits")
    add("--limit-writers", type=number(int, at_least=1), help="only the first so many of each file")
    add("--teach", type=number(int, at_least=0), metavar="N", help="correct only among each writer's first N")
    add("--keep", type=Path, metavar="DIR", help="leave what was corrected here, a profile for each writer")
    wrong = "share of the corrections that get a random other label"
    add("--wrong", type=number(float, at_least=0, at_most=1), default=0.0, metavar="SHARE", help=wrong)
    harm = "also what each writer's memory costs on the file's other writers and on MNIST's validation images"
    add("--harm", action="store_true", help=harm)
    poison = "also what it costs if N of a writer's digits of a class are corrected to one other"
    add("--poison", type=number(int, at_least=1), metavar="N", help=poison)
    add("--json", action="store_true", help="print a JSON object")
    add_data_arguments(add)
    args = parser.parse_args()
    weights, count = args.checkpoint or ["ink"], len(args.strokes)
    if len(weights) not in (1, count):
        given = f"{len(weights)} weights for {count} files"
        raise UserError(f"--checkpoint: {given}: give one, or one for each")
    args.checkpoint = weights * count if len(weights) == 1 else weights
    return args


def by_writer(path: Path, most: int | None) -> dict[str, list[StrokeSample]]:
    """Return the digits of each writer, in the order of the file, for at most `most` writers.

    Raises:
        StrokeFileError: if one is not a drawing, or has no label or no writer.
    """
    writers = defaultdict(list)
    for place, drawing in enumerate(drawings(path), 1):
        if drawing.label is None or drawing.writer is None:
            lacking = "label" if drawing.label is None else "writer"
            raise StrokeFileError(f'{path}: drawing {place} has no "{lacking}"')
        writers[str(drawing.writer)].append(drawing)
    return dict(list(writers.items())[:most])


def measure(
    args: argparse.Namespace,
    writers: dict[str, list[StrokeSample]],
    plain: Recognizer,
    validation: LabelledImages | None,
    results: Results,
    bar: tqdm,
) -> None:
    """Add the results on the digits of one file.

    Args:
        args: the command line.
        writers: the digits of each writer.
        plain: the recognizer without a memory.
        validation: MNIST's validation images, if --harm asks for them.
        results: the results are added here.
        bar: advances with each digit.

    Raises:
        UserError: if --keep names a folder where one of the writers has a profile.
    """
    known = look_at(writers, validation, plain) if validation else None
    for place, (writer, digits) in enumerate(writers.items()):
        rng = np.random.default_rng((args.seed, place))
        order = [digits[i] for i in rng.permutation(len(digits))]
        with tempfile.TemporaryDirectory() as folder:
            kept = profile_folder(writer, args.keep) if args.keep else Path(folder)
            if any(kept.glob("*.jsonl")):
                raise UserError(f"--keep: {short(kept)} has samples already")
            personal = copy(plain)
            personal.memory = Memory(kept, plain.checkpoint)
            replay(order, plain, personal, results, args, rng, bar)
            if known:
                results.losses.append((writer, *harm(writer, personal, known)))
        if args.poison:
            results.poison += poison(order, plain, args.poison, np.random.default_rng((args.seed, place, 1)))


def replay(
    digits: list[StrokeSample],
    plain: Recognizer,
    personal: Recognizer,
    results: Results,
    args: argparse.Namespace,
    rng: np.random.Generator,
    bar: tqdm,
) -> None:
    """Read one writer's digits with both recognizers, and correct what `personal` misreads."""
    both = ((plain, results.without), (personal, results.with_memory))
    for _, result in both:
        result.right.append([])
    for place, drawing in enumerate(digits):
        for recognizer, result in both:
            start = time.perf_counter()
            readings = recognizer.read_strokes(drawing.strokes, single=True)
            result.seconds.append(time.perf_counter() - start)
            result.right[-1].append(is_right(readings, drawing.label))
            corrected = readings and not result.right[-1][-1] and (args.teach is None or place < args.teach)
            result.corrections += bool(corrected)
        if corrected:
            wrong = rng.random() < args.wrong
            (reading,) = readings
            personal.memory.add(
                other_label(drawing.label, rng) if wrong else drawing.label,
                reading.glyph,
                strokes=[stroke.tolist() for stroke in drawing.strokes],
                read=reading.digit,
                confidence=reading.confidence,
            )
        bar.update()


def is_right(readings: list[Reading], label: int) -> bool:
    """Return whether the first reading is `label`."""
    return bool(readings) and readings[0].digit == label


def other_label(label: int, rng: np.random.Generator) -> int:
    """Return a random other digit."""
    return (label + int(rng.integers(1, 10))) % 10


def poison(digits: list[StrokeSample], plain: Recognizer, count: int, rng: np.random.Generator) -> Counter:
    """Measure what `count` wrong corrections cost a writer, for each class by itself: `Results.poison`."""
    pages = [segment_strokes(drawing.strokes, single=True) for drawing in digits]
    labels = np.array([drawing.label for drawing in digits])
    before, found = read_right(plain, pages, labels), Counter()
    for label in range(10):
        taken_for = other_label(label, rng)
        corrected = np.flatnonzero(labels == label)[:count]
        with tempfile.TemporaryDirectory() as folder:
            personal = copy(plain)
            personal.memory = Memory(Path(folder), plain.checkpoint)
            for readings in plain.read([pages[place] for place in corrected]):
                if readings:
                    personal.memory.add(taken_for, readings[0].glyph)
            after = read_right(personal, pages, labels)
        kinds = (labels == label, labels == taken_for, (labels != label) & (labels != taken_for))
        for name, kind in zip(POISONED, kinds, strict=True):
            kind[corrected] = False
            found[name, "digits"] += int(kind.sum())
            found[name, "before"] += int(before[kind].sum())
            found[name, "after"] += int(after[kind].sum())
    return found


def look_at(writers: dict[str, list[StrokeSample]], validation: LabelledImages, plain: Recognizer) -> Known:
    """Read all digits without a memory."""
    pages, labels, right = {}, {}, {}
    for writer, digits in tqdm(writers.items(), unit=" writers", leave=False, disable=None):
        pages[writer] = [segment_strokes(drawing.strokes, single=True) for drawing in digits]
        labels[writer] = [drawing.label for drawing in digits]
        right[writer] = int(read_right(plain, pages[writer], labels[writer]).sum())
    with torch.inference_mode():
        batches = [features_and_logits(plain.model, batch.ink()) for batch in validation.batches(BATCH)]
    features, logits = map(torch.cat, zip(*batches, strict=True))
    return Known(pages, labels, right, features, logits, validation.labels)


def read_right(recognizer: Recognizer, pages: list[Segmentation], labels: Sequence[int]) -> np.ndarray:
    """Return whether each page is read as its label: bool, (pages,)."""
    return np.array(list(map(is_right, recognizer.read(pages), labels)))


def harm(writer: str, personal: Recognizer, known: Known) -> tuple[float, float]:
    """Return the percentage points that `writer`'s memory costs on others' digits and validation images."""
    others = [other for other in known.pages if other != writer]
    right = sum(read_right(personal, known.pages[other], known.labels[other]).sum() for other in others)
    lost = sum(known.right[other] for other in others) - right
    adapted, _ = personal.memory.adapt(known.features, known.logits)
    before, after = ((logits.argmax(1) == known.answers).sum() for logits in (known.logits, adapted))
    digits = sum(len(known.labels[other]) for other in others)
    return 100 * int(lost) / digits, 100 * int(before - after) / len(known.answers)


def show(args: argparse.Namespace, recognizers: list[Recognizer], results: Results) -> None:
    """Print the results as a table, or as JSON."""
    columns = {"without": results.without.figures(), "with": results.with_memory.figures()}
    if args.json:
        figures = dict(columns)
        if args.harm:
            names = ("writer", "others", "validation")
            figures["harm"] = [dict(zip(names, loss, strict=True)) for loss in results.losses]
        if args.poison:
            figures["poison"] = {
                kind: {name: results.poison[kind, name] for name in ("digits", "before", "after")}
                for kind in POISONED
            }
        print(json.dumps(figures))
        return
    for weights in dict.fromkeys(recognizer.checkpoint.describe() for recognizer in recognizers):
        print(f"weights  {weights}")
    print(f"\n{'read right':24}{'without':>10}{'with':>10}")
    for name, first in zip(NAMES, SKIPPED, strict=True):
        row = f"after the first {first}" if first else "over the stream"
        shares = (figures[name] for figures in columns.values())
        print(f"{row:24}" + "".join(f"{'-' if share is None else f'{share:.2%}':>10}" for share in shares))
    for name, row in (("corrections_per_writer", "corrections a writer"), ("ms_per_reading", "ms a reading")):
        print(f"{row:24}" + "".join(f"{figures[name]:10.2f}" for figures in columns.values()))
    if args.harm:
        print(f"\n{'points lost':24}{'worst':>10}{'mean':>10}   with whose memory it is worst")
        for place, row in ((1, "others' digits"), (2, "validation images")):
            worst = max(results.losses, key=lambda loss: loss[place])
            mean = np.mean([loss[place] for loss in results.losses])
            print(f"{row:24}{worst[place]:10.3f}{mean:10.3f}   {worst[0]}")
    if args.poison:
        print(f"\n{f'{args.poison} of a class wrong':24}{'before':>10}{'after':>10}{'digits':>10}")
        for kind, row in zip(
            POISONED, ("the rest of it", "what it was taken for", "all others"), strict=True
        ):
            count = max(1, results.poison[kind, "digits"])
            shares = (results.poison[kind, when] / count for when in ("before", "after"))
            print(f"{row:24}" + "".join(f"{share:10.2%}" for share in shares) + f"{count:10,}")


if __name__ == "__main__":
    run_script(main)
