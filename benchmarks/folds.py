"""Split digits for cross-validation over writers, to measure reading on writers that training has not seen.

    python -m benchmarks.folds strokes.jsonl.gz --folds 5 --output folds/
    python -m benchmarks.folds scans.npz --folds 5 --output folds/
    python train.py --ink folds/train-0.jsonl.gz folds/train-0.npz --output runs/fold-0
    python -m benchmarks.unseen folds/ --checkpoint runs/fold-?/best.pt

Each person writes in their own way, so digits of one writer on both sides of a split would overestimate
accuracy. From a stroke file with writers this script makes a pair of files for each fold; each writer is held
out in one fold and trained on in all others. Lines are copied unchanged. Arrays ("images" and "labels") have
no writers and are split at random.
"""

import argparse
import gzip
import io
from pathlib import Path

import numpy as np

from common.cli import ArgumentParser, number, run_script
from common.files import write_atomically
from common.messages import UserError, short
from preprocessing.stroke_files import StrokeFileError, each_line, has_lines
from training.extra_digits import read_arrays

Writer = int | str


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    if args.strokes.suffix.lower() == ".npz":
        split_arrays(args.strokes, args.folds, args.output)
        return 0
    lines = read_lines(args.strokes)
    places = place_writers({writer for writer, _ in lines}, args.folds, args.strokes)
    for fold in range(args.folds):
        held = {writer for writer, place in places.items() if place % args.folds == fold}
        train = [line for writer, line in lines if writer not in held]
        held_out = [line for writer, line in lines if writer in held]
        write_lines(args.output / f"train-{fold}.jsonl.gz", train)
        write_lines(args.output / f"held-out-{fold}.jsonl.gz", held_out)
        print(
            f"fold {fold}  writers {len(places) - len(held):,} and {len(held):,} held out, "
            f"digits {len(train):,} and {len(held_out):,} held out"
        )
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Split a stroke file by writer, to train on some and to measure on the others.")
    add = parser.add_argument
    add("strokes", type=Path, metavar="FILE", help="strokes with writers, .jsonl or .jsonl.gz, or .npz")
    add("--folds", type=number(int, at_least=2), default=5, help="parts, each held out once")
    add("--output", type=Path, metavar="DIR", default=Path("folds"), help="where the files go")
    return parser.parse_args()


def read_lines(path: Path) -> list[tuple[Writer, bytes]]:
    """Return the writer and the line of each drawing.

    Raises:
        UserError: at the first line that is not a drawing or has no writer or no label.
    """
    if not has_lines(path):
        raise UserError(f"{short(path)} has no writers: only .jsonl and .jsonl.gz files have")
    writers = {}
    for place, drawing in each_line(path):
        if isinstance(drawing, StrokeFileError):
            raise drawing
        if drawing.writer is None:
            raise UserError(f"{short(path)}, line {place} has no writer, by which the file is to be split")
        if drawing.label is None:
            raise UserError(f"{short(path)}, line {place} has no label to compare a reading with")
        writers[place] = drawing.writer
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        return [(writers[place], line) for place, line in enumerate(file, 1) if place in writers]


def place_writers(writers: set[Writer], folds: int, path: Path) -> dict[Writer, int]:
    """Return the rank of each writer, numbers sorted before names.

    Raises:
        UserError: if there are fewer writers than folds.
    """
    if len(writers) < folds:
        found = "1 writer" if len(writers) == 1 else f"{len(writers)} writers"
        raise UserError(f"{short(path)} has {found}, too few for {folds} folds")
    in_order = sorted(writers, key=lambda writer: (isinstance(writer, str), writer))
    return {writer: place for place, writer in enumerate(in_order)}


def split_arrays(path: Path, folds: int, output: Path) -> None:
    """Write files of images, each of which is held out in one fold.

    Raises:
        UserError: if the file does not have the arrays, or has fewer images than folds.
    """
    images, labels = read_arrays(path)
    if len(labels) < folds:
        raise UserError(f"{short(path)} has {len(labels)} images, too few for {folds} folds")
    order = np.random.default_rng(0).permutation(len(labels))
    for fold in range(folds):
        held = np.isin(np.arange(len(labels)), order[fold::folds])
        for name, chosen in (("train", ~held), ("held-out", held)):
            content = io.BytesIO()
            np.savez_compressed(content, images=images[chosen], labels=labels[chosen])
            write_atomically(output / f"{name}-{fold}.npz", content.getbuffer())
        print(f"fold {fold}  images {(~held).sum():,} and {held.sum():,} held out")


def write_lines(path: Path, lines: list[bytes]) -> None:
    """Write a .gz file without a time stamp, so that equal lines give equal files."""
    content = b"\n".join(line.rstrip(b"\r\n") for line in lines) + b"\n"
    write_atomically(path, gzip.compress(content, mtime=0))


if __name__ == "__main__":
    run_script(main)
