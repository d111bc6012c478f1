"""Fit how likely what is read on pages is right, and compare it with accuracy on pages by other writers.

    python -m benchmarks.page_confidence strokes.jsonl.gz

The constants of recognition/page_confidence.py are from its first run. It fits them to hard pages, from
tests/support/written_pages.py, and to plain ones, all by writers that the ink network has learned from.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from benchmarks.pages import judge
from common.cli import ArgumentParser, number, run_script
from data import add_data_arguments
from pages.ink_extraction import find_ink
from preprocessing.picture_candidates import segment_ink
from recognition.page_confidence import EVIDENCE
from recognition.reading import Reading
from recognition.recognizer import Recognizer
from tests.support.written_pages import KINDS, made_pages
from training.ink_network import load_hands
from training.made_pages.handwriting import Hands

SEED, OTHER_SEED = 101, 7  # of the pages to fit to, and of those to compare on
BANDS = (0.0, 0.3, 0.5, 0.7, 0.9, 0.95, 0.98, 0.99)  # of confidence, the lowest of each
SHARPNESS = 10.0  # inverse strength of regularisation
SURE_DIGIT = 0.95  # probability of the digit network, of digits to fit to


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(1)
    recognizer = Recognizer(args.checkpoint)
    known, others = load_hands(args)
    hard = ((picture, lines) for _, picture, lines in made_pages(known, args.pages, SEED))
    total = args.pages * len(KINDS)
    plain = plain_pages(known, args.pages)
    read_unweighed = partial(read_without_chances, recognizer)
    show_constants([*read(read_unweighed, hard, total), *read(read_unweighed, plain, args.pages)])
    compared = ((picture, lines) for _, picture, lines in made_pages(others, args.pages, OTHER_SEED))
    show_bands(read(recognizer.read_image, compared, total))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Fit how likely what is read on pages is right.")
    add = parser.add_argument
    add("ink", type=Path, metavar="FILE", help="strokes with labels and writers, to make pages of")
    add("--checkpoint", help="weights: a file, newest, shipped or ink (default: ink)")
    add("--pages", type=number(int, at_least=1), default=40, help="pages of each kind")
    add_data_arguments(add)
    return parser.parse_args()


def read(
    read_image: Callable[[Image.Image], list[Reading]],
    pages: Iterable[tuple[Image.Image, list[str]]],
    total: int,
) -> list[tuple[list[Reading], str]]:
    """Return the readings of pages, and what they should be."""
    bar = tqdm(pages, total=total, unit=" pages", disable=None)
    return [(read_image(picture), " ".join(lines)) for picture, lines in bar]


def read_without_chances(recognizer: Recognizer, picture: Image.Image) -> list[Reading]:
    """Return the readings of a page before their chances are weighed."""
    ink = find_ink(picture)
    return recognizer.read_turned(ink, recognizer.read([segment_ink(ink)])[0]) if ink else []


def plain_pages(hands: Hands, count: int) -> Iterator[tuple[Image.Image, list[str]]]:
    """Yield pages of light paper with rows of dark digits and nothing else, and the text of each row."""
    rng = np.random.default_rng(SEED)
    writers = Hands(hands.drawings, hands.images[:0], hands.labels[:0])
    for _ in range(count):
        hand, height = writers.hand(rng), float(np.exp(rng.uniform(np.log(25), np.log(120))))
        width, length = rng.integers(500, 1400), rng.integers(400, 1000)
        picture = Image.new("L", (width, length), int(rng.integers(200, 256)))
        draw, ink, lines = ImageDraw.Draw(picture), int(rng.integers(0, 100)), []
        pen = max(2, round(height * rng.uniform(0.05, 0.11)))
        for top in np.arange(rng.uniform(0.05, 0.3) * length, length - height, 2 * height)[:4]:
            left, text = rng.uniform(0.05, 0.2) * width, ""
            for char in map(str, rng.integers(0, 10, rng.integers(1, 8))):
                symbol = hand.write(char)
                if left + symbol.width * height > width - 10:
                    break
                for stroke in symbol.strokes:
                    points = [tuple(point) for point in (left, top) + height * stroke]
                    draw.line(points, ink, pen, joint="curve")
                left, text = left + height * (symbol.width + rng.uniform(0.15, 0.4)), text + char
            lines.append(text)
        noise = rng.normal(0, rng.uniform(0, 4), (length, width))
        noisy = (np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)
        yield Image.fromarray(noisy), [line for line in lines if line]


def show_constants(pages: list[tuple[list[Reading], str]]) -> None:
    """Fit both regressions, and print their constants.

    Digits of which the digit network is not sure are left out: that these may be misread, it says itself.
    """
    digits = [
        [(reading, right) for reading, right in judge(*page) if reading.probabilities.max() > SURE_DIGIT]
        for page in pages
    ]
    evidence = np.array([reading.evidence for page in digits for reading, _ in page])
    right = np.array([right for page in digits for _, right in page])
    own = LogisticRegression(C=SHARPNESS, max_iter=5_000).fit(evidence, right)
    log_odds = own.decision_function(evidence)
    ends = np.cumsum([len(page) for page in digits])[:-1]
    means = np.concatenate(
        [np.full(len(part), part.mean()) for part in np.split(log_odds, ends) if len(part)]
    )
    both = LogisticRegression(C=SHARPNESS, max_iter=5_000).fit(np.stack([log_odds, means], 1), right)
    print(f"{len(right):,} digits on {len(digits):,} pages, {right.mean():.1%} right\n")
    for name, weight in zip((*EVIDENCE, "constant"), (*own.coef_[0], *own.intercept_), strict=True):
        print(f"{name:24} {weight:6.2f}")
    for name, weight in zip(("own", "page", "constant"), (*both.coef_[0], *both.intercept_), strict=True):
        print(f"{name:24} {weight:6.2f}")


def show_bands(pages: list[tuple[list[Reading], str]]) -> None:
    """Print how many digits are right in each band of confidence, with the constants as they are."""
    digits = [digit for readings, wanted in pages for digit in judge(readings, wanted)]
    right = np.array([right for _, right in digits])
    confidence = np.array([reading.confidence for reading, _ in digits])
    alone = np.array([float(reading.probabilities.max()) for reading, _ in digits])
    print("\n| confidence | digits | right | digits by the digit network alone | right |")
    print("|---|---:|---:|---:|---:|")
    for low, high in zip(BANDS, (*BANDS[1:], 1.01), strict=True):
        chosen = [(values >= low) & (values < high) for values in (confidence, alone)]
        cells = [f"{where.sum()} | {right[where].mean():.1%}" if where.any() else "0 | " for where in chosen]
        print(f"| {low:.0%} to {min(high, 1):.0%} | {' | '.join(cells)} |")


if __name__ == "__main__":
    run_script(main)
