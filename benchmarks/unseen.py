"""Measure what training with --ink gains on unseen writers, by cross-validation.

    python -m benchmarks.unseen folds/ --checkpoint runs/fold-?/best.pt --figure docs/misread.png

`folds/` comes from `benchmarks/folds.py`. There is one checkpoint for each fold, trained with
`--ink folds/train-K.jsonl.gz` and optionally `folds/train-K.npz`. It reads the digits that its fold holds
out, as does a checkpoint that was trained on MNIST alone.
"""

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from benchmarks.reading import CANVAS, PENS, Input, segment_each
from common.cli import ArgumentParser, number, run_script
from common.files import write_atomically
from common.messages import UserError, short
from evaluation.score_plots import to_png
from preprocessing.stroke_files import drawings
from recognition.reading import Reading
from recognition.recognizer import Recognizer
from training.extra_digits import read_arrays

STROKES = "strokes"
COLUMNS = 12  # of the figure


@dataclass(frozen=True)
class Mistake:
    """A digit that one of two checkpoints misreads, or both.

    Attributes:
        glyph: (28, 28), ink 1 on 0.
        label: the ground truth.
        plain, taught: the reading after training on MNIST alone and with --ink; "" for none.
    """

    glyph: np.ndarray
    label: int
    plain: str
    taught: str


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(1)
    plain = Recognizer(args.against)
    right, totals, unsure, mistakes = Counter(), Counter(), Counter(), []
    with ProcessPoolExecutor(args.workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for fold, path in enumerate(tqdm(args.checkpoint, unit=" folds", leave=False, disable=None)):
            both = {"plain": plain, "taught": Recognizer(str(path))}
            for name, labels, inputs in held_out(args.folds, fold, args.limit):
                pages = segment_each(inputs, pool)
                readings = {which: recognizer.read(pages) for which, recognizer in both.items()}
                totals[name] += len(labels)
                for which, found in readings.items():
                    right[name, which] += sum(map(is_right, found, labels))
                    unsure[name, which] += sum(not r or not r[0].is_digit for r in found)
                if name == STROKES:
                    mistakes += mistakes_in(labels, **readings)
    print_table(right, unsure, totals)
    if args.figure:
        write_atomically(args.figure, draw_mistakes(mistakes, totals[STROKES]))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    what = "Measure what more ink teaches, on writers held out from it."
    parser = fold_parser(what, "draw the strokes that are misread (PNG)")
    against = "weights that have seen none of the ink"
    parser.add_argument("--against", default="shipped", metavar="FILE", help=against)
    return parser.parse_args()


def fold_parser(description: str, figure: str) -> ArgumentParser:
    """Return a parser for the folds, their weights, and how to read them; `figure` says what is drawn."""
    parser = ArgumentParser(description)
    add = parser.add_argument
    where = "what benchmarks.folds made"
    add("folds", type=Path, metavar="DIR", help=where, default=argparse.SUPPRESS)
    weights = "of each fold, in their order"
    add("--checkpoint", type=Path, nargs="+", required=True, metavar="FILE", help=f"weights {weights}")
    add("--limit", type=number(int, at_least=1), help="at most so many digits of each file")
    add("--figure", type=Path, metavar="FILE", help=figure)
    add("--workers", type=number(int, at_least=1), default=os.cpu_count(), help="processes")
    return parser


def held_out(folder: Path, fold: int, limit: int | None) -> Iterator[tuple[str, list[int], list[Input]]]:
    """Yield the name, the labels and the inputs of each form of the digits that a fold holds out.

    Raises:
        UserError: if the folder has no such fold, or a drawing has no label.
    """
    pen, scans = (folder / f"held-out-{fold}{suffix}" for suffix in (".jsonl.gz", ".npz"))
    if not pen.exists() and not scans.exists():
        raise UserError(f"{short(folder)} has no fold {fold}: make it with python -m benchmarks.folds")
    if pen.exists():
        drawn = list(drawings(pen))[:limit]
        labels = [drawing.label for drawing in drawn]
        if None in labels:
            raise UserError(f"{short(pen)}, line {labels.index(None) + 1} has no label to compare with")
        yield STROKES, labels, [("strokes", drawing.strokes) for drawing in drawn]
        for name, width in PENS.items():
            pictures = [("drawn", (drawing.strokes, width)) for drawing in drawn]
            yield f"the same as {CANVAS}-px pictures, {name} pen", labels, pictures
    if scans.exists():
        images, labels = read_arrays(scans)
        yield "scans", labels[:limit].tolist(), [("array", 255 - image) for image in images[:limit]]


def is_right(readings: list[Reading], label: int) -> bool:
    """Return whether the reading is `label`."""
    return read_as(readings) == str(label)


def read_as(readings: list[Reading]) -> str:
    """Return the digits of readings as text."""
    return "".join(str(reading.digit) for reading in readings)


def mistakes_in(
    labels: list[int], plain: list[list[Reading]], taught: list[list[Reading]]
) -> Iterator[Mistake]:
    """Yield the digits that one of the two checkpoints misreads."""
    for label, first, second in zip(labels, plain, taught, strict=True):
        if first and second and not (is_right(first, label) and is_right(second, label)):
            yield Mistake(first[0].glyph, label, read_as(first), read_as(second))


def print_table(right: Counter, unsure: Counter, totals: Counter) -> None:
    """Print a row for each form: accuracy and share of "not sure" of both checkpoints."""
    print("| held out | digits | MNIST alone | and more ink | not sure | and more ink |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, count in totals.items():
        shares = (f"{right[name, which] / count:.2%}" for which in ("plain", "taught"))
        flagged = (f"{unsure[name, which] / count:.1%}" for which in ("plain", "taught"))
        print(f"| {name} | {count:,} | {' | '.join([*shares, *flagged])} |")


def draw_mistakes(mistakes: list[Mistake], total: int) -> bytes:
    """Draw all digits that each of the two checkpoints misreads, side by side, as PNG."""
    sides = {
        "MNIST alone": [(m.glyph, m.label, m.plain) for m in mistakes if m.plain != str(m.label)],
        "MNIST and more ink": [(m.glyph, m.label, m.taught) for m in mistakes if m.taught != str(m.label)],
    }
    rows = max(1, *(-(-len(side) // COLUMNS) for side in sides.values()))
    figure = Figure(figsize=(14, 0.5 + 0.62 * rows), layout="constrained")
    for axes, (name, side) in zip(figure.subplots(1, 2), sides.items(), strict=True):
        sheet = np.zeros((rows * 40, COLUMNS * 34))
        for place, (glyph, label, found) in enumerate(sorted(side, key=lambda shown: shown[1:])):
            y, x = 40 * (place // COLUMNS) + 10, 34 * (place % COLUMNS) + 3
            sheet[y : y + 28, x : x + 28] = glyph
            axes.text(x + 14, y - 1, f"{label} as {found}", ha="center", va="bottom", fontsize=7)
        axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(f"{name}: {len(side)} of {total:,} strokes of unseen writers misread")
        axes.axis("off")
    return to_png(figure)


if __name__ == "__main__":
    run_script(main)
