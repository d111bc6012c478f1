"""Measure how well handwriting is read: strokes, pictures of them, scans, photos, and other characters.

    python -m benchmarks.reading --pen strokes.jsonl.gz --scans optdigits.npz --photos photos/ \
        --nondigits omniglot.npz --data-dir mnist/

Each file is optional. The baseline is that of most tutorials: the picture is shrunk to 28x28 pixels. MNIST's
test set is not used: the synthetic photographs show validation images.
"""

import argparse
import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from tqdm import tqdm

from common.cli import ArgumentParser, number, run_script
from data import add_data_arguments, load_training
from pages.ink_extraction import find_ink
from preprocessing.candidates import Segmentation
from preprocessing.image_files import InkError, open_picture
from preprocessing.ink_mask import InkMask
from preprocessing.picture_candidates import segment_ink
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import drawings as read_drawings
from recognition.reading import Reading, text_of
from recognition.recognizer import Recognizer
from tests.support.papers import KINDS, photograph

CANVAS = 280  # side in pixels of strokes drawn as a picture
PENS = {"thin": 4, "thick": 28}  # widths in pixels of that picture
HEADER = ("set", "digits", "read right", "as one digit", "shrunk to 28", "not sure")


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(1)
    recognizer = Recognizer(args.checkpoint)
    print(f"weights  {recognizer.checkpoint.describe()}\n")
    print("| " + " | ".join(HEADER) + " |\n|---|---:|---:|---:|---:|---:|")
    with ProcessPoolExecutor(args.workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        confusions = [
            f"{name}: {measure(name, labels, inputs, recognizer, pool)}"
            for name, labels, inputs in sets(args)
        ]
        print("\nmost often misread as one digit:\n" + "\n".join(confusions))
        report_validation(args, recognizer, pool)
        if args.nondigits:
            report_nondigits(args, recognizer, pool)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure how well people's handwriting is read.")
    add = parser.add_argument
    add("--pen", type=Path, metavar="FILE", help="strokes with labels, .jsonl or .jsonl.gz")
    add("--scans", type=Path, metavar="FILE", help="images (ink 255 on 0) and labels, .npz")
    add("--photos", type=Path, metavar="DIR", help="pictures and labels.csv with file and label")
    add("--nondigits", type=Path, metavar="FILE", help="images (ink 255 on 0) of other characters, .npz")
    add("--limit", type=number(int, at_least=1), help="at most so many of each set, chosen with a fixed seed")
    add("--papers", type=number(int, at_least=0), default=200, help="composed papers of each kind")
    add("--checkpoint", help="weights: a file, newest, shipped or ink (default: ink)")
    add("--workers", type=number(int, at_least=1), default=os.cpu_count(), help="processes")
    add_data_arguments(add)
    return parser.parse_args()


Input = tuple[str, object]  # a kind and its content, small enough to send to another process


def sets(args: argparse.Namespace) -> Iterator[tuple[str, list[int], list[Input]]]:
    """Yield the name, the labels and the inputs of each set."""

    def few(items: Sequence) -> list:
        order = np.random.default_rng(0).permutation(len(items))
        return [items[i] for i in sorted(order[: args.limit])] if args.limit else list(items)

    if args.pen:
        drawings = few([drawing for drawing in read_drawings(args.pen) if drawing.label is not None])
        labels = [drawing.label for drawing in drawings]
        yield "stylus strokes", labels, [("strokes", drawing.strokes) for drawing in drawings]
        for pen, width in PENS.items():
            inputs = [("drawn", (drawing.strokes, width)) for drawing in drawings]
            yield f"the same as {CANVAS}-px pictures, {pen} pen", labels, inputs
    if args.scans:
        scans = np.load(args.scans)
        pairs = few(list(zip(scans["labels"].tolist(), 255 - scans["images"], strict=True)))
        yield "scans", [label for label, _ in pairs], [("array", image) for _, image in pairs]
    if args.photos:
        with open(args.photos / "labels.csv", encoding="utf-8") as file:
            rows = few(list(csv.DictReader(file)))
        files = [("file", args.photos / row["file"]) for row in rows]
        yield "photos", [int(row["label"]) for row in rows], files
    _, validation = load_training(args.dataset, args.data_dir)
    images, labels = validation.images.numpy().reshape(-1, 28, 28), validation.labels.tolist()
    for kind in KINDS if args.papers else ():
        count = min(args.papers, len(images))
        yield f"paper: {kind}", labels[:count], [("paper", (images[i], kind, i)) for i in range(count)]


def measure(
    name: str, labels: list[int], inputs: list[Input], recognizer: Recognizer, pool: ProcessPoolExecutor
) -> str:
    """Print a row: accuracy without and with `single`, accuracy of the baseline, share of "not sure".

    Returns:
        The most frequent confusions with `single`.
    """
    several = read(inputs, False, recognizer, pool, name)
    single = read(inputs, True, recognizer, pool, name)
    shrunk = np.stack(list(pool.map(shrink, inputs, chunksize=16)))
    with torch.inference_mode():
        batches = torch.from_numpy(shrunk)[:, None].split(256)
        baseline = torch.cat([recognizer.model(batch).argmax(1) for batch in batches])
    found = np.mean([_digits(r) == str(label) for r, label in zip(several, labels, strict=True)])
    alone = np.mean([_digits(r) == str(label) for r, label in zip(single, labels, strict=True)])
    plain = np.mean(baseline.numpy() == labels)
    unsure = np.mean(["?" in text_of(r) for r in single])
    wrong = Counter(
        (label, _digits(r)) for r, label in zip(single, labels, strict=True) if _digits(r) != str(label)
    )
    print(
        f"| {name} | {len(labels):,} | {found:.2%} | {alone:.2%} | {plain:.2%} | {unsure:.1%} |", flush=True
    )
    return (
        ", ".join(f"{label} as {found or 'blank'} {n}x" for (label, found), n in wrong.most_common(6))
        or "none"
    )


def report_validation(args: argparse.Namespace, recognizer: Recognizer, pool: ProcessPoolExecutor) -> None:
    """Print the errors on validation images that are placed on a page, 28 to 300 pixels in size."""
    images, labels = few_validation_images(args, 2000)
    with torch.inference_mode():
        ink = torch.from_numpy(images / np.float32(255))[:, None]
        direct = torch.cat([recognizer.model(batch).argmax(1) for batch in ink.split(256)]).numpy()
    pages = [("placed", (image, number)) for number, image in enumerate(images)]
    readings = read(pages, True, recognizer, pool, "validation")
    wrong = sum(_digits(r) != str(label) for r, label in zip(readings, labels, strict=True))
    alone = sum(direct != labels)
    print(f"\nMNIST validation digits as pictures: {wrong} of {len(labels):,} wrong; fed directly: {alone}")


def few_validation_images(args: argparse.Namespace, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random validation images, uint8 (N, 28, 28), and their labels, (N,)."""
    _, validation = load_training(args.dataset, args.data_dir)
    chosen = np.random.default_rng(0).permutation(len(validation))[: min(count, args.limit or count)]
    return validation.images.numpy().reshape(-1, 28, 28)[chosen], validation.labels.numpy()[chosen]


def report_nondigits(args: argparse.Namespace, recognizer: Recognizer, pool: ProcessPoolExecutor) -> None:
    """Print the AUROC of "is a digit", and the share of other characters that are flagged."""
    from sklearn.metrics import roc_auc_score

    images = 255 - np.load(args.nondigits)["images"]
    images = images[np.random.default_rng(0).permutation(len(images))[: args.limit]]
    others = read([("array", image) for image in images], True, recognizer, pool, "non-digits")
    digits, _ = few_validation_images(args, 2000)
    known = read([("array", 255 - image) for image in digits], True, recognizer, pool, "validation")
    truth = [0] * len(others) + [1] * len(known)
    novelty = [r[0].novelty if r else np.inf for r in others + known]
    area = roc_auc_score(truth, [-min(value, 99) for value in novelty])
    flagged = np.mean([not r or not r[0].is_digit for r in others])
    lost = np.mean([not r or not r[0].is_digit for r in known])
    print(
        f"not a digit: AUROC {area:.4f}; flagged {flagged:.1%} of {len(others):,} other characters and "
        f"{lost:.1%} of {len(known):,} validation digits"
    )


def read(
    inputs: list[Input], single: bool, recognizer: Recognizer, pool: ProcessPoolExecutor, name: str
) -> list[list[Reading]]:
    """Segment inputs in the processes of `pool` and read them, with a progress bar."""
    pages = pool.map(find_page, [(item, single) for item in inputs], chunksize=16)
    bar = iter(tqdm(pages, total=len(inputs), desc=name, leave=False, disable=None))
    readings: list[list[Reading]] = []
    while chunk := list(islice(bar, 64)):
        readings += recognizer.read_and_refine(chunk)
    return readings


def segment_each(inputs: Sequence[Input], pool: ProcessPoolExecutor) -> list[Segmentation]:
    """Segment inputs in the processes of `pool`, each as one digit; an invalid one is blank."""
    return [page for page, _ in pool.map(find_page, [(item, True) for item in inputs], chunksize=16)]


def find_page(item: tuple[Input, bool]) -> tuple[Segmentation, InkMask | None]:
    """Segment an input, as one digit or not; an invalid one is blank.

    Returns:
        The candidates, and the ink of a picture that may be read in other ways, of several digits.
    """
    (kind, content), single = item
    try:
        if kind == "strokes":
            return segment_strokes(content, single), None
        ink = find_ink(as_picture(kind, content))
        return (segment_ink(ink, single) if ink else []), None if single else ink
    except InkError:
        return [], None


def shrink(item: Input) -> np.ndarray:
    """Return the input of the baseline: the picture in grey at 28x28, inverted if most of it is light."""
    kind, content = item
    picture = as_picture("drawn", (content, 12)) if kind == "strokes" else as_picture(kind, content)
    small = picture.convert("L").resize((28, 28), Image.Resampling.BILINEAR)
    grey = np.asarray(small, np.float32) / 255
    return 1 - grey if grey.mean() > 0.5 else grey


def as_picture(kind: str, content: object) -> Image.Image:
    """Return an input as a picture."""
    if kind == "file":
        return open_picture(content)
    if kind == "array":
        return Image.fromarray(content)
    if kind == "placed":
        image, seed = content
        rng = np.random.default_rng(seed)
        size = int(rng.integers(28, 300))
        page = Image.new("L", tuple(int(side) for side in size * rng.uniform(1, 2, 2)))
        corner = [int(rng.integers(0, side - size + 1)) for side in page.size]
        page.paste(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC), corner)
        return page
    if kind == "paper":
        image, paper, index = content
        return photograph(image / 255, paper, np.random.default_rng((KINDS.index(paper), index)))
    return draw(*content)


def draw(strokes: Sequence[np.ndarray], width: int) -> Image.Image:
    """Draw strokes with a round pen, scaled from a tablet of 500 units to the canvas."""
    over = 4  # oversampling, for smooth edges
    picture = Image.new("L", (CANVAS * over, CANVAS * over), 255)
    pen = ImageDraw.Draw(picture)
    radius = width * over / 2
    for stroke in strokes:
        points = [tuple(point) for point in np.asarray(stroke) * (CANVAS * over / 500)]
        pen.line(points, fill=0, width=round(2 * radius), joint="curve")
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return picture.resize((CANVAS, CANVAS), Image.Resampling.BOX)


def _digits(readings: list[Reading]) -> str:
    """Return the digits of readings as text."""
    return "".join(str(reading.digit) for reading in readings)


if __name__ == "__main__":
    run_script(main)
